"""What is wrong with a picture by its header and its end: cheap enough for every file of a large data set."""

import os
from pathlib import Path
from typing import Final

from PIL import Image as Pillow

from datamodules.media.images import END_MARKERS, FORMATS, MOST_PIXELS, TAIL
from datamodules.samples import Finding

LEAST_SIDE: Final = 16
"""Pixels below which no hand can be made out; what is smaller is an icon or an accident."""
HEAD: Final = 6
"""Bytes of a BMP, whose last four are its size."""
REMEDY: Final = "fetch it again or remove it"


def picture_fault(root: Path, path: Path) -> Finding | None:
    """What would stop or spoil a training on this picture of a data set in `root`; None where nothing is seen.

    Not a pixel is decoded, so that damage in the middle goes unnoticed: `data check` reads all of it.
    """
    problem = _problem(path)
    return None if problem is None else Finding(problem[0], path.relative_to(root).as_posix(), problem[1])


def _problem(path: Path) -> tuple[str, str] | None:
    """Kind and message of the finding."""
    if not path.is_file():
        return "unreadable", f"a folder, a link to nothing or the like; expected a picture: {REMEDY}"
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            if not size:
                return "empty", f"a file of no bytes; {REMEDY}"
            file.seek(max(0, size - TAIL))
            tail = file.read()
            file.seek(0)
            head = file.read(HEAD)
            file.seek(0)
            try:
                with Pillow.open(file, formats=FORMATS) as picture:
                    kind, mode, (width, height) = str(picture.format), picture.mode, picture.size
            except Pillow.DecompressionBombError as error:
                return "unfit", f"{error}; scale it down or remove it"
            except Exception:  # a broken header surfaces as whatever its bytes provoke
                kinds = ", ".join(FORMATS)
                return "unreadable", f"{size} bytes that are no picture, or not all of one; expected {kinds}: {REMEDY}"
    except OSError as error:
        return "unreadable", f"{error.strerror}; expected a picture: {REMEDY}"
    if END_MARKERS.get(kind, b"") not in tail:
        return "unreadable", f"{width} x {height} pixels, cut off: the end marker of a {kind} is missing; {REMEDY}"
    if kind == "BMP" and int.from_bytes(head[2:HEAD], "little") > size:
        return "unreadable", f"{width} x {height} pixels, cut off: {size} bytes, fewer than its header says; {REMEDY}"
    if min(width, height) < LEAST_SIDE:
        return "unfit", f"{width} x {height} pixels, expected at least {LEAST_SIDE} x {LEAST_SIDE}; {REMEDY}"
    if width * height > MOST_PIXELS:
        return "unfit", f"{width} x {height} pixels, expected at most {MOST_PIXELS}; scale it down or remove it"
    if mode == "CMYK":
        return "unfit", "CMYK, the colours of printing, expected RGB or grey; convert it to RGB or remove it"
    return None
