"""Depth of the arms: how far a bone is foreshortened says how much it points to or from the viewer, anatomy says which.

x right, y down, z toward the viewer, in shoulder widths.
"""

from typing import Final

import numpy as np

from datamodules.poses.lifting.choosing import Array, choose

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
    costs += 0.5 * np.maximum(elbow, 0) / lengths[0] * np.square(hangs)
    # Hands are in front of the trunk and the face, not inside or behind them.
    reach = (shoulder + upper + fore)[:, :, None]
    before = np.clip((0.8 - np.abs(reach[..., 0])) / 0.3, 0, 1)
    costs += 30 * before * np.square(np.maximum(0.1 - wrist, 0)) + 3 * np.square(np.maximum(-wrist, 0))
    costs += 0.3 * np.maximum(-depths[..., 1], 0)
    # And they stay near it: signing space is hardly deeper than a shoulder width.
    costs += 3 * np.square(np.maximum(wrist - 0.6, 0))
    chosen = choose(costs, np.concatenate([certain, _STEADY * depths], axis=-1), _INERTIA)
    picked: Array = np.take_along_axis(depths, chosen[:, :, None, None], axis=2)[:, :, 0]
    return picked
