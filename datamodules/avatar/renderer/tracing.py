"""Draws a hand's flesh into a canvas: sphere tracing of its signed distance field, with occlusion.

Fingers melt into the palm but not into one another, so that adjacent and curled fingers keep their creases.
"""

import numpy as np
from numba import njit

from datamodules.avatar.renderer.hand_geometry import FOREARM, PALM, PROXIMAL
from datamodules.avatar.renderer.skin import facing_palm, tint

_TILE = 6
_REACH = 0.20  # palm lengths within which flesh takes ambient light from flesh
_PROBES = ((0.06, 0.8), (0.16, 0.7))  # heights above the skin from which it looks for flesh, and their weights
_MELT_PALM, _MELT_ROOT, _MELT_JOINT = 0.10, 0.08, 0.03


@njit(cache=True, fastmath=True, inline="always")
def _melt(a, b, k):  # type: ignore[no-untyped-def]
    """Smooth minimum (polynomial, Quilez)."""
    h = max(k - abs(a - b), 0.0) / k
    return min(a, b) - 0.25 * h * h * k


@njit(cache=True, fastmath=True, inline="always")
def _beside(x, y, cones, i):  # type: ignore[no-untyped-def]
    """How far a pixel lies outside a solid's outline, at most."""
    px, py = x - cones[i, 0], y - cones[i, 1]
    ux, uy = cones[i, 3], cones[i, 4]
    flat = ux * ux + uy * uy
    t = min(max((px * ux + py * uy) / (flat + 1e-9), 0.0), 1.0)
    px, py = px - t * ux, py - t * uy
    r = max(cones[i, 6], cones[i, 7])
    if flat * cones[i, 8] > 0.3:  # seen from the side, the outline tapers as the solid does
        r = cones[i, 6] + t * (cones[i, 7] - cones[i, 6])
    return np.sqrt(px * px + py * py) - r


@njit(cache=True, fastmath=True)
def _distance(x, y, z, bound, cones, kind, finger, near, count, scale):  # type: ignore[no-untyped-def]
    """Distance to the hand at a point, and the index of the nearest solid, over the solids listed in `near`; solids
    are passed over that cannot matter where the distance is at most `bound`."""
    margin = _MELT_PALM * scale
    palm = 1e9
    hand = 1e9
    previous = 1e9
    previous_finger = -1
    best = 1e9
    nearest = near[0]
    cap = bound + 0.05 * scale
    for index in range(count):
        i = near[index]
        ux, uy, uz = cones[i, 3], cones[i, 4], cones[i, 5]
        px, py, pz = x - cones[i, 0], y - cones[i, 1], z - cones[i, 2]
        t = min(max((px * ux + py * uy + pz * uz) * cones[i, 8], 0.0), 1.0)
        px, py, pz = px - t * ux, py - t * uy, pz - t * uz
        r = cones[i, 6] + t * (cones[i, 7] - cones[i, 6])
        d2 = px * px + py * py + pz * pz
        limit = cap + margin + r
        if d2 > limit * limit:
            continue
        d = np.sqrt(d2) - r
        if d < best:
            best = d
            cap = min(cap, d)
            nearest = i
        part = kind[i]
        if part in (PALM, FOREARM):
            palm = _melt(palm, d, margin)
        elif part == PROXIMAL and previous_finger != finger[i]:
            hand = min(hand, _melt(d, palm, _MELT_ROOT * scale))
            previous, previous_finger = d, finger[i]
        else:
            joined = previous_finger == finger[i]
            hand = min(hand, _melt(d, previous, _MELT_JOINT * scale) if joined else d)
            previous, previous_finger = d, finger[i]
    return min(hand, palm), nearest


@njit(cache=True, fastmath=True)
def draw_hand(depth, normal, albedo, light, solids, pulp, kind, finger, frame, scale, tones):  # type: ignore[no-untyped-def]
    """Trace one hand into the four buffers of a canvas.

    solids, pulp, kind, finger, frame, scale: one frame of a Flesh, in pixels. tones (3, 3): linear albedo of the
    back of the hand, of the palm, and of the nails.
    """
    height, width = depth.shape
    total = solids.shape[0]
    cones = np.empty((total, 9))  # start, way, radii, 1 / length^2
    left, right, low, high = 1e9, -1e9, 1e9, -1e9
    for i in range(total):
        for k in range(3):
            cones[i, k] = solids[i, k]
            cones[i, 3 + k] = solids[i, 3 + k] - solids[i, k]
        cones[i, 6], cones[i, 7] = solids[i, 6], solids[i, 7]
        cones[i, 8] = 1.0 / (cones[i, 3] ** 2 + cones[i, 4] ** 2 + cones[i, 5] ** 2 + 1e-9)
        for end in (0, 1):
            r = solids[i, 6 + end] + 2.0
            left = min(left, solids[i, 3 * end] - r)
            right = max(right, solids[i, 3 * end] + r)
            low = min(low, solids[i, 3 * end + 1] - r)
            high = max(high, solids[i, 3 * end + 1] + r)
    near, close = np.empty(total, np.int64), np.empty(total, np.int64)
    point = np.empty(3)
    n = np.empty(3)
    colour = np.empty(3)
    reach, swell = _REACH * scale, 0.03 * scale
    for top in range(max(0, int(height - high)), min(height, int(height - low) + 1), _TILE):
        for start in range(max(0, int(left)), min(width, int(right) + 1), _TILE):
            x, y = start + 0.5 * _TILE, height - top - 0.5 * _TILE
            count, few = 0, 0
            touched = False
            front, rear = -1e9, 1e9
            for i in range(total):
                gap = _beside(x, y, cones, i) - 0.71 * _TILE
                if gap < reach:
                    near[count] = i
                    count += 1
                    if gap < _MELT_PALM * scale:  # only these can shape the surface under this tile
                        close[few] = i
                        few += 1
                    if gap < swell:
                        touched = True
                        r = max(cones[i, 6], cones[i, 7])
                        front = max(front, cones[i, 2] + max(cones[i, 5], 0.0) + r + swell)
                        rear = min(rear, cones[i, 2] + min(cones[i, 5], 0.0) - r)
            if not touched:
                continue
            for row in range(top, min(height, top + _TILE)):
                y = height - row - 0.5
                for col in range(start, min(width, start + _TILE)):
                    x = col + 0.5
                    gap = 1e9
                    for index in range(few):
                        gap = _beside(x, y, cones, close[index])
                        if gap < swell:
                            break
                    if gap > swell:
                        continue
                    z = front
                    stop = max(rear, depth[row, col])
                    hit = False
                    i, d, step = 0, 1e8, 0.0
                    for _ in range(64):
                        if z < stop:
                            break
                        d, i = _distance(x, y, z, d + step, cones, kind, finger, close, few, scale)
                        if d < 0.1:
                            hit = True
                            break
                        step = max(d, 0.004 * scale)
                        z -= step
                    if not hit and (z < stop or d > 0.01 * scale):
                        continue
                    e = 0.012 * scale
                    a, _ = _distance(x + e, y, z, d + e, cones, kind, finger, close, few, scale)
                    b, _ = _distance(x, y + e, z, d + e, cones, kind, finger, close, few, scale)
                    c, _ = _distance(x, y, z + e, d + e, cones, kind, finger, close, few, scale)
                    n[0], n[1], n[2] = a - d, b - d, c - d
                    n /= np.sqrt(n[0] * n[0] + n[1] * n[1] + n[2] * n[2] + 1e-12)
                    taken = 0.0
                    for h, weight in _PROBES:
                        h *= scale
                        d, _ = _distance(
                            x + h * n[0], y + h * n[1], z + h * n[2], h, cones, kind, finger, near, count, scale
                        )
                        taken += weight * max(h - d, 0.0) / h
                    point[0], point[1], point[2] = x, y, z
                    around = facing_palm(point, n, cones, pulp, near, count, scale)
                    tint(point, n, around, i, cones, pulp, kind, frame, scale, tones, colour)
                    depth[row, col] = z
                    light[row, col] = max(1.0 - taken, 0.08)
                    for channel in range(3):
                        normal[row, col, channel] = n[channel]
                        albedo[row, col, channel] = colour[channel]
