"""MNIST: handwritten digits, 28 x 28 grey, in four IDX files."""

import gzip
import math
import struct
import zlib
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from datamodules.kinds.labelled import Block, Bytes, Found, PictureFiles, shown
from datamodules.media.drawing_primitives import Image
from datamodules.samples import Finding, Sample, Survey
from datamodules.splits import cut
from datamodules.twins import Twin

MOST_BYTES: Final = 1 << 28
"""Of one file's content, unpacked: five times what MNIST's largest has. A file that claims more is not read."""
GZIP: Final = b"\x1f\x8b"
DEFLATED: Final = 1032
"""Bytes that a byte of a gzip file unfolds to at most."""


def read_idx(path: Path, shape: Sequence[int] = ()) -> npt.NDArray[np.uint8]:
    """The N >= 1 items of a file, (N, *shape), packed with gzip or not.

    The header is held against the file's size before anything is read by it, and no more is unpacked than it says.

    Raises:
        ValueError: another format, type or shape; a file that is cut off, damaged or longer than its header says.
        FileNotFoundError: no such file.
    """
    size, axes = path.stat().st_size, 1 + len(shape)
    expected = bytes((0, 0, 8, axes))
    if not size:
        raise ValueError(f"{path}: a file of no bytes; download it again")
    with path.open("rb") as file:
        packed = file.read(len(GZIP)) == GZIP
    try:
        with gzip.open(path) if packed else path.open("rb") as file:
            header = file.read(4 + 4 * axes)
            if not header.startswith(expected):
                raise ValueError(
                    f"{path}: begins with {header[:4].hex(' ')}, expected {expected.hex(' ')}, an IDX file of bytes "
                    f"with {axes} ax{'i' if axes == 1 else 'e'}s; download it again"
                )
            if len(header) < 4 + 4 * axes:
                raise ValueError(f"{path}: cut off after {len(header)} bytes, in its header; download it again")
            count, *found = struct.unpack(f">{axes}I", header[4:])
            if found != list(shape):
                raise ValueError(f"{path}: items of {_times(found)}, expected {_times(shape)}; is it the right file?")
            length = count * math.prod(shape)
            if not 0 < length <= min(MOST_BYTES, DEFLATED * size if packed else size):
                raise ValueError(
                    f"{path}: its header says {_times((count, *shape))} bytes, which a file of {size} cannot hold, or "
                    f"which are none or more than {MOST_BYTES}; download it again"
                )
            content = file.read(length + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{path}: cut off or damaged ({error}); download it again") from None
    if len(content) != length:
        found_bytes = "more" if len(content) > length else f"only {len(content)}"
        raise ValueError(
            f"{path}: its header says {_times((count, *shape))} bytes, but {found_bytes} follow; download it again"
        )
    return np.frombuffer(content, np.uint8).reshape(count, *shape)


def _times(lengths: Sequence[int]) -> str:
    return " x ".join(map(str, lengths))


CLASSES: Final = tuple("0123456789")
SIDE: Final = 28
NESTINGS: Final = (".", "MNIST/raw", "raw")
PARTS: Final = ("train", "t10k")
DEV: Final = 1 / 12
"""Share of the training file, at its end, that is kept for validation: 5,000 of 60,000."""


def read(root: Path) -> Found:
    """Pictures and labels for training and test, packed with gzip or not, in `root` or nested as others unpack them.

    Raises FileNotFoundError: none of the four files there.
    """
    folders = [root / nesting for nesting in NESTINGS]
    kinds = [(part, kind) for part in PARTS for kind in ("images", "labels")]
    folder = next((one for one in folders if any(_path(one, *kind).is_file() for kind in kinds)), None)
    if folder is None:
        raise FileNotFoundError(
            f"{root}: no {_name('train', 'images')} (or .gz) in it, nor in {' or '.join(NESTINGS[1:])}; put the four "
            "files of MNIST there"
        )
    found = Found(CLASSES)
    for part in PARTS:
        pictures = found.attempt(root, _path(folder, part, "images"), partial(read_idx, shape=(SIDE, SIDE)))
        labels = found.attempt(root, _path(folder, part, "labels"), read_idx)
        if pictures is None or labels is None:
            continue
        if problem := _mismatch(pictures, labels):
            where = _path(folder, part, "labels").relative_to(root).as_posix()
            found.findings.append(Finding("mismatch", where, problem))
        elif part == "train":
            border = len(cut(range(len(labels)), (1 - DEV, DEV), guard=0)[0])
            found.blocks.append(Block(part, "train", pictures[:border], labels[:border]))
            if border < len(labels):
                found.blocks.append(Block(part, "dev", pictures[border:], labels[border:], border))
        else:
            found.blocks.append(Block(part, "test", pictures, labels))
    return found


def _name(part: str, kind: str, mark: str = "-") -> str:
    return f"{part}-{kind}{mark}idx{3 if kind == 'images' else 1}-ubyte"


def _path(folder: Path, part: str, kind: str) -> Path:
    """The file by one of the names that it goes by, the published one if it is not there; a mirror's have a dot."""
    paths = [folder / f"{_name(part, kind, mark)}{packed}" for packed in ("", ".gz") for mark in ("-", ".")]
    return next((path for path in paths if path.is_file()), paths[0])


def _mismatch(pictures: Bytes, labels: Bytes) -> str | None:
    wrong = np.flatnonzero(labels >= len(CLASSES))
    if len(wrong):
        return f"picture {wrong[0]} has the label {labels[wrong[0]]}, expected 0 to 9; download it again"
    if len(pictures) != len(labels):
        return f"{len(labels)} labels for {len(pictures)} pictures; download both files again"
    return None


def survey(root: Path) -> Survey:
    """All pictures; the last twelfth of the training file is dev. Raises as `read` does."""
    return read(root).survey()


def pictures(root: Path, samples: Sequence[Sample]) -> Iterator[tuple[Sample, Image]]:
    """What samples show, for a person to look at."""
    return shown(read(root), samples)


class MNIST(PictureFiles):
    """Digits, written by hand or in the twin signed by one, in the middle of black S x S; see `LabelledPictures`.

    image_size: S, at least 28.
    """

    dataset = "mnist"
    read = staticmethod(read)

    def __init__(
        self,
        root: str,
        image_size: int = 32,
        batch_size: int = 64,
        num_workers: int = 0,
        seed: int = 0,
        twin: Twin | None = None,
    ) -> None:
        super().__init__(root, image_size, batch_size, num_workers, seed, twin)
        self.at_least(image_size=(image_size, SIDE))
