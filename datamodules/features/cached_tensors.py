"""Tensors of items that are computed once, such as pictures' latents: files in this machine's cache, read in place."""

import errno
import hashlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from datamodules.files import NO_ROOM, atomic, locked
from datamodules.progress import progress

ROWS: Final = 256
"""Items of a file: so many are lost when a process is killed."""
ROW: Final = "rows"
ROOM: Final = 10_000_000
"""Bytes that are left to others on the disk."""

MAKE_ROOM: Final = "make room, or set ZOO_CACHE to a folder on another disk"

Rows = npt.NDArray[np.float32 | np.float16 | np.uint8]
Number = type[np.float32] | type[np.float16] | type[np.uint8]


class CachedTensors:
    """A tensor for each of some items, kept in files of 256 whose names say what is in them.

    A file's name is the sum of its items' keys. So what was computed stays valid as long as its key does, a changed
    item has its own file made anew and no other, and a process that is killed leaves whole files, with which the next
    goes on: it ends with the same bytes. Whatever lies in the folder may be removed at any time.

    folder: of everything that was computed in the same way. keys: one an item, which says what it is made of. shape: of
    each tensor. dtype: of its numbers.
    """

    def __init__(
        self,
        folder: Path,
        keys: Sequence[str],
        shape: Sequence[int],
        dtype: Number = np.float32,
    ) -> None:
        self.folder, self.shape, self.dtype, self.count = folder, tuple(shape), np.dtype(dtype), len(keys)
        parts = [keys[start : start + ROWS] for start in range(0, len(keys), ROWS)]
        self.paths = [folder / f"{digest(*part)}.safetensors" for part in parts]
        self._open: dict[int, Any] = {}

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Rows:
        """The tensor of an item; nothing but it is read."""
        file, row = divmod(index, ROWS)
        if file not in self._open:
            self._open[file] = safe_open(self.paths[file], "np").get_slice(ROW)  # type: ignore[no-untyped-call]
        found: Rows = self._open[file][row : row + 1][0]
        return found

    def __getstate__(self) -> dict[str, Any]:
        """Without open files, for a loader's process."""
        return {**self.__dict__, "_open": {}}

    def beside(self, folder: Path, shape: Sequence[int], dtype: Number) -> "CachedTensors":
        """Other tensors of the same items."""
        other = CachedTensors(folder, (), shape, dtype)
        other.count, other.paths = self.count, [folder / path.name for path in self.paths]
        return other

    def missing(self) -> list[int]:
        """The numbers of the files that are not there, or not whole."""
        return [number for number, path in enumerate(self.paths) if not self._whole(number, path)]

    def complete(self, compute: Callable[[range], Rows], what: str) -> None:
        """Compute what is missing, with a bar; several processes wait for each other.

        compute: the tensors (n, *shape) of items by their numbers, at most 256 at once; always the same for the same.
        what: they are, in print.

        Raises NoRoomError, before anything is computed, where the disk has no room for them; and where it is full
        meanwhile: what was written whole stays, and the next call goes on with it.
        """
        if not self.missing():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        with locked(self.folder / ".lock"):
            missing = self.missing()
            advice = f"{MAKE_ROOM}, or turn `cache` off in the spec"
            size = self._bytes(missing)
            refuse_full(self.folder, size, what, advice)
            if missing:
                print(f"zoo: {what}: {readable(size)} into {self.folder}", file=sys.stderr, flush=True)
            for number in progress(missing, what):
                rows = np.ascontiguousarray(compute(self._items(number)), self.dtype)
                full = told_when_full(self.folder, lambda: self._bytes(self.missing()), what, advice)
                with full, atomic(self.paths[number]) as part:
                    save_file({ROW: rows}, part)

    def _bytes(self, files: Sequence[int]) -> int:
        """That files take, by their numbers."""
        return sum(len(self._items(number)) for number in files) * prod(self.shape) * self.dtype.itemsize

    def _items(self, number: int) -> range:
        return range(number * ROWS, min((number + 1) * ROWS, self.count))

    def _whole(self, number: int, path: Path) -> bool:
        try:
            with safe_open(path, "np") as file:
                return list(file.get_slice(ROW).get_shape()) == [len(self._items(number)), *self.shape]
        except (OSError, SafetensorError):
            return False


class NoRoomError(OSError):
    """A disk has no room for what is to be cached. The message says how much is wanted and is free, and what to do."""

    def __init__(self, folder: Path, size: int, what: str, advice: str) -> None:
        free = shutil.disk_usage(folder).free
        message = f"no room for {what}: found {readable(free)} free, expected {readable(size + ROOM)}; {advice}"
        super().__init__(errno.ENOSPC, message, str(folder))


def refuse_full(folder: Path, size: int, what: str, advice: str = MAKE_ROOM) -> None:
    """Raise NoRoomError where a folder's disk has no room for so many bytes of what is to be cached."""
    if shutil.disk_usage(folder).free < size + ROOM:
        raise NoRoomError(folder, size, what, advice)


@contextmanager
def told_when_full(folder: Path, left: Callable[[], int], what: str, advice: str = MAKE_ROOM) -> Iterator[None]:
    """Raise NoRoomError where a folder's disk, or what a user may have of it, is full by now. left: bytes that are not
    written yet."""
    try:
        yield
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        why = f"{what} ({os.strerror(error.errno).lower()})"
        raise NoRoomError(folder, left(), why, f"{advice}; the same command goes on with what is written") from None


def digest(*texts: str) -> str:
    """32 hex digits that tell sequences of texts apart."""
    found = hashlib.sha256()
    for text in texts:
        found.update(f"{len(text)}:{text}".encode())
    return found.hexdigest()[:32]


def content_keys(items: Sequence[tuple[str, Path]]) -> list[str]:
    """Of items by their names and the files that they are read from: the SHA-256 of the file, and the name. A file of
    several items is read once."""
    sums: dict[Path, str] = {}
    for _, path in items:
        if path not in sums:
            with path.open("rb") as file:
                sums[path] = hashlib.file_digest(file, "sha256").hexdigest()
    return [f"{sums[path]} {name}" for name, path in items]


def readable(size: int) -> str:
    """Bytes as people read them."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
