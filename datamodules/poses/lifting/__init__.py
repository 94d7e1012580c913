"""From 2D keypoints to 3D joints: the data step of SignDiff (section "Dataset Processing").

2D to 3D by the foreshortening of bones of constant length, in the spirit of Zelinka & Kanis 2020 (Neural Sign
Language Synthesis: Words Are Our Glosses), which SignDiff builds on; then kinematics from the neck outward puts every
joint where its bone's length lets it be, nearest to where it was seen.

What a single view cannot tell is whether a bone points to the viewer or away. Anatomy (elbows and fingers bend one way,
hands are before the body) and continuity in time decide; where both allow either, the depth may be mirrored. The
camera is taken to be far away (no perspective).
"""

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.signal import savgol_filter

from datamodules.poses.anatomy import BONES, LENGTHS, PALM, PALM_LENGTH, likely_length
from datamodules.poses.lifting.choosing import Array, choose
from datamodules.poses.lifting.cleaning import Mask, clean
from datamodules.poses.lifting.hands import hand_depths, palm_outline
from datamodules.poses.skeletons import (
    LEFT_HAND,
    LEFT_SHOULDER,
    NOSE,
    OPENPOSE_137,
    RIGHT_HAND,
    RIGHT_SHOULDER,
)

SHOULDER_WIDTHS = 3.0
"""Shoulder widths in one SLP unit."""
_TRUST = np.array([1.0, 1.0, 0.1])  # in what is seen, and in what follows from it
_ROUNDS = 3
_DOWN = np.array([0.0, 1.0, 0.0])
_NOWHERE = 1e-6  # of a shoulder's width, below which rounding alone would say where a bone points


def lift(keypoints: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """OpenPose keypoints (T, 137, 3) of one signer, x, y in pixels and confidence, to joints (T, 50, 3) in SLP units.

    No joint is NaN: what was not seen is filled in from the frames around it, or rests where it usually is. Bones are
    as long in one frame as in any other.

    Raises:
        ValueError: keypoints of another shape, or whose shoulders give no scale.
    """
    keypoints = np.asarray(keypoints)
    if keypoints.ndim != 3 or keypoints.shape[1:] != (OPENPOSE_137.joints, 3) or not len(keypoints):
        raise ValueError(f"expected OpenPose keypoints (T, 137, 3) with T >= 1, found {keypoints.shape}")
    flat, seen = clean(keypoints)
    for side, hand in ((LEFT_SHOULDER, LEFT_HAND), (RIGHT_SHOULDER, RIGHT_HAND)):
        flat[:, hand] += (flat[:, side + 2] - flat[:, hand.start])[:, None]
    hands = np.stack([flat[:, RIGHT_HAND] * (1, -1), flat[:, LEFT_HAND] * (-1, -1)])
    lengths, palm, fingers = _lengths(flat, seen, hands)
    depth = np.zeros(flat.shape[:2])
    depth[:, NOSE] = np.sqrt(np.maximum(lengths[NOSE] ** 2 - np.square(flat[:, NOSE]).sum(-1), 0))
    sides = (RIGHT_SHOULDER, LEFT_SHOULDER)
    shoulder = np.stack([flat[:, side] for side in sides])
    upper = np.stack([flat[:, side + 1] - flat[:, side] for side in sides])
    fore = np.stack([flat[:, side + 2] - flat[:, side + 1] for side in sides])
    arms = arm_depths(upper, fore, shoulder, lengths[[RIGHT_SHOULDER + 1, RIGHT_SHOULDER + 2]])
    for side, arm in zip(sides, arms, strict=True):
        depth[:, side + 1 : side + 3] = arm
    forearms = np.concatenate([fore * (1, -1), arms[..., 1:]], axis=-1)
    forearms[1, :, 0] *= -1
    forearms /= np.maximum(np.linalg.norm(forearms, axis=-1, keepdims=True), 1e-9)
    frames, bones = hand_depths(hands, forearms, fingers, palm)
    for hand, frame, bone in zip((RIGHT_HAND, LEFT_HAND), frames, bones, strict=True):
        plate = np.c_[PALM[1:], np.zeros(5)]
        depth[:, hand][:, 1::4] = (palm * plate @ np.swapaxes(frame, -1, -2))[..., 2]
        for joint in range(3):
            depth[:, hand][:, 2 + joint :: 4] = palm * bone[..., joint]
    return _assemble(flat, depth, lengths)


def _lengths(flat: Array, seen: Mask, hands: Array) -> tuple[Array, float, Array]:
    lengths = LENGTHS.copy()
    longest = np.zeros(len(LENGTHS))
    for child, parent in BONES:
        both = seen[:, child] & seen[:, parent]
        if both.any():
            longest[child] = np.quantile(np.linalg.norm(flat[both, child] - flat[both, parent], axis=-1), 0.97)
    for joint in (1, 2):
        arms = [LEFT_SHOULDER + joint, RIGHT_SHOULDER + joint]
        lengths[arms] = likely_length(longest[arms].max(), LENGTHS[arms[0]])
    lengths[NOSE] = likely_length(longest[NOSE], LENGTHS[NOSE])
    palm = float(np.clip(palm_outline(hands)[-1], 0.7 * PALM_LENGTH, 1.4 * PALM_LENGTH))
    scale = palm / PALM_LENGTH
    fingers = np.maximum(longest[RIGHT_HAND], longest[LEFT_HAND])
    for joint in range(1, 21):
        usual = scale * LENGTHS[RIGHT_HAND][joint]
        length = usual if joint % 4 == 1 else likely_length(fingers[joint], usual)
        lengths[RIGHT_HAND.start + joint] = lengths[LEFT_HAND.start + joint] = length
    bones = lengths[RIGHT_HAND][1:].reshape(5, 4)[:, 1:] / palm
    return lengths, palm, bones


def _assemble(flat: Array, depth: Array, lengths: Array) -> npt.NDArray[np.float32]:
    """From the neck outward, every joint on its bone's sphere, near to where it was seen and to its smoothed depth."""
    if len(depth) >= 5:
        depth = savgol_filter(depth, 5, 1, axis=0, mode="interp")
    joints = np.zeros((*flat.shape[:2], 3))
    for child, parent in BONES:
        target = np.concatenate([flat[:, child] - joints[:, parent, :2], depth[:, child, None]], axis=-1)
        bone = _on_sphere(target, lengths[child], _DOWN * lengths[child])
        for _ in range(_ROUNDS):
            bone = _on_sphere(bone + _TRUST * (target - bone), lengths[child], bone)
        joints[:, child] = joints[:, parent] + bone
    return (joints / SHOULDER_WIDTHS).astype(np.float32)


def _on_sphere(bone: Array, length: float, otherwise: Array) -> Array:
    """Bones (T, 3) of a length; as `otherwise` where two joints are seen at one place, which gives no direction."""
    size = np.sqrt(np.einsum("ti,ti->t", bone, bone))
    scaled: Array = bone * (length / np.maximum(size, _NOWHERE))[:, None]
    return np.where(size[:, None] > _NOWHERE, scaled, otherwise)


_SIGNS: Final = np.array([(1, 1), (1, -1), (-1, 1), (-1, -1)], np.float64)
_INERTIA: Final = 30.0
_SHORTEST: Final = 0.93  # of the length that a bone seems to have
_STEADY: Final = 0.25


def arm_depths(upper: Array, fore: Array, shoulder: Array, lengths: Array) -> Array:
    """Signed depths (N, T, 2) of upper arm and forearm.

    Args:
        upper, fore: (N, T, 2) from shoulder to elbow and from elbow to wrist in the picture.
        shoulder: (N, T, 2) where the shoulders are, from the neck.
        lengths: (2,) of upper arm and forearm.
    """
    flat = np.stack([upper, fore], axis=2)
    square = np.square(flat).sum(-1)
    depths = _SIGNS * np.sqrt(np.maximum(np.square(lengths) - square, 0))[:, :, None]  # N, T, 4, 2
    # A bone that is nearly in the picture's plane may turn round: its depth may be nothing but a mistaken length.
    certain = _SIGNS * np.sqrt(np.maximum(np.square(_SHORTEST * lengths) - square, 0))[:, :, None]
    elbow, wrist = depths[..., 0], depths.sum(-1)
    # An upper arm goes back by some 40 degrees at most, and hardly when it is raised.
    back = np.maximum(-elbow, 0) / lengths[0]
    hangs = np.clip(upper[..., 1] / lengths[0], 0, 1)[..., None]
    costs = 12 * np.square(np.maximum(back - 0.45 * hangs, 0)) + 0.3 * back * (1 - hangs)
    # A hanging elbow is beside the trunk or behind it, to let the forearm come forward.
    costs += 0.8 * np.maximum(elbow, 0) / lengths[0] * np.square(hangs)
    # Hands are in front of the trunk and the face, not inside or behind them; beside the thighs they hang.
    reach = (shoulder + upper + fore)[:, :, None]
    before = np.clip((0.8 - np.abs(reach[..., 0])) / 0.3, 0, 1) * np.clip((1.5 - reach[..., 1]) / 0.3, 0, 1)
    costs += 30 * before * np.square(np.maximum(0.1 - wrist, 0)) + 3 * np.square(np.maximum(-wrist, 0))
    costs += 0.3 * np.maximum(-depths[..., 1], 0)
    # And they stay near it: signing space is hardly deeper than a shoulder width.
    costs += 3 * np.square(np.maximum(wrist - 0.6, 0))
    chosen = choose(costs, np.concatenate([certain, _STEADY * depths], axis=-1), _INERTIA)
    picked: Array = np.take_along_axis(depths, chosen[:, :, None, None], axis=2)[:, :, 0]
    return picked
