"""From one joint layout to another, as arrays and as `pose_format.Pose`."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from pose_format import Pose
from pose_format.numpy import NumPyPoseBody
from pose_format.pose_header import PoseHeader, PoseHeaderComponent, PoseHeaderDimensions

from datamodules.poses.conversion import AXES, BODY_COLOUR, JOINT_COLOURS, VERSION
from datamodules.poses.skeletons import (
    HAND_BONES,
    LAYOUTS,
    LEFT_HAND,
    LEFT_SHOULDER,
    LEFT_WRIST,
    NECK,
    OPENPOSE_137,
    RIGHT_HAND,
    RIGHT_SHOULDER,
    RIGHT_WRIST,
    SLP_50,
    SLP_50_IN_OPENPOSE_137,
    Component,
    Skeleton,
    joint_indices,
)

Floats = npt.NDArray[np.floating]

SHOULDER_WIDTHS: Final = 3.0  # in one SLP unit


def convert(values: Floats, source: Skeleton, target: Skeleton, absent: float = np.nan) -> Floats:
    """Values (T, J, C) of `source`'s joints as those of `target`, (T, K, C), one of which contains the other.

    Into a larger layout nothing is lost: its further joints are `absent`, and the way back gives the same values.

    Raises:
        ValueError: values of another shape, or layouts that each have joints the other lacks; the message names them.
    """
    values = np.asarray(values)
    if values.ndim != 3 or values.shape[1] != source.joints:
        raise ValueError(f"expected {source.name} values (T, {source.joints}, C), found {values.shape}")
    if set(source.anatomy) <= set(target.anatomy):
        larger = np.full((len(values), target.joints, values.shape[2]), absent, values.dtype)
        larger[:, joint_indices(target, source)] = values
        return larger
    return values[:, joint_indices(source, target)]


def layout_of(pose: Pose) -> Skeleton:
    """The layout of a pose, by the names of its components and points.

    Raises:
        ValueError: a pose of no layout known here.
    """
    found = [(part.name, tuple(part.points)) for part in pose.header.components]
    for layout in LAYOUTS:
        if found == [(part.name, part.joints) for part in layout.components]:
            return layout
    named = ", ".join(f"{name} ({len(points)} points)" for name, points in found)
    known = ", ".join(layout.name for layout in LAYOUTS)
    raise ValueError(f"expected a pose of one of the layouts {known}; found {named}")


def make_pose(
    layout: Skeleton, points: Floats, confidence: Floats, fps: float, size: tuple[int, int], depth: int = 0
) -> Pose:
    """One signer's joints as a `Pose` whose names pose-format's own tools know.

    Args:
        layout: of the joints.
        points: (T, J, 2) or (T, J, 3): pixels, and a depth as the layout's files have it.
        confidence: (T, J), 0 where a joint is absent; its coordinates are stored as zeros.
        fps: frames a second.
        size: width and height of the picture.
        depth: of the header.

    Raises:
        ValueError: points or confidence of another shape.
    """
    points, confidence = np.asarray(points, np.float32), np.asarray(confidence, np.float32)
    if points.ndim != 3 or points.shape[1] != layout.joints or points.shape[2] not in (2, 3):
        raise ValueError(f"expected {layout.name} points (T, {layout.joints}, 2 or 3), found {points.shape}")
    if confidence.shape != points.shape[:2]:
        raise ValueError(f"expected confidence of shape {points.shape[:2]}, found {confidence.shape}")
    form = "XYZC" if points.shape[2] == 3 else "XYC"
    components = [
        PoseHeaderComponent(part.name, list(part.joints), list(part.bones), list(_colours(part)), form)
        for part in layout.components
    ]
    header = PoseHeader(VERSION, PoseHeaderDimensions(*size, depth), components)
    shown = np.where((confidence > 0)[..., None], points, 0)
    return Pose(header, NumPyPoseBody(fps, shown[:, None], confidence[:, None]))


def _colours(part: Component) -> Sequence[tuple[int, int, int]]:
    """Hands coloured by finger, all else in one colour."""
    return JOINT_COLOURS["LEFT_HAND"] if part.bones == HAND_BONES else (BODY_COLOUR,)


def slp_from_openpose(keypoints: Floats) -> npt.NDArray[np.float32]:
    """OpenPose keypoints (T, 137, 3) as flat SLP-50 joints (T, 50, 3): z is 0, absent joints are NaN.

    For depth and bones that keep their length see `lifting.lift`.

    Raises:
        ValueError: keypoints of another shape, or the shoulders are never seen together.
    """
    keypoints = np.asarray(keypoints, np.float64)
    if keypoints.ndim != 3 or keypoints.shape[1:] != (OPENPOSE_137.joints, 3):
        raise ValueError(f"expected OpenPose keypoints (T, 137, 3), found {keypoints.shape}")
    joints = keypoints[:, SLP_50_IN_OPENPOSE_137]
    absent = joints[..., 2] <= 0
    joints[..., 2] = 0
    joints[absent] = np.nan
    return _to_slp_units(joints)


def slp_from_holistic(pose: Pose) -> npt.NDArray[np.float32]:
    """A Holistic pose as SLP-50 joints (T, 50, 3); the neck is the middle of the shoulders, absent joints are NaN.

    Depth is MediaPipe's guess, in picture widths as pose-format stores it: it keeps order but not measure (forearms
    come out up to twice their length). A hand's depth counts from the body's wrist.

    Raises:
        ValueError: a pose of another layout or of several people, or the shoulders are never seen together.
    """
    layout = layout_of(pose)
    if not layout.name.startswith("holistic"):
        raise ValueError(f"expected a Holistic pose, found the layout {layout.name}")
    people = pose.body.data.shape[1]
    if people != 1:
        raise ValueError(f"expected one signer, found {people}; take one of them: pose.body.data[:, :1]")
    places = {name: index for index, name in enumerate(layout.anatomy)}
    found = [index for index, name in enumerate(SLP_50.anatomy) if name in places]
    source = [places[SLP_50.anatomy[index]] for index in found]
    data = np.where(pose.body.confidence[:, 0, :, None] > 0, pose.body.data.data[:, 0, :, :3], np.nan)
    joints = np.full((len(data), SLP_50.joints, 3), np.nan)
    joints[:, found] = data[:, source]
    joints[..., 2] *= pose.header.dimensions.width
    for wrist, hand in ((LEFT_WRIST, LEFT_HAND), (RIGHT_WRIST, RIGHT_HAND)):
        joints[:, hand, 2] += joints[:, wrist, None, 2]
    return _to_slp_units(joints * AXES)


def _to_slp_units(joints: Floats) -> npt.NDArray[np.float32]:
    left, right = joints[:, LEFT_SHOULDER], joints[:, RIGHT_SHOULDER]
    widths = np.linalg.norm((left - right)[:, :2], axis=-1)
    if not np.isfinite(widths).any() or not np.nanmedian(widths) > 0:
        raise ValueError("the shoulders are never seen together, so that nothing gives the scale")
    neck = joints[:, NECK]
    neck = np.where(np.isfinite(neck), neck, (left + right) / 2)
    joints = (joints - neck[:, None]) / (SHOULDER_WIDTHS * np.nanmedian(widths))
    joints[:, NECK] = np.where(np.isfinite(neck), 0, np.nan)
    return joints.astype(np.float32)
