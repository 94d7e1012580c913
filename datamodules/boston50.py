"""RWTH-BOSTON-50 as pairs for pix2pix: a signer's frame and its OpenPose drawing, side by side in one picture."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from torch import Tensor

from datamodules.base import Batch, Samples, SurveyedDataModule, signed_pixels
from datamodules.boston50_pairs import read_pair
from datamodules.frame_files import frame_files
from datamodules.media.drawing_primitives import Image
from datamodules.media.images import resize
from datamodules.samples import Finding, Sample, Split, Survey
from datamodules.splits import cut
from datamodules.twins import Twin

GUARD: Final = 8
"""Frames left out between two splits, half a second: the published val/ begins inside a video that train/ ends with.

At most an eighth of val/, where that is smaller."""

LOAD_RATIO: Final = 286 / 256
"""pix2pix loads pictures at 286 x 286 and crops 256 x 256 out of them."""


def survey(root: Path) -> Survey:
    """The pictures of train/, val/ and, where it exists, test/; a name's number is its frame.

    Without test/, val/ is cut in two. Numbers run on from folder to folder: a frame within `GUARD` numbers of one in an
    earlier split is its near-duplicate, and left out; a warning tells where that is more than a border.

    Raises:
        FileNotFoundError: no train/ or no val/.
    """
    for name in ("train", "val"):
        if not (root / name).is_dir():
            raise FileNotFoundError(f"{root}: no folder {name}/; expected train/ and val/ with pictures side by side")
    found = Survey()
    train, val = _frames(root, "train", found), _frames(root, "val", found)
    guard = min(GUARD, len(val) // 8)
    dev = _apart(val, train, guard)
    near = {"val": len(val) - len(dev)}
    if (root / "test").is_dir():
        given = _frames(root, "test", found)
        test = _apart(given, {**train, **dev}, guard)
        near["test"] = len(given) - len(test)
    else:
        blocks = cut(sorted(dev), (0.5, 0.5), guard)
        dev, test = ({number: val[number] for number in block} for block in blocks)
        test = _apart(test, dev, guard)
    for folder, left_out in near.items():
        if left_out > guard:
            message = (
                f"{left_out} pictures have numbers of an earlier folder's, or within {guard} of them, and are left "
                "out; numbers must run on from folder to folder"
            )
            found.findings.append(Finding("overlap", folder, message, "warning"))
    parts: dict[Split, dict[int, Path]] = {"train": train, "dev": dev, "test": test}
    for split, frames in parts.items():
        for _, path in sorted(frames.items()):
            source = f"{path.parent.name}, frames {min(frames)}-{max(frames)}"
            found.samples.append(Sample(f"{path.parent.name}/{path.stem}", split, source, None, (path,)))
    return found


def _apart(frames: dict[int, Path], others: dict[int, Path], guard: int) -> dict[int, Path]:
    """The frames of which none of the others is within `guard` numbers."""
    near = {number + step for number in others for step in range(-guard, guard + 1)}
    return {number: path for number, path in frames.items() if number not in near}


def _frames(root: Path, folder: str, found: Survey) -> dict[int, Path]:
    """The pictures of a folder by the number in their names."""
    frames = frame_files(root, root / folder, r"\D*(\d{1,9})", "image<number>.jpg", found)
    if not frames:
        found.findings.append(Finding("missing", folder, "no picture in it; expected image<number>.jpg"))
    return frames


@dataclass
class PairBatch(Batch):
    """skeletons and frames (B, 3, S, S) float in [-1, 1], of the same crop; names, such as "train/image100"."""

    skeletons: Tensor
    frames: Tensor
    names: list[str]


@dataclass(frozen=True)
class PairReader:
    """A sample's drawing and frame, (S, S, 3) uint8, jittered alike where there is an `rng`."""

    image_size: int
    mirror: bool
    random_scale: bool
    crop: bool

    def __call__(self, sample: Sample, rng: np.random.Generator | None) -> tuple[str, Image, Image]:
        size = self.image_size
        pair = read_pair(sample.files[0], self.crop)
        if rng is None:
            drawing, frame = (resize(image, size, size) for image in pair)
            return sample.name, drawing, frame
        load = round(size * LOAD_RATIO)
        if self.random_scale:
            load = int(rng.integers(size, load + 1))
        top, left = rng.integers(0, load - size + 1, 2)
        flip = self.mirror and rng.random() < 0.5
        drawing, frame = (resize(image, load, load)[top : top + size, left : left + size] for image in pair)
        return (sample.name, cv2.flip(drawing, 1), cv2.flip(frame, 1)) if flip else (sample.name, drawing, frame)


class Boston50(SurveyedDataModule):
    """Pairs of an OpenPose drawing and the signer's frame.

    root, batch_size, num_workers, seed, twin: see `SignDataModule`.
    image_size: S; in training, pairs are scaled to S x 286 / 256 and cut at random, both at the same place.
    random_scale: draw the scale of a training pair from 1 to 286 / 256 instead. Dev, test and rendering see pairs at
        scale 1: where the background never moves, having trained at another alone costs more than all movement.
    mirror: flip half the training pairs, as published; that swaps the signing hand, so it is off.
    crop: cut off the time stamp below the picture, and the picture to a square; see `PICTURE`. Only pictures of the
        published shape have one: halves of another, such as 256 x 256, are refused unless it is false.
    """

    dataset = "rwth-boston50"

    def __init__(
        self,
        root: str,
        image_size: int = 256,
        random_scale: bool = False,
        mirror: bool = False,
        crop: bool = True,
        batch_size: int = 1,
        num_workers: int = 0,
        seed: int = 0,
        twin: Twin | None = None,
    ) -> None:
        super().__init__(root, batch_size, num_workers, seed, twin)
        self.at_least(image_size=(image_size, 8))
        self.image_size, self.random_scale, self.mirror, self.crop = image_size, random_scale, mirror, crop

    def survey(self) -> Survey:
        return survey(self.root)

    def examples(self, split: Split) -> Samples:
        return Samples(
            self.samples[split], PairReader(self.image_size, self.mirror, self.random_scale, self.crop), self.seed
        )

    @staticmethod
    def collate(items: list[tuple[str, Image, Image]]) -> PairBatch:
        names, drawings, frames = zip(*items, strict=True)
        return PairBatch(signed_pixels(drawings), signed_pixels(frames), list(names))
