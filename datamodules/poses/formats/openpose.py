"""OpenPose keypoints as How2Sign ships them: a folder a clip, one `<stem>_000000000012_keypoints.json` a frame.

The signer is `people[0]`: 25 body, 70 face, 21 left and 21 right hand keypoints, each x and y in pixels and a
confidence, 0 where nothing was found (`skeletons.OPENPOSE_137`).
"""

import json
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from datamodules.poses.skeletons import OPENPOSE_137

Floats = npt.NDArray[np.floating]

_NAME: Final = re.compile(r"(.*?)_?(\d{1,18})_keypoints\.json")
_LARGEST: Final = 8 << 20  # bytes of one frame; a crowd of a hundred takes one of them


def read_openpose(folder: str | os.PathLike[str]) -> npt.NDArray[np.float32]:
    """The first person of every frame, (T, 137, 3) float32: x and y in pixels, confidence.

    Frames come in the order of the numbers in their names, from 0; a frame without people is zeros with confidence 0.

    Raises:
        ValueError: no frame at all, a gap in the numbering, frames of several clips, or a file that does not hold
            137 finite keypoints; the message names it.
        FileNotFoundError: no such folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder; expected one with a *_keypoints.json for every frame")
    frames = _frames(folder)
    keypoints = np.zeros((len(frames), OPENPOSE_137.joints, 3), np.float32)
    for row, name in zip(keypoints, frames, strict=True):
        _read_frame(folder / name, row)
    return keypoints


def _frames(folder: Path) -> list[str]:
    found: dict[int, str] = {}
    stems = set()
    for name in sorted(os.listdir(folder)):
        match = _NAME.fullmatch(name)
        if match is None:
            continue
        stems.add(match[1])
        number = int(match[2])
        if len(stems) > 1:
            clips = " and ".join(map(repr, sorted(stems)))
            raise ValueError(f"{folder}: frames of several clips ({clips}); give each its own folder")
        if number in found:
            raise ValueError(f"{folder}: {found[number]} and {name} are both frame {number}; remove one of them")
        found[number] = name
    if not found:
        raise ValueError(f"{folder}: no frame in it; expected files such as <clip>_000000000000_keypoints.json")
    numbers = sorted(found)
    gaps = [(a + 1, b - 1) for a, b in zip([-1, *numbers], numbers, strict=False) if b > a + 1]
    if gaps:
        listed = ", ".join(f"{a}" if a == b else f"{a} to {b}" for a, b in gaps[:5]) + ", ..." * (len(gaps) > 5)
        raise ValueError(
            f"{folder}: frames {listed} are missing, found {len(numbers)} up to {numbers[-1]}; fetch them again"
        )
    return [found[number] for number in numbers]


def _read_frame(path: Path, row: npt.NDArray[np.float32]) -> None:
    with open(path, "rb") as file:
        content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise ValueError(f"{path}: more than {_LARGEST >> 20} MiB, a frame has some kilobytes; fetch it again")
    try:
        frame: Any = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: {len(content)} bytes that are no JSON ({error}); fetch it again") from error
    people = frame.get("people") if isinstance(frame, dict) else None
    if not isinstance(people, list):
        raise ValueError(f"{path}: found no list 'people', expected an OpenPose frame; fetch it again")
    if not people:
        return
    start = 0
    for part in OPENPOSE_137.components:
        end = start + len(part.joints)
        numbers = people[0].get(part.name) if isinstance(people[0], dict) else None
        if not isinstance(numbers, list) or len(numbers) != 3 * len(part.joints):
            size = f"{len(numbers)} numbers" if isinstance(numbers, list) else "none"
            raise ValueError(
                f"{path}: people[0].{part.name}: found {size}, expected {3 * len(part.joints)} "
                f"(x, y, confidence of {len(part.joints)} points); run OpenPose with body, face and hands"
            )
        if not {*map(type, numbers)} <= {int, float}:
            odd = next(number for number in numbers if type(number) not in (int, float))
            raise ValueError(f"{path}: people[0].{part.name}: found {str(odd)[:40]!r}, expected numbers alone")
        try:
            with np.errstate(over="ignore"):
                row[start:end] = np.array(numbers, np.float64).reshape(-1, 3)
        except OverflowError:
            row[start:end] = np.inf
        if not np.isfinite(row[start:end]).all():
            raise ValueError(
                f"{path}: people[0].{part.name}: found NaN or infinity; zeros with confidence 0 are absent"
            )
        start = end


def write_openpose(folder: str | os.PathLike[str], stem: str, keypoints: Floats) -> None:
    """Write a clip's keypoints (T, 137, 3), x and y in pixels and confidence, as one `*_keypoints.json` a frame.

    The folder appears whole or not at all; what is read from it equals what was given (as float32). Absent keypoints
    are zeros with confidence 0; a frame that is all zeros has no people.

    Raises:
        ValueError: keypoints of another shape, no frame, NaN or infinity, a folder that holds something already.
    """
    folder = Path(folder)
    keypoints = np.asarray(keypoints, np.float32)
    if keypoints.ndim != 3 or keypoints.shape[1:] != (OPENPOSE_137.joints, 3) or not len(keypoints):
        raise ValueError(f"{folder}: expected keypoints (T, 137, 3) with T >= 1, found {keypoints.shape}")
    bad = np.argwhere(~np.isfinite(keypoints))
    if len(bad):
        raise ValueError(
            f"{folder}: frame {bad[0][0]}, point {bad[0][1]} is not finite; set absent points to 0 with confidence 0"
        )
    if folder.exists() and any(folder.iterdir()):
        raise ValueError(f"{folder}: holds files already; give a new folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        for number, frame in enumerate(keypoints):
            (temporary / f"{stem}_{number:012d}_keypoints.json").write_text(_frame_json(frame), encoding="ascii")
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o777 & ~mask)
        os.replace(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _frame_json(frame: npt.NDArray[np.float32]) -> str:
    if not frame.any():
        return '{"version":1.3,"people":[]}'
    numbers = frame.reshape(-1).astype(str)  # the shortest text that reads back as the same float32
    parts, start = [], 0
    for part in OPENPOSE_137.components:
        end = start + 3 * len(part.joints)
        parts.append(f'"{part.name}":[{",".join(numbers[start:end])}]')
        start = end
    return '{"version":1.3,"people":[{"person_id":[-1],' + ",".join(parts) + "}]}"
