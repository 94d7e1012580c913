"""The twin of MNIST: the digits 0 to 9 signed by a light hand before black, 28 x 28 grey, in the four IDX files."""

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datamodules.twins.closeups import close_ups, shuffled
from datamodules.twins.signers import Twin

DIGITS = "0123456789"
SIDE = 28


def write(root: Path, twin: Twin) -> None:
    """`train-images-idx3-ubyte` with `size` pictures, `t10k-images-idx3-ubyte` with a sixth as many, their labels."""
    sizes = (twin.size, max(1, twin.size // 6))
    labels = shuffled(sizes, len(DIGITS), twin.seed)
    pictures = close_ups([DIGITS[label] for label in np.concatenate(labels)], SIDE, twin, black=True)[..., 0]
    for part, own, drawn in zip(("train", "t10k"), labels, np.split(pictures, [sizes[0]]), strict=True):
        write_idx(root / f"{part}-labels-idx1-ubyte", own)
        write_idx(root / f"{part}-images-idx3-ubyte", drawn)


def write_idx(path: Path, values: NDArray[np.uint8]) -> None:
    """An IDX file of unsigned bytes: two zeros, 8 for the type, the number of axes, their lengths big-endian, all
    values with the last axis running fastest."""
    header = struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape)
    path.write_bytes(header + values.tobytes())
