"""Folders of pictures that are frames of a recording: a number in a name tells which."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

from datamodules.media.images import END_MARKERS, FORMATS, IMAGE_SUFFIXES, MOST_PIXELS, TAIL
from datamodules.samples import Finding, Survey

LEAST_SIDE: Final = 16
"""Pixels below which no hand can be made out; what is smaller is an icon or an accident."""
HEAD: Final = 6
"""Bytes of a BMP, whose last four are its size."""
REMEDY: Final = "fetch it again or remove it"
LOOK: Final = 32
ALIKE: Final = 4.7
"""Grey levels, the root of a mean square, by which looks of near-duplicates differ at most.

RWTH-BOSTON-50's val/ begins with eight that differ by 2.6 to 4.1 from pictures of train/, all others by 11 and more; a
copy that was saved anew differs by .8."""


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


LITTER: Final = frozenset({"thumbs.db", "desktop.ini", "__macosx"})


def is_litter(path: Path) -> bool:
    """Whether a file manager left it there, and nobody misses it: hidden files, Thumbs.db, a zip's __MACOSX."""
    return path.name.startswith(".") or path.name.lower() in LITTER


def frame_files(root: Path, folder: Path, name: str, expected: str, found: Survey) -> dict[int, Path]:
    """The pictures of a folder by their frames; what is no good picture, tells no frame, or one again, is a finding.

    Args:
        root: the data set's folder.
        folder: within it.
        name: a regular expression of names without suffix, whose one group is the number.
        expected: such a name in words, "image<number>.jpg".
        found: grows by the findings.
    """
    frames: dict[int, Path] = {}
    for path in sorted(folder.iterdir()):
        match, where = re.fullmatch(name, path.stem), path.relative_to(root).as_posix()
        if is_litter(path):
            continue
        if match is None or path.suffix.lower() not in IMAGE_SUFFIXES:
            message = f"a name that tells no frame; expected {expected}: rename or remove it"
            found.findings.append(Finding("unreadable", where, message))
        elif int(match[1]) in frames:
            message = f"frame {int(match[1])} again, as {frames[int(match[1])].name}; remove one of them"
            found.findings.append(Finding("duplicate", where, message))
        else:
            frames[int(match[1])] = path
            found.findings += filter(None, [picture_fault(root, path)])
    return frames


def look(path: Path) -> npt.NDArray[np.float32] | None:
    """The left half of a picture, where pairs have the camera's frame, as LOOK x LOOK grey levels (LOOK^2,); None where
    it cannot be read."""
    grey = cv2.imread(str(path), cv2.IMREAD_REDUCED_GRAYSCALE_2)
    if grey is None or grey.shape[1] < 2:
        return None
    half = cv2.resize(grey[:, : grey.shape[1] // 2], (LOOK, LOOK), interpolation=cv2.INTER_AREA)
    found: npt.NDArray[np.float32] = half.astype(np.float32).ravel()
    return found


Looks = Mapping[Path, npt.NDArray[np.float32]]


def near_duplicates(frames: Looks, others: Looks) -> dict[Path, Path]:
    """The frames that look like one of the others, each with the one that it resembles most."""
    if not others:
        return {}
    paths, matrix = list(others), np.stack(list(others.values()))
    found = {}
    for path, own in frames.items():
        apart = np.square(matrix - own).mean(1)
        nearest = int(apart.argmin())
        if apart[nearest] <= ALIKE**2:
            found[path] = paths[nearest]
    return found
