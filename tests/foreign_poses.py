"""The avatar as other people's trackers and tools would have it in their files."""

import numpy as np
from pose_format import Pose

from datamodules.avatar.renderer.frames import project
from datamodules.poses.layouts import make_pose
from datamodules.poses.skeletons import (
    HOLISTIC_543,
    LEFT_HAND,
    LEFT_SHOULDER,
    LEFT_WRIST,
    OPENPOSE_137,
    RIGHT_HAND,
    RIGHT_SHOULDER,
    RIGHT_WRIST,
    SLP_50,
    Skeleton,
)


def holistic(joints: np.ndarray, layout: Skeleton = HOLISTIC_543, size: int = 512) -> Pose:
    """Joints (T, 50, 3) as MediaPipe's: z in picture widths and smaller nearer, a hand's counted from its own wrist."""
    pixels = project(joints.astype(np.float32), size).astype(np.float64)
    depth = -joints[..., 2] * _unit(joints, pixels) / size
    for wrist, hand in ((LEFT_WRIST, LEFT_HAND), (RIGHT_WRIST, RIGHT_HAND)):
        depth[:, hand] -= depth[:, wrist, None]
    return _placed(np.dstack([pixels, depth]), layout, size)


def openpose(joints: np.ndarray, size: int = 512) -> Pose:
    """Joints (T, 50, 3) as OpenPose's, without depth."""
    return _placed(project(joints.astype(np.float32), size), OPENPOSE_137, size)


def _unit(joints: np.ndarray, pixels: np.ndarray) -> float:
    """Pixels in one SLP unit."""
    spans = (np.linalg.norm((xy[:, LEFT_SHOULDER] - xy[:, RIGHT_SHOULDER])[:, :2], axis=-1) for xy in (pixels, joints))
    return float(np.divide(*map(np.median, spans)))


def _placed(points: np.ndarray, layout: Skeleton, size: int) -> Pose:
    placed = np.zeros((len(points), layout.joints, points.shape[2]))
    confidence = np.zeros(placed.shape[:2])
    for joint, name in enumerate(SLP_50.anatomy):
        if name in layout.anatomy:
            place = layout.anatomy.index(name)
            placed[:, place], confidence[:, place] = points[:, joint], 1
    return make_pose(layout, placed, confidence, 25.0, (size, size))
