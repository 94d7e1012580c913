"""How2Sign's frames and what renderers make them of, as the LightningDataModule's loaders read them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import numpy as np
import numpy.typing as npt
from torch.utils.data import Dataset

from datamodules.features.cached_tensors import CachedTensors, Rows
from datamodules.how2sign.keypoints import ParsedClips
from datamodules.kinds.paired_frames import FrameConditions, PairedFrame
from datamodules.media.clip_frames import frame_times, read_square
from datamodules.media.conditions.body_rendering import hand_confidences
from datamodules.media.conditions.frame_reinforcement import PAPER, POSE_ONLY, WORKED, FRNet, Lines, shown
from datamodules.media.conditions.openpose_drawing import draw_openpose
from datamodules.media.drawing_primitives import Image
from datamodules.orders import Key
from datamodules.samples import Sample

PACKED: Final = WORKED**2 // 8
"""Bytes of a picture of which a bit a pixel is kept."""


@dataclass(frozen=True)
class Conditioning:
    """What frames are to be made of. image_size: S. fr_net, confidence: see `How2SignFrames`."""

    image_size: int
    fr_net: FRNet | None = None
    confidence: bool = False


class Frames(Dataset[PairedFrame]):
    """Every `every`-th frame of sentences with its conditions.

    A batch is read at once: a video decodes from its beginning only, so the frames of one clip share one decoding.

    samples: their captions are those of all their frames. counts: frames with keypoints, a sentence each.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        counts: Sequence[int],
        every: int,
        conditioning: Conditioning,
        parsed: ParsedClips,
    ) -> None:
        self.samples, self.conditioning, self.parsed = samples, conditioning, parsed
        numbers = [np.arange(min(every // 2, count - 1), count, every) for count in counts]
        self.numbers = np.concatenate(numbers) if numbers else np.empty(0, int)
        self.clips = np.repeat(np.arange(len(samples)), [len(of_clip) for of_clip in numbers])

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, key: Key | int) -> PairedFrame:
        return self.__getitems__([key])[0]

    def __getitems__(self, keys: Sequence[Key | int]) -> list[PairedFrame]:
        """The items of a batch, sorted by clip and frame; of a key (epoch, index) the index counts."""
        indices, fr_net = sorted(key if isinstance(key, int) else key[1] for key in keys), self.conditioning.fr_net
        items = []
        for index, frame in zip(indices, self.pictures(indices), strict=True):
            conditions = self.conditions(index, None if fr_net is None else fr_net.white(frame))
            items.append(PairedFrame(frame=frame, **vars(conditions)))
        return items

    def name(self, index: int) -> str:
        """An item's: that of its sentence and the number of its frame."""
        return f"{self.samples[self.clips[index]].name}/{self.numbers[index]}"

    def pictures(self, indices: Sequence[int]) -> Iterator[Image]:
        """The frames (S, S, 3) of items, which are ascending."""
        for clip, of_clip in groupby(indices, key=lambda index: int(self.clips[index])):
            sample = self.samples[clip]
            timing, last = frame_times(sample.files[0]), self.parsed.measure(sample).frames - 1
            ticks = [timing.tick(min(int(self.numbers[index]), last)) for index in of_clip]
            yield from read_square(sample.files[0], ticks, self.conditioning.image_size)

    def packed(self, items: range) -> Rows:
        """What FR-Net leaves white of the frames of items, (n, `PACKED`)."""
        assert self.conditioning.fr_net is not None
        return np.stack([pack(self.conditioning.fr_net.white(frame)) for frame in self.pictures(items)])

    def conditions(self, index: int, white: Lines | None) -> FrameConditions:
        """What an item's frame is to be made of, its video unread. white: what FR-Net leaves white of it, if asked
        for."""
        sample, size, fr_net = self.samples[self.clips[index]], self.conditioning.image_size, self.conditioning.fr_net
        keypoints = self.parsed.keypoints(sample, [int(self.numbers[index])], size)[0]
        further = dict[str, Image]()
        if fr_net is not None and white is not None:
            further = {PAPER: shown(white, size, size), POSE_ONLY: fr_net.of_pose(keypoints, size, size)}
        drawing = draw_openpose(keypoints, size, size, self.conditioning.confidence)
        hands = hand_confidences(keypoints, size, size)
        return FrameConditions(self.name(index), drawing, further=further, caption=sample.caption or "", hands=hands)


class Undecoded(Dataset[FrameConditions]):
    """What frames are to be made of, no video read for it.

    packed: what FR-Net left white of the frames, a bit a pixel, as `pack` has it; None without FR-Net.
    """

    def __init__(self, frames: Frames, packed: CachedTensors | None) -> None:
        self.frames, self.packed = frames, packed

    def __getitem__(self, index: int) -> FrameConditions:
        return self.frames.conditions(index, None if self.packed is None else unpack(self.packed[index]))


def pack(white: Lines) -> npt.NDArray[np.uint8]:
    """What FR-Net leaves white of a square picture, a bit a pixel, (`PACKED`,)."""
    return np.packbits(white)


def unpack(bits: Rows) -> Lines:
    """What was packed, (512, 512)."""
    return np.unpackbits(bits.astype(np.uint8)).reshape(WORKED, WORKED).astype(bool)
