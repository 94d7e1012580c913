"""How2Sign (Duarte et al. 2021) as frames and drawings of their poses: what SignDiff's ControlNet learns from."""

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from torch.utils.data import Dataset, Sampler

from datamodules.how2sign.clips import survey, tables
from datamodules.kinds.paired_frames import PairedFrame, PairedFrames, PairedFramesBatch
from datamodules.media.clip_frames import evenly, frame_count, frame_times, read_square, video_format
from datamodules.media.conditions.frame_reinforcement import FRNet
from datamodules.media.conditions.openpose_drawing import draw_openpose
from datamodules.media.framing import Framing
from datamodules.media.hand_boxes import Box, keypoint_boxes
from datamodules.media.images import centre_square
from datamodules.orders import Key, Shuffled
from datamodules.poses.formats import read_openpose
from datamodules.samples import SPLITS, Sample, Split, Survey
from datamodules.twins import Twin

__all__ = ["Frames", "How2SignFrames", "Together", "survey"]

Keypoints = npt.NDArray[np.float32]

SLACK = 3
"""By how many frames a clip and its keypoints may differ in length."""
FRAMED = 32
"""Clips whose keypoints tell where the pictures have the signer: the camera stands still in all of them."""
_NECK, _SHOULDERS = 1, [2, 5]


class Frames(Dataset[PairedFrame]):
    """Every `every`-th frame of sentences with its drawing.

    A batch is read at once: a video decodes from its beginning only, so the frames of one clip share one decoding.
    """

    def __init__(self, samples: Sequence[Sample], counts: Sequence[int], every: int, image_size: int) -> None:
        self.samples, self.image_size = samples, image_size
        self._measured: dict[Path, tuple[int, int, int]] = {}
        numbers = [np.arange(min(every // 2, count - 1), count, every) for count in counts]
        self.numbers = np.concatenate(numbers) if numbers else np.empty(0, int)
        self.clips = np.repeat(np.arange(len(samples)), [len(of_clip) for of_clip in numbers])

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, key: Key | int) -> PairedFrame:
        return self.__getitems__([key])[0]

    def __getitems__(self, keys: Sequence[Key | int]) -> list[PairedFrame]:
        """The items of a batch, sorted by clip and frame; of a key (epoch, index) the index counts."""
        indices = sorted(key if isinstance(key, int) else key[1] for key in keys)
        items: list[PairedFrame] = []
        for clip, of_clip in groupby(indices, key=lambda index: int(self.clips[index])):
            items += self._read(self.samples[clip], [int(self.numbers[index]) for index in of_clip])
        return items

    def _read(self, sample: Sample, numbers: list[int]) -> list[PairedFrame]:
        video, folder = sample.files
        keypoints, (frames, width, height) = read_openpose(folder), self._measure(video)
        if abs(len(keypoints) - frames) > SLACK:
            raise ValueError(
                f"{folder}: keypoints of {len(keypoints)} frames, but {video.name} has {frames}; fetch both"
            )
        numbers = [min(number, frames - 1) for number in numbers]
        timing = frame_times(video)
        pictures = read_square(video, [timing.tick(number) for number in numbers], self.image_size)
        points = squared(keypoints[numbers], width, height, self.image_size)
        return [
            PairedFrame(f"{sample.name}/{number}", draw_openpose(person, self.image_size, self.image_size), picture)
            for number, person, picture in zip(numbers, points, pictures, strict=True)
        ]

    def _measure(self, video: Path) -> tuple[int, int, int]:
        """Frames of a clip, their width and height; taken once, since all of the file is read to count."""
        if video not in self._measured:
            width, height, _ = video_format(video)
            self._measured[video] = frame_count(video)[0], width, height
        return self._measured[video]


def squared(keypoints: Keypoints, width: int, height: int, size: int) -> Keypoints:
    """Keypoints (..., 3) of a picture where its middle square, scaled to `size`, has them."""
    top, left, side = centre_square(height, width)
    moved = keypoints.copy()
    moved[..., :2] = (moved[..., :2] - (left, top)) * (size / side)
    return moved


class Together(Shuffled):
    """A shuffled order in which `together` frames of a clip follow one another, so that one decoding serves them."""

    def __init__(self, clips: np.ndarray, together: int, seed: int) -> None:
        super().__init__(len(clips), seed)
        self.clips, self.together = clips, together

    def order(self, rng: np.random.Generator) -> Iterable[int]:
        shuffled = rng.permutation(self.size)
        by_clip = shuffled[np.argsort(self.clips[shuffled], kind="stable")]
        starts = np.flatnonzero(np.diff(self.clips[by_clip], prepend=-1))
        place = np.arange(self.size) - np.repeat(starts, np.diff(starts, append=self.size))
        groups = np.split(by_clip, np.flatnonzero(place % self.together == 0)[1:])
        return np.concatenate([groups[number] for number in rng.permutation(len(groups))]).tolist()  # type: ignore[no-any-return]


class How2SignFrames(PairedFrames):
    """Frames of the signers and OpenPose drawings of them, cut to the middle square; the splits are the official ones.

    A frame's name is its sentence's and its number: "-d5dN54tH2E_0-1-rgb_front/12".

    root, batch_size, num_workers, seed, twin: see `SignDataModule`.
    image_size: S, in pixels.
    every: one frame in so many.
    together: frames of a clip that training takes one after another: more are faster to read, and batches less varied.
    fr_net: makes two further conditions: `paper` of the frame itself, `pose-only` of its pose; None for neither.
    caption: of every frame; `{signer}` stands for the number of who signs, which the sentence's name says. How2Sign
        counts from 1, and so do captions; its twin's names count from 0.
    confidence: draw poses as bright as OpenPose is sure of them.
    """

    dataset = "how2sign"

    def __init__(
        self,
        root: str,
        image_size: int = 512,
        every: int = 5,
        together: int = 4,
        fr_net: FRNet | None = None,
        caption: str = "",
        confidence: bool = False,
        batch_size: int = 8,
        num_workers: int = 0,
        seed: int = 0,
        twin: Twin | None = None,
    ) -> None:
        super().__init__(root, image_size, batch_size, num_workers, seed, twin)
        self.at_least(every=(every, 1), together=(together, 1))
        self.every, self.together = every, together
        self.fr_net, self.caption, self.confidence = fr_net, caption, confidence

    def survey(self) -> Survey:
        return survey(self.root)

    @property
    def signers(self) -> list[int]:
        """The numbers of those who sign in training, ascending; none where names do not say."""
        numbers = (signer_of(sample.name) for sample in self.samples["train"])
        return sorted({number + self._before for number in numbers if number is not None})

    @cached_property
    def _before(self) -> int:
        """What captions add to the numbers of names."""
        return 0 if self.twin_mark() is None else 1

    @cached_property
    def counts(self) -> dict[str, int]:
        """Frames with keypoints of each sentence."""
        return {sample.name: _count(sample.files[1]) for sample in self.surveyed.samples}

    def content(self) -> list[Path]:
        return [*tables(self.root).values(), *sorted(sample.files[0] for sample in self.surveyed.samples)]

    def fingerprint(self) -> str:
        """As elsewhere; of the keypoints, the number of frames of each sentence."""
        return hashlib.sha256(repr((super().fingerprint(), sorted(self.counts.items()))).encode()).hexdigest()

    def examples(self, split: Split) -> Frames:
        return self._frames(self.samples[split], self.every)

    def _frames(self, samples: Sequence[Sample], every: int) -> Frames:
        return Frames(samples, [self.counts[sample.name] for sample in samples], every, self.image_size)

    def sequences(self, split: Split, count: int, length: int) -> Iterator[PairedFramesBatch]:
        """Of evenly spread sentences, the middle of each."""
        samples = self.samples[split]
        for place in evenly(min(count, len(samples)), len(samples)):
            frames = self._frames([samples[place]], every=1)
            start = max(0, (len(frames) - length) // 2)
            items = range(len(frames))[start : start + length]
            if len(items) > 1:
                yield self.collate(frames.__getitems__(items))

    def order(self, examples: Dataset[Any]) -> Sampler[Any]:
        assert isinstance(examples, Frames)
        return Together(examples.clips, self.together, self.seed)

    @cached_property
    def framing(self) -> Framing:
        """By the medians of necks and shoulders in training clips.

        Raises ValueError where no shoulders were found in any of them.
        """
        seen = [self._keypoints(sample)[:, [_NECK, *_SHOULDERS]] for sample in self.samples["train"][:FRAMED]]
        points = np.concatenate(seen)
        points = points[(points[..., 2] > 0).all(1), :, :2]
        if not len(points):
            raise ValueError(f"{self.root}: the keypoints of {len(seen)} clips have no shoulders; run OpenPose again")
        x, y = np.median(points[:, 0], axis=0).tolist()
        unit = float(np.median(np.linalg.norm(points[:, 1] - points[:, 2], axis=1)))
        return Framing.square(self.image_size, unit, (x, y))

    def hands(self, names: Sequence[str]) -> list[list[Box]]:
        """By the keypoints of the arms."""
        numbers = [(sentence, int(number)) for sentence, _, number in (name.rpartition("/") for name in names)]
        points = {sentence: self._keypoints(self._sentences[sentence]) for sentence in dict(numbers)}
        boxes = [keypoint_boxes(points[sentence][at], self.image_size, self.image_size) for sentence, at in numbers]
        return [[box for box in of if box is not None] for of in boxes]

    @cached_property
    def _sentences(self) -> dict[str, Sample]:
        return {sample.name: sample for split in SPLITS for sample in self.samples[split]}

    def _keypoints(self, sample: Sample) -> Keypoints:
        """Of all frames of a sentence, (T, 137, 3), in pixels of what is kept of them."""
        video, folder = sample.files
        width, height, _ = video_format(video)
        return squared(read_openpose(folder), width, height, self.image_size)


def signer_of(name: str) -> int | None:
    """The number of who signs that a SENTENCE_NAME says, as in "-d5dN54tH2E_0-1-rgb_front"; None in another name."""
    found = re.search(r"-(\d{1,4})-rgb_front", name)
    return int(found[1]) if found else None


def _count(folder: Path) -> int:
    with os.scandir(folder) as entries:
        return sum(entry.name.endswith("_keypoints.json") for entry in entries)
