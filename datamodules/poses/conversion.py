"""SLP-50 joints as `pose_format.Pose` and back.

A pose lies on a square canvas in pixels, so that pose-format's visualiser and pose viewers draw it as is.
With `size` the canvas side, stored in the header as width, height and depth:

    x_px = size (0.5 + x)      y_px = size (0.36 + y)      z_px = -size z

One SLP unit, three shoulder widths, spans the canvas; the neck lies on its midline, 36 % from the top. z
turns round because pose-format draws small z in front, while SLP's z grows toward the viewer.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
from pose_format import Pose
from pose_format.numpy import NumPyPoseBody
from pose_format.pose_header import PoseHeader, PoseHeaderComponent, PoseHeaderDimensions

from datamodules.poses.skeletons import SLP_50

Floats = npt.NDArray[np.floating]

NECK_ON_CANVAS: Final = np.array([0.5, 0.36, 0.0])  # in canvas sides
AXES: Final = np.array([1.0, 1.0, -1.0])
VERSION: Final = 0.2

BODY_COLOUR: Final = (70, 80, 100)
LEFT_COLOUR: Final = (30, 120, 190)
RIGHT_COLOUR: Final = (200, 85, 30)
FINGER_COLOURS: Final = (  # thumb to pinky, RGB
    (230, 70, 60),
    (240, 160, 20),
    (40, 165, 90),
    (35, 130, 220),
    (160, 80, 200),
)
WRIST_COLOUR: Final = (120, 120, 125)
JOINT_COLOURS: Final[dict[str, tuple[tuple[int, int, int], ...]]] = {
    "BODY": (BODY_COLOUR,) * 2 + (LEFT_COLOUR,) * 3 + (RIGHT_COLOUR,) * 3,
    "RIGHT_HAND": (WRIST_COLOUR, *(colour for colour in FINGER_COLOURS for _ in range(4))),
    "LEFT_HAND": (WRIST_COLOUR, *(colour for colour in FINGER_COLOURS for _ in range(4))),
}


def to_pose(joints: Floats, fps: float, confidence: Floats | None = None, size: int = 512) -> Pose:
    """One signer's motion as a `Pose` of components BODY, RIGHT_HAND and LEFT_HAND, format XYZC, in pixels.

    Args:
        joints: (T, 50, 3) in SLP units. NaN joints are absent: they are masked and have confidence 0.
        fps: frames a second.
        confidence: (T, 50) in [0, 1], 0 = absent; by default 1 for every joint that is not NaN.
        size: side of the square canvas in pixels.

    Raises:
        ValueError: joints or confidence of another shape.
    """
    joints = np.asarray(joints, np.float64)
    if joints.ndim != 3 or joints.shape[1:] != (SLP_50.joints, 3):
        raise ValueError(f"expected joints of shape (T, {SLP_50.joints}, 3), found {joints.shape}")
    present = np.isfinite(joints).all(-1)
    if confidence is None:
        confidence = np.ones(joints.shape[:2])
    if np.shape(confidence) != joints.shape[:2]:
        raise ValueError(f"expected confidence of shape {joints.shape[:2]}, found {np.shape(confidence)}")
    trust = np.where(present, confidence, 0.0).astype(np.float32)
    pixels = np.where(trust[..., None] > 0, size * (NECK_ON_CANVAS + AXES * joints), 0.0).astype(np.float32)
    components = [
        PoseHeaderComponent(part.name, list(part.joints), list(part.bones), list(JOINT_COLOURS[part.name]), "XYZC")
        for part in SLP_50.components
    ]
    header = PoseHeader(VERSION, PoseHeaderDimensions(size, size, size), components)
    return Pose(header, NumPyPoseBody(fps, pixels[:, None], trust[:, None]))


def to_joints(pose: Pose) -> npt.NDArray[np.float32]:
    """The (T, 50, 3) joints in SLP units of a pose that `to_pose` made; absent (confidence 0) joints are NaN.

    For poses of every other kind see `motions.slp_joints`.

    Raises:
        ValueError: a pose of another layout, of several people, or on a canvas that is not square.
    """
    found = [(part.name, list(part.points), part.format) for part in pose.header.components]
    if found != [(part.name, list(part.joints), "XYZC") for part in SLP_50.components]:
        names = ", ".join(f"{name} ({len(points)} points, {form})" for name, points, form in found)
        raise ValueError(f"expected an SLP-50 pose as to_pose makes it (BODY, RIGHT_HAND, LEFT_HAND); found {names}")
    people = pose.body.data.shape[1]
    if people != 1:
        raise ValueError(f"expected one signer, found {people}; take one of them: pose.body.data[:, :1]")
    width, height = pose.header.dimensions.width, pose.header.dimensions.height
    if width != height or width <= 0:
        raise ValueError(f"expected a square canvas as to_pose makes it, found {width} x {height}")
    absent = np.asarray(pose.body.confidence[:, 0]) == 0
    return from_canvas(np.where(absent[..., None], np.nan, np.asarray(pose.body.data[:, 0], np.float64)), width)


def from_canvas(pixels: Floats, size: int) -> npt.NDArray[np.float32]:
    """Joints (T, 50, 3) in SLP units of where they lie on a canvas of that side."""
    joints: npt.NDArray[np.float32] = (AXES * (pixels / size - NECK_ON_CANVAS)).astype(np.float32)
    return joints
