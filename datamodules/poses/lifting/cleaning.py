"""2D keypoints made fit for lifting: what is absent, misplaced or out of proportion goes and is filled in.

Coordinates leave here in shoulder widths with the neck as origin, x right, y down.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.ndimage import median_filter
from scipy.signal import savgol_filter

from datamodules.poses.anatomy import BONES, LENGTHS, REST
from datamodules.poses.skeletons import (
    LEFT_HAND,
    LEFT_SHOULDER,
    LEFT_WRIST,
    NECK,
    RIGHT_HAND,
    RIGHT_SHOULDER,
    RIGHT_WRIST,
    SLP_50_IN_OPENPOSE_137,
)

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

CONFIDENT: Final = 0.1
"""Keypoints below it are taken as absent."""
_SPIKE: Final = np.r_[np.full(8, 0.35), np.full(42, 0.12)]  # shoulder widths off the median of five frames
_STRETCH: Final = 1.5  # of a bone's usual length
_ASTRAY: Final = 0.5  # shoulder widths from a body's wrist to its hand's


def clean(keypoints: npt.NDArray[np.floating]) -> tuple[Array, Mask]:
    """SLP-50 joints (T, 50, 2) in shoulder widths, without gaps, and where they were truly seen (T, 50).

    Raises:
        ValueError: both shoulders are in no frame, or are less than two pixels apart.
    """
    points = np.asarray(keypoints[:, SLP_50_IN_OPENPOSE_137], np.float64)
    xy = points[..., :2]
    seen = np.isfinite(points).all(-1) & (points[..., 2] >= CONFIDENT) & xy.any(-1)
    xy, seen = _centred(np.where(seen[..., None], xy, np.nan), seen)
    for wrist, hand in ((LEFT_WRIST, LEFT_HAND), (RIGHT_WRIST, RIGHT_HAND)):
        astray = np.linalg.norm(xy[:, hand.start] - xy[:, wrist], axis=-1) > _ASTRAY
        seen[astray, hand] = False
    for child, parent in BONES:
        too_long = np.linalg.norm(xy[:, child] - xy[:, parent], axis=-1) > _STRETCH * LENGTHS[child]
        seen[too_long, child] = False
    filled = fill(xy, seen)
    if len(xy) >= 3:
        off = np.linalg.norm(filled - median_filter(filled, (5, 1, 1), mode="nearest"), axis=-1) > _SPIKE
        seen &= ~off
        filled = fill(xy, seen)
    if len(xy) >= 5:
        filled = savgol_filter(filled, 5, 2, axis=0, mode="interp")
    return filled, seen


def _centred(xy: Array, seen: Mask) -> tuple[Array, Mask]:
    """In shoulder widths from the neck, which is the middle of the shoulders where it is not seen itself."""
    both = seen[:, LEFT_SHOULDER] & seen[:, RIGHT_SHOULDER]
    if not both.any():
        raise ValueError("the shoulders are never seen together, so that nothing gives the scale; leave the clip out")
    unit = float(np.median(np.linalg.norm(xy[both, LEFT_SHOULDER] - xy[both, RIGHT_SHOULDER], axis=-1)))
    if unit < 2:
        raise ValueError(f"the shoulders are {unit:.2f} pixels apart, expected at least 2; leave the clip out")
    middle = (xy[:, LEFT_SHOULDER] + xy[:, RIGHT_SHOULDER]) / 2
    neck = np.where((seen[:, NECK] | ~both)[:, None], xy[:, NECK], middle)
    known = np.isfinite(neck).all(-1)
    frames = np.arange(len(neck))
    neck = np.stack([np.interp(frames, frames[known], neck[known, axis]) for axis in (0, 1)], axis=-1)
    if len(neck) >= 5:
        neck = savgol_filter(median_filter(neck, (5, 1), mode="nearest"), 5, 1, axis=0, mode="interp")
    seen[:, NECK] = True
    centred = (xy - neck[:, None]) / unit
    centred[:, NECK] = 0
    return centred, seen


def fill(xy: Array, seen: Mask) -> Array:
    """The joints with gaps filled: each bone goes on from where it was last seen to where it is seen next.

    A joint that is never seen rests at its usual place on its parent.
    """
    filled = xy.copy()
    frames = np.arange(len(xy))
    for child, parent in BONES:
        known = seen[:, child]
        if known.all():
            continue
        if not known.any():
            filled[:, child] = filled[:, parent] + REST[child]
            continue
        bone = filled[known, child] - filled[known, parent]
        gap = frames[~known]
        for axis in (0, 1):
            filled[gap, child, axis] = filled[gap, parent, axis] + np.interp(gap, frames[known], bone[:, axis])
    return filled
