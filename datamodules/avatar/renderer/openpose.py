"""The 137 OpenPose keypoints of a signer whom `film` shows: SLP-50 joints, and points of the head drawn on them.

Order: 25 of BODY_25, 70 of the face (68 as in iBUG 300-W, two pupils), 21 of the left, 21 of the right hand.
"""

import numpy as np
from numpy.typing import NDArray

from datamodules.avatar.kinematics.face import neutral
from datamodules.avatar.renderer.figure import LEFT_LEG, RIGHT_LEG
from datamodules.avatar.renderer.frames import Camera
from datamodules.avatar.renderer.head import EYE, Skull, brow, eyelids, lips
from datamodules.avatar.renderer.raster import Floats
from datamodules.media.conditions.openpose_drawing import BODY, FACE, HANDS
from datamodules.poses import skeletons

_HIPS = {8: (0.01, -1.40, -0.05), 9: RIGHT_LEG[0], 12: LEFT_LEG[0]}
_LEGS = {10: RIGHT_LEG[1], 11: RIGHT_LEG[2], 13: LEFT_LEG[1], 14: LEFT_LEG[2]}
_HEAD = {
    15: (-EYE[0], EYE[1], 0.22),
    16: (*EYE, 0.22),
    17: (-0.215, -0.02, -0.03),
    18: (0.215, -0.02, -0.03),
}
_CONFIDENCE = ((BODY, 0.85), (FACE, 0.8), (HANDS[0], 0.7), (HANDS[1], 0.7))


def openpose_keypoints(
    joints: NDArray[np.float32], camera: Camera, seated: bool = False, face: NDArray[np.void] | None = None
) -> NDArray[np.float32]:
    """Keypoints (T, 137, 3), x and y in the camera's pixels and a confidence, of joints (T, 50, 3) in SLP units.

    `face` (T,) of dtype FACE moves brows, lids, pupils and lips; without it the face is neutral. What lies outside the
    picture, and legs unless `seated`, is absent: 0, 0, 0, as OpenPose writes it.
    """
    bodies = joints.astype(np.float64) * (3.0, -3.0, 3.0)
    neck, skull = bodies[:, skeletons.NECK], Skull.of(bodies, face)
    places = np.full((len(joints), 137, 3), np.nan)
    for number, offset in (_HIPS | _LEGS if seated else _HIPS).items():
        places[:, number] = neck + np.array(offset)
    for number, place in _HEAD.items():
        places[:, number] = skull.at(*place)
    places[:, FACE] = _face(skull, neutral(len(joints)) if face is None else face)
    places[:, skeletons.SLP_50_IN_OPENPOSE_137] = bodies
    keypoints = np.zeros((len(joints), 137, 3), np.float32)
    keypoints[..., :2] = camera.project(places * (1 / 3, -1 / 3, 1 / 3))
    for part, confidence in _CONFIDENCE:
        keypoints[:, part, 2] = confidence
    with np.errstate(invalid="ignore"):
        seen = ((keypoints[..., :2] >= 0) & (keypoints[..., :2] < (camera.width, camera.height))).all(-1)
    keypoints[~seen] = 0
    return keypoints


def _face(skull: Skull, face: NDArray[np.void]) -> Floats:
    """The 70 points (T, 70, 3), in the order of iBUG 300-W: the signer's right is left in the picture."""
    points = [skull.at(*place) for place in _OUTLINE]
    for side in (-1, 1):
        inner, arch, outer = (np.concatenate(place, axis=1) for place in brow(face, side))
        five = [outer, (outer + arch) / 2, arch, (arch + inner) / 2, inner]
        points += [_on(skull, place) for place in (five if side < 0 else five[::-1])]
    points += [_on(skull, np.broadcast_to(place, (len(face), 2))) for place in _NOSE]
    for side in (-1, 1):
        points += [_on(skull, eyelids(face, side, angle)) for angle in _around(6)]
    (width, corner), (_, upper), (_, lower) = (lips(face)[name] for name in ("corner", "upper", "lower"))
    for count, wide, thick in ((12, 1.0, 0.012), (8, 0.75, -0.004)):
        for angle in _around(count):
            share, lip = abs(np.sin(angle)), upper + thick if np.sin(angle) > 0 else lower - thick
            x, y = wide * width * np.cos(angle), corner + share * (lip - corner)
            points.append(_on(skull, np.concatenate([x, y], axis=1)))
    points += [_on(skull, eyelids(face, side, None)) for side in (-1, 1)]
    return np.stack(points, axis=1)


def _on(skull: Skull, place: Floats) -> Floats:
    return skull.on_face(place[:, :1], place[:, 1:], 0.01)


def _around(count: int) -> Floats:
    """Angles (count,) around an oval, from its left end over the top."""
    return np.pi - 2 * np.pi * np.arange(count) / count


_JAW = np.radians(np.linspace(-90, 90, 17))
_OUTLINE = np.stack([0.185 * np.sin(_JAW), 0.01 - 0.335 * np.cos(_JAW), 0.14 * np.cos(_JAW)], axis=1).tolist()
_NOSE = [(0.0, y) for y in np.linspace(0.015, -0.1, 4)] + list(
    zip(np.linspace(-0.036, 0.036, 5).tolist(), (-0.122, -0.130, -0.134, -0.130, -0.122), strict=True)
)
