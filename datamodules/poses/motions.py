"""Motions out of whatever file, layout and frame rate they come in: SLP-50 joints, gaps filled, at one rate."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from pose_format import Pose
from pose_format.numpy import NumPyPoseBody

from datamodules.poses.formats import followed_openpose, iterate_skels, read_pose
from datamodules.poses.layouts import as_openpose, expected_layouts, slp_from_holistic, slp_in_space
from datamodules.poses.people import WHOM, Person, follow
from datamodules.poses.points import component_of, coordinates, described, named, refuse_other
from datamodules.poses.sequences import Joints
from datamodules.poses.skeletons import BODY, HOLISTIC_75, LEFT_HAND, LEFT_WRIST, RIGHT_HAND, RIGHT_WRIST, SLP_50

FPS: Final = 25.0
"""Frames a second of `.skels` files and OpenPose folders, which do not say."""


def slp_joints(pose: Pose, person: Person = "largest") -> Joints:
    """The joints (T, 50, 3) in SLP units of a pose of any layout, by the names of its points; absent ones are NaN,
    except where a pose without depth is lifted to 3D, which fills them in.

    Joints that the pose has no points for are absent, those of the body guessed where it is lifted; either is said on
    stderr, as is that there are several people.

    person: whom to follow where there are several; see `people.follow`.

    Raises:
        ValueError: no pose, one without shoulders or without a hand, or whose shoulders give no scale.
    """
    refuse_other(pose)
    part, form = component_of(pose.header, "LEFT_SHOULDER") or ("", "")
    mediapipe = part == HOLISTIC_75.components[0].name
    flat = "Z" not in form or (mediapipe and not _has_depth(pose))
    lacking = _lacking(pose, flat)
    pose = one_person(pose, person)
    if flat:
        joints = _lifted(as_openpose(pose))
        joints[:, [name in lacking for name in SLP_50.anatomy]] = np.nan
        return joints
    return slp_from_holistic(pose) if mediapipe else slp_in_space(pose)


def _lifted(keypoints: npt.NDArray[np.floating]) -> Joints:
    from datamodules.poses.lifting import lift  # filters of scipy, a third of the time that a model takes to open

    return lift(keypoints)


def _lacking(pose: Pose, flat: bool) -> set[str]:
    """Which joints of hands a pose has no points for, after saying so, and which of the body. Raises ValueError for no
    signer's pose."""
    there = {name for name, *_ in named(pose.header)}
    hands = {side: [name for name in SLP_50.anatomy if name.startswith(f"{side}_HAND.")] for side in ("LEFT", "RIGHT")}
    lost = {side: [name for name in names if name not in there] for side, names in hands.items()}
    whole = [side for side, names in lost.items() if len(names) == len(hands[side])]
    if not {"LEFT_SHOULDER", "RIGHT_SHOULDER"} <= there or len(whole) == 2:
        wanted = "both shoulders and a hand, under the names of its component and points"
        raise ValueError(f"{expected_layouts()}, or a part of one with {wanted}; found {described(pose.header)}")
    for side, names in lost.items():
        if names:
            _tell(f"{side.lower()} hand" if side in whole else _listed(names), pose, "absent in all frames")
    body = [name for name in SLP_50.anatomy[BODY] if name not in there and name != "NECK"]  # between the shoulders
    if body:
        _tell(_listed(body), pose, "guessed from the rest" if flat else "absent in all frames")
    return {name for names in lost.values() for name in names}


def _tell(what: str, pose: Pose, so: str) -> None:
    print(f"zoo: the pose has no {what} (found {described(pose.header)}): {so}", file=sys.stderr)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + ", ..." * (len(names) > 3)


def _has_depth(pose: Pose) -> bool:
    """Whether z tells anything of any of its people."""
    people = range(pose.body.data.shape[1])
    depth = np.stack([coordinates(pose, SLP_50.anatomy, row)[0][..., 2] for row in people])
    seen = depth[np.isfinite(depth)]
    return len(seen) > 0 and bool(np.ptp(seen))


def one_person(pose: Pose, person: Person = "largest") -> Pose:
    """The pose of one of its people throughout; says so on stderr where there are several. See `people.follow`."""
    count = pose.body.data.shape[1]
    if count == 1:
        return pose
    bodies = [coordinates(pose, SLP_50.anatomy[BODY], row) for row in range(count)]
    stacked = np.stack([np.dstack([points[..., :2], trust]) for points, trust in bodies], axis=1)
    found = follow(list(stacked), person)
    _say(found.people, person)
    rows = np.array([-1 if row is None else row for row in found.rows])
    frames = np.arange(len(rows))
    data = pose.body.data[frames, rows][:, None]
    trust = np.where((rows >= 0)[:, None], np.asarray(pose.body.confidence)[frames, rows], 0)[:, None]
    return Pose(pose.header, NumPyPoseBody(pose.body.fps, data, trust))


def _say(people: int, person: Person) -> None:
    if people > 1:
        print(f"zoo: {people} people are in view; {WHOM[person]} is followed", file=sys.stderr)


def read_motions(path: Path) -> Iterator[tuple[Joints, float]]:
    """Joints (T, 50, 3) and frames a second of a .pose file, of each sequence of a .skels file, or of a folder of
    OpenPose JSON, one file a frame.

    Raises:
        ValueError: another file, or one that holds none; the message names it.
        FileNotFoundError: no such file.
    """
    kind = path.suffix.lower()
    if kind == ".skels":
        motion = None
        for motion in iterate_skels(path):
            yield motion, FPS
        if motion is None:
            raise ValueError(f"{path}: no sequence in it; expected one a line")
    elif kind == ".pose":
        pose = read_pose(path)
        try:
            yield slp_joints(pose), float(pose.body.fps)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
    elif path.is_dir():
        keypoints, people = followed_openpose(path)
        _say(people, "largest")
        try:
            yield _lifted(keypoints), FPS
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
    else:
        found = path.suffix or "no folder"
        raise ValueError(f"{path}: found {found}, expected a .pose or .skels file or a folder of OpenPose JSON")


def resample(joints: Joints, fps: float, to: float = FPS) -> Joints:
    """The motion (T, 50, 3) at `to` frames a second, (T to / fps, 50, 3), between its frames by straight lines."""
    if fps == to:
        return joints
    frames = max(1, round(len(joints) * to / fps))
    places = np.minimum(np.arange(frames) * (fps / to), len(joints) - 1)
    before = places.astype(int)
    after = np.minimum(before + 1, len(joints) - 1)
    share = (places - before).astype(np.float32)[:, None, None]
    between: Joints = joints[before] * (1 - share) + joints[after] * share
    return between


def filled(joints: Joints, rest: Joints) -> Joints:
    """The motion (T, 50, 3) without gaps: an absent (NaN) joint goes on by straight lines from where it was last seen
    to where it is seen next, fingers with their wrist; one that is never seen stays where it is in `rest` (50, 3)."""
    if np.isfinite(joints).all():
        return joints
    moving, still = _by_wrist(joints, -1), _by_wrist(rest[None], -1)[0]
    frames = np.arange(len(joints))
    for joint in range(SLP_50.joints):
        known = np.isfinite(moving[:, joint]).all(-1)
        for axis in range(3):
            seen = moving[known, joint, axis]
            moving[:, joint, axis] = np.interp(frames, frames[known], seen) if len(seen) else still[joint, axis]
    return np.where(np.isfinite(joints), joints, _by_wrist(moving, 1))


def _by_wrist(joints: Joints, sign: int) -> Joints:
    """Hands told relative to their wrists (-1), or back from there (1)."""
    moved = joints.copy()
    for wrist, hand in ((LEFT_WRIST, LEFT_HAND), (RIGHT_WRIST, RIGHT_HAND)):
        moved[:, hand] += sign * joints[:, wrist, None]
    return moved
