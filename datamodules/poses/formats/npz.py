"""Our own `.npz`: the joints of one signer, with what else is needed to read them.

    joints (T, J, 2 or 3) float32    confidence (T, J) float32, 0 = absent
    fps float64                      layout, a name in `skeletons.LAYOUTS`

`numpy.load` opens it. Nothing in it is pickled, and a size that a header claims is believed only if the file holds it.
"""

import os
import re
import zipfile
import zlib
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from datamodules.files import atomic
from datamodules.poses.formats.pose import FASTEST
from datamodules.poses.skeletons import LAYOUTS, Skeleton

LARGEST: Final = 256 << 20  # bytes of one array: hours of signing
_KEYS: Final = {"joints": "f", "confidence": "f", "fps": "f", "layout": "U"}
_KINDS: Final = {"f": "float32 or float64", "U": "text"}
_HEADER: Final = re.compile(
    rb"\{'descr': '(<f4|<f8|<U[1-9]\d?)', 'fortran_order': False, 'shape': \(((?:\d{1,9}(?:, |,)?){0,4})\), *\} *\n"
)
_DAMAGE: Final = (
    zipfile.BadZipFile,
    *(zlib.error, EOFError, OSError, ValueError, OverflowError, RuntimeError, NotImplementedError),
)


@dataclass(frozen=True, eq=False)
class Recording:
    """The joints (T, J, 2 or 3) of one signer in a layout's own units, confidence (T, J), and frames a second."""

    layout: Skeleton
    joints: npt.NDArray[np.float32]
    confidence: npt.NDArray[np.float32]
    fps: float

    def __post_init__(self) -> None:
        shape = self.joints.shape
        if len(shape) != 3 or shape[1] != self.layout.joints or shape[2] not in (2, 3) or not shape[0]:
            raise ValueError(f"joints: found {shape}, expected (T, {self.layout.joints}, 2 or 3) with T >= 1")
        if self.confidence.shape != shape[:2]:
            raise ValueError(f"confidence: found {self.confidence.shape}, expected {shape[:2]}")
        if not 0 < self.fps <= FASTEST:
            raise ValueError(f"fps: found {self.fps}, expected more than 0, up to {FASTEST}")
        if not np.isfinite(self.confidence).all() or self.confidence.min() < 0:
            raise ValueError("confidence: found NaN, infinity or a negative number")
        bad = np.argwhere((self.confidence > 0) & ~np.isfinite(self.joints).all(-1))
        if len(bad):
            raise ValueError(f"joints: frame {bad[0][0]}, joint {bad[0][1]} is not finite and its confidence is not 0")


def write_npz(path: str | os.PathLike[str], recording: Recording) -> None:
    """Write a recording; the file appears whole or not at all, and the same recording gives the same bytes."""
    with atomic(path) as temporary, open(temporary, "wb") as out:
        np.savez(
            out,
            joints=np.asarray(recording.joints, np.float32),
            confidence=np.asarray(recording.confidence, np.float32),
            fps=np.float64(recording.fps),
            layout=np.str_(recording.layout.name),
        )


def read_npz(path: str | os.PathLike[str]) -> Recording:
    """What `write_npz` wrote.

    Raises:
        ValueError: bytes that are no such file; the message names the key, what was found and what was expected.
    """
    with open(Path(path), "rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                found = {key: _array(archive, key, kind) for key, kind in _KEYS.items()}
        except _DAMAGE as error:
            raise ValueError(f"{path}: no .npz of joints ({error}); write it again with write_npz") from None
    name = str(found["layout"])
    layouts = {layout.name: layout for layout in LAYOUTS}
    try:
        if name not in layouts:
            raise ValueError(f"layout: found {name[:40]!r}, expected one of {', '.join(layouts)}")
        if found["fps"].ndim:
            raise ValueError(f"fps: found an array {found['fps'].shape}, expected one number")
        joints, confidence = (found[key].astype(np.float32) for key in ("joints", "confidence"))
        return Recording(layouts[name], joints, confidence, float(found["fps"]))
    except ValueError as error:
        raise ValueError(f"{path}: {error}; write it again with write_npz") from None


def _array(archive: zipfile.ZipFile, key: str, kind: str) -> npt.NDArray[Any]:
    try:
        info = archive.getinfo(f"{key}.npy")
    except KeyError:
        names = ", ".join(sorted(archive.namelist())[:8]) or "nothing"
        raise ValueError(f"key {key!r}: not in it, found {names}") from None
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"key {key!r}: compressed by method {info.compress_type}, expected none or deflate")
    with archive.open(info) as member:
        head = member.read(10)
        length = int.from_bytes(head[8:], "little")
        header = _HEADER.fullmatch(member.read(length)) if head[:8] == b"\x93NUMPY\x01\x00" else None
        if header is None or chr(header[1][1]) != kind:
            raise ValueError(
                f"key {key!r}: found another header than that of a {_KINDS[kind]} array of .npy version 1.0"
            )
        dtype = np.dtype(header[1].decode())
        shape = tuple(map(int, header[2].replace(b",", b" ").split()))
        size = prod(shape) * dtype.itemsize
        if size > LARGEST or size != info.file_size - 10 - length:
            raise ValueError(f"key {key!r}: {shape} of {dtype} in {info.file_size} bytes, expected them to agree")
        content = member.read(size)
        if len(content) != size or member.read(1):
            raise ValueError(f"key {key!r}: {len(content)} bytes, expected {size}")
    return np.frombuffer(content, dtype).reshape(shape)
