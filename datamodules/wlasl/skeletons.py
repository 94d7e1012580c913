"""WLASL as skeleton frames and prompts: what skeleton-lora learns from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from datamodules.base import Batch, SurveyedDataModule, signed_pixels
from datamodules.files import user_path
from datamodules.media.drawing_primitives import Image
from datamodules.media.images import read_image, resize
from datamodules.orders import Key
from datamodules.samples import Finding, Sample, Split, Survey
from datamodules.twins import Twin
from datamodules.wlasl.glosses import choose_glosses, only
from datamodules.wlasl.index import INDEX, read_index
from datamodules.wlasl.survey import SplitBy, split_instances


def prompt(gloss: str) -> str:
    """What a text-to-image model is told: "ASL sign for 'hello'"."""
    return f"ASL sign for '{gloss}'"


def survey(root: Path, skeletons: Path, index: str = INDEX, split: SplitBy = "source") -> Survey:
    """The clips of an index that have skeleton frames: a folder of their id with 00000.png, 00001.png and so on.

    Splits are those of the clips. Raises as `wlasl_survey.survey` does, and FileNotFoundError where there is no folder
    of skeletons.
    """
    if not skeletons.is_dir():
        raise FileNotFoundError(f"{skeletons}: no such folder; `python -m zoo data landmarks --skeletons` writes it")
    samples = split_instances(root / index, read_index(root / index), split)
    there = [replace(s, files=(skeletons / s.name,)) for s in samples if (skeletons / s.name / "00000.png").is_file()]
    found = Survey(there)
    if len(there) < len(samples):
        message = f"{len(samples) - len(there)} of the {len(samples)} clips that {index} names have no skeleton frames"
        found.findings.append(Finding("missing", str(skeletons), message, "warning"))
    return found


@dataclass
class SkeletonBatch(Batch):
    """pixels (B, 3, S, S) float in [-1, 1]; prompts; labels (B,) int64, indices into the glosses; names, "00623/12"."""

    pixels: Tensor
    prompts: list[str]
    labels: Tensor
    names: list[str]


Item = tuple[str, str, int, Image]
"""Name, prompt, label and picture (S, S, 3) uint8."""


class Skeletons(Dataset[Item]):
    """Every frame of clips."""

    def __init__(self, samples: Sequence[Sample], labels: Mapping[str, int], image_size: int) -> None:
        self.samples, self.labels, self.image_size = samples, labels, image_size
        counts = [sum(1 for _ in sample.files[0].glob("*.png")) for sample in samples]
        self.clips = np.repeat(np.arange(len(samples)), counts)
        self.numbers = np.concatenate([np.arange(count) for count in counts]) if counts else np.empty(0, int)

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, key: Key | int) -> Item:
        index = key if isinstance(key, int) else key[1]
        sample, number = self.samples[self.clips[index]], int(self.numbers[index])
        image = resize(read_image(sample.files[0] / f"{number:05d}.png"), self.image_size, self.image_size)
        gloss = str(sample.label)
        return f"{sample.name}/{number}", prompt(gloss), self.labels[gloss], image


class WLASLSkeletons(SurveyedDataModule):
    """Skeleton frames of WLASL's clips with the prompt "ASL sign for 'hello'".

    root, batch_size, num_workers, seed, twin: see `SignDataModule`; `root` is that of the clips.
    skeletons: OUT/skeletons of `python -m zoo data landmarks ROOT OUT --skeletons`, relative to `root`.
    index, split, glosses: see `WLASL`.
    image_size: S, in pixels; frames are 512 x 512.
    """

    dataset = "wlasl"

    def __init__(
        self,
        root: str,
        skeletons: str = "landmarks/skeletons",
        index: str = INDEX,
        split: SplitBy = "source",
        glosses: int | list[str] | None = None,
        image_size: int = 512,
        batch_size: int = 8,
        num_workers: int = 0,
        seed: int = 0,
        twin: Twin | None = None,
    ) -> None:
        super().__init__(root, batch_size, num_workers, seed, twin)
        self.at_least(image_size=(image_size, 8))
        self.skeletons = self.root / user_path(skeletons)
        self.index, self.split, self.wanted, self.image_size = str(user_path(index)), split, glosses, image_size

    @cached_property
    def glosses(self) -> list[str]:
        """The gloss of each label."""
        path = self.root / self.index
        return choose_glosses(path, read_index(path), self.wanted)

    def survey(self) -> Survey:
        return only(self.glosses, survey(self.root, self.skeletons, self.index, self.split))

    def content(self) -> list[Path]:
        frames = (path for sample in self.surveyed.samples for path in sample.files[0].glob("*.png"))
        return [self.root / self.index, *sorted(frames)]

    def examples(self, split: Split) -> Skeletons:
        labels = {gloss: label for label, gloss in enumerate(self.glosses)}
        return Skeletons(self.samples[split], labels, self.image_size)

    @staticmethod
    def collate(items: list[Any]) -> SkeletonBatch:
        names, prompts, labels, images = zip(*items, strict=True)
        return SkeletonBatch(signed_pixels(images), list(prompts), torch.tensor(labels), list(names))
