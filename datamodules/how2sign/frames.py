"""How2Sign (Duarte et al. 2021) as frames and drawings of their poses: what SignDiff's ControlNet learns from."""

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from datamodules.base import Batch, Key, Shuffled, SurveyedDataModule, signed_pixels
from datamodules.how2sign.clips import survey, tables
from datamodules.media.clip_frames import frame_count, read_square, video_format
from datamodules.media.drawing_primitives import Image
from datamodules.media.images import centre_square, stack
from datamodules.media.openpose_drawing import draw_openpose
from datamodules.poses.formats import read_openpose
from datamodules.samples import Sample, Split, Survey
from datamodules.twins import Twin

__all__ = ["FrameBatch", "Frames", "How2SignFrames", "Together", "survey"]


SLACK = 3
"""By how many frames a clip and its keypoints may differ in length."""


@dataclass
class FrameBatch(Batch):
    """Frames and what they are made from.

    frames: (B, 3, S, S) float in [-1, 1].
    conditions: (B, 3, S, S) float in [0, 1], the OpenPose drawing of each.
    names: such as "-d5dN54tH2E_0-1-rgb_front/12", the sentence and the frame's number.
    """

    frames: Tensor
    conditions: Tensor
    names: list[str]


Item = tuple[str, Image, Image]
"""Name, frame and condition, (S, S, 3) uint8."""


class Frames(Dataset[Item]):
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

    def __getitem__(self, key: Key | int) -> Item:
        return self.__getitems__([key])[0]

    def __getitems__(self, keys: Sequence[Key | int]) -> list[Item]:
        """The items of a batch, sorted by clip and frame; of a key (epoch, index) the index counts."""
        indices = sorted(key if isinstance(key, int) else key[1] for key in keys)
        items: list[Item] = []
        for clip, of_clip in groupby(indices, key=lambda index: int(self.clips[index])):
            items += self._read(self.samples[clip], [int(self.numbers[index]) for index in of_clip])
        return items

    def _read(self, sample: Sample, numbers: list[int]) -> list[Item]:
        video, folder = sample.files
        keypoints, (frames, width, height) = read_openpose(folder), self._measure(video)
        if abs(len(keypoints) - frames) > SLACK:
            raise ValueError(
                f"{folder}: keypoints of {len(keypoints)} frames, but {video.name} has {frames}; fetch both"
            )
        numbers = [min(number, frames - 1) for number in numbers]
        pictures, points = read_square(video, numbers, self.image_size), keypoints[numbers]
        top, left, side = centre_square(height, width)
        points[..., :2] = (points[..., :2] - (left, top)) * (self.image_size / side)
        drawings = [draw_openpose(person, self.image_size, self.image_size) for person in points]
        names = [f"{sample.name}/{number}" for number in numbers]
        return list(zip(names, pictures, drawings, strict=True))

    def _measure(self, video: Path) -> tuple[int, int, int]:
        """Frames of a clip, their width and height; taken once, since all of the file is read to count."""
        if video not in self._measured:
            width, height, _ = video_format(video)
            self._measured[video] = frame_count(video)[0], width, height
        return self._measured[video]


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


class How2SignFrames(SurveyedDataModule):
    """Frames of the signers and OpenPose drawings of them, cut to the middle square; the splits are the official ones.

    root, batch_size, num_workers, seed, twin: see `SignDataModule`.
    image_size: S, in pixels.
    every: one frame in so many.
    together: frames of a clip that training takes one after another: more are faster to read, and batches less varied.
    """

    dataset = "how2sign"

    def __init__(
        self,
        root: str,
        image_size: int = 512,
        every: int = 5,
        together: int = 4,
        batch_size: int = 8,
        num_workers: int = 0,
        seed: int = 0,
        twin: Twin | None = None,
    ) -> None:
        super().__init__(root, batch_size, num_workers, seed, twin)
        self.at_least(image_size=(image_size, 8), every=(every, 1), together=(together, 1))
        self.image_size, self.every, self.together = image_size, every, together

    def survey(self) -> Survey:
        return survey(self.root)

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
        samples = self.samples[split]
        return Frames(samples, [self.counts[sample.name] for sample in samples], self.every, self.image_size)

    def order(self, examples: Dataset[Any]) -> Sampler[Any]:
        assert isinstance(examples, Frames)
        return Together(examples.clips, self.together, self.seed)

    @staticmethod
    def collate(items: list[Item]) -> FrameBatch:
        names, frames, drawings = zip(*items, strict=True)
        conditions = torch.from_numpy(stack(drawings)).float().div_(255)
        return FrameBatch(signed_pixels(frames), conditions, list(names))


def _count(folder: Path) -> int:
    with os.scandir(folder) as entries:
        return sum(entry.name.endswith("_keypoints.json") for entry in entries)
