"""Files of CIFAR-10's binary version (https://www.cs.toronto.edu/~kriz/cifar.html, "Dataset layout")."""

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from datamodules.files import read_lines

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
