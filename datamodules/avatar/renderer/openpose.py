"""The 137 OpenPose keypoints of a signer whom `film` shows: SLP-50 joints, and points of the head drawn on them.

Order: 25 of BODY_25, 70 of the face (68 as in iBUG 300-W, two pupils), 21 of the left, 21 of the right hand.
"""

import numpy as np
from numpy.typing import NDArray

from datamodules.avatar.renderer.figure import LEFT_LEG, RIGHT_LEG, Skull, face_depth
from datamodules.avatar.renderer.frames import Camera
from datamodules.avatar.renderer.raster import Floats
from datamodules.media.openpose_drawing import BODY, FACE, HANDS
from datamodules.poses import skeletons

_HIPS = {8: (0.01, -1.40, -0.05), 9: RIGHT_LEG[0], 12: LEFT_LEG[0]}
_LEGS = {10: RIGHT_LEG[1], 11: RIGHT_LEG[2], 13: LEFT_LEG[1], 14: LEFT_LEG[2]}
_HEAD = {
    15: (-0.088, 0.035, 0.22),
    16: (0.088, 0.035, 0.22),
    17: (-0.215, -0.02, -0.03),
    18: (0.215, -0.02, -0.03),
}
_CONFIDENCE = ((BODY, 0.85), (FACE, 0.8), (HANDS[0], 0.7), (HANDS[1], 0.7))


def openpose_keypoints(joints: NDArray[np.float32], camera: Camera, seated: bool = False) -> NDArray[np.float32]:
    """Keypoints (T, 137, 3), x and y in the camera's pixels and a confidence, of joints (T, 50, 3) in SLP units.

    What lies outside the picture, and legs unless `seated`, is absent: 0, 0, 0, as OpenPose writes it.
    """
    bodies = joints.astype(np.float64) * (3.0, -3.0, 3.0)
    neck, skull = bodies[:, skeletons.NECK], Skull.of(bodies)
    places = np.full((len(joints), 137, 3), np.nan)
    for number, offset in (_HIPS | _LEGS if seated else _HIPS).items():
        places[:, number] = neck + np.array(offset)
    for number, place in _HEAD.items():
        places[:, number] = skull.at(*place)
    for number, (x, y, z) in enumerate(_FACE.tolist(), FACE.start):
        places[:, number] = skull.at(x, y, z)
    places[:, skeletons.SLP_50_IN_OPENPOSE_137] = bodies
    keypoints = np.zeros((len(joints), 137, 3), np.float32)
    keypoints[..., :2] = camera.project(places * (1 / 3, -1 / 3, 1 / 3))
    for part, confidence in _CONFIDENCE:
        keypoints[:, part, 2] = confidence
    with np.errstate(invalid="ignore"):
        seen = ((keypoints[..., :2] >= 0) & (keypoints[..., :2] < (camera.width, camera.height))).all(-1)
    keypoints[~seen] = 0
    return keypoints


def _face() -> Floats:
    """The 70 points (70, 3) on the average head, from its centre: x to the left ear, y up, z forward."""
    jaw = np.radians(np.linspace(-90, 90, 17))
    outline = np.stack([0.185 * np.sin(jaw), 0.01 - 0.335 * np.cos(jaw), 0.14 * np.cos(jaw)], axis=1)
    brow = np.stack([np.linspace(-0.15, -0.035, 5), 0.092 + np.array([-0.012, 0.01, 0.018, 0.014, 0.006])], axis=1)
    nose = np.stack([np.zeros(4), np.linspace(0.04, -0.05, 4)], axis=1)
    nostrils = np.stack([np.linspace(-0.036, 0.036, 5), [-0.068, -0.076, -0.08, -0.076, -0.068]], axis=1)
    right_eye = _oval(6, (-0.088, 0.035), 0.043, 0.020)
    left_eye = _oval(6, (0.088, 0.035), 0.043, 0.020)
    lips = np.vstack([_oval(12, (0.0, -0.165), 0.062, 0.028), _oval(8, (0.0, -0.165), 0.045, 0.008)])
    pupils = np.array([(-0.088, 0.035), (0.088, 0.035)])
    flat = np.vstack([brow, brow[::-1] * (-1, 1), nose, nostrils, right_eye, left_eye, lips, pupils])
    depths = np.array([[face_depth(x, y) + 0.01] for x, y in flat.tolist()])
    points: Floats = np.vstack([outline, np.hstack([flat, depths])])
    return points


def _oval(count: int, centre: tuple[float, float], width: float, height: float) -> Floats:
    """Points (count, 2) around an oval, from its left end over the top."""
    angle = np.pi - 2 * np.pi * np.arange(count) / count
    oval: Floats = np.stack([width * np.cos(angle), height * np.sin(angle)], axis=1) + np.array(centre)
    return oval


_FACE = _face()
