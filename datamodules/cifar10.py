"""CIFAR-10: photographs of ten kinds of things, 32 x 32 in colour, in its binary version."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from datamodules.files import read_lines
from datamodules.kinds.labelled import Block, Found, PictureFiles, shown
from datamodules.media.drawing_primitives import Image
from datamodules.samples import Sample, Split, Survey
from datamodules.twins import Twin

SIDE: Final = 32
COUNT: Final = 10
"""Of classes."""
RECORD: Final = 1 + 3 * SIDE * SIDE
ARCHIVE: Final = "cifar-10-binary.tar.gz"
MOST_BYTES: Final = 1 << 28
"""Of a batch, nine times what a published one has: a larger file is not read."""
MOST_TEXT: Final = 10_000

Bytes = npt.NDArray[np.uint8]


def read_batch(path: Path) -> tuple[Bytes, Bytes]:
    """Pictures (N, 32, 32, 3) and labels (N,) of N >= 1 records: a label, then the red, green and blue plane by rows.

    Raises:
        ValueError: a size that no number of records has, or a label above 9.
        FileNotFoundError: no such file.
    """
    size = path.stat().st_size
    if size % RECORD or not 0 < size <= MOST_BYTES:
        raise ValueError(
            f"{path}: {size} bytes, expected records of {RECORD}, at least one and at most {MOST_BYTES} bytes of them; "
            f"unpack {ARCHIVE} again"
        )
    records = np.fromfile(path, np.uint8).reshape(-1, RECORD)
    wrong = np.flatnonzero(records[:, 0] >= COUNT)
    if len(wrong):
        label = records[wrong[0], 0]
        raise ValueError(f"{path}: picture {wrong[0]} has the label {label}, expected 0 to 9; unpack {ARCHIVE} again")
    return records[:, 1:].reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1), records[:, 0]


def read_names(path: Path) -> tuple[str, ...]:
    """The names of the ten classes, a line each. Raises ValueError where there are not ten different ones."""
    size = path.stat().st_size
    names = [name for name in read_lines(path) if name] if size <= MOST_TEXT else []
    if len(names) != COUNT or len(set(names)) != COUNT:
        raise ValueError(
            f"{path}: {size} bytes with {len(set(names))} different names, expected {COUNT}, a line each; unpack "
            f"{ARCHIVE} again"
        )
    return tuple(names)


BATCHES: Final[dict[str, Split]] = {
    **dict.fromkeys([f"data_batch_{number}.bin" for number in range(1, 5)], "train"),
    "data_batch_5.bin": "dev",
    "test_batch.bin": "test",
}
NAMES: Final = "batches.meta.txt"
NESTED, PICKLED = "cifar-10-batches-bin", "cifar-10-batches-py"


def read(root: Path) -> Found:
    """The batches in `root`, or nested as the archive has them; the fifth is dev.

    Raises FileNotFoundError: no file of the binary version there; for the Python version it says what to fetch.
    """
    folders = [root, root / NESTED]
    folder = next((one for one in folders if any((one / name).is_file() for name in (*BATCHES, NAMES))), None)
    if folder is None:
        raise FileNotFoundError(_absent(root))
    found = Found(tuple(map(str, range(COUNT))))
    for name, split in BATCHES.items():
        records = found.attempt(root, folder / name, read_batch)
        if records is not None:
            found.blocks.append(Block(name.removesuffix(".bin"), split, *records))
    found.classes = found.attempt(root, folder / NAMES, read_names) or found.classes
    return found


def _absent(root: Path) -> str:
    if any((folder / "data_batch_1").is_file() for folder in (root, root / PICKLED)):
        return (
            f"{root}: this is CIFAR-10's Python version, pickles, which can run code when they are opened and are not "
            f"read; fetch the binary version, {ARCHIVE}, and unpack it there"
        )
    return f"{root}: no data_batch_1.bin in it, nor in {NESTED}; unpack CIFAR-10's binary version there, {ARCHIVE}"


def survey(root: Path) -> Survey:
    """All pictures; a batch is a source. Raises as `read` does."""
    return read(root).survey()


def pictures(root: Path, samples: Sequence[Sample]) -> Iterator[tuple[Sample, Image]]:
    """What samples show, for a person to look at."""
    return shown(read(root), samples)


class CIFAR10(PictureFiles):
    """Photographs, or in the twin ten letters of the manual alphabet, 32 x 32; see `LabelledPictures`."""

    dataset = "cifar10"
    read = staticmethod(read)

    def __init__(
        self, root: str, batch_size: int = 64, num_workers: int = 0, seed: int = 0, twin: Twin | None = None
    ) -> None:
        super().__init__(root, SIDE, batch_size, num_workers, seed, twin)
