"""WLASL (Li et al. 2020) as clips: word-level American Sign Language of many signers."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from datamodules.base import Batch, Samples, SurveyedDataModule, signed_pixels
from datamodules.media.clip_frames import evenly, frame_count, read_square
from datamodules.samples import Sample, Split, Survey
from datamodules.twins import Twin
from datamodules.wlasl.index import INDEX, Instance, read_index
from datamodules.wlasl.survey import SplitBy, frame_range, survey

__all__ = ["WLASL", "ClipBatch", "ClipReader", "choose_glosses", "survey"]

Clip = npt.NDArray[np.uint8]


@dataclass
class ClipBatch(Batch):
    """frames (B, T, 3, S, S) float in [-1, 1]; labels (B,) int64, indices into the glosses; names: video ids."""

    frames: Tensor
    labels: Tensor
    names: list[str]


@dataclass(frozen=True)
class ClipReader:
    """A clip's name, label and frames, evenly spread, their middle square, (T, S, S, 3) uint8.

    instances: by id, for the range of frames that shows the sign.
    """

    instances: Mapping[str, Instance]
    labels: Mapping[str, int]
    frames: int
    image_size: int

    def __call__(self, sample: Sample, rng: np.random.Generator | None) -> tuple[str, int, Clip]:
        path = sample.files[0]
        first, last = frame_range(self.instances[sample.name], *frame_count(path))
        numbers = [first + number for number in evenly(self.frames, max(1, last - first))]
        clip = read_square(path, numbers, self.image_size)
        return sample.name, self.labels[str(sample.label)], clip


class WLASL(SurveyedDataModule):
    """Clips and their glosses.

    root, batch_size, num_workers, seed, twin: see `SignDataModule`.
    index: WLASL_v0.3.json, another index of that form, or nslt_*.json beside wlasl_class_list.txt; relative to `root`.
    split: what never stands in two splits: the "source" video, the "signer", or as "official"; see `survey`.
    frames: T, of a clip, evenly spread.
    image_size: S, in pixels, of the middle square.
    glosses: these alone, or the first so many of the index, as WLASL100 to WLASL2000 are; None takes all.
    """

    dataset = "wlasl"

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
        super().__init__(root, batch_size, num_workers, seed, twin)
        self.at_least(frames=(frames, 1), image_size=(image_size, 8))
        self.index, self.split, self.wanted = index, split, glosses
        self.frames, self.image_size = frames, image_size

    @cached_property
    def instances(self) -> dict[str, Instance]:
        """The clips of the index by their ids, on disk or not."""
        return {clip.video: clip for clip in read_index(self.root / self.index)}

    @cached_property
    def glosses(self) -> list[str]:
        """The gloss of each label."""
        return choose_glosses(self.root / self.index, list(self.instances.values()), self.wanted)

    def survey(self) -> Survey:
        found, glosses = survey(self.root, self.index, self.split), set(self.glosses)
        return replace(found, samples=[sample for sample in found.samples if sample.label in glosses])

    def content(self) -> list[Path]:
        return [self.root / self.index, *super().content()]

    def examples(self, split: Split) -> Samples:
        labels = {gloss: label for label, gloss in enumerate(self.glosses)}
        read = ClipReader(self.instances, labels, self.frames, self.image_size)
        return Samples(self.samples[split], read, self.seed)

    @staticmethod
    def collate(items: list[tuple[str, int, Clip]]) -> ClipBatch:
        names, labels, clips = zip(*items, strict=True)
        frames = signed_pixels(np.concatenate(clips))
        shape = (len(clips), -1, *frames.shape[1:])
        return ClipBatch(frames.view(shape), torch.tensor(labels), list(names))


def choose_glosses(path: Path, instances: list[Instance], wanted: int | list[str] | None) -> list[str]:
    """All glosses of an index in its order, the first few, or those named. Raises ValueError for one that it lacks."""
    glosses = list(dict.fromkeys(clip.gloss for clip in instances))
    if wanted is None:
        return glosses
    if isinstance(wanted, int):
        if not 1 <= wanted <= len(glosses):
            raise ValueError(f"data.init_args.glosses: found {wanted}, expected 1 to the {len(glosses)} of {path}")
        return glosses[:wanted]
    for gloss in wanted:
        if gloss not in glosses:
            near = difflib.get_close_matches(gloss, glosses, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"data.init_args.glosses: {gloss!r} is not in {path}{hint}")
    return wanted
