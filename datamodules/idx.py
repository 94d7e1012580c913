"""IDX files of unsigned bytes, as MNIST comes in (http://yann.lecun.com/exdb/mnist, "File formats")."""

import gzip
import math
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

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
