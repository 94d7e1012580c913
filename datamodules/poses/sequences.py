"""Pose sequences parsed once: the frames of a split in one file, mapped into memory instead of read.

Parsing text takes its time, and a list of parsed sequences is copied into every loader process. A cache file is opened
at once, whatever its size, and all processes share its pages. It holds the frames, (frames, 50, 3) float32; the frame
at which each sequence ends, int64; and a footer: identity of the source, number of sequences, a mark.

Caches stand in `cache_folder`, one file a source, replaced when the source changes. They can be deleted at any time.
"""

import hashlib
import os
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final, overload

import numpy as np
import numpy.typing as npt

from datamodules.files import atomic, cache_folder
from datamodules.poses.skeletons import SLP_50

Joints = npt.NDArray[np.float32]

FRAME_SHAPE: Final = (SLP_50.joints, 3)
FRAME_BYTES: Final = 4 * SLP_50.joints * 3
FOOTER: Final = struct.Struct("<32sq8s")
MARK: Final = b"slp50-v1"


class Sequences(Sequence[Joints]):
    """The sequences of a cache file, each a read-only (T, 50, 3) view of the mapped file.

    lengths: frames of each, int64.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a file that is not whole, or made from something of another identity.
    """

    def __init__(self, path: Path, identity: bytes) -> None:
        self.path, self.identity = path, identity
        content = np.memmap(path, np.uint8, "r") if path.stat().st_size >= FOOTER.size else np.empty(0, np.uint8)
        found, count, mark = FOOTER.unpack(content[-FOOTER.size :].tobytes()) if len(content) else (b"", 0, b"")
        frames = len(content) - FOOTER.size - 8 * count
        whole = mark == MARK and 0 <= count <= len(content) // 8 and frames >= 0 and not frames % FRAME_BYTES
        if not whole or found != identity:
            raise ValueError(f"{path}: a cache that is cut off or of another source; delete it")
        self._ends = np.frombuffer(content[frames : frames + 8 * count].tobytes(), "<i8")
        self.lengths = np.diff(self._ends, prepend=0)
        if (self.lengths < 0).any() or (self._ends[-1] if count else 0) * FRAME_BYTES != frames:
            raise ValueError(f"{path}: a cache whose lengths do not add up; delete it")
        self._frames = content[:frames].view(np.float32).reshape(-1, *FRAME_SHAPE)

    def __len__(self) -> int:
        return len(self._ends)

    @overload
    def __getitem__(self, row: int) -> Joints: ...
    @overload
    def __getitem__(self, row: slice) -> list[Joints]: ...
    def __getitem__(self, row: int | slice) -> Joints | list[Joints]:
        if isinstance(row, slice):
            return [self[index] for index in range(*row.indices(len(self)))]
        end = self._ends[row]
        return np.asarray(self._frames[end - self.lengths[row] : end])

    def __reduce__(self) -> tuple[Any, ...]:
        """By path: a loader process maps the same file instead of receiving a copy."""
        return Sequences, (self.path, self.identity)


def cached(source: Path, identity: bytes, sequences: Iterable[Joints]) -> Sequences:
    """The cache of what `source` holds, written first where there is none of this identity.

    Args:
        source: the file or folder that the sequences come from; names the cache.
        identity: 32 bytes that change when the source does.
        sequences: (T, 50, 3) each; only iterated where the cache must be written.

    Raises:
        OSError: the cache cannot be written.
    """
    path = cache_path(source)
    try:
        return Sequences(path, identity)
    except (OSError, ValueError):
        _write(path, identity, sequences)
        return Sequences(path, identity)


def cache_path(source: Path) -> Path:
    """Where the cache of a file or folder stands."""
    place = hashlib.sha256(os.fsencode(source.resolve())).hexdigest()[:16]
    return cache_folder() / f"{source.stem}-{place}.joints"


def file_identity(path: Path) -> bytes:
    """32 bytes that change when the file is written anew: its path, size and modification time."""
    stat = path.stat()
    return hashlib.sha256(os.fsencode(path.resolve()) + f"\0{stat.st_size}\0{stat.st_mtime_ns}".encode()).digest()


def _write(path: Path, identity: bytes, sequences: Iterable[Joints]) -> None:
    ends = [0]
    writable(path.parent)
    with atomic(path) as temporary, open(temporary, "wb") as out:
        for joints in sequences:
            ends.append(ends[-1] + len(joints))
            out.write(np.ascontiguousarray(joints, "<f4").tobytes())
        out.write(np.array(ends[1:], "<i8").tobytes())
        out.write(FOOTER.pack(identity, len(ends) - 1, MARK))
        out.flush()
        os.fsync(out.fileno())


def writable(folder: Path) -> None:
    """Make a folder of the cache. Raises PermissionError or OSError that says how to have it elsewhere."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError("not allowed")
    except OSError as error:
        raise type(error)(f"{folder}: cannot keep parsed poses here ({error}); set ZOO_CACHE to a folder") from None
