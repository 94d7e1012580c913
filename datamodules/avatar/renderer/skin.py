"""What colour a hand's skin is at a point: tones of back, palm and nails, with creases, palm lines and mottling.

After a change here, touch tracing.py: numba caches what it compiled there, and looks at that file's date alone.
"""

import numpy as np
from numba import njit

from datamodules.avatar.renderer.hand_geometry import DISTAL, FOREARM, PALM, PROXIMAL
from datamodules.avatar.renderer.raster import Floats

_FINE = 70.0  # palm lengths in pixels from which on lines and mottling can be seen


def _bends(*curves: tuple[tuple[float, float], ...]) -> Floats:
    """Quadratic Bezier curves as straight pieces (n, 4)."""
    t = np.linspace(0, 1, 6)[:, None]
    pieces = []
    for a, b, c in np.array(curves):
        points = (1 - t) ** 2 * a + 2 * t * (1 - t) * b + t**2 * c
        pieces.append(np.hstack([points[:-1], points[1:]]))
    return np.concatenate(pieces)


_LINES = _bends(  # of life, head and heart, in the palm's own X and Y
    ((0.33, 0.66), (-0.02, 0.62), (0.04, 0.10)),
    ((0.33, 0.67), (0.06, 0.66), (-0.30, 0.40)),
    ((-0.46, 0.60), (-0.06, 0.62), (0.14, 0.90)),
)


def skin_tones(colour: tuple[int, int, int]) -> Floats:
    """Linear albedo (3, 3) of the back of the hand, the palm and the nails for an sRGB skin colour."""
    back = (0.94 * np.asarray(colour) / 255.0) ** 2
    palm = back + (np.array([0.88, 0.55, 0.43]) - back) * np.array([0.25, 0.23, 0.23])
    nail = 0.85 * palm + 0.15 * np.array([0.90, 0.66, 0.62])
    return np.stack([back, palm, nail])


@njit(cache=True, fastmath=True)
def facing_palm(point, normal, cones, pulp, near, count, scale):  # type: ignore[no-untyped-def]
    """How far the surface faces the palmar side, -1 to 1, after the pulps of all solids around, nearer ones more."""
    total, facing = 1e-9, 0.0
    for index in range(count):
        i = near[index]
        ux, uy, uz = cones[i, 3], cones[i, 4], cones[i, 5]
        px, py, pz = point[0] - cones[i, 0], point[1] - cones[i, 1], point[2] - cones[i, 2]
        t = min(max((px * ux + py * uy + pz * uz) * cones[i, 8], 0.0), 1.0)
        px, py, pz = px - t * ux, py - t * uy, pz - t * uz
        r = cones[i, 6] + t * (cones[i, 7] - cones[i, 6])
        d2 = px * px + py * py + pz * pz
        if d2 > (r + 0.12 * scale) ** 2:
            continue
        weight = np.exp(-max(np.sqrt(d2) - r, 0.0) / (0.035 * scale))
        total += weight
        facing += weight * (normal[0] * pulp[i, 0] + normal[1] * pulp[i, 1] + normal[2] * pulp[i, 2])
    return facing / total


@njit(cache=True, fastmath=True)
def tint(point, normal, around, i, cones, pulp, kind, frame, scale, tones, out):  # type: ignore[no-untyped-def]
    """Albedo of skin: lighter palm, red fingertips, flexion creases, palm lines, nails."""
    facing = normal[0] * pulp[i, 0] + normal[1] * pulp[i, 1] + normal[2] * pulp[i, 2]
    pale = min(max(0.5 + 0.8 * around, 0.0), 1.0)
    for c in range(3):
        out[c] = tones[0, c] + pale * (tones[1, c] - tones[0, c])
    shade = 1.0
    fine = scale > _FINE
    rx, ry, rz = point[0] - cones[i, 0], point[1] - cones[i, 1], point[2] - cones[i, 2]
    if kind[i] == PALM or kind[i] == FOREARM:
        wx, wy, wz = point[0] - frame[0, 0], point[1] - frame[0, 1], point[2] - frame[0, 2]
        u = (wx * frame[1, 0] + wy * frame[1, 1] + wz * frame[1, 2]) / scale
        v = (wx * frame[2, 0] + wy * frame[2, 1] + wz * frame[2, 2]) / scale
        if fine and facing > 0.25:
            gap = 1.0
            for k in range(_LINES.shape[0]):
                ax, ay = _LINES[k, 0], _LINES[k, 1]
                bx, by = _LINES[k, 2] - ax, _LINES[k, 3] - ay
                t = min(max(((u - ax) * bx + (v - ay) * by) / (bx * bx + by * by), 0.0), 1.0)
                gap = min(gap, (u - ax - t * bx) ** 2 + (v - ay - t * by) ** 2)
            shade -= 0.30 * np.exp(-gap / 0.00022)
            shade -= 0.16 * np.exp(-((v + 0.02) ** 2) / 0.0003)
    else:
        ux, uy, uz = cones[i, 3], cones[i, 4], cones[i, 5]
        length = np.sqrt(ux * ux + uy * uy + uz * uz) + 1e-6
        along = (rx * ux + ry * uy + rz * uz) / length
        if fine and kind[i] != PROXIMAL:
            shade -= (0.16 if facing > 0.0 else 0.07) * np.exp(-((along / (0.022 * scale)) ** 2))
        if kind[i] == DISTAL:
            red = 0.10 * min(max(along / length, 0.0), 1.0)
            out[1] *= 1.0 - red
            out[2] *= 1.0 - red
            if facing < 0.0:
                lx = (uy * pulp[i, 2] - uz * pulp[i, 1]) / length
                ly = (uz * pulp[i, 0] - ux * pulp[i, 2]) / length
                lz = (ux * pulp[i, 1] - uy * pulp[i, 0]) / length
                across = (rx * lx + ry * ly + rz * lz) / (0.80 * cones[i, 7])
                down = (along / length - 0.80) / 0.40
                oval = across**4 + down**4
                if oval < 1.0:
                    share = min(3.0 * (1.0 - oval), 1.0)
                    for c in range(3):
                        out[c] += share * (tones[2, c] - out[c])
    if fine:
        mottle = np.sin(0.9 + 9.1 * rx / scale + 3.0 * np.sin(7.3 * ry / scale))
        shade *= 1.0 + 0.03 * mottle * np.sin(8.3 * ry / scale + 2.0 * np.sin(5.1 * rz / scale))
    for c in range(3):
        out[c] *= shade
