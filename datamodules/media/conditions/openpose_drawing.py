"""OpenPose keypoints drawn as OpenPose's own renderer draws them on black: what pix2pix and its kin learn from.

Body limbs are opaque ellipses in the 25 colours of BODY_25, with a disc a joint; hands, coloured by finger, and the
face, white, are thin ellipses of 60 % opacity over them. Widths follow the shorter side of the picture: measured on
RWTH-BOSTON-50 pairs, whose right halves are such drawings.
"""

from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from datamodules.media.drawing_primitives import Colour, Image

Canvas = npt.NDArray[np.float32]
Pair = tuple[int, int]

BODY_COLOURS: Final[tuple[Colour, ...]] = (
    (255, 0, 85),
    (255, 0, 0),
    (255, 85, 0),
    (255, 170, 0),
    (255, 255, 0),
    (170, 255, 0),
    (85, 255, 0),
    (0, 255, 0),
    (255, 0, 0),
    (0, 255, 85),
    (0, 255, 170),
    (0, 255, 255),
    (0, 170, 255),
    (0, 85, 255),
    (0, 0, 255),
    (255, 0, 170),
    (170, 0, 255),
    (255, 0, 255),
    (85, 0, 255),
    *((0, 0, 255),) * 3,
    *((0, 255, 255),) * 3,
)
BODY_LIMBS: Final[tuple[Pair, ...]] = (
    *((1, 8), (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (8, 9), (9, 10), (10, 11), (8, 12), (12, 13)),
    *((13, 14), (1, 0), (0, 15), (15, 17), (0, 16), (16, 18), (14, 19), (19, 20), (14, 21), (11, 22), (22, 23)),
    (11, 24),
)
FACE_LINES: Final[tuple[Pair, ...]] = tuple(
    (a, b)
    for line in (
        *(range(17), range(17, 22), range(22, 27), range(27, 31), range(31, 36)),
        *((*range(36, 42), 36), (*range(42, 48), 42), (*range(48, 60), 48), (*range(60, 68), 60)),
    )
    for a, b in pairwise(line)
)
HAND_BONES: Final[tuple[Pair, ...]] = tuple(
    (0 if k == 0 else 4 * finger + k, 4 * finger + k + 1) for finger in range(5) for k in range(4)
)
_FINGERS: Final = ((1.0, 0.0, 0.0), (1.0, 1.0, 0.0), (0.0, 1.0, 0.5), (0.0, 0.5, 1.0), (1.0, 0.0, 1.0))
HAND_COLOURS: Final[tuple[Colour, ...]] = (
    (100, 100, 100),
    *(
        (int(step * red), int(step * green), int(step * blue))
        for red, green, blue in _FINGERS
        for step in (100, 150, 200, 255)
    ),
)
"""Wrist, then thumb to little finger, each brighter toward its tip."""
WHITE: Final = (255, 255, 255)
BODY: Final = slice(0, 25)
FACE: Final = slice(25, 95)
HANDS: Final = (slice(95, 116), slice(116, 137))  # left, right

_JOINT, _LIMB, _BONE, _LINE = 1 / 100, 1 / 140, 1 / 250, 1 / 500  # radii in shorter sides of the picture
_VEIL = 0.6  # opacity of hands and face


def draw_openpose(keypoints: npt.NDArray[np.floating], width: int, height: int, confidence: bool = False) -> Image:
    """One person on black, (height, width, 3) uint8 RGB.

    keypoints: (137, 3), x and y in pixels of this picture and a confidence: 25 body, 70 face, 21 left hand, 21 right.
        Points of confidence 0 (or not finite) are left out, with the limbs that end in them.
    confidence: draw joints as bright as OpenPose is sure of them, and limbs as their less certain end.

    Raises ValueError for another shape.
    """
    points = finite_points(keypoints)
    if not confidence:
        points[:, 2] = points[:, 2] > 0
    canvas, side = np.zeros((height, width, 3), np.float32), min(width, height)
    _part(canvas, points[BODY], BODY_LIMBS, BODY_COLOURS, _LIMB * side, _JOINT * side, 1.0)
    _part(canvas, points[FACE], FACE_LINES, (WHITE,) * 70, _LINE * side, _LINE * side, _VEIL)
    for hand in HANDS:
        _part(canvas, points[hand], HAND_BONES, HAND_COLOURS, _BONE * side, _BONE * side, _VEIL)
    image: Image = canvas.round().astype(np.uint8)
    return image


def finite_points(keypoints: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Keypoints (137, 3) in double precision, those that are not finite as 0. Raises ValueError for another shape."""
    points = np.asarray(keypoints, np.float64)
    if points.shape != (137, 3):
        raise ValueError(f"keypoints: found shape {points.shape}, expected (137, 3): x, y, confidence")
    return np.where(np.isfinite(points).all(-1, keepdims=True), points, 0.0)


def _part(
    canvas: Canvas,
    points: npt.NDArray[np.float64],
    limbs: tuple[Pair, ...],
    colours: tuple[Colour, ...],
    limb: float,
    joint: float,
    opacity: float,
) -> None:
    """Limbs in the colour of their second end, then joints."""
    bright = points[:, 2].clip(0, 1)
    for a, b in limbs:
        if level := min(bright[a], bright[b]):
            colour = level * np.array(colours[b])
            _ellipse(canvas, points[a, :2], points[b, :2], max(limb, 0.6), colour, opacity)
    for i in np.flatnonzero(bright):
        reach, colour = np.array([max(joint, 0.6), 0.0]), bright[i] * np.array(colours[i])
        _ellipse(canvas, points[i, :2] - reach, points[i, :2] + reach, max(joint, 0.6), colour, opacity)


def _ellipse(
    canvas: Canvas,
    start: npt.NDArray[np.float64],
    end: npt.NDArray[np.float64],
    radius: float,
    colour: npt.NDArray[np.float64],
    opacity: float,
) -> None:
    """Blend the ellipse with `start` and `end` on its long axis; a pixel is in it or not, as in OpenPose."""
    height, width = canvas.shape[:2]
    centre, half = (start + end) / 2, (end - start) / 2
    length = max(float(np.hypot(*half)), radius)
    ux, uy = half / length if half.any() else (1.0, 0.0)
    left, top = np.clip(np.floor(centre - length - 1), 0, (width, height)).astype(int)
    right, bottom = np.clip(np.ceil(centre + length + 2), 0, (width, height)).astype(int)
    x, y = np.arange(left, right) - centre[0], (np.arange(top, bottom) - centre[1])[:, None]
    inside = ((x * ux + y * uy) / length) ** 2 + ((y * ux - x * uy) / radius) ** 2 <= 1
    patch = canvas[top:bottom, left:right]
    patch[inside] += opacity * (np.asarray(colour, np.float32) - patch[inside])
