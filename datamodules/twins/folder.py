"""The files of a twin: what is there, and pictures."""

from pathlib import Path

import cv2

from datamodules.media.drawing_primitives import Image


def contents(folder: Path) -> dict[str, int]:
    """The files of a folder, hidden ones apart, and their sizes."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith("."))
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}


def write_picture(path: Path, picture: Image) -> None:
    """A JPEG of an RGB picture (H, W, 3), at OpenCV's quality (95), which the real sets have."""
    _, encoded = cv2.imencode(path.suffix, picture[..., ::-1])
    path.write_bytes(encoded.tobytes())
