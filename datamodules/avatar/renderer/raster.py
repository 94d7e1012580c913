"""Z-buffer rasteriser for solids of revolution: exact round cones and ellipsoids under parallel projection.

Scene coordinates are pixels with y up and z toward the viewer; pixel (row, column) of a buffer of height h has its
centre at (column + .5, h - row - .5). The round-cone intersection follows Quilez (2018), specialised to rays
along -z.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.floating]
FAR = np.float32(-1e9)


@dataclass
class Canvas:
    """Per-pixel surface attributes of one frame, all (height, width[, 3]) float32.

    `depth` is z in pixels (FAR where nothing was drawn), `normal` a unit vector, `albedo` linear RGB in 0..1,
    `open` the share of ambient light which reaches the surface.
    """

    depth: Floats
    normal: Floats
    albedo: Floats
    open: Floats

    @classmethod
    def blank(cls, width: int, height: int) -> "Canvas":
        """An empty canvas."""
        return cls(
            np.full((height, width), FAR, np.float32),
            np.zeros((height, width, 3), np.float32),
            np.zeros((height, width, 3), np.float32),
            np.ones((height, width), np.float32),
        )

    def clear(self) -> None:
        """Forget what was drawn; colours under FAR depth are never read, so they stay."""
        self.depth.fill(FAR)
        self.open.fill(1.0)


@njit(cache=True, fastmath=True, inline="always")
def _put(depth, normal, albedo, row, col, z, nx, ny, nz, colour, soft):  # type: ignore[no-untyped-def]
    """Write a surface point where it is in front; within `soft` pixels of depth, blend with what is there."""
    old = depth[row, col]
    gap = z - old
    if gap <= -soft:
        return
    share = 1.0
    if gap < soft:
        share = 0.5 + 0.5 * gap / soft
        z = old + gap * share + soft * share * (1.0 - share)
    depth[row, col] = z
    keep = 1.0 - share
    nx = share * nx + keep * normal[row, col, 0]
    ny = share * ny + keep * normal[row, col, 1]
    nz = share * nz + keep * normal[row, col, 2]
    scale = 1.0 / np.sqrt(nx * nx + ny * ny + nz * nz + 1e-12)
    normal[row, col, 0] = nx * scale
    normal[row, col, 1] = ny * scale
    normal[row, col, 2] = nz * scale
    for channel in range(3):
        albedo[row, col, channel] = share * colour[channel] + keep * albedo[row, col, channel]


@njit(cache=True, fastmath=True)
def draw_solids(depth, normal, albedo, cones, cone_colours, balls, ball_colours):  # type: ignore[no-untyped-def]
    """Draw round cones (N, 9) `(ax, ay, az, bx, by, bz, ra, rb, melt)`, then ellipsoids (M, 7)
    `(cx, cy, cz, rx, ry, rz, melt)`, with linear colours (N or M, 3).

    A solid melts into what lies within `melt` pixels of its depth; 0 keeps the edge.
    """
    for i in range(len(cones)):
        _draw_cone(depth, normal, albedo, cones[i], cone_colours[i])
    for i in range(len(balls)):
        _draw_ellipsoid(depth, normal, albedo, balls[i], ball_colours[i])


@njit(cache=True, fastmath=True)
def _draw_cone(depth, normal, albedo, cone, colour):  # type: ignore[no-untyped-def]
    height, width = depth.shape
    ax, ay, az, bx, by, bz, ra, rb = cone[0], cone[1], cone[2], cone[3], cone[4], cone[5], cone[6], cone[7]
    soft = cone[8]
    ux, uy, uz = bx - ax, by - ay, bz - az
    taper = ra - rb
    length2 = ux * ux + uy * uy + uz * uz
    d2 = length2 - taper * taper
    if d2 < 1e-3:  # one end swallows the other: what is left is a sphere
        if rb > ra:
            ax, ay, az, ra = bx, by, bz, rb
        bx, by, bz, rb = ax, ay, az, ra
        ux, uy, uz, taper, length2, d2 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    left = max(0, int(np.floor(min(ax - ra, bx - rb))))
    right = min(width, int(np.ceil(max(ax + ra, bx + rb))))
    top = max(0, int(np.floor(height - max(ay + ra, by + rb))))
    bottom = min(height, int(np.ceil(height - min(ay - ra, by - rb))))
    k2 = d2 - uz * uz
    for row in range(top, bottom):
        y = height - row - 0.5
        for col in range(left, right):
            x = col + 0.5
            ox, oy, oz = x - ax, y - ay, -az
            m1 = ux * ox + uy * oy + uz * oz
            m5 = ox * ox + oy * oy + oz * oz
            side = False
            t = 1e9
            along = 0.0
            if d2 > 0.0 and abs(k2) > 1e-6:
                k1 = d2 * az + m1 * uz - uz * taper * ra
                k0 = d2 * m5 - m1 * m1 + m1 * taper * ra * 2.0 - length2 * ra * ra
                h = k1 * k1 - k0 * k2
                if h < 0.0:
                    continue
                t = (-np.sqrt(h) - k1) / k2
                along = m1 - ra * taper - t * uz
                side = 0.0 < along < d2
            if side:
                z = -t
                nx = d2 * ox - ux * along
                ny = d2 * oy - uy * along
                nz = d2 * (oz + z) - uz * along
            else:
                px, py = x - bx, y - by
                ha = ra * ra - ox * ox - oy * oy
                hb = rb * rb - px * px - py * py
                if ha < 0.0 and hb < 0.0:
                    continue
                za = az + np.sqrt(ha) if ha >= 0.0 else -1e9
                zb = bz + np.sqrt(hb) if hb >= 0.0 else -1e9
                if za >= zb:
                    z, nx, ny, nz = za, ox, oy, za - az
                else:
                    z, nx, ny, nz = zb, px, py, zb - bz
            scale = 1.0 / np.sqrt(nx * nx + ny * ny + nz * nz + 1e-12)
            _put(depth, normal, albedo, row, col, z, nx * scale, ny * scale, nz * scale, colour, soft)


@njit(cache=True, fastmath=True)
def _draw_ellipsoid(depth, normal, albedo, ball, colour):  # type: ignore[no-untyped-def]
    height, width = depth.shape
    cx, cy, cz, rx, ry, rz = ball[0], ball[1], ball[2], ball[3], ball[4], ball[5]
    for row in range(max(0, int(height - cy - ry)), min(height, int(height - cy + ry) + 1)):
        v = (height - row - 0.5 - cy) / ry
        for col in range(max(0, int(cx - rx)), min(width, int(cx + rx) + 1)):
            u = (col + 0.5 - cx) / rx
            rest = 1.0 - u * u - v * v
            if rest <= 0.0:
                continue
            w = np.sqrt(rest)
            nx, ny, nz = u / rx, v / ry, w / rz
            scale = 1.0 / np.sqrt(nx * nx + ny * ny + nz * nz)
            nx, ny, nz = nx * scale, ny * scale, nz * scale
            _put(depth, normal, albedo, row, col, cz + rz * w, nx, ny, nz, colour, ball[6])
