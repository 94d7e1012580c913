"""WLASL (Li et al. 2020) as clips: word-level American Sign Language of many signers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset

from datamodules.base import Batch, Samples, SurveyedDataModule, signed_pixels
from datamodules.features.cached_tensors import CachedTensors, Rows
from datamodules.kinds.encoded_once import EncodedOnce
from datamodules.media.clip_frames import evenly, frame_times
from datamodules.media.video import read_video
from datamodules.media.video_windows import crops
from datamodules.orders import Key
from datamodules.samples import SPLITS, Sample, Split, Survey
from datamodules.twins import Twin
from datamodules.wlasl.glosses import only
from datamodules.wlasl.index import INDEX, Instance
from datamodules.wlasl.signs import WLASLSigns
from datamodules.wlasl.survey import SplitBy, frame_range, survey

__all__ = ["WLASL", "ClipBatch", "ClipReader", "survey"]

Clip = npt.NDArray[np.uint8]


@dataclass
class ClipBatch(Batch):
    """frames (B, T, 3, S, S) float in [-1, 1]; labels (B,) int64, indices into the glosses; names: video ids."""

    frames: Tensor
    labels: Tensor
    names: list[str]


@dataclass
class TokenBatch(Batch):
    """tokens (B, N, D) float, what a frozen encoder makes of clips; labels (B,) int64; names: video ids."""

    tokens: Tensor
    labels: Tensor
    names: list[str]


class CachedClips(Dataset[tuple[str, int, Rows]]):
    """Names, labels and, in the frames' place, tokens."""

    def __init__(self, samples: Sequence[Sample], labels: Mapping[str, int], tokens: CachedTensors) -> None:
        self.samples, self.labels, self.tokens = samples, labels, tokens

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, key: Key | int) -> tuple[str, int, Rows]:
        index = key if isinstance(key, int) else key[1]
        sample = self.samples[index]
        return sample.name, self.labels[str(sample.label)], self.tokens[index]

    @staticmethod
    def collate(items: list[tuple[str, int, Rows]]) -> TokenBatch:
        """Of names, labels and tokens (N, D)."""
        names, labels, tokens = zip(*items, strict=True)
        return TokenBatch(torch.from_numpy(np.stack(tokens)).float(), torch.tensor(labels), list(names))


@dataclass(frozen=True)
class ClipReader:
    """A clip's name, label and frames, evenly spread, as V-JEPA 2's processor cuts them, (T, S, S, 3) uint8.

    instances: by file, for the range of frames that shows the sign.
    """

    instances: Mapping[Path, Instance]
    labels: Mapping[str, int]
    frames: int
    image_size: int

    def __call__(self, sample: Sample, rng: np.random.Generator | None) -> tuple[str, int, Clip]:
        path = sample.files[0]
        timing = frame_times(path)
        first, last = frame_range(self.instances[path], timing.total, timing.fps)
        numbers = [first + number for number in evenly(self.frames, max(1, last - first))]
        clip = crops(read_video(path)[0], numbers, self.image_size)
        return sample.name, self.labels[str(sample.label)], clip


class WLASLClips(WLASLSigns):
    """Which clips there are; a subclass says how they are read.

    root, index, split, glosses, batch_size, num_workers, seed, twin: see `WLASLSigns`.
    frames: T, that are shown at once.
    image_size: S, in pixels, of the middle square, which is a little less than all of it; see `video_windows.crop`.
    """

    def __init__(
        self,
        root: str,
        index: str = INDEX,
        split: SplitBy = "source",
        frames: int = 16,
        image_size: int = 224,
        glosses: int | list[str] | None = None,
        batch_size: int = 8,
        num_workers: int = 0,
        seed: int = 0,
        twin: Twin | None = None,
    ) -> None:
        super().__init__(root, index, split, glosses, batch_size, num_workers, seed, twin)
        self.at_least(frames=(frames, 1), image_size=(image_size, 8))
        self.frames, self.image_size = frames, image_size

    def survey(self) -> Survey:
        return only(self.glosses, survey(self.root, self.index, self.split))

    @cached_property
    def shown(self) -> dict[Path, Instance]:
        """What an index says of each clip that is there, by its file: ids of two folders may be the same."""
        return {clip.files[0]: self.instances[clip.name] for split in SPLITS for clip in self.samples[split]}

    def test_on(self, other: SurveyedDataModule) -> None:
        """As of all that reads WLASL."""
        assert isinstance(other, WLASLClips)
        self.shown |= other.shown
        super().test_on(other)


class WLASL(WLASLClips, EncodedOnce):
    """Clips as evenly spread frames, of which a frozen video encoder may make tokens once for a whole training.

    root, index, split, frames, image_size, glosses, batch_size, num_workers, seed, twin: see `WLASLClips`.
    """

    holds: ClassVar[str] = "clips of signs"

    def examples(self, split: Split) -> Samples:
        read = ClipReader(self.shown, self.labels, self.frames, self.image_size)
        return Samples(self.samples[split], read, self.seed)

    def described(self, split: Split) -> list[tuple[str, str, Path]]:
        """As of all, with the part of the file that shows the sign in the name."""
        shown = [self.instances[sample.name] for sample in self.samples[split]]
        return [
            (f"{sample.name} {instance.start}-{instance.end}", str(sample.label), sample.files[0])
            for sample, instance in zip(self.samples[split], shown, strict=True)
        ]

    def pictures(self, examples: Dataset[Any], items: Sequence[int]) -> Tensor:
        return self.collate([examples[item] for item in items]).frames

    def serve(self, split: Split, moments: CachedTensors) -> None:
        self.cached[split] = CachedClips(self.samples[split], self.labels, moments)

    @staticmethod
    def collate(items: list[tuple[str, int, Clip]]) -> ClipBatch:
        names, labels, clips = zip(*items, strict=True)
        frames = signed_pixels(np.concatenate(clips))
        shape = (len(clips), -1, *frames.shape[1:])
        return ClipBatch(frames.view(shape), torch.tensor(labels), list(names))
