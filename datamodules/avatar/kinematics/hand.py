"""Forward kinematics of a 21-joint hand.

The hand frame is that of a right hand: X radial (thumb side), Y distal (wrist to middle knuckle), Z palmar; one
unit is one palm length. A hand's configuration is a vector of 25 numbers, so that configurations blend, batch and
interpolate as plain arrays: 4 spreads and 12 flexions in degrees, then the directions of the three thumb bones.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from datamodules.poses.skeletons import HAND_JOINTS

Array = NDArray[np.float64]

FINGERS = ("index", "middle", "ring", "pinky")
KNUCKLES = np.array([[0.27, 0.95, 0.0], [0.03, 1.0, 0.0], [-0.19, 0.93, 0.0], [-0.38, 0.80, 0.0]])
PHALANGES = np.array([[0.42, 0.24, 0.20], [0.46, 0.29, 0.22], [0.43, 0.27, 0.22], [0.33, 0.19, 0.18]])
THUMB_BASE = np.array([0.25, 0.20, 0.10])
THUMB_BONES = np.array([0.46, 0.37, 0.30])
CONFIGURATION = 25
"""Numbers in a hand configuration: 4 spreads, 12 flexions (degrees), 3 thumb bone directions."""

FLEXION_LIMITS = np.array([[-15.0, 95.0], [0.0, 115.0], [0.0, 80.0]])
"""Anatomical bounds in degrees of flexion at MCP, PIP and DIP."""
SPREAD_LIMITS = np.array([-30.0, 30.0])
_THUMB_FLEXION_LIMIT = 80.0
_THUMB_IP_SHARE = 0.8


@dataclass(frozen=True, eq=False)
class Handshape:
    """A named finger configuration.

    `spread` (4,) and `flexion` (4, 3) are degrees for index, middle, ring, pinky; `thumb` (3,) is the point in
    the hand frame that the thumb tip reaches and `bulge` (3,) the side to which the bent thumb arches.
    """

    name: str
    spread: Array
    flexion: Array
    thumb: Array
    bulge: Array
    configuration: Array = field(init=False, repr=False)
    """(25,) read-only vector: what `hand_joints` and `blend` work on."""

    def __post_init__(self) -> None:
        vector = np.concatenate([self.spread, self.flexion.ravel(), thumb_bones(self.thumb, self.bulge).ravel()])
        vector.flags.writeable = False
        object.__setattr__(self, "configuration", vector)


def finger_joints(spread: ArrayLike, flexion: ArrayLike) -> Array:
    """Joints (..., 4, 4, 3) of the fingers, MCP to TIP, for spreads (..., 4) and flexions (..., 4, 3) in degrees."""
    side = np.radians(np.asarray(spread, dtype=float))
    bend = np.radians(np.cumsum(np.asarray(flexion, dtype=float), axis=-1))
    reach, lift = PHALANGES * np.cos(bend), PHALANGES * np.sin(bend)
    joints = np.empty((*bend.shape[:-1], 4, 3))
    joints[..., 0, :] = KNUCKLES
    joints[..., 1:, 0] = np.cumsum(reach * np.sin(side)[..., None], axis=-1)
    joints[..., 1:, 1] = np.cumsum(reach * np.cos(side)[..., None], axis=-1)
    joints[..., 1:, 2] = np.cumsum(lift, axis=-1)
    joints[..., 1:, :] += KNUCKLES[:, None, :]
    return joints


def thumb_bones(target: ArrayLike, bulge: ArrayLike) -> Array:
    """Unit directions (3, 3) of the thumb's bones so that its tip lies on `target` (to 1e-9 palm lengths).

    MCP and IP flex together in one plane (as the flexor pollicis longus makes them), so that the chain has
    one unknown, which bisection finds; the arch points to the side of `bulge`.

    Raises ValueError when the target is out of reach.
    """
    offset = np.asarray(target, dtype=float) - THUMB_BASE
    distance = float(np.linalg.norm(offset, axis=-1))
    low, high = 0.0, np.radians(_THUMB_FLEXION_LIMIT)
    if not _thumb_reach(high) <= distance <= _thumb_reach(low):
        raise ValueError(
            f"thumb target {np.round(offset + THUMB_BASE, 3).tolist()} lies {distance:.3f} from the thumb's base; "
            f"the thumb reaches from {_thumb_reach(high):.3f} to {_thumb_reach(low):.3f}"
        )
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _thumb_reach(middle) > distance else (low, middle)
    angles = low * np.array([0.0, 1.0, 1.0 + _THUMB_IP_SHARE])
    chord = np.arctan2((THUMB_BONES * np.sin(angles)).sum(), (THUMB_BONES * np.cos(angles)).sum())
    along = offset / distance
    across = np.asarray(bulge, dtype=float) - along * (along * np.asarray(bulge, dtype=float)).sum()
    across = -across / np.linalg.norm(across, axis=-1)
    angles -= chord
    bones: Array = np.cos(angles)[:, None] * along + np.sin(angles)[:, None] * across
    return bones


def _thumb_reach(flexion: float) -> float:
    angles = flexion * np.array([0.0, 1.0, 1.0 + _THUMB_IP_SHARE])
    return float(np.hypot((THUMB_BONES * np.cos(angles)).sum(), (THUMB_BONES * np.sin(angles)).sum()))


def hand_joints(hand: Handshape | ArrayLike) -> Array:
    """Joints (..., 21, 3) in the hand frame, palm lengths, of a handshape or of configurations (..., 25)."""
    vector = hand.configuration if isinstance(hand, Handshape) else np.asarray(hand, dtype=float)
    batch = vector.shape[:-1]
    joints = np.zeros((*batch, 21, 3))
    joints[..., 1, :] = THUMB_BASE
    bones = vector[..., 16:].reshape(*batch, 3, 3) * THUMB_BONES[:, None]
    joints[..., 2:5, :] = THUMB_BASE + np.cumsum(bones, axis=-2)
    fingers = finger_joints(vector[..., :4], vector[..., 4:16].reshape(*batch, 4, 3))
    joints[..., 5:, :] = fingers.reshape(*batch, 16, 3)
    return joints


def blend(start: ArrayLike, end: ArrayLike, share: ArrayLike) -> Array:
    """Configurations (T, 25) between `start` and `end`, each (25,) or (T, 25), at shares (T,) in 0..1.

    Angles go linearly, thumb bones along the sphere's chord: bone lengths hold along the whole way.
    """
    weight = np.asarray(share, dtype=float)[..., None]
    first, last = np.asarray(start, dtype=float), np.asarray(end, dtype=float)
    return unit_thumb(first + (last - first) * weight)


def unit_thumb(configuration: Array) -> Array:
    """The configurations (..., 25) with their thumb directions brought back to unit length, in place."""
    bones = configuration[..., 16:].reshape(*configuration.shape[:-1], 3, 3)
    bones /= np.sqrt(np.einsum("...i,...i->...", bones, bones))[..., None]
    configuration[..., 16:] = bones.reshape(*configuration.shape[:-1], 9)
    return configuration


def joint_mean(joints: Array, names: Sequence[str]) -> Array:
    """The mean (3,) of the named joints of a hand (21, 3)."""
    mean: Array = joints[[HAND_JOINTS.index(name) for name in names]].mean(axis=0)
    return mean
