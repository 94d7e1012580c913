"""Light: soft-terminator Lambert, hemispheric ambient light, a slight highlight and shadows from the depth buffer."""

import numpy as np
from numba import njit

_WRAP = (0.36, 0.22, 0.17)  # red light goes farther through skin


@njit(cache=True, fastmath=True)
def shade(depth, normal, albedo, light, backdrop, key, strength, ambient, reach, steps, out):  # type: ignore[no-untyped-def]
    """Light a canvas and put it before its backdrop.

    depth, normal, albedo, light: the buffers of a Canvas (size, size[, 3]). backdrop and out: (size, size, 3)
    uint8. key: unit vector to the light; strength and ambient: intensities; reach: length in pixels over which a
    shadow is looked for, in `steps` steps. Albedo is squared-space linear RGB, gamma is taken as 2.
    """
    height, width = depth.shape
    hx, hy, hz = key[0], key[1], key[2] + 1.0
    scale = 1.0 / np.sqrt(hx * hx + hy * hy + hz * hz)
    hx, hy, hz = hx * scale, hy * scale, hz * scale
    for row in range(height):
        for col in range(width):
            z = depth[row, col]
            if z < -1e8:
                for c in range(3):
                    out[row, col, c] = backdrop[row, col, c]
                continue
            nx, ny, nz = normal[row, col, 0], normal[row, col, 1], normal[row, col, 2]
            lit = nx * key[0] + ny * key[1] + nz * key[2]
            free = 1.0
            for step in range(1, steps + 1):
                way = reach * step / steps
                i, j = int(row - key[1] * way), int(col + key[0] * way)
                if 0 <= i < height and 0 <= j < width:
                    over = depth[i, j] - z - key[2] * way - 1.5
                    if over > 0.0:
                        free = min(free, max(1.0 - over / (0.25 * way + 1.0), 0.0))
            free = 0.25 + 0.75 * free
            sky = ambient * (0.75 + 0.25 * ny) * light[row, col] * (0.55 + 0.45 * nz)
            shine = max(nx * hx + ny * hy + nz * hz, 0.0)
            shine *= shine
            shine *= shine
            shine *= shine
            shine *= shine
            shine *= 0.035 * strength * free * light[row, col]
            for c in range(3):
                soft = max((lit + _WRAP[c]) / (1.0 + _WRAP[c]), 0.0)
                open_ = 0.45 + 0.55 * light[row, col]
                value = albedo[row, col, c] * (strength * soft * free * open_ + sky) + shine
                out[row, col, c] = np.uint8(min(255.0, 255.0 * np.sqrt(value)))
