"""The depth of MediaPipe's points, in the measure of the picture.

MediaPipe gives z in picture widths, a hand's from its own wrist. Of that, little is left in a file that was worked on:
pose-format's `normalize` and `focus` move every z, `focus` and `normalize_pose_size` put another width into the header,
and `correct_wrists` gives the body's wrists the depth of the hands', which is none. So nothing here looks at a header,
and only differences within the body and within a hand count. What one unit of z is worth is measured on bones, which
keep their length however they turn.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from datamodules.poses.anatomy import LENGTHS, PALM_LENGTH, likely_length
from datamodules.poses.skeletons import (
    HAND_BONES,
    LEFT_ELBOW,
    LEFT_HAND,
    LEFT_SHOULDER,
    LEFT_WRIST,
    RIGHT_ELBOW,
    RIGHT_HAND,
    RIGHT_SHOULDER,
    RIGHT_WRIST,
)

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_SIDES: Final = (
    (LEFT_SHOULDER, LEFT_ELBOW, LEFT_WRIST, LEFT_HAND),
    (RIGHT_SHOULDER, RIGHT_ELBOW, RIGHT_WRIST, RIGHT_HAND),
)
_ARMS: Final = ((LEFT_SHOULDER, LEFT_ELBOW), (RIGHT_SHOULDER, RIGHT_ELBOW))
_FOREARMS: Final = ((LEFT_ELBOW, LEFT_WRIST), (RIGHT_ELBOW, RIGHT_WRIST))
_UPPER_ARM, _FOREARM = float(LENGTHS[LEFT_ELBOW]), float(LENGTHS[LEFT_WRIST])
_MIDDLE_KNUCKLE: Final = 9
_RIGID: Final = 0.98
"""How much of what bones seem to change in length one measure of depth must explain, to be taken as exact."""
_FORWARD: Final = 0.2
"""Forearms point to the viewer, unless their palms point away by more than this share of their length."""


def in_depth(joints: Array) -> Array:
    """SLP-50 joints (T, 50, 3), x and y in shoulder widths and z as MediaPipe has it, with z in shoulder widths too.

    Hands begin at the body's wrists. A body's wrist that is absent, or was put where its hand's is, is there, as deep
    as a forearm of its length lets it be. NaN joints are absent.
    """
    joints = joints.copy()
    lost = _lost_wrists(joints)
    for *_, hand in _SIDES:
        joints[:, hand, 2] -= _reference(joints[:, hand.start, 2])[:, None]
    for (*_, wrist, hand), gone in zip(_SIDES, lost, strict=True):
        joints[gone, wrist] = joints[gone, hand.start] * (1, 1, np.nan)
    arms, usual = _bones(joints, (*_ARMS, *_FOREARMS)), np.repeat([_UPPER_ARM, _FOREARM], 2)
    hands = [_bones(joints, [(hand.start + a, hand.start + b) for a, b in HAND_BONES]) for *_, hand in _SIDES]
    own = [_usual_hand(bones) for bones in hands]
    exact = _exact(np.concatenate([arms, *hands], axis=1), np.concatenate([usual, *own]))
    joints[:, : RIGHT_HAND.start, 2] *= _likely(arms, usual) if exact is None else exact
    for (_, elbow, wrist, hand), bones, lengths, gone in zip(_SIDES, hands, own, lost, strict=True):
        joints[:, hand, 2] *= _likely(bones, lengths) if exact is None else exact
        if gone.any():
            joints[gone, wrist, 2] = _wrist_depth(joints, elbow, wrist, hand)[gone]
        joints[:, hand, 2] += joints[:, wrist, None, 2]
    return joints


def _lost_wrists(joints: Array) -> list[Mask]:
    """For the left and the right arm, in which frames (T,) the body's wrist has no depth of its own.

    Trackers find the body's and the hand's wrist apart from each other, so that they are never quite the same in all
    coordinates; where they are and yet the forearm keeps its length, the depth is no tracker's and is right.
    """
    found = []
    for _, elbow, wrist, hand in _SIDES:
        body, own = joints[:, wrist], joints[:, hand.start]
        there, seen = np.isfinite(body).all(-1), np.isfinite(own).all(-1)
        copied = seen & there & (body == own).all(-1)
        forearm = _bones(joints, [(elbow, wrist)])
        if copied.sum() <= (seen & there).sum() / 2 or _exact(forearm, np.array([_FOREARM])) is not None:
            copied[:] = False
        found.append(copied | (seen & ~there))
    return found


def _reference(depth: Array) -> Array:
    """A wrist's depth (T,), from which its hand's counts; the usual one where it is not seen."""
    seen = np.isfinite(depth)
    return np.where(seen, depth, np.median(depth[seen]) if seen.any() else 0.0)


def _bones(joints: Array, pairs: Sequence[tuple[int, int]]) -> Array:
    """Each from its first joint to its second, (T, N, 3)."""
    first, second = np.array(pairs).T
    bones: Array = joints[:, second] - joints[:, first]
    return bones


def _usual_hand(bones: Array) -> Array:
    """Usual lengths (20,) of a hand's bones (T, 20, 3), by how long its palm is seen."""
    palm = np.linalg.norm(bones[:, _MIDDLE_KNUCKLE - 1, :2], axis=-1)
    palm = palm[np.isfinite(palm)]
    size = float(np.quantile(palm, 0.97)) if len(palm) else PALM_LENGTH
    usual: Array = LENGTHS[RIGHT_HAND][1:] * max(size / PALM_LENGTH, 0.7)
    return usual


def _squares(bones: Array) -> tuple[Array, Array]:
    """Of bones (T, N, 3), the squared lengths in the picture and in depth, (T, N) each; NaN where either is absent."""
    flat, deep = np.square(bones[..., :2]).sum(-1), np.square(bones[..., 2])
    return np.where(np.isfinite(deep), flat, np.nan), np.where(np.isfinite(flat), deep, np.nan)


def _exact(bones: Array, usual: Array) -> float | None:
    """The measure of depth in which bones (T, N, 3) all keep their length, where there is one.

    That of a tracker never is; that of joints which were recorded or made in 3D is.
    """
    flat, deep = _squares(bones)
    enough = np.isfinite(flat).sum(0) >= 3
    if not enough.any():
        return None
    flat, deep, weight = flat[:, enough], deep[:, enough], usual[enough] ** -4.0
    flat, deep = flat - np.nanmean(flat, axis=0), deep - np.nanmean(deep, axis=0)
    pairs = ((flat, deep), (flat, flat), (deep, deep))
    together, ours, its = (float((weight * np.nanmean(a * b, axis=0)).sum()) for a, b in pairs)
    if together >= 0 or together**2 < _RIGID * ours * its:
        return None
    return float(np.sqrt(-together / its))


def _likely(bones: Array, usual: Array) -> float:
    """The measure of depth in which bones (T, N, 3) come nearest to how long such bones are.

    A tracker's depth keeps order but not measure: in picture widths, forearms come out up to three times too long.
    """
    flat, deep = _squares(bones)
    seen = np.isfinite(flat).any(0)
    if not seen.any():
        return 0.0
    flat, deep, usual = flat[:, seen], deep[:, seen], usual[seen]
    longest = np.sqrt(np.nanquantile(flat, 0.97, axis=0))
    lengths = np.array([likely_length(*pair) for pair in zip(longest, usual, strict=True)])
    short, depth = np.square(lengths) - np.nanmedian(flat, axis=0), np.nanmedian(deep, axis=0)
    its = float((usual**-4.0 * np.square(depth)).sum())
    return float(np.sqrt(max((usual**-4.0 * short * depth).sum() / its, 0.0))) if its else 0.0


def _wrist_depth(joints: Array, elbow: int, wrist: int, hand: slice) -> Array:
    """Depth (T,) of a wrist that is known in the picture alone, by the length of the forearm.

    It points where its palm does, on the whole, rather to the viewer.
    """
    upper = _bones(joints, _ARMS)
    lengths = np.linalg.norm(upper, axis=-1)
    lengths = lengths[np.isfinite(lengths)]
    usual = _FOREARM / _UPPER_ARM * float(np.median(lengths)) if len(lengths) else _FOREARM
    seen = np.linalg.norm(_bones(joints, _FOREARMS)[..., :2], axis=-1)
    seen = seen[np.isfinite(seen)]
    length = likely_length(float(np.quantile(seen, 0.97)), usual) if len(seen) else usual
    flat = np.linalg.norm(joints[:, wrist, :2] - joints[:, elbow, :2], axis=-1)
    depth = np.sqrt(np.maximum(length**2 - np.square(np.nan_to_num(flat, nan=length)), 0))
    palm = joints[:, hand.start + _MIDDLE_KNUCKLE] - joints[:, hand.start]
    pointing = palm[:, 2] / np.maximum(np.linalg.norm(palm, axis=-1), 1e-9) - _FORWARD
    away = 1 if np.nansum(depth * pointing) > 0 else -1
    found: Array = np.nan_to_num(joints[:, elbow, 2]) + away * depth
    return found
