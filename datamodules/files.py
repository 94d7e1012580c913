"""Files that appear whole or not at all, one writer at a time, and lines of text that run in parallel."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def atomic(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place when the block ends well and vanishes otherwise."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def locked(path: str | os.PathLike[str]) -> Iterator[None]:
    """One process at a time is in here with the same `path`: others wait until it leaves, or ends in whatever way.

    The empty file stays. On a file system without locks nobody waits.
    """
    with open(path, "ab") as file:
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def read_text(path: str | os.PathLike[str]) -> str:
    """A file's text, its line ends as they are; without the mark (BOM) that Windows' editors put before it.

    Raises:
        ValueError: bytes that are not UTF-8; the message names file and line.
    """
    content = Path(path).read_bytes()
    try:
        return content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line, start = content.count(b"\n", 0, error.start) + 1, content.rfind(b"\n", 0, error.start) + 1
        raise ValueError(
            f"{path}, line {line}: byte {error.start - start} is no UTF-8 text; save the file as UTF-8"
        ) from None


def read_lines(path: str | os.PathLike[str]) -> list[str]:
    """The stripped lines of a `.text`, `.gloss` or `.files` file; empty ones stay: the files are parallel.

    Raises:
        ValueError: bytes that are not UTF-8; the message names file and line.
    """
    lines = read_text(path).split("\n")
    return [line.strip() for line in lines[: -1 if not lines[-1] else None]]
