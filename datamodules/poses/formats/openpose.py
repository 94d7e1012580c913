"""OpenPose keypoints as How2Sign ships them: a folder a clip, one `<stem>_000000000012_keypoints.json` a frame.

Each of the `people` has 25 body, 70 face, 21 left and 21 right hand keypoints, each x and y in pixels and a confidence,
0 where nothing was found (`skeletons.OPENPOSE_137`). OpenPose lists people anew in every frame, in any order.
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

from datamodules.poses.people import Followed, Person, follow
from datamodules.poses.skeletons import BODY, OPENPOSE_137, SLP_50_IN_OPENPOSE_137

Floats = npt.NDArray[np.floating]

_NAME: Final = re.compile(r"(.*?)_?(\d{1,18})_keypoints\.json")
_BODY, _FACE, *_ = OPENPOSE_137.components
_LARGEST: Final = 8 << 20  # bytes of one frame; a crowd of a hundred takes one of them


def read_openpose(folder: str | os.PathLike[str], person: Person = "largest") -> npt.NDArray[np.float32]:
    """One person's keypoints of every frame, (T, 137, 3) float32: x and y in pixels, confidence.

    Frames come in the order of the numbers in their names, from 0 or from 1; a frame without the person is zeros with
    confidence 0, as is the face where OpenPose ran without it.

    person: whom to follow where several people are in view; see `people.follow`.

    Raises:
        ValueError: no frame at all, a gap in the numbering, frames of several clips, or a file that does not hold
            137 finite keypoints; the message names it.
        FileNotFoundError: no such folder.
    """
    return followed_openpose(folder, person)[0]


def followed_openpose(
    folder: str | os.PathLike[str], person: Person = "largest"
) -> tuple[npt.NDArray[np.float32], int]:
    """What `read_openpose` returns, and how many people were in view at once, at most. Raises as it does."""
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder; expected one with a *_keypoints.json for every frame")
    frames = [_read_frame(folder / name) for name in _frames(folder)]
    found = Followed([0 if len(people) else None for people in frames], max(map(len, frames)))
    if found.people > 1:
        found = follow([people[:, SLP_50_IN_OPENPOSE_137[BODY]].astype(np.float64) for people in frames], person)
    keypoints = np.zeros((len(frames), OPENPOSE_137.joints, 3), np.float32)
    for number, row in enumerate(found.rows):
        if row is not None:
            keypoints[number] = frames[number][row]
    return keypoints, found.people


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
    before = numbers[0] - 1 if numbers[0] in (0, 1) else -1
    gaps = [(a + 1, b - 1) for a, b in zip([before, *numbers], numbers, strict=False) if b > a + 1]
    if gaps:
        listed = ", ".join(f"{a}" if a == b else f"{a} to {b}" for a, b in gaps[:5]) + ", ..." * (len(gaps) > 5)
        raise ValueError(
            f"{folder}: frames {listed} are missing, found {len(numbers)} up to {numbers[-1]}; fetch them again"
        )
    return [found[number] for number in numbers]


def _read_frame(path: Path) -> npt.NDArray[np.float32]:
    """Keypoints (P, 137, 3) of the people in a frame; who has no body is nobody, if there are others."""
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
    if len(people) > 1:
        people = [person for person in people if not isinstance(person, dict) or person.get(_BODY.name) != []]
    found = np.zeros((len(people), OPENPOSE_137.joints, 3), np.float32)
    for number, person in enumerate(people):
        _read_person(f"{path}: people[{number}]", person, found[number])
    return found


def _read_person(where: str, person: Any, row: npt.NDArray[np.float32]) -> None:
    start = 0
    for part in OPENPOSE_137.components:
        end = start + len(part.joints)
        numbers = person.get(part.name) if isinstance(person, dict) else None
        if part is _FACE and not numbers:
            start = end
            continue
        if not isinstance(numbers, list) or len(numbers) != 3 * len(part.joints):
            size = f"{len(numbers)} numbers" if isinstance(numbers, list) else "none"
            raise ValueError(
                f"{where}.{part.name}: found {size}, expected {3 * len(part.joints)} "
                f"(x, y, confidence of {len(part.joints)} points); run OpenPose with --hand and BODY_25"
            )
        if not {*map(type, numbers)} <= {int, float}:
            odd = next(number for number in numbers if type(number) not in (int, float))
            raise ValueError(f"{where}.{part.name}: found {str(odd)[:40]!r}, expected numbers alone")
        try:
            with np.errstate(over="ignore"):
                row[start:end] = np.array(numbers, np.float64).reshape(-1, 3)
        except OverflowError:
            row[start:end] = np.inf
        if not np.isfinite(row[start:end]).all():
            raise ValueError(f"{where}.{part.name}: found NaN or infinity; zeros with confidence 0 are absent")
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
