"""What a motion shows of the hands, whoever signs it: the measurements that phonological accuracies rest on.

Everything is in the frame and the units of the avatar's tables: origin at the neck, one unit a shoulder width of the
signer at hand, x + = to the side of the non-dominant hand, y + = up, z + = forward. A left-handed signer is mirrored.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist
from scipy.spatial.transform import Rotation

from datamodules.avatar.kinematics.hand import KNUCKLES, THUMB_BASE
from datamodules.avatar.signer import Build
from datamodules.poses.skeletons import LEFT_HAND, LEFT_SHOULDER, NECK, RIGHT_HAND, RIGHT_SHOULDER, SLP_50
from lightning_modules.metrics.dtw import warp_path
from lightning_modules.metrics.score import Array, Motion

Frames = npt.NDArray[np.int64]

PALM: Final = Build().hand
"""Shoulder widths in the palm of the avatar's neutral signer."""
MIRROR: Final = np.array([-1.0, 1.0, 1.0])

_PALM_JOINTS: Final = np.array([0, 1, 5, 9, 13, 17])
_FINGER_JOINTS: Final = np.setdiff1d(np.arange(21), _PALM_JOINTS)
_STIFF: Final = np.vstack([np.zeros(3), THUMB_BASE, KNUCKLES])
_CENTRED: Final = _STIFF - _STIFF.mean(0)
_SWAPPED: Final = np.r_[0, 1, 5:8, 2:5, LEFT_HAND, RIGHT_HAND]


@dataclass(frozen=True, eq=False)
class Hand:
    """One hand over T frames, as a right hand: a left one is mirrored.

    `wrist` (T, 3), the `frame` (T, 3, 3) of its palm with radial, distal and palmar as columns, and its `shape`
    (T, 21, 3), the joints in that frame, in palm lengths from the wrist.
    """

    wrist: Array
    frame: Array
    shape: Array

    @property
    def fingers(self) -> Array:
        """The 15 joints that move in the palm's frame, (T, 45), scaled so that the euclidean distance of two rows is
        the root mean square distance of a joint, in palm lengths."""
        return shape_features(self.shape)


@dataclass(frozen=True, eq=False)
class Signing:
    """A motion: `joints` (T, 50, 3), the dominant hand as in them, the other in its own mirrored world."""

    joints: Array
    dominant: Hand
    other: Hand


def shape_features(shape: Array) -> Array:
    """`Hand.fingers` of hand joints (T, 21, 3)."""
    features: Array = shape[:, _FINGER_JOINTS].reshape(len(shape), -1) / np.sqrt(len(_FINGER_JOINTS))
    return features


def observe(motion: Motion, left_handed: bool = False) -> Signing:
    """The signing in a motion (T, 50, 3) in SLP units.

    Raises:
        ValueError: another shape, no frame, or a joint that is absent (NaN) or infinite.
    """
    joints = np.asarray(motion, np.float64)
    if joints.ndim != 3 or joints.shape[1:] != (SLP_50.joints, 3) or not len(joints):
        raise ValueError(f"expected a motion of shape (T, 50, 3) with T >= 1, found {joints.shape}")
    if not np.isfinite(joints).all():
        raise ValueError("found a joint that is absent (NaN) or infinite; phonology needs all: interpolate first")
    joints = joints * np.array([1.0, -1.0, 1.0])
    if left_handed:
        joints = joints[:, _SWAPPED] * MIRROR
    across = np.linalg.norm(joints[:, LEFT_SHOULDER] - joints[:, RIGHT_SHOULDER], axis=-1)
    joints = (joints - joints[:, [NECK]]) / max(float(np.median(across)), 1e-3)
    return Signing(joints, _hand(joints[:, RIGHT_HAND]), _hand(joints[:, LEFT_HAND] * MIRROR))


def _hand(joints: Array) -> Hand:
    """A right hand (T, 21, 3); the avatar's rigid palm is turned and scaled as fits best (Umeyama 1991)."""
    seen = joints[:, _PALM_JOINTS]
    u, size, v = np.linalg.svd(_CENTRED.T @ (seen - seen.mean(1, keepdims=True)))
    flip = np.sign(np.linalg.det(u @ v))
    v[:, 2] *= flip[:, None]
    frame = np.swapaxes(u @ v, 1, 2)
    scale = (size[:, 0] + size[:, 1] + flip * size[:, 2]) / np.square(_CENTRED).sum()
    scale = np.clip(scale, PALM / 2, 2 * PALM)  # what has hardly any size is not blown up to be a hand
    return Hand(joints[:, 0], frame, (joints - joints[:, :1]) @ frame / scale[:, None, None])


def align(hypothesis: Signing, reference: Signing) -> tuple[Frames, Frames]:
    """Frames of the hypothesis and of the reference that belong together, (K,) each, in order.

    By exact DTW over the euclidean distance of all joints, each in its signer's own units.
    """
    h, r = (signing.joints.reshape(-1, 3 * SLP_50.joints) for signing in (hypothesis, reference))
    path = warp_path(cdist(h, r))
    return path[:, 0], path[:, 1]


def course(hand: Hand, frames: Frames, starts: Frames) -> Array:
    """How a hand moves over stretches of frames, (n, 51): its wrist, its turns and its fingers, each from their mean.

    frames: (n,), one stretch after the other. starts: where in them each stretch begins.

    In shoulder widths: the turn is the rotation vector from the mean orientation times a palm, how far it moves the
    knuckles; the fingers are those of `Hand.fingers` times a palm. Where the hand is, how it is held and which lasting
    shape it has leave no trace.
    """
    lengths = np.diff([*starts, len(frames)])

    def mean(values: Array) -> Array:
        return np.add.reduceat(values, starts) / lengths.reshape(-1, *[1] * (values.ndim - 1))

    frame, points = hand.frame[frames], np.hstack([hand.wrist[frames], PALM * hand.fingers[frames]])
    u, _, v = np.linalg.svd(mean(frame))
    u[:, :, 2] *= np.sign(np.linalg.det(u @ v))[:, None]
    turned = frame @ np.repeat(np.swapaxes(u @ v, 1, 2), lengths, axis=0)
    turn = PALM * Rotation.from_matrix(turned).as_rotvec()
    return np.hstack([points - np.repeat(mean(points), lengths, axis=0), turn])
