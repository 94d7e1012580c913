"""A folder of pictures with captions, as Hugging Face's `imagefolder` and diffusers' training scripts have it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np

from datamodules.base import Samples
from datamodules.files import read_lines
from datamodules.kinds.captioned import CaptionedPictures
from datamodules.media.drawing_primitives import Image
from datamodules.media.frame_files import picture_fault
from datamodules.media.hand_boxes import Box
from datamodules.media.images import IMAGE_SUFFIXES, centre_square, picture_size, read_image, resize
from datamodules.samples import Finding, Sample, Split, Survey

FOLDERS: Final[dict[str, Split]] = {"train": "train", "validation": "dev", "test": "test"}
METADATA: Final = "metadata.jsonl"
FILE, TEXT, SOURCE, HANDS = "file_name", "text", "source", "hands"
"""Keys of a line: the picture, below the folder of its split; its caption; what it was cut from, where others were too;
and boxes [left, top, right, bottom] of its hands, in pixels, where they are known. Others are passed over."""


def survey(root: Path) -> Survey:
    """The pictures that {train,validation,test}/metadata.jsonl name, each with its caption.

    Raises FileNotFoundError where none of these files is there.
    """
    found, read = Survey(), 0
    for folder, split in FOLDERS.items():
        if (root / folder / METADATA).is_file():
            read += 1
            for number, line in enumerate(read_lines(root / folder / METADATA), 1):
                _survey_line(root, folder, split, number, line, found)
    if not read:
        folders = ", ".join(f"{folder}/{METADATA}" for folder in FOLDERS)
        raise FileNotFoundError(f"{root}: none of {folders}; expected a line of JSON with {FILE} and {TEXT} a picture")
    return found


def _survey_line(root: Path, folder: str, split: Split, number: int, line: str, found: Survey) -> None:
    where = f"{folder}/{METADATA}, line {number}"
    try:
        entry = json.loads(line)
        name, text = entry[FILE], entry[TEXT]
        path = root / folder / name
        valid = (
            isinstance(text, str)
            and text.strip()
            and _are_boxes(entry.get(HANDS))
            and ".." not in Path(name).parts
            and not Path(name).is_absolute()
        )
    except (ValueError, KeyError, TypeError):
        valid = False
    if not valid:
        message = (
            f"found {line[:60]!r}, expected an object with {FILE}, a picture below {folder}/, and {TEXT}, its caption; "
            f"{HANDS}, if any, are boxes [left, top, right, bottom]"
        )
        found.findings.append(Finding("unreadable", where, message))
    elif path.suffix.lower() not in IMAGE_SUFFIXES or not path.is_file():
        message = f"{name}: {'no picture' if path.is_file() else 'no such file'}; put it there, or remove the line"
        found.findings.append(Finding("missing", where, message))
    elif fault := picture_fault(root, path):
        found.findings.append(fault)
    else:
        source = str(entry.get(SOURCE) or f"{folder}/{name}")
        found.samples.append(Sample(f"{folder}/{name}", split, source, files=(path,), caption=text))


def _are_boxes(found: object) -> bool:
    """Whether this is a list of boxes, or None."""
    boxes = [] if found is None else found
    return isinstance(boxes, list) and all(
        isinstance(box, list) and len(box) == 4 and all(isinstance(side, int | float) for side in box) for box in boxes
    )


@dataclass(frozen=True)
class CaptionedReader:
    """A picture's name, its caption and the pixels (S, S, 3) uint8 of its middle square."""

    image_size: int

    def __call__(self, sample: Sample, rng: np.random.Generator | None) -> tuple[str, str, Image]:
        image = read_image(sample.files[0], self.image_size)
        top, left, side = centre_square(*image.shape[:2])
        square = image[top : top + side, left : left + side]
        return sample.name, str(sample.caption), resize(square, self.image_size, self.image_size)


class PictureFolder(CaptionedPictures):
    """Pictures with captions out of a folder, of each its middle square; see `CaptionedPictures`."""

    dataset = "picture-folder"

    def survey(self) -> Survey:
        return survey(self.root)

    def content(self) -> list[Path]:
        indexes = [self.root / folder / METADATA for folder in FOLDERS]
        return [*filter(Path.is_file, indexes), *super().content()]

    def examples(self, split: Split) -> Samples:
        return Samples(self.samples[split], CaptionedReader(self.image_size), self.seed)

    def hands(self, names: Sequence[str]) -> list[list[Box]]:
        return [self._kept_boxes(name) for name in names]

    def _kept_boxes(self, name: str) -> list[Box]:
        """Boxes of a picture, in pixels of what is kept of it."""
        if not (boxes := self._boxes.get(name)):
            return []
        width, height = picture_size(self.root / name)
        kept = (_kept(box, height, width, self.image_size) for box in boxes)
        return [box for box in kept if box[0] < box[2] and box[1] < box[3]]

    @cached_property
    def _boxes(self) -> Mapping[str, list[list[float]]]:
        """By the names of pictures whose line has boxes, in pixels of the whole picture."""
        found: dict[str, list[list[float]]] = {}
        for folder in FOLDERS:
            path = self.root / folder / METADATA
            entries = map(json.loads, read_lines(path) if path.is_file() else ())
            found |= {f"{folder}/{entry[FILE]}": entry[HANDS] for entry in entries if entry.get(HANDS)}
        return found


def _kept(box: Sequence[Any], height: int, width: int, size: int) -> Box:
    """A box of a picture where its middle square, scaled to `size`, has it."""
    top, left, side = centre_square(height, width)
    moved = (np.array(box, float) - (left, top, left, top)) * size / side
    first, second, third, fourth = np.clip(moved.round(), 0, size).astype(int).tolist()
    return first, second, third, fourth
