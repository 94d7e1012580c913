"""From one joint layout to another, as arrays and as `pose_format.Pose`."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from pose_format import Pose
from pose_format.numpy import NumPyPoseBody
from pose_format.pose_header import PoseHeader, PoseHeaderComponent, PoseHeaderDimensions

from datamodules.poses.conversion import (
    AXES,
    BODY_COLOUR,
    JOINT_COLOURS,
    NECK_ON_CANVAS,
    VERSION,
    from_canvas,
)
from datamodules.poses.depth import in_depth
from datamodules.poses.points import component_of, coordinates, described, refuse_other
from datamodules.poses.skeletons import (
    HAND_BONES,
    HOLISTIC_75,
    LAYOUTS,
    LEFT_SHOULDER,
    NECK,
    OPENPOSE_137,
    RIGHT_SHOULDER,
    SLP_50,
    SLP_50_IN_OPENPOSE_137,
    Component,
    Skeleton,
    joint_indices,
)

Floats = npt.NDArray[np.floating]

SHOULDER_WIDTHS: Final = 3.0  # in one SLP unit
_ON_CANVAS: Final = 0.05  # canvas sides that a neck may lie off its place
_FEWEST: Final = 20.0  # pixels between shoulders


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
    """The layout of a pose that has all of its components and points, in its order.

    Raises:
        ValueError: a pose of no layout known here.
    """
    for layout in LAYOUTS:
        if _is(pose, layout):
            return layout
    raise ValueError(f"{expected_layouts()}; found {described(pose.header)}")


def expected_layouts() -> str:
    """What a pose may be, for messages."""
    return f"expected a pose of one of the layouts {', '.join(layout.name for layout in LAYOUTS)}"


def _is(pose: Pose, layout: Skeleton) -> bool:
    found = [(part.name, tuple(part.points)) for part in pose.header.components]
    return found == [(part.name, part.joints) for part in layout.components]


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


def slp_from_holistic(pose: Pose, row: int = 0) -> npt.NDArray[np.float32]:
    """A Holistic pose as SLP-50 joints (T, 50, 3); the neck is the middle of the shoulders, absent joints are NaN.

    Joints are found by their names, so that files may be reduced, in another order or without a hand. Depth is
    MediaPipe's guess, which keeps order, in a measure that bones give (`depth.in_depth`): it is the same before and
    after pose-format's `normalize` and `focus`. A hand's depth counts from the body's wrist.

    row: which of several people.

    Raises:
        ValueError: a pose of another layout, or the shoulders are never seen together.
    """
    refuse_other(pose)
    if (component_of(pose.header, "LEFT_SHOULDER") or ("", ""))[0] != HOLISTIC_75.components[0].name:
        found = [layout.name for layout in LAYOUTS if _is(pose, layout)]
        raise ValueError(
            f"expected a Holistic pose, found {f'the layout {found[0]}' if found else described(pose.header)}"
        )
    joints, _ = coordinates(pose, SLP_50.anatomy, row)
    width = _shoulder_width(joints)
    joints[..., :2] /= width
    return _to_slp_units(in_depth(joints) * AXES)


def slp_in_space(pose: Pose, row: int = 0) -> npt.NDArray[np.float32]:
    """A pose whose depth is in the measure of the picture as SLP-50 joints (T, 50, 3); absent joints are NaN.

    What `to_pose` made comes back as it was; after pose-format's `normalize` or `focus`, up to its scale.
    """
    joints, _ = coordinates(pose, SLP_50.anatomy, row)
    size, other = pose.header.dimensions.width, pose.header.dimensions.height
    neck = joints[np.isfinite(joints[:, NECK]).all(-1), NECK]
    off = np.abs(neck / max(size, 1) - NECK_ON_CANVAS)
    if size == other > 0 and (not len(neck) or np.median(off, axis=0).max() < _ON_CANVAS):
        return from_canvas(joints, size)
    return _to_slp_units(joints * AXES)


def as_openpose(pose: Pose, row: int = 0) -> npt.NDArray[np.float64]:
    """A pose of any known layout as OpenPose keypoints (T, 137, 3): x, y in its own pixels, or in such that shoulders
    are wide enough to be seen, and confidence, 0 where it has no such point."""
    points, confidence = coordinates(pose, OPENPOSE_137.anatomy, row)
    width = _shoulder_width(points[:, SLP_50_IN_OPENPOSE_137])
    scale, shift = (1.0, 0.0) if width >= _FEWEST else (_FEWEST / width, 10 * _FEWEST)  # as after `normalize`
    xy = np.where((confidence > 0)[..., None], points[..., :2] * scale + shift, 0)
    return np.concatenate([xy, confidence[..., None]], axis=-1)


def _shoulder_width(joints: Floats) -> float:
    """Of SLP-50 joints (T, 50, 3), in the picture. Raises ValueError where the shoulders are never seen together."""
    widths = np.linalg.norm((joints[:, LEFT_SHOULDER] - joints[:, RIGHT_SHOULDER])[:, :2], axis=-1)
    widths = widths[np.isfinite(widths)]
    if not len(widths) or not np.median(widths) > 0:
        raise ValueError("the shoulders are never seen together, so that nothing gives the scale")
    return float(np.median(widths))


def _to_slp_units(joints: Floats) -> npt.NDArray[np.float32]:
    width = _shoulder_width(joints)
    left, right = joints[:, LEFT_SHOULDER], joints[:, RIGHT_SHOULDER]
    neck = joints[:, NECK]
    neck = np.where(np.isfinite(neck), neck, (left + right) / 2)
    joints = (joints - neck[:, None]) / (SHOULDER_WIDTHS * width)
    joints[:, NECK] = np.where(np.isfinite(neck), 0, np.nan)
    return joints.astype(np.float32)
