"""What stands behind a signer: plain and lit walls, panelled rooms, blurred clutter."""

import cv2
import numpy as np
from numpy.typing import NDArray

from datamodules.media.drawing_primitives import Image


def backdrop(colour: tuple[int, int, int], size: int, rng: np.random.Generator) -> Image:
    """A background (size, size, 3) around an RGB colour: a wall, a gradient, a room with panels, or clutter."""
    kind = rng.integers(4)
    base = np.broadcast_to(np.asarray(colour, np.float32), (size, size, 3)).copy()
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size - 0.5
    angle, fall = rng.uniform(0, 2 * np.pi), rng.uniform(10, 45 if kind else 18)
    base += (fall * (np.cos(angle) * x + np.sin(angle) * y))[..., None]
    if kind == 2:
        _panels(base, rng)
    elif kind == 3:
        _clutter(base, rng)
    base *= 1 - rng.uniform(0, 0.35) * (x**2 + y**2)[..., None]
    grain = rng.normal(0, rng.uniform(0.5, 4), (size // 4, size // 4, 1)).astype(np.float32)
    base += cv2.resize(grain, (size, size), interpolation=cv2.INTER_LINEAR)[..., None]
    return base.clip(0, 255).astype(np.uint8)


def _panels(image: NDArray[np.float32], rng: np.random.Generator) -> None:
    """Walls, a window, a shelf: straight edges that run through the picture."""
    size = len(image)
    for _ in range(rng.integers(1, 4)):
        slope, height = rng.uniform(-0.35, 0.35), rng.uniform(0.05, 0.95) * size
        left, right = height - slope * size / 2, height + slope * size / 2
        corners = np.array([[0, left], [size, right], [size, 0 if rng.random() < 0.5 else size]])
        corners = np.vstack([corners, [0, corners[2, 1]]]).astype(np.int32)
        if rng.random() < 0.35:
            corners = corners[:, ::-1].copy()
        shift = rng.uniform(-55, 55) + rng.uniform(-12, 12, 3)
        mask = cv2.fillPoly(np.zeros((size, size), np.uint8), [corners], 1)
        image += mask[..., None] * shift.astype(np.float32)
    cv2.GaussianBlur(image, (0, 0), rng.uniform(0.6, 3) * size / 256, dst=image)


def _clutter(image: NDArray[np.float32], rng: np.random.Generator) -> None:
    """Things out of focus."""
    size = len(image)
    for _ in range(rng.integers(4, 14)):
        colour = tuple((image.mean((0, 1)) + rng.uniform(-70, 70, 3)).clip(0, 255).tolist())
        corner = rng.uniform(-0.1, 1, 2) * size
        extent = rng.uniform(0.05, 0.5, 2) * size
        if rng.random() < 0.6:
            far = corner + extent
            cv2.rectangle(image, corner.astype(int).tolist(), far.astype(int).tolist(), colour, -1)
        else:
            axes = (extent / 2).astype(int).tolist()
            cv2.ellipse(image, corner.astype(int).tolist(), axes, rng.uniform(0, 180), 0, 360, colour, -1)
    cv2.GaussianBlur(image, (0, 0), rng.uniform(2, 9) * size / 256, dst=image)
