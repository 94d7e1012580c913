"""CIFAR-10: photographs of ten kinds of things, 32 x 32 in colour, in its binary version."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from datamodules.cifar10_files import ARCHIVE, COUNT, SIDE, read_batch, read_names
from datamodules.media.drawing_primitives import Image
from datamodules.picture_files import Block, Found, PictureFiles, shown
from datamodules.samples import Sample, Split, Survey
from datamodules.twins import Twin

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
