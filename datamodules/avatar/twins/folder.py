"""A folder that appears whole or not at all, written by one process at a time, whatever is killed on the way."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(root: Path) -> Iterator[Path]:
    """An empty folder beside `root` that takes its place if the block fills it and ends well, else vanishes.

    It is always the same one, so that the next writer clears away what a killed one left. A second process waits here
    until the first has ended, then gets its own.
    """
    root.parent.mkdir(parents=True, exist_ok=True)
    unfinished, old = root.with_name(f".{root.name}.unfinished"), root.with_name(f".{root.name}.old")
    handle = _lock(unfinished)
    try:
        shutil.rmtree(old, ignore_errors=True)
        for left in unfinished.iterdir():
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        yield unfinished
        if not any(unfinished.iterdir()):
            unfinished.rmdir()
            return
        if root.exists():
            root.rename(old)
            shutil.rmtree(old)
        unfinished.rename(root)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    finally:
        os.close(handle)


def _lock(folder: Path) -> int:
    """Make a folder and lock it for this process; the lock falls with the process."""
    while True:
        folder.mkdir(exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
        fcntl.flock(handle, fcntl.LOCK_EX)
        try:
            if os.path.samestat(os.fstat(handle), folder.stat()):
                return handle
        except FileNotFoundError:
            pass
        os.close(handle)  # who held the lock has moved the folder or removed it


def contents(folder: Path) -> dict[str, int]:
    """The files of a folder, hidden ones apart, and their sizes."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith("."))
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}
