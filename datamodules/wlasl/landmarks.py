"""WLASL (Li et al. 2020) as body and hand landmarks: what `python -m zoo data landmarks` finds in its clips."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Final

import numpy as np
import torch
from pose_format import Pose
from torch import Tensor

from datamodules.base import Batch, Samples, SurveyedDataModule
from datamodules.features.signing_points import Points, signing_points
from datamodules.files import user_path
from datamodules.poses.formats import read_pose
from datamodules.samples import Finding, Sample, Split, Survey
from datamodules.twins import Twin, ensure_twin
from datamodules.wlasl.glosses import only
from datamodules.wlasl.index import INDEX
from datamodules.wlasl.signs import WLASLSigns
from datamodules.wlasl.survey import SplitBy, split_instances

NAMED: Final = 5
"""Clips that a message names."""


@dataclass
class LandmarkBatch(Batch):
    """points (B, T, 49, 3) float32, see `signing_points`, padded with zeros; lengths (B,) in frames; labels (B,) int64;
    names: video ids."""

    points: Tensor
    lengths: Tensor
    labels: Tensor
    names: list[str]


class WLASLLandmarks(WLASLSigns):
    """Landmarks of clips and their glosses; all are read once and kept in memory, two megabytes for each hundred clips.

    root, index, split, glosses, batch_size, num_workers, seed, twin: see `WLASLSigns`; `root` is that of the clips, and
        a twin has landmarks in place of the videos, with the errors that MediaPipe makes.
    landmarks: OUT of `python -m zoo data landmarks ROOT OUT`, in `root`: a .pose file for each clip. Files that other
        programs wrote will do, in any layout with shoulders and hands.
    """

    holds: ClassVar[str] = "landmarks"

    def __init__(
        self,
        root: str,
        landmarks: str = "landmarks",
        index: str = INDEX,
        split: SplitBy = "source",
        glosses: int | list[str] | None = None,
        batch_size: int = 32,
        num_workers: int = 0,
        seed: int = 0,
        twin: Twin | None = None,
    ) -> None:
        super().__init__(root, index, split, glosses, batch_size, num_workers, seed, twin)
        self.landmarks = self.root / user_path(landmarks)
        self.points: dict[Path, Points] = {}

    def prepare_data(self) -> None:
        """Write the twin's landmarks where they are asked for."""
        if self.twin is None:
            super().prepare_data()
        else:
            ensure_twin(self.dataset, self.root, self.twin, only="landmarks")

    def survey(self) -> Survey:
        """The clips of the index that have landmarks. Those whose landmarks show no sign, damaged ones, and those of
        one frame, are left out; a warning counts and names them.

        Raises FileNotFoundError where there is no folder of landmarks.
        """
        refuse_missing(self.landmarks, self.root)
        samples = split_instances(self.root / self.index, list(self.instances.values()), self.split)
        files = ((sample, self.landmarks / f"{sample.name}.pose") for sample in samples)
        there = Survey([replace(sample, files=(path,)) for sample, path in files if path.is_file()])
        if not there.samples:
            message = (
                f"no .pose file there is of one of the {len(samples)} clips that {self.index} names; "
                f"`python -m zoo data landmarks {self.root} {self.landmarks}` writes them"
            )
            there.findings.append(Finding("missing", str(self.landmarks), message))
        elif len(there.samples) < len(samples):
            message = (
                f"{len(samples) - len(there.samples)} of the {len(samples)} clips that {self.index} names have none"
            )
            there.findings.append(Finding("missing", str(self.landmarks), message, "warning"))
        return self._readable(only(self.glosses, there))

    def _readable(self, found: Survey) -> Survey:
        points, broken = read_points(sample.files[0] for sample in found.samples)
        self.points.update(points)
        if broken:
            found.findings.insert(0, Finding("unreadable", str(self.landmarks), left_out(broken), "warning"))
        return replace(found, samples=[sample for sample in found.samples if sample.files[0] in points])

    def test_on(self, other: SurveyedDataModule) -> None:
        """As of all that reads WLASL."""
        assert isinstance(other, WLASLLandmarks)
        super().test_on(other)
        self.points |= other.points

    def examples(self, split: Split) -> Samples:
        return Samples(self.samples[split], LandmarkReader(self.labels, self.points), self.seed)

    @staticmethod
    def collate(items: list[tuple[str, int, Points]]) -> LandmarkBatch:
        names, labels, clips = zip(*items, strict=True)
        points = torch.nn.utils.rnn.pad_sequence([torch.from_numpy(clip) for clip in clips], batch_first=True)
        lengths = torch.tensor([len(clip) for clip in clips])
        return LandmarkBatch(points, lengths, torch.tensor(labels), list(names))


@dataclass(frozen=True)
class LandmarkReader:
    """A clip's name, label and points (T, 49, 3)."""

    labels: Mapping[str, int]
    points: Mapping[Path, Points]

    def __call__(self, sample: Sample, rng: np.random.Generator | None) -> tuple[str, int, Points]:
        return sample.name, self.labels[str(sample.label)], self.points[sample.files[0]]


def refuse_missing(folder: Path, root: Path) -> None:
    """Raise FileNotFoundError where there is no folder with the landmarks of the clips at `root`."""
    if not folder.is_dir():
        raise FileNotFoundError(
            f"{folder}: no such folder; `python -m zoo data landmarks {root} {folder}` writes it from the clips"
        )


def read_points(
    files: Iterable[Path], points_of: Callable[[Pose], Points] = signing_points
) -> tuple[dict[Path, Points], dict[Path, str]]:
    """The points of clips by their files; and of files that are damaged or show no sign, why."""
    points, broken = {}, {}
    for path in files:
        try:
            points[path] = points_of(_read(path))
        except (ValueError, OSError) as error:
            broken[path] = str(error)
    return points, broken


def left_out(broken: Mapping[Path, str]) -> str:
    """Which clips have no landmarks that can be read, and why, in a line."""
    named = [f"{path.stem} ({reason})" for path, reason in list(broken.items())[:NAMED]]
    more = [f"and {len(broken) - NAMED} more"] if len(broken) > NAMED else []
    return f"{len(broken)} clips are left out: {'; '.join([*named, *more])}"


def _read(path: Path) -> Pose:
    """The landmarks of a clip. Raises ValueError for a file that is damaged, or has a single frame."""
    pose = read_pose(path)
    if len(pose.body.data) < 2:
        raise ValueError("a single frame, which is no movement")
    return pose
