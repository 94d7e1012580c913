"""Inverse kinematics of a two-bone arm with the limits of an elbow and a wrist.

All arms are computed as a signer's dominant right arm: shoulder at x = -0.5, contralateral = +x; the other arm is the
mirror image. Units are shoulder widths.
"""

import numpy as np

from datamodules.avatar.kinematics.hand import Array
from datamodules.avatar.kinematics.rotation import multiply, to_matrix

SHOULDER = np.array([-0.5, -0.02, 0.0])
ELBOW_LIMIT = 150.0
"""Degrees of flexion; 0 is the straight arm."""
WRIST_LIMIT = 85.0
"""Degrees between forearm and hand (WRIST to the middle of the palm), in any direction."""

_POLE = np.array([-1.0, 0.0, 0.6])
_SWIVELS = np.radians(np.arange(-15, 166, 12.0))
_STRAIGHT = 0.998


def reachable(wrist: Array, upper: float, fore: float) -> Array:
    """The wrists (..., 3), brought as near as an elbow between 0 and 150 degrees lets them be."""
    offset = wrist - SHOULDER
    distance = np.sqrt(np.einsum("...i,...i->...", offset, offset))
    nearest = np.sqrt(upper**2 + fore**2 + 2 * upper * fore * np.cos(np.radians(ELBOW_LIMIT - 0.01)))
    factor = np.clip(distance, nearest, _STRAIGHT * (upper + fore)) / np.maximum(distance, 1e-9)
    clipped: Array = SHOULDER + offset * factor[..., None]
    return clipped


def elbow(wrist: Array, swivel: Array, upper: float, fore: float) -> Array:
    """The elbows (..., 3) for reachable wrists (..., 3) and swivels (...,) in radians.

    Swivel turns the elbow about the line from shoulder to wrist: 0 is outward and forward, a direction in which hands
    are hardly ever held, so that the angle is continuous over the signing space; a right angle hangs down.
    """
    offset = wrist - SHOULDER
    square = np.einsum("...i,...i->...", offset, offset)
    distance = np.sqrt(square)
    along = offset / distance[..., None]
    hang = _POLE - along * (along @ _POLE)[..., None]
    hang /= np.sqrt(np.einsum("...i,...i->...", hang, hang))[..., None]
    side = np.stack(
        [
            along[..., 1] * hang[..., 2] - along[..., 2] * hang[..., 1],
            along[..., 2] * hang[..., 0] - along[..., 0] * hang[..., 2],
            along[..., 0] * hang[..., 1] - along[..., 1] * hang[..., 0],
        ],
        axis=-1,
    )
    reach = (square + upper**2 - fore**2) / (2 * distance)
    height = np.sqrt(np.maximum(upper**2 - reach**2, 0))
    bow = np.cos(swivel)[..., None] * hang + np.sin(swivel)[..., None] * side
    joint: Array = SHOULDER + along * reach[..., None] + bow * height[..., None]
    return joint


def natural_swivels(wrist: Array, hand: Array, upper: float, fore: float) -> Array:
    """The swivels (K,) in radians that are easiest on the arm for K successive wrists (K, 3) and hands (K, 4).

    Weighs wrist bend, forearm twist and a raised, spread, inward or forward elbow against each other on a grid of
    swivels, and the change from one pose to the next. An elbow that points at the viewer hides its upper arm: people
    hold it aside.
    """
    wrist = reachable(wrist, upper, fore)
    joint = elbow(wrist[:, None], np.broadcast_to(_SWIVELS, (len(wrist), len(_SWIVELS))), upper, fore)
    forearm = (wrist[:, None] - joint) / fore
    bone = joint - SHOULDER
    frame = to_matrix(hand)
    bend, twist = _wrist_angles(bone, forearm, frame[:, None])
    strain = np.square(bend / np.radians(65)) + 4 * np.square(np.maximum(bend - np.radians(70), 0))
    strain += 0.4 * np.square(twist / np.radians(90)) + 3 * np.square(np.maximum(np.abs(twist) - np.radians(85), 0))
    strain += 5 * np.square(np.maximum(joint[..., 1] + 0.30, 0))
    strain += 45 * np.square(np.maximum(joint[..., 0] + 0.38, 0)) + 5 * np.square(np.maximum(-0.80 - joint[..., 0], 0))
    strain += 12 * np.square(np.maximum(-0.25 - joint[..., 2], 0)) + 6 * np.square(np.maximum(joint[..., 2] - 0.25, 0))
    strain += 40 * np.square(np.maximum(0.5 - np.hypot(bone[..., 0], bone[..., 1]), 0))
    chosen = np.empty(len(wrist), dtype=int)
    for k, costs in enumerate(strain):
        if k:
            costs = costs + 0.4 * np.square(_SWIVELS - _SWIVELS[chosen[k - 1]])
        chosen[k] = int(np.argmin(costs))
    picked: Array = _SWIVELS[chosen]
    return picked


def _wrist_angles(bone: Array, forearm: Array, frame: Array) -> tuple[Array, Array]:
    """Wrist bend and forearm twist in radians; twist 0 is thumb up with the forearm held forward, palm down is < 0."""
    along, facing = frame[..., 1], frame[..., 2]
    bend = np.arccos(np.clip(np.sum(along * forearm, axis=-1), -1, 1))
    inward = np.cross(forearm, bone)
    inward /= np.maximum(np.linalg.norm(inward, axis=-1), 1e-9)[..., None]
    lean = np.sum(facing * forearm, axis=-1) / np.maximum(1 + np.sum(along * forearm, axis=-1), 1e-9)
    facing = facing - lean[..., None] * (along + forearm)
    twist = np.arctan2(np.sum(np.cross(inward, facing) * forearm, axis=-1), np.sum(inward * facing, axis=-1))
    return bend, twist


def limit_wrist(forearm: Array, hand: Array) -> Array:
    """The hands (T, 4), those bent past the wrist's limit brought back to it along the shortest turn.

    `forearm` (T, 3) are unit vectors from elbow to wrist.
    """
    along = to_matrix(hand)[..., 1]
    cosine = np.clip(np.sum(along * forearm, axis=-1), -1, 1)
    excess = np.arccos(cosine) - np.radians(WRIST_LIMIT)
    over = np.flatnonzero(excess > 0)
    if not len(over):
        return hand
    axis = np.cross(along[over], forearm[over])
    axis /= np.maximum(np.linalg.norm(axis, axis=-1), 1e-9)[:, None]
    half = excess[over] / 2
    back = np.concatenate([np.cos(half)[:, None], np.sin(half)[:, None] * axis], axis=1)
    limited = hand.copy()
    limited[over] = multiply(back, hand[over])
    return limited
