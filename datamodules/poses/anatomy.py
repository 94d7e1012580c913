"""Proportions and limits of an upper body, in shoulder widths and degrees.

Bone lengths lie between anthropometric tables (Drillis & Contini 1966) and the medians of the PHOENIX14T skeletons that
were published with Progressive Transformers; no signer's own lengths are needed beforehand.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from datamodules.poses.skeletons import (
    HAND_BONES,
    LEFT_HAND,
    LEFT_SHOULDER,
    LEFT_WRIST,
    NECK,
    NOSE,
    RIGHT_HAND,
    RIGHT_SHOULDER,
    RIGHT_WRIST,
    SLP_50,
)

PALM_LENGTH: Final = 0.25
"""Wrist to middle knuckle, in shoulder widths."""
PALM: Final = np.array([[0.0, 0.0], [0.26, 0.30], [0.26, 0.99], [0.02, 1.0], [-0.20, 0.92], [-0.37, 0.78]])
"""Wrist, thumb's CMC, and the knuckles of index to pinky in the plane of a right palm, radial and distal, in palms."""
SHORTER: Final = 0.87
"""Of the tables' fingers: with it a middle finger is .96 of its palm; of thirteen hands in published Holistic files it
is .94 in the median, .77 to 1.14."""
PHALANGES: Final = np.array(
    [
        [0.42, 0.38, 0.31],
        *(SHORTER * np.array([[0.48, 0.29, 0.25], [0.52, 0.32, 0.26], [0.48, 0.31, 0.26], [0.38, 0.22, 0.22]])),
    ]
)
"""Bones of thumb (metacarpal first) to pinky beyond the joints of `PALM`, in palms."""
FAN: Final = np.radians([50.0, 8.0, 1.0, -6.0, -13.0])
"""Direction of each finger in the palm's plane, from distal toward the thumb."""
RELAXED_THUMB: Final = np.array([[0.57, 0.67, 0.47], [0.1, 0.96, 0.25], [-0.3, 0.95, 0.0]])
"""Directions of its bones: radial, distal, palmar. The metacarpal stands off the palm, the rest bends across it."""

BONES: Final = (
    *((NOSE, NECK), (LEFT_SHOULDER, NECK), (RIGHT_SHOULDER, NECK)),
    *((shoulder + step, shoulder + step - 1) for shoulder in (LEFT_SHOULDER, RIGHT_SHOULDER) for step in (1, 2)),
    *((RIGHT_HAND.start, RIGHT_WRIST), (LEFT_HAND.start, LEFT_WRIST)),
    *((hand.start + child, hand.start + parent) for hand in (RIGHT_HAND, LEFT_HAND) for parent, child in HAND_BONES),
)
"""Every joint after the one that carries it: (child, parent)."""

LENGTHS: Final = np.zeros(SLP_50.joints)
"""Usual length of the bone that ends in each joint; 0 from a body's wrist to its hand's, which are the same."""
LENGTHS[[NOSE, LEFT_SHOULDER, RIGHT_SHOULDER]] = 0.62, 0.5, 0.5
for _shoulder in (LEFT_SHOULDER, RIGHT_SHOULDER):
    LENGTHS[_shoulder + 1 : _shoulder + 3] = 0.86, 0.67


def _hand_rest() -> npt.NDArray[np.float64]:
    """Offsets (21, 2) from parent to child of a right hand that hangs down, its back to the viewer."""
    offsets = np.zeros((21, 2))
    for finger in range(5):
        offsets[4 * finger + 1] = PALM[finger + 1]
        along = np.array([np.sin(FAN[finger]), np.cos(FAN[finger])])
        offsets[4 * finger + 2 : 4 * finger + 5] = 0.9 * PHALANGES[finger][:, None] * along
    return PALM_LENGTH * offsets


REST: Final = np.zeros((SLP_50.joints, 2))
"""Where a joint that is never seen lies from its parent, x right and y down: arms hang, hands are open."""
REST[NOSE] = 0.0, -0.6
for _shoulder, _hand, _side in ((LEFT_SHOULDER, LEFT_HAND, 1), (RIGHT_SHOULDER, RIGHT_HAND, -1)):
    REST[_shoulder : _shoulder + 3] = (0.5 * _side, 0.05), (0.08 * _side, 0.82), (-0.1 * _side, 0.6)
    REST[_hand] = _hand_rest() * (-_side, 1)
    LENGTHS[_hand] = np.linalg.norm(_hand_rest(), axis=-1) * np.r_[np.zeros(1), np.tile([1, *[1 / 0.9] * 3], 5)]


def likely_length(longest: float, usual: float) -> float:
    """Of a bone that is usually `usual` and was seen `longest` in the picture, where it may never have lain flat."""
    return float(max(longest, 0.4 * usual + 0.6 * np.clip(1.04 * longest, 0.8 * usual, 1.25 * usual)))
