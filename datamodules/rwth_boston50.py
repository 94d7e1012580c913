"""RWTH-BOSTON-50 as pairs for pix2pix: a signer's frame and its OpenPose drawing, side by side in one picture."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from datamodules.base import Samples
from datamodules.kinds.paired_frames import PairedFrame, PairedFrames
from datamodules.media.drawing_primitives import Image
from datamodules.media.frame_files import frame_files, look, near_duplicates
from datamodules.media.framing import RWTH_BOSTON50, RWTH_BOSTON50_WHOLE, Framing
from datamodules.media.hand_boxes import Box, hand_boxes
from datamodules.media.images import read_image, resize
from datamodules.samples import SPLITS, Finding, Sample, Split, Survey
from datamodules.splits import cut
from datamodules.twins import Twin

GUARD: Final = 8
"""Frames left out between two splits of one numbering, half a second: the published val/ begins inside a video that
train/ ends with.

At most an eighth of val/, where that is smaller."""

LOAD_RATIO: Final = 286 / 256
"""pix2pix loads pictures at 286 x 286 and crops 256 x 256 out of them."""

ODD: Final = 0.02
"""By how much of it the shape of a half may differ from the published one: in another, what `crop` keeps is nothing."""


def survey(root: Path) -> Survey:
    """The pictures of train/, val/ and, where it exists, test/, as published; a name's number is its frame.

    Without test/, val/ is cut in two. Each folder may be numbered on its own. What is near an earlier folder's pictures
    is left out, and a warning tells: near-duplicates by their looks, and where numbers run on from folder to folder,
    frames within `GUARD` numbers too.

    Raises:
        FileNotFoundError: no train/ or no val/.
    """
    for name in ("train", "val"):
        if not (root / name).is_dir():
            raise FileNotFoundError(f"{root}: no folder {name}/; expected train/ and val/ with pictures side by side")
    found = Survey()
    train, val = _frames(root, "train", found), _frames(root, "val", found)
    guard = min(GUARD, len(val) // 8)
    earlier = {"train": train, "val": val}
    dev = _unlike(root, "val", val, {"train": train}, guard, found)
    if (root / "test").is_dir():
        test = _unlike(root, "test", _frames(root, "test", found), earlier, guard, found)
    else:
        blocks = cut(sorted(dev), (0.5, 0.5), guard)
        dev, test = ({number: val[number] for number in block} for block in blocks)
        test = _apart(test, dev, guard)
    parts: dict[Split, dict[int, Path]] = {"train": train, "dev": dev, "test": test}
    for split, frames in parts.items():
        for _, path in sorted(frames.items()):
            source = f"{path.parent.name}, frames {min(frames)}-{max(frames)}"
            found.samples.append(Sample(f"{path.parent.name}/{path.stem}", split, source, None, (path,)))
    return found


def _unlike(
    root: Path, folder: str, frames: dict[int, Path], earlier: Mapping[str, dict[int, Path]], guard: int, found: Survey
) -> dict[int, Path]:
    """The frames of a folder that are near none of earlier folders; `found` grows by what is said of the others."""
    left = frames
    if not any(frames.keys() & others.keys() for others in earlier.values()):  # one numbering
        for others in earlier.values():
            left = _apart(left, others, guard)
    if len(frames) - len(left) > guard:
        message = (
            f"{len(frames) - len(left)} pictures have numbers within {guard} of an earlier folder's, which are "
            "neighbours of one recording, and are left out"
        )
        found.findings.append(Finding("overlap", folder, message, "warning"))
    spoilt = {finding.where for finding in found.findings}
    looks, theirs = (
        {path: own for path in paths if _where(root, path) not in spoilt and (own := look(path)) is not None}
        for paths in (left.values(), [path for others in earlier.values() for path in others.values()])
    )
    near = near_duplicates(looks, theirs)
    if near:
        path, other = next(iter(near.items()))
        message = (
            f"{len(near)} pictures are near-duplicates of an earlier folder's and are left out, such as {path.name} of "
            f"{_where(root, other)}"
        )
        found.findings.append(Finding("overlap", folder, message, "warning"))
    return {number: path for number, path in left.items() if path not in near}


def _where(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()


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


def read_pair(path: Path, crop: bool = True) -> tuple[Image, Image]:
    """The drawing and the frame of a side-by-side picture, both (H, W, 3) uint8, cut to a square if asked.

    Raises ValueError: not a picture, one that is not wider than high, as two halves are, or halves to cut that do not
    have the shape of the published ones.
    """
    both = read_image(path)
    height, width = both.shape[0], both.shape[1] // 2
    if both.shape[1] % 2 or both.shape[1] <= height:
        raise ValueError(f"{path}: {both.shape[1]} x {height} pixels, expected two halves of one size side by side")
    if crop and abs(width / height / (RWTH_BOSTON50.width / RWTH_BOSTON50.height) - 1) > ODD:
        raise ValueError(
            f"{path}: halves of {width} x {height} pixels, expected the published 336 x 312 or their shape, of which "
            "the time stamp is cut off; set data.init_args.crop to false to take halves of another shape whole"
        )
    frame, drawing = both[:, :width], both[:, width:]
    return (_cropped(drawing), _cropped(frame)) if crop else (drawing, frame)


def _cropped(half: Image) -> Image:
    """What `RWTH_BOSTON50` keeps of a half (H, W, 3) that may be of another size."""
    x, y = half.shape[1] / RWTH_BOSTON50.width, half.shape[0] / RWTH_BOSTON50.height
    top, bottom, left, right = RWTH_BOSTON50.window
    return half[round(y * top) : round(y * bottom), round(x * left) : round(x * right)]


@dataclass(frozen=True)
class PairReader:
    """A sample's drawing and frame, (S, S, 3) uint8, jittered alike where there is an `rng`."""

    image_size: int
    mirror: bool
    random_scale: bool
    crop: bool

    def __call__(self, sample: Sample, rng: np.random.Generator | None) -> PairedFrame:
        size = self.image_size
        pair = read_pair(sample.files[0], self.crop)
        if rng is None:
            drawing, frame = (resize(image, size, size) for image in pair)
            return PairedFrame(sample.name, drawing, frame)
        load = round(size * LOAD_RATIO)
        if self.random_scale:
            load = int(rng.integers(size, load + 1))
        top, left = rng.integers(0, load - size + 1, 2)
        flip = self.mirror and rng.random() < 0.5
        drawing, frame = (resize(image, load, load)[top : top + size, left : left + size] for image in pair)
        if flip:
            drawing, frame = cv2.flip(drawing, 1), cv2.flip(frame, 1)
        return PairedFrame(sample.name, drawing, frame)


class Boston50(PairedFrames):
    """Pairs of an OpenPose drawing and the signer's frame. A training on latents that are cached varies none of them.

    root, batch_size, num_workers, seed, twin: see `SignDataModule`.
    image_size: S; in training, pairs are scaled to S x 286 / 256 and cut at random, both at the same place.
    random_scale: draw the scale of a training pair from 1 to 286 / 256 instead. Dev, test and rendering see pairs at
        scale 1: where the background never moves, having trained at another alone costs more than all movement.
    mirror: flip half the training pairs, as published; that swaps the signing hand, so it is off.
    crop: cut off the time stamp below the picture, and the picture to a square; see `RWTH_BOSTON50`. Only pictures
        of the published shape have one: halves of another, such as 256 x 256, are refused unless it is false.
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
        super().__init__(root, image_size, batch_size, num_workers, seed, twin)
        self.random_scale, self.mirror, self.crop = random_scale, mirror, crop

    def survey(self) -> Survey:
        return survey(self.root)

    def examples(self, split: Split) -> Samples:
        return Samples(
            self.samples[split], PairReader(self.image_size, self.mirror, self.random_scale, self.crop), self.seed
        )

    @property
    def framing(self) -> Framing:
        return RWTH_BOSTON50 if self.crop else RWTH_BOSTON50_WHOLE

    def hands(self, names: Sequence[str]) -> list[list[Box]]:
        """Read off the drawing as the file has it: in a small one the colours of limbs run into each other."""
        return [self._hands(self._files[name]) for name in names]

    @cached_property
    def _files(self) -> dict[str, Path]:
        return {sample.name: sample.files[0] for split in SPLITS for sample in self.samples[split]}

    def _hands(self, path: Path) -> list[Box]:
        drawing, _ = read_pair(path, self.crop)
        x, y = self.image_size / drawing.shape[1], self.image_size / drawing.shape[0]
        return [
            (round(x * left), round(y * top), round(x * right), round(y * bottom))
            for left, top, right, bottom in filter(None, hand_boxes(drawing))
        ]
