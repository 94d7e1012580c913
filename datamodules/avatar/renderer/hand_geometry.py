"""A hand as flesh on its 21 joints: which solids, how thick, which way each segment's pulp and nail face.

Sizes are in palm lengths (wrist to middle MCP, about 95 mm), estimated from photographs of adult hands.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datamodules.avatar.renderer.raster import Floats

PALM, PROXIMAL, MIDDLE, DISTAL, FOREARM = 0, 1, 2, 3, 4

_RADII = (  # at MCP, PIP, DIP, TIP; thumb first
    (0.145, 0.132, 0.124, 0.098),
    (0.119, 0.112, 0.104, 0.090),
    (0.121, 0.114, 0.106, 0.092),
    (0.115, 0.108, 0.100, 0.088),
    (0.101, 0.094, 0.087, 0.077),
)
_BASES = (0.14, 0.05, -0.05, -0.14)  # where the metacarpals leave the wrist, along X
_BASE_HEIGHTS = (0.10, 0.07, 0.07, 0.09)


@dataclass(frozen=True)
class Flesh:
    """The solids of one hand over T frames, in the joints' own unit.

    `cones` (T, N, 8): ends a and b and their radii, `(ax, ay, az, bx, by, bz, ra, rb)`; `pulp` (T, N, 3): where
    the palmar side of each solid faces; `kind` and `finger` (N,): its part of the hand; `frame` (T, 4, 3):
    wrist position and the X (radial), Y (distal), Z (palmar) axes; `scale`: the palm length.
    """

    cones: Floats
    pulp: Floats
    kind: NDArray[np.int64]
    finger: NDArray[np.int64]
    frame: Floats
    scale: float


def hand_flesh(joints: Floats, forearm: Floats, side: int) -> Flesh:
    """Clothe hand joints (T, 21, 3) and a forearm that ends at (T, 3) of a right (side 1) or left (side -1)
    hand; y is up.

    Any finite joints will do: a hand whose axes collapse gets arbitrary but unit ones.
    """
    joints = joints.astype(np.float64)
    wrist, knuckles = joints[:, 0], joints[:, [5, 9, 13, 17]]
    lengths = np.linalg.norm(knuckles - wrist[:, None], axis=-1) / (0.988, 1.0, 0.949, 0.886)
    scale = max(float(np.median(lengths)), 1e-6)
    distal = _unit(knuckles.mean(1) - wrist, (0.0, 1.0, 0.0))
    across = knuckles[:, 0] + 0.5 * knuckles[:, 1] - 0.5 * knuckles[:, 2] - knuckles[:, 3]
    # the mean knuckle leans toward the little finger: turn back so that Y runs to the middle one
    radial = _unit(across - _dot(across, distal) * distal, (float(side), 0.0, 0.0))
    distal = _unit(distal + 0.073 * radial, (0.0, 1.0, 0.0))
    radial = _unit(radial - _dot(radial, distal) * distal, (float(side), 0.0, 0.0))
    palmar = side * np.cross(radial, distal)

    def at(x: float, y: float, z: float) -> Floats:
        placed: Floats = wrist + scale * (x * radial + y * distal + z * palmar)
        return placed

    cones: list[Floats] = []
    pulps: list[Floats] = []
    kinds: list[int] = []
    fingers: list[int] = []

    def add(a: Floats, b: Floats, ra: float, rb: float, kind: int, finger: int, pulp: Floats) -> None:
        radii = np.broadcast_to(scale * np.array([ra, rb]), (len(joints), 2))
        cones.append(np.concatenate([a, b, radii], axis=-1))
        pulps.append(pulp)
        kinds.append(kind)
        fingers.append(finger)

    def palm(a: Floats, b: Floats, ra: float, rb: float) -> None:
        add(a, b, ra, rb, PALM, 0, palmar)

    for f in range(4):
        palm(
            at(_BASES[f], _BASE_HEIGHTS[f], 0.0),
            knuckles[:, f] - 0.02 * scale * palmar,
            0.15,
            _RADII[f + 1][0] + 0.012,
        )
        pad = wrist + 0.88 * (knuckles[:, f] - wrist) + 0.055 * scale * palmar
        palm(at(0.6 * _BASES[f], 0.45, 0.03), pad, 0.10, 0.10)
    thumb = joints[:, 2]
    palm(at(0.15, 0.10, 0.03), thumb, 0.165, 0.135)
    ball = at(0.14, 0.26, 0.12)
    palm(ball, ball + 0.6 * (thumb - ball), 0.165, 0.145)
    palm(at(-0.19, 0.16, 0.07), at(-0.31, 0.58, 0.05), 0.155, 0.120)
    base = joints[:, 1]
    palm(base + 0.65 * (thumb - base), wrist + 0.70 * (knuckles[:, 0] - wrist), 0.095, 0.09)
    palm(base + 0.95 * (thumb - base), wrist + 0.88 * (knuckles[:, 0] - wrist), 0.05, 0.06)
    for f in range(3):
        web = [knuckles[:, g] + 0.20 * (joints[:, 6 + 4 * g] - knuckles[:, g]) for g in (f, f + 1)]
        palm(web[0], web[1], 0.062, 0.062)

    back = _unit(forearm - wrist, (0.0, -1.0, 0.0))
    wide = 1.0 + np.minimum(np.linalg.norm(forearm - wrist, axis=-1, keepdims=True) / (2.6 * scale), 1.0)
    edge = _unit(radial - _dot(radial, back) * back, (float(side), 0.0, 0.0))
    for sign in (1.0, -1.0):
        near = wrist + sign * 0.09 * scale * radial
        add(near, forearm + sign * 0.07 * scale * wide * edge, 0.18, 0.0, FOREARM, 0, palmar)
        cones[-1][:, 7:] = 0.16 * scale * wide

    heart = (knuckles[:, 0] + knuckles[:, 1] + knuckles[:, 2] + joints[:, 6]) / 4
    for f in range(5):
        first = 1 + 4 * f
        for k in range(3):
            a, b = joints[:, first + k], joints[:, first + k + 1]
            along = _unit(b - a, (0.0, 1.0, 0.0))
            if f == 0:
                inward = heart - (a + b) / 2
                pulp = _unit(inward - _dot(inward, along) * along, (0.0, 0.0, 1.0))
                if k == 0:
                    continue
            else:
                pulp = _unit(side * np.cross(radial, along), (0.0, 0.0, 1.0))
            if k == 2:
                b = b - 0.035 * scale * along
            kind = (PROXIMAL, PROXIMAL if f == 0 else MIDDLE, DISTAL)[k]
            add(a, b, _RADII[f][k], _RADII[f][k + 1], kind, f, pulp)
    return Flesh(
        np.stack(cones, 1),
        np.stack(pulps, 1),
        np.array(kinds),
        np.array(fingers),
        np.stack([wrist, radial, distal, palmar], 1),
        scale,
    )


def _dot(a: Floats, b: Floats) -> Floats:
    product: Floats = (a * b).sum(-1, keepdims=True)
    return product


def _unit(vectors: Floats, otherwise: tuple[float, float, float]) -> Floats:
    """Vectors scaled to length 1; those too short to have a direction become `otherwise`."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    units: Floats = np.where(length > 1e-9, vectors / np.maximum(length, 1e-9), np.asarray(otherwise))
    return units
