"""Folders of pictures that are frames of a recording: a number in a name tells which."""

import re
from pathlib import Path
from typing import Final

from datamodules.media.images import IMAGE_SUFFIXES
from datamodules.picture_faults import picture_fault
from datamodules.samples import Finding, Survey

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
