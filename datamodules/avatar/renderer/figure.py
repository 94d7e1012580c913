"""The signer but for the hands: torso, head and sleeved arms as solids on the eight body joints.

Everything but the arms has fixed sizes in shoulder widths, so that poses of any origin, with bones of any length,
can be clothed.
"""

import numpy as np
from numpy.typing import NDArray

from datamodules.avatar.renderer.head import draw_head
from datamodules.avatar.renderer.raster import Floats
from datamodules.avatar.renderer.solids import Figure, Solids, linear, off
from datamodules.avatar.signer import Look
from datamodules.poses import skeletons

RIGHT_LEG = ((-0.30, -1.42, -0.05), (0.18, -1.20, 0.75), (0.50, -2.30, 0.60))
LEFT_LEG = ((0.32, -1.38, -0.05), (-0.05, -1.66, 0.60), (-0.03, -2.75, 0.45))
"""Hip, knee and ankle of somebody who sits with the right leg over the left: from the neck, in shoulder widths, y up.
Poses hold no legs; these are read from RWTH-BOSTON-50 pictures."""


def sleeve_end(joints: Floats, shoulder: int, reach: float) -> Floats:
    """Where a sleeve ends (T, 3): `reach` 0 at the shoulder, 1 at the elbow, 2 at the wrist."""
    a, b, c = joints[:, shoulder], joints[:, shoulder + 1], joints[:, shoulder + 2]
    end: Floats = a + reach * (b - a) if reach <= 1 else b + (reach - 1) * (c - b)
    return end


def figure(
    joints: Floats,
    look: Look,
    sleeve: float,
    long_hair: bool,
    seated: bool = False,
    face: NDArray[np.void] | None = None,
) -> Figure:
    """Clothe joints (T, >= 8, 3) of an SLP-50 pose, in shoulder widths, y up; `sleeve` as in `sleeve_end`.

    `seated` adds crossed legs and the chair's seat; `face` (T,) of dtype FACE is what the face shows.
    """
    parts = Solids(len(joints))
    _torso(parts, joints, linear(look.clothing), linear(look.skin))
    if seated:
        _legs(parts, joints)
    _arms(parts, joints, sleeve, linear(look.clothing), linear(look.skin))
    draw_head(parts, joints, face, long_hair, linear(look.skin), linear(look.hair))
    return parts.figure()


def _torso(parts: Solids, joints: Floats, cloth: Floats, skin: Floats) -> None:
    """Chest, waist and hips, which lean away from a raised shoulder, and what slopes from the neck to the shoulders."""
    neck = joints[:, skeletons.NECK]
    raised = joints[:, skeletons.RIGHT_SHOULDER, 1] - joints[:, skeletons.LEFT_SHOULDER, 1]
    lean = np.zeros_like(neck)
    lean[:, 0] = np.clip(0.3 * raised, -0.06, 0.06)
    parts.cone(off(neck, 0, -0.26, -0.12), off(neck - lean, 0, -0.95, -0.13), 0.25, 0.21, cloth, 0.15)
    parts.cone(off(neck - lean, 0, -0.95, -0.13), off(neck - 2 * lean, 0, -1.8, -0.13), 0.21, 0.27, cloth, 0.15)
    for side, shoulder in ((1, skeletons.LEFT_SHOULDER), (-1, skeletons.RIGHT_SHOULDER)):
        waist = off(neck - lean, side * 0.155, -0.98, -0.13)
        parts.cone(off(neck, side * 0.215, -0.22, -0.12), waist, 0.225, 0.205, cloth, 0.25)
        parts.cone(waist, off(neck - 2 * lean, side * 0.22, -1.75, -0.13), 0.205, 0.25, cloth, 0.25)
        top = off(joints[:, shoulder], -0.03 * side, 0.0, -0.03)
        parts.cone(off(neck, side * 0.13, 0.095, -0.11), top, 0.085, 0.105, cloth, 0.10)
        parts.cone(off(neck, side * 0.15, -0.055, 0.0), top, 0.095, 0.100, cloth, 0.12)
        parts.cone(off(neck, side * 0.05, 0.16, -0.12), off(neck, side * 0.15, 0.085, -0.10), 0.085, 0.075, skin)
        parts.cone(
            off(neck, side * 0.03, -0.022, 0.050), off(neck, side * 0.13, 0.022, 0.022), 0.018, 0.014, skin, 0.02
        )
    parts.ball(off(neck, 0, 0.03, -0.06), np.broadcast_to(np.array([0.165, 0.115, 0.125]), neck.shape), skin)


def _arms(parts: Solids, joints: Floats, sleeve: float, cloth: Floats, skin: Floats) -> None:
    for shoulder in (skeletons.LEFT_SHOULDER, skeletons.RIGHT_SHOULDER):
        a, b, end = joints[:, shoulder], joints[:, shoulder + 1], sleeve_end(joints, shoulder, sleeve)
        if sleeve <= 1:
            parts.cone(a, end, 0.115, 0.118, cloth, 0.08)
        else:
            parts.cone(a, b, 0.115, 0.105, cloth, 0.08)
            parts.cone(b, end, 0.105, 0.092, cloth, 0.02)
        if sleeve < 1:
            parts.cone(end, b, 0.098, 0.092, skin)


def _legs(parts: Solids, joints: Floats) -> None:
    neck, trousers = joints[:, skeletons.NECK], np.full(3, 0.45)
    for leg in (LEFT_LEG, RIGHT_LEG):
        hip, knee, ankle = (off(neck, *place) for place in leg)
        parts.cone(hip, knee, 0.24, 0.19, trousers, 0.05)
        parts.cone(knee, ankle, 0.18, 0.13, trousers, 0.05)
    parts.cone(off(neck, -0.55, -1.9, 0), off(neck, 0.55, -1.9, 0), 0.22, 0.22, np.full(3, 0.05))
