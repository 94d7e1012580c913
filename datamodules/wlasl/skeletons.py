"""WLASL as skeleton frames: with prompts, what skeleton-lora learns from, and with glosses, what its judge does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch.utils.data import Dataset

from datamodules.base import signed_pixels
from datamodules.files import user_path
from datamodules.kinds.captioned import CaptionedBatch, CaptionedPictures
from datamodules.kinds.labelled import LabelledBatch, LabelledPictures
from datamodules.media.clip_frames import evenly
from datamodules.media.drawing_primitives import Image
from datamodules.media.images import read_image
from datamodules.media.skeleton_frames import shrunk
from datamodules.orders import Key
from datamodules.samples import Finding, Sample, Split, Survey
from datamodules.twins import Twin, ensure_twin
from datamodules.wlasl.glosses import choose_glosses, only
from datamodules.wlasl.index import INDEX, read_index
from datamodules.wlasl.survey import SplitBy, split_instances

ENDS: Final = 0.3
"""Share of a clip's frames that is left out at its beginning, and again at its end."""

FEW: Final = 5
"""Frames of a clip that validation and test read: neighbours are nearly the same picture, so that scores over all would
seem surer than they are."""


def prompt(gloss: str) -> str:
    """What a text-to-image model is told: "ASL sign for 'hello'"."""
    return f"ASL sign for '{gloss}'"


def signing(frames: int) -> range:
    """The frames of a clip of so many that show its sign.

    At both ends of a clip the hands rest, come from there and go back: frames that are nobody's sign. The signs of
    WLASL stand in the middle of their clips, and no file says from when to when, so the first and the last three tenths
    are left out. Of the avatar's clips, what is left holds all of their strokes, and a quarter of it is transitions.
    """
    end = int(ENDS * frames)
    return range(end, frames - end)


def survey(root: Path, skeletons: Path, index: str = INDEX, split: SplitBy = "source") -> Survey:
    """The clips of an index that have skeleton frames: a folder of their id with 00000.png, 00001.png and so on.

    Splits are those of the clips. Raises as `wlasl.survey.survey` does, and FileNotFoundError where there is no folder
    of skeletons.
    """
    if not skeletons.is_dir():
        command = f"python -m zoo data landmarks {root} {skeletons.parent} --skeletons"
        raise FileNotFoundError(f"{skeletons}: no such folder; `{command}` writes it")
    samples = split_instances(root / index, read_index(root / index), split)
    there = [replace(s, files=(skeletons / s.name,)) for s in samples if (skeletons / s.name / "00000.png").is_file()]
    found = Survey(there)
    if len(there) < len(samples):
        message = f"{len(samples) - len(there)} of the {len(samples)} clips that {index} names have no skeleton frames"
        found.findings.append(Finding("missing", str(skeletons), message, "warning"))
    return found


@dataclass
class SkeletonBatch(LabelledBatch, CaptionedBatch):
    """images (B, 3, S, S) float in [-1, 1]; captions, the prompts; labels (B,) int64, indices into the glosses; names,
    "00623/12"."""


Item = tuple[str, str, int, Image]
"""Name, prompt, label and picture (S, S, 3) uint8."""


class Skeletons(Dataset[Item]):
    """Frames of clips that show their sign, all of them, or `few` of each clip, spread over it; see `signing`."""

    def __init__(
        self, samples: Sequence[Sample], labels: Mapping[str, int], image_size: int, few: int | None = None
    ) -> None:
        self.samples, self.labels, self.image_size = samples, labels, image_size
        shown: list[Sequence[int]] = [signing(sum(1 for _ in sample.files[0].glob("*.png"))) for sample in samples]
        if few is not None:
            shown = [[of[k] for k in evenly(few, len(of))] if len(of) > few else of for of in shown]
        self.clips = np.repeat(np.arange(len(samples)), [len(numbers) for numbers in shown])
        self.numbers = np.concatenate(shown) if shown else np.empty(0, int)

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, key: Key | int) -> Item:
        index = key if isinstance(key, int) else key[1]
        name, caption, file = self.described(index)
        label = self.labels[str(self.samples[self.clips[index]].label)]
        return name, caption, label, shrunk(read_image(file), self.image_size)

    def described(self, index: int) -> tuple[str, str, Path]:
        """Name, prompt and file of a frame, which is not read."""
        sample, number = self.samples[self.clips[index]], int(self.numbers[index])
        return f"{sample.name}/{number}", prompt(str(sample.label)), sample.files[0] / f"{number:05d}.png"


class WLASLSkeletons(CaptionedPictures, LabelledPictures):
    """Skeleton frames of WLASL's clips with the prompt "ASL sign for 'hello'", and with their glosses as classes.

    root, batch_size, num_workers, seed, twin: see `SignDataModule`; `root` is that of the clips, and a twin is of ten
    glosses, without videos.
    skeletons: OUT/skeletons of `python -m zoo data landmarks ROOT OUT --skeletons`, relative to `root`.
    index, split, glosses: see `WLASL`.
    image_size: S, in pixels; frames are 512 x 512, and drawn smaller with lines as bright as before.
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
        super().__init__(root, image_size, batch_size, num_workers, seed, twin)
        self.skeletons = self.root / user_path(skeletons)
        self.index, self.split, self.wanted = str(user_path(index)), split, glosses

    def prepare_data(self) -> None:
        """Write the twin's skeleton frames where they are asked for."""
        if self.twin is None:
            super().prepare_data()
        else:
            ensure_twin(self.dataset, self.root, self.twin, only="skeletons")

    @cached_property
    def glosses(self) -> list[str]:
        """The gloss of each label."""
        path = self.root / self.index
        return choose_glosses(path, read_index(path), self.wanted)

    @property
    def classes(self) -> tuple[str, ...]:
        """The same, as the classes of pictures."""
        return tuple(self.glosses)

    def survey(self) -> Survey:
        return only(self.glosses, survey(self.root, self.skeletons, self.index, self.split))

    def content(self) -> list[Path]:
        frames = (path for sample in self.surveyed.samples for path in sample.files[0].glob("*.png"))
        return [self.root / self.index, *sorted(frames)]

    def examples(self, split: Split) -> Skeletons:
        return self._frames(self.samples[split], None if split == "train" else FEW)

    def middle_frames(self) -> dict[str, Image]:
        """A frame (S, S, 3) uint8 of each gloss: the middle one of its first clip in the training split."""
        first = {str(sample.label): sample for sample in reversed(self.samples["train"])}
        clips = {gloss: self._frames([first[gloss]]) for gloss in self.glosses if gloss in first}
        return {gloss: frames[len(frames) // 2][3] for gloss, frames in clips.items()}

    def _frames(self, samples: Sequence[Sample], most: int | None = None) -> Skeletons:
        labels = {gloss: label for label, gloss in enumerate(self.glosses)}
        return Skeletons(samples, labels, self.image_size, most)

    def described(self, split: Split) -> list[tuple[str, str, Path]]:
        """Name, prompt and file of each of a split's frames, in the order of `examples`; none of them is read."""
        frames = self.examples(split)
        return [frames.described(index) for index in range(len(frames))]

    @staticmethod
    def collate(items: list[Any]) -> SkeletonBatch:
        names, prompts, labels, images = zip(*items, strict=True)
        return SkeletonBatch(
            images=signed_pixels(images), captions=list(prompts), names=list(names), labels=torch.tensor(labels)
        )
