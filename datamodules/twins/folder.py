"""A folder that appears whole or not at all, written by one process at a time, whatever is killed on the way."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2

from datamodules.avatar.backdrop import Image
from datamodules.poses.formats import locked


@contextmanager
def replacing(root: Path) -> Iterator[Path]:
    """An empty folder that takes the place of `root` if the block fills it and ends well, and vanishes otherwise.

    It lies in one beside `root` that always has the same name, so that the next writer clears away what a killed one
    left. A second process waits here until the first has ended, then gets its own; the empty file on which it waits,
    `.<name>.lock` beside `root`, stays and may be deleted when nobody writes.
    """
    root.parent.mkdir(parents=True, exist_ok=True)
    workshop = root.with_name(f".{root.name}.unfinished")
    with locked(root.with_name(f".{root.name}.lock")):
        try:
            shutil.rmtree(workshop, ignore_errors=True)
            folder = workshop / str(os.getpid())  # a killed writer's workers may live on for a moment: not in here
            folder.mkdir(parents=True)
            yield folder
            if any(folder.iterdir()):
                if root.exists():
                    root.rename(workshop / "old")
                folder.rename(root)
        finally:
            shutil.rmtree(workshop, ignore_errors=True)


def contents(folder: Path) -> dict[str, int]:
    """The files of a folder, hidden ones apart, and their sizes."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith("."))
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}


def write_picture(path: Path, picture: Image) -> None:
    """A JPEG of an RGB picture (H, W, 3), at OpenCV's quality (95), which the real sets have."""
    _, encoded = cv2.imencode(path.suffix, picture[..., ::-1])
    path.write_bytes(encoded.tobytes())
