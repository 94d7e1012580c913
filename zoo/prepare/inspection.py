"""Every file of a data set read to its end, over the cores: its faults, its hash, and how it looks."""

import hashlib
import json
import os
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Final

import cv2
import numpy as np
import numpy.typing as npt

from datamodules.clips import SUFFIXES as VIDEO_SUFFIXES
from datamodules.media.images import IMAGE_SUFFIXES, read_image
from datamodules.poses.formats import followed_openpose, read_pose
from datamodules.poses.people import WHOM
from zoo.prepare.mapping import map_unordered
from zoo.prepare.videos import particulars

SIDE: Final = 16
"""A look compares SIDE x SIDE neighbouring pixels: 256 bits."""
PORTION: Final = 1 << 20
"""Bytes that a process is given to read at once."""
PEOPLE: Final = "several people"
"""The kind of a finding that is no fault."""
FEW: Final = 8
"""So few portions are read here, without processes to start."""


@dataclass(frozen=True)
class Inspected:
    """A file or folder of keypoints that was read.

    path: relative to the data set.
    digest: SHA-256 of its bytes, hexadecimal; empty where it could not be read.
    look: of pictures, a difference hash of 256 bits, hexadecimal.
    kind, message: what is wrong with it, if anything; see `Finding`.
    particulars: of videos, what is to be known of it, by kind.
    """

    path: str
    digest: str = ""
    look: str = ""
    kind: str = ""
    message: str = ""
    particulars: dict[str, str] = field(default_factory=dict)


def inspect_all(root: Path, paths: Sequence[Path], journal: Path) -> dict[Path, Inspected]:
    """Inspect files on every core, with a bar where there is a terminal.

    journal: keeps what was inspected, a line each, so that an interrupted check goes on; a file that changed since is
        inspected again. The caller removes it.

    Raises:
        ChildProcessError: a file that kills what reads it; the message names some that were read at that moment.
    """
    remembered = _remembered(journal)
    found = {path: remembered[path] for path in paths if path in remembered}
    portions = _portions([path for path in paths if path not in found])
    read = partial(_inspect, root)
    journal.parent.mkdir(parents=True, exist_ok=True)
    with journal.open("a", buffering=1, encoding="utf-8") as log:
        done: Iterable[tuple[list[Path], list[Inspected]]] = (
            ((portion, read(portion)) for portion in portions)
            if len(portions) <= FEW
            else map_unordered(partial(partial, _inspect, root), portions, cost=len, name=_named, title="reading files")
        )
        for portion, inspected in done:
            found.update(zip(portion, inspected, strict=True))
            for path in portion:
                _remember(log, path, found[path])
    return found


def _portions(paths: Sequence[Path]) -> list[list[Path]]:
    """Files to read one after another: about a megabyte, since handing over work takes longer than a small picture."""
    portions: list[list[Path]] = []
    room = 0
    for path in paths:
        size = path.stat().st_size if path.is_file() else PORTION // 4
        if size > room:
            portions.append([])
            room = PORTION
        portions[-1].append(path)
        room -= max(size, PORTION // 64)
    return portions


def _inspect(root: Path, paths: Sequence[Path]) -> list[Inspected]:
    return [inspect(root, path) for path in paths]


def _named(portion: Sequence[Path]) -> str:
    return f"{portion[0]} to {portion[-1]} ({len(portion)} files)" if len(portion) > 1 else str(portion[0])


def inspect(root: Path, path: Path) -> Inspected:
    """Read one file, or a folder of OpenPose keypoints, to its end."""
    where = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
    try:
        if path.is_dir():
            keypoints, people = followed_openpose(path)
            digest = hashlib.sha256(keypoints.tobytes()).hexdigest()
            if len(keypoints) > 1 and not np.ptp(keypoints, axis=0).any():
                return Inspected(where, digest, kind="frozen", message="one unmoving pose")
            if people > 1:
                message = f"{people} people in view at once; {WHOM['largest']} is followed"
                return Inspected(where, digest, kind=PEOPLE, message=message)
            return Inspected(where, digest)
        if not path.stat().st_size:
            return Inspected(where, kind="empty", message="a file of no bytes; fetch it again")
        video = path.suffix.lower() in VIDEO_SUFFIXES
        look, known = ("", particulars(path)) if video else (_read(path), {})
        with path.open("rb") as file:
            return Inspected(where, hashlib.file_digest(file, "sha256").hexdigest(), look, particulars=known)
    except FileNotFoundError:
        return Inspected(where, kind="missing", message="no such file")
    except (ValueError, OSError) as error:
        message = str(error).removeprefix(f"{path}: ").removeprefix(f"{path}{os.sep}")  # that of a frame of keypoints
        return Inspected(where, kind="unreadable", message=message)


def _read(path: Path) -> str:
    """Read a file as what its suffix says; of a picture, its look. Raises ValueError or OSError."""
    suffix = path.suffix.lower()
    if suffix in IMAGE_SUFFIXES:
        return look(read_image(path))
    if suffix == ".pose":
        read_pose(path)
    elif suffix == ".npy":
        _load(path)
    return ""


def look(image: npt.NDArray[np.uint8]) -> str:
    """A difference hash, hexadecimal: for each of 16 x 16 cells whether it is brighter than its right neighbour."""
    grey = cv2.resize(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), (SIDE + 1, SIDE), interpolation=cv2.INTER_AREA)
    return np.packbits(grey[:, :-1] > grey[:, 1:]).tobytes().hex()


def _load(path: Path) -> None:
    try:
        values = np.load(path, mmap_mode="r", allow_pickle=False)
    except (EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"no array ({error}); make it again") from None
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise ValueError("holds NaN or infinity; make it again")


def _stamp(path: Path) -> list[int]:
    stat = path.stat()
    return [stat.st_size, stat.st_mtime_ns]


def _remember(log: IO[str], path: Path, inspected: Inspected) -> None:
    if inspected.kind != "missing":
        log.write(json.dumps({"file": str(path), "stamp": _stamp(path), **asdict(inspected)}) + "\n")


def _remembered(journal: Path) -> dict[Path, Inspected]:
    found = {}
    for line in journal.read_text(encoding="utf-8").splitlines() if journal.is_file() else ():
        try:
            record = json.loads(line)
            path, stamp = Path(record.pop("file")), record.pop("stamp")
            if path.exists() and _stamp(path) == stamp:
                found[path] = Inspected(**record)
        except (ValueError, TypeError, KeyError):  # a line that was cut off
            continue
    return found
