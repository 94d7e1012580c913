"""Depth of the hands: the palm is a rigid plate, whose outline in the picture gives its pose up to one mirror image.

Everything here is in the frame of a right hand seen by the viewer: x right, y up, z toward the viewer; a left hand
comes in mirrored (x negated). Lengths are in palms unless said otherwise.
"""

from typing import Final

import numpy as np

from datamodules.poses.anatomy import FAN, PALM, RELAXED_THUMB
from datamodules.poses.lifting.choosing import Array, choose

_SIGNS: Final = np.array([(a, b, c) for a in (1, -1) for b in (1, -1) for c in (1, -1)], np.float64)
_PALM_POINTS: Final = np.array([0, 1, 5, 9, 13, 17])
_BLOCK: Final = 64  # frames at a time, as each takes some hundred kilobytes
_PALM_INERTIA: Final = 6.0
_FINGER_INERTIA: Final = 4.0
_LOWEST: Final = np.radians([-20.0, -3.0, -5.0])  # flexion of a finger's MCP, PIP and DIP
_HIGHEST: Final = np.radians([95.0, 112.0, 80.0])
_THUMB_TURN: Final = np.radians([60.0, 80.0])  # between its bones


def palm_outline(hands: Array) -> tuple[Array, Array, Array, float]:
    """Fit the plate of a palm to hands (N, T, 21, 2), in shoulder widths.

    An affine map of the plate to the picture has singular values 1 and |cos(tilt)| times the palm's length.

    Returns:
        across (N, T, 2, 2): unit vectors in the picture along and across the tilt's axis,
        within (N, T, 2, 2): the same in the palm's plane,
        cosine (N, T): of the tilt, negative where the palm faces away from the viewer,
        the palm's length in shoulder widths.
    """
    plate = PALM - PALM.mean(0)
    points = hands[:, :, _PALM_POINTS]
    maps = np.swapaxes(points - points.mean(2, keepdims=True), -1, -2) @ np.linalg.pinv(plate).T
    left, stretch, right = np.linalg.svd(maps)
    length = float(np.median(stretch[..., 0]))
    sign = np.sign(np.linalg.det(left) * np.linalg.det(right))
    cosine = sign * np.clip(stretch[..., 1] / np.maximum(stretch[..., 0], 1e-9), 0, 1)
    return left, right, cosine, length


def palm_frames(left: Array, right: Array, cosine: Array) -> Array:
    """The two orientations (N, T, 2, 3, 3) that look like the outline; columns radial, distal, palmar."""
    sine = np.sqrt(np.maximum(1 - np.square(cosine), 0))
    planar = left * np.stack([np.ones_like(cosine), np.abs(cosine)], axis=-1)[..., None, :] @ right
    depth = sine[..., None] * right[..., 1, :]
    frames = np.empty((*cosine.shape, 2, 3, 3))
    for state, toward in enumerate((1.0, -1.0)):
        frames[:, :, state, :2, :2] = planar
        frames[:, :, state, 2, :2] = toward * depth
    frames[..., 2] = np.cross(frames[..., 0], frames[..., 1])
    return frames


def finger_choices(bones: Array, lengths: Array, frames: Array) -> tuple[Array, Array]:
    """What each choice of signs costs: flexion out of its range, and bones that leave the finger's plane.

    Args:
        bones: (N, T, 5, 3, 2) in the picture, in palms.
        lengths: (5, 3) of the bones, in palms.
        frames: (N, T, 2, 3, 3) the palm's two orientations.

    Returns:
        costs (N, T, 2, 5, 8) and depths (N, T, 5, 8, 3).
    """
    size = np.sqrt(np.maximum(np.square(lengths) - np.square(bones).sum(-1), 0))
    depths = _SIGNS * size[..., None, :]
    flat = np.broadcast_to(bones[..., None, :, :], (*depths.shape, 2))
    whole = np.concatenate([flat, depths[..., None]], axis=-1)
    whole /= np.maximum(np.linalg.norm(whole, axis=-1, keepdims=True), 1e-9)
    n, t = bones.shape[:2]
    local = (whole.reshape(n, t, 1, -1, 3) @ frames).reshape(n, t, 2, 5, 8, 3, 3)
    costs = np.empty((n, t, 2, 5, 8))
    costs[..., 1:, :] = _finger_strain(local[:, :, :, 1:])
    costs[..., 0, :] = _thumb_strain(local[:, :, :, 0])
    return costs, depths


def _finger_strain(local: Array) -> Array:
    """Of fingers (..., 4, 8, 3, 3) in the palm's frame: flexion past its limits, and bones that leave their plane."""
    ahead = np.stack([np.sin(FAN[1:]), np.cos(FAN[1:])], axis=-1)[:, None, None]
    along = (local[..., :2] * ahead).sum(-1)
    aside = local[..., 0] * ahead[..., 1] - local[..., 1] * ahead[..., 0]
    bend = np.arctan2(local[..., 2], along)
    flexion = bend.copy()
    flexion[..., 1:] = np.mod(bend[..., 1:] - bend[..., :-1] + np.pi, 2 * np.pi) - np.pi
    over = np.maximum(flexion - _HIGHEST, 0) + np.maximum(_LOWEST - flexion, 0)
    strain: Array = 4 * np.square(over).sum(-1) + 2 * np.square(np.maximum(np.abs(aside) - 0.2, 0)).sum(-1)
    strain += 0.1 * np.square(flexion[..., 2] - 0.6 * flexion[..., 1])
    return strain


def _thumb_strain(local: Array) -> Array:
    """Of thumbs (..., 8, 3, 3) in the palm's frame: the way from a relaxed thumb, and sharp turns of its joints."""
    turn = np.arccos(np.clip((local[..., 1:, :] * local[..., :-1, :]).sum(-1), -1, 1))
    strain: Array = 4 * np.square(np.maximum(turn - _THUMB_TURN, 0)).sum(-1)
    strain += 0.5 * np.square(local - RELAXED_THUMB).sum((-1, -2))
    return strain


def hand_depths(hands: Array, forearms: Array, finger_lengths: Array, palm: float) -> tuple[Array, Array]:
    """Orientations (N, T, 3, 3) of palms and depths (N, T, 5, 3) of finger bones in palms.

    Args:
        hands: (N, T, 21, 2) in shoulder widths.
        forearms: (N, T, 3) unit vectors from elbow to wrist.
        finger_lengths: (5, 3) in palms.
        palm: its length in shoulder widths.
    """
    left, right, cosine, _ = palm_outline(hands)
    frames = palm_frames(left, right, cosine)
    bones = np.diff(hands[:, :, 1:].reshape(*hands.shape[:2], 5, 4, 2), axis=3) / palm
    blocks = [slice(start, start + _BLOCK) for start in range(0, bones.shape[1], _BLOCK)]
    parts = [finger_choices(bones[:, block], finger_lengths, frames[:, block]) for block in blocks]
    costs, depths = (np.concatenate(part, axis=1) for part in zip(*parts, strict=True))
    bend = np.arccos(np.clip((frames[..., 1] * forearms[:, :, None]).sum(-1), -1, 1))
    easy = 0.3 * np.square(bend) + 6 * np.square(np.maximum(bend - np.radians(70), 0))
    palms = choose(costs.min(-1).sum(-1) + easy, frames[..., 2, :2], _PALM_INERTIA)
    costs = np.take_along_axis(costs, palms[:, :, None, None, None], axis=2)[:, :, 0]
    n, t = palms.shape
    costs = np.moveaxis(costs, 2, 1).reshape(n * 5, t, 8)
    spread = np.moveaxis(depths, 2, 1).reshape(n * 5, t, 8, 3)
    signs = choose(costs, spread, _FINGER_INERTIA)
    picked = np.take_along_axis(spread, signs[:, :, None, None], axis=2)[:, :, 0].reshape(n, 5, t, 3)
    chosen = np.take_along_axis(frames, palms[:, :, None, None, None], axis=2)[:, :, 0]
    return chosen, np.moveaxis(picked, 1, 2)
