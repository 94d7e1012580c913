"""Motions out of whatever file, layout and frame rate they come in: SLP-50 joints, gaps filled, at one rate."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import numpy as np
from pose_format import Pose

from datamodules.poses.conversion import to_joints
from datamodules.poses.formats import iterate_skels, read_openpose, read_pose
from datamodules.poses.layouts import layout_of, slp_from_holistic
from datamodules.poses.lifting import lift
from datamodules.poses.sequences import Joints
from datamodules.poses.skeletons import LEFT_HAND, LEFT_WRIST, OPENPOSE_137, RIGHT_HAND, RIGHT_WRIST, SLP_50

FPS: Final = 25.0
"""Frames a second of `.skels` files and OpenPose folders, which do not say."""


def slp_joints(pose: Pose) -> Joints:
    """The joints (T, 50, 3) in SLP units of a pose of any layout; absent ones are NaN, except in OpenPose's, which are
    lifted to 3D and filled in on the way.

    Raises:
        ValueError: a layout that is not known here, several people, a canvas that is not square, no scale.
    """
    layout = layout_of(pose)
    if layout == SLP_50:
        return to_joints(pose)
    if layout != OPENPOSE_137:
        return slp_from_holistic(pose)
    people = pose.body.data.shape[1]
    if people != 1:
        raise ValueError(f"expected one signer, found {people}; take one of them: pose.body.data[:, :1]")
    points = np.asarray(pose.body.data.data[:, 0, :, :2])
    return lift(np.concatenate([points, np.asarray(pose.body.confidence)[:, 0, :, None]], axis=-1))


def read_motions(path: Path, joints_of: Callable[[Pose], Joints] = slp_joints) -> Iterator[tuple[Joints, float]]:
    """Joints (T, 50, 3) and frames a second of a .pose file, of each sequence of a .skels file, or of a folder of
    OpenPose JSON, one file a frame.

    joints_of: which layouts a .pose file may have; by default every one that is known.

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
            yield joints_of(pose), float(pose.body.fps)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
    elif path.is_dir():
        keypoints = read_openpose(path)
        try:
            yield lift(keypoints), FPS
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
