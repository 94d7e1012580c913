"""The body that the hands' tracks move: shoulders that follow, arms by inverse kinematics, the head, the SLP layout.

Tracks come in as two right hands, the non-dominant one mirrored; the joints go out in their own places.
"""

import numpy as np
from numpy.typing import NDArray

from datamodules.avatar.kinematics import arm
from datamodules.avatar.kinematics.hand import Array, hand_joints
from datamodules.avatar.kinematics.motion import ease
from datamodules.avatar.kinematics.rotation import to_matrix
from datamodules.avatar.signer import Signer
from datamodules.poses import skeletons

MIRROR = np.array([-1.0, 1.0, 1.0])
SHOULDER_WIDTHS = 3.0
"""Shoulder widths in one unit of the SLP layout."""
NOSE = np.array([0.0, 0.43, 0.18])

SHOULDER_LIFT = 0.15
"""Radians about the neck by which a hand at the forehead lifts its shoulder."""
SHOULDER_SWING = 0.12
"""Radians about the neck by which a hand held far out draws its shoulder forward."""
_LEAN = 0.25  # share of its lift by which the other shoulder sinks: the torso leans

_SWAPPED = np.array([0, 1, 5, 6, 7, 2, 3, 4, *range(29, 50), *range(8, 29)])
_BODY_VOLUMES = (
    (np.array([0.0, 0.50, 0.02]), np.array([0.19, 0.28, 0.17])),
    (np.array([0.0, -0.50, -0.02]), np.array([0.42, 0.62, 0.16])),
)


def body_joints(
    wrist: Array, hand: Array, configuration: Array, swivel: Array, head: Array, signer: Signer
) -> NDArray[np.float32]:
    """Joints (T, 50, 3) in SLP units for the dominant (0) and the non-dominant (1) hand.

    Wrists (2, T, 3) in shoulder widths, orientations (2, T, 4), configurations (2, T, 25), elbow swivels (2, T) and the
    head's yaw and pitch (T, 2) in radians. What an elbow or a wrist cannot do is cut to what it can.
    """
    build = signer.build
    joints = np.zeros((len(head), 50, 3))
    joints[:, skeletons.NOSE] = _nose(head, build.head)
    sides = (
        (skeletons.RIGHT_SHOULDER, skeletons.RIGHT_HAND, np.ones(3)),
        (skeletons.LEFT_SHOULDER, skeletons.LEFT_HAND, MIRROR),
    )
    clear = np.stack([_clear(*track, build.hand) for track in zip(wrist, hand, strict=True)])
    bases = _shoulders(clear)
    for side, (shoulder, fingers, mirror) in enumerate(sides):
        moved = bases[side] - arm.SHOULDER
        at = moved + arm.reachable(clear[side] - moved, build.upper_arm, build.forearm)
        joint = moved + arm.elbow(at - moved, swivel[side], build.upper_arm, build.forearm)
        turned = arm.limit_wrist((at - joint) / build.forearm, hand[side])
        local = build.hand * hand_joints(configuration[side])
        joints[:, shoulder] = bases[side] * mirror
        joints[:, shoulder + 1] = joint * mirror
        joints[:, shoulder + 2] = at * mirror
        joints[:, fingers] = (at[:, None] + local @ np.swapaxes(to_matrix(turned), 1, 2)) * mirror
    if signer.handedness == "left":
        joints = joints[:, _SWAPPED] * MIRROR
    return (joints * (np.array([1.0, -1.0, 1.0]) / SHOULDER_WIDTHS)).astype(np.float32)


def _shoulders(wrist: Array) -> Array:
    """Both shoulders (2, T, 3), each in its own mirrored world: turned about the neck by the wrists (2, T, 3)."""
    lift = SHOULDER_LIFT * ease((wrist[..., 1] + 0.7) / 1.4)
    lift = lift - _LEAN * lift[::-1]
    swing = SHOULDER_SWING * ease((wrist[..., 2] - 0.1) / 0.8)
    x, y, z = arm.SHOULDER
    out, up = x * np.cos(lift) + y * np.sin(lift), y * np.cos(lift) - x * np.sin(lift)
    return np.stack([out * np.cos(swing) + z * np.sin(swing), up, z * np.cos(swing) - out * np.sin(swing)], axis=-1)


def _nose(head: Array, size: float) -> Array:
    yaw, pitch = head.T
    _, y, z = NOSE * size
    depth = z * np.cos(pitch) + y * np.sin(pitch)
    height = y * np.cos(pitch) - z * np.sin(pitch)
    return np.stack([depth * np.sin(yaw), height, depth * np.cos(yaw)], axis=1)


def _clear(wrist: Array, hand: Array, palm: float) -> Array:
    """The wrists (T, 3), moved out so far that the middle of no palm lies inside the head or the torso."""
    reach = 0.6 * palm * to_matrix(hand)[..., 1]
    for centre, radii in _BODY_VOLUMES:
        offset = (wrist + reach - centre) / radii
        depth = np.sqrt(np.einsum("ni,ni->n", offset, offset))
        inside = np.flatnonzero(depth < 1)
        if len(inside):
            wrist = wrist.copy()
            push = (1 - depth[inside]) * radii[2]
            wrist[inside, 2] += push * 1.5
    return wrist
