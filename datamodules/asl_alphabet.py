"""ASL Alphabet (Kaggle, grassknoted): 29 classes of close-ups, 3,000 consecutive frames each, of one signer."""

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Final

import numpy as np

from datamodules.base import Samples
from datamodules.kinds.labelled import LabelledPictures
from datamodules.media.drawing_primitives import Image
from datamodules.media.frame_files import frame_files, is_litter
from datamodules.media.images import read_image, resize
from datamodules.samples import SPLITS, Finding, Sample, Split, Survey
from datamodules.splits import SHARES, cut

CLASSES: Final = (*"ABCDEFGHIJKLMNOPQRSTUVWXYZ", "del", "nothing", "space")
NESTINGS: Final = (".", "asl_alphabet_train", "asl_alphabet_train/asl_alphabet_train")
GUARD: Final = 0.01
"""Gap between two splits, as a share of a class's frame numbers: 30 of 3,000 frames, a second of video."""


def survey(root: Path) -> Survey:
    """The pictures `CLASS/CLASS<frame>.jpg` of each class folder, directly in `root` or nested as Kaggle ships them.

    Neighbouring frames are near-duplicates of one another, so each class is cut into three blocks of consecutive
    frames (80, 10 and 10 %), with a gap of frames left out at both borders; a block is a source.

    Raises:
        FileNotFoundError: no class folder there.
    """
    folders = [root / nesting for nesting in NESTINGS if any((root / nesting / name).is_dir() for name in CLASSES)]
    if not folders:
        raise FileNotFoundError(
            f"{root}: no class folder ({CLASSES[0]} to {CLASSES[-1]}) in it, nor in {NESTINGS[1]}; unpack "
            "ASL Alphabet there, or name the folders like its classes"
        )
    folder, found = folders[0], Survey()
    known = {root / nesting for nesting in NESTINGS}
    misnamed = set()
    for path in sorted(folder.iterdir()):
        if path.is_dir() and path.name not in CLASSES and path not in known and not is_litter(path):
            meant = _meant(path.name)
            misnamed.add(meant)
            hint = f"is it {meant}? rename" if meant else "rename"
            message = f"no class, expected A to Z, del, nothing or space; {hint} or remove it"
            found.findings.append(Finding("unlisted", _place(root, path), message))
    for label in CLASSES:
        if label not in misnamed or (folder / label).is_dir():
            _survey_class(root, folder / label, found)
    return found


def _meant(name: str) -> str | None:
    """The class that a folder of another name is probably of."""
    by_name = {label.lower(): label for label in CLASSES}
    near = get_close_matches(name.lower(), by_name, 1)
    return by_name[near[0]] if near else None


def _survey_class(root: Path, folder: Path, found: Survey) -> None:
    label = folder.name
    expected = f"{label}<number>.jpg"
    frames = frame_files(root, folder, rf"{label}(\d{{1,9}})", expected, found) if folder.is_dir() else {}
    if not frames:
        problem = "no picture in it" if folder.is_dir() else "no folder" if folder.exists() else "no such folder"
        message = f"{problem}; expected pictures of {label}, named {expected}: put them there"
        found.findings.append(Finding("missing", _place(root, folder), message))
        return
    numbers = sorted(frames)
    blocks = cut(numbers, SHARES, guard=int(GUARD * (numbers[-1] - numbers[0] + 1)))
    for split, block in zip(SPLITS, blocks, strict=True):
        for number in block:
            source = f"{label}, frames {block[0]}-{block[-1]}"
            found.samples.append(Sample(f"{label}/{frames[number].stem}", split, source, label, (frames[number],)))


def _place(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()


@dataclass(frozen=True)
class LetterReader:
    """A picture's name, label and pixels, (S, S, 3) uint8."""

    image_size: int

    def __call__(self, sample: Sample, rng: np.random.Generator | None) -> tuple[str, int, Image]:
        image = resize(read_image(sample.files[0], self.image_size), self.image_size, self.image_size)
        return sample.name, CLASSES.index(str(sample.label)), image


class Letters(LabelledPictures):
    """Pictures of the 26 letters, del, nothing and space, scaled to S x S; see `LabelledPictures`."""

    dataset = "asl-alphabet"

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the labels 0 to 28."""
        return CLASSES

    def survey(self) -> Survey:
        return survey(self.root)

    def examples(self, split: Split) -> Samples:
        return Samples(self.samples[split], LetterReader(self.image_size), self.seed)
