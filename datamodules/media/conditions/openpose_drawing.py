"""OpenPose keypoints drawn as OpenPose's own renderer draws them on black: what pix2pix and its kin learn from.

Body limbs are opaque ellipses in the 25 colours of BODY_25, with a disc a joint; hands, coloured by finger, and the
face, white, are thin ellipses of 60 % opacity over them. Widths follow the shorter side of the picture: measured on
RWTH-BOSTON-50 pairs, whose right halves are such drawings.
"""

from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt
from numba import njit

from datamodules.media.drawing_primitives import Colour, Image

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
    body = _ellipses(points[BODY], BODY_LIMBS, BODY_COLOURS, _LIMB * side, _JOINT * side, 1.0)
    face = _ellipses(points[FACE], FACE_LINES, (WHITE,) * 70, _LINE * side, _LINE * side, _VEIL)
    hands = [_ellipses(points[hand], HAND_BONES, HAND_COLOURS, _BONE * side, _BONE * side, _VEIL) for hand in HANDS]
    _paint(canvas, np.concatenate([body, face, *hands]))
    image: Image = canvas.round(out=canvas).astype(np.uint8)
    return image


def finite_points(keypoints: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Keypoints (137, 3) in double precision, those that are not finite as 0. Raises ValueError for another shape."""
    points = np.asarray(keypoints, np.float64)
    if points.shape != (137, 3):
        raise ValueError(f"keypoints: found shape {points.shape}, expected (137, 3): x, y, confidence")
    return np.where(np.isfinite(points).all(-1, keepdims=True), points, 0.0)


def _ellipses(
    points: npt.NDArray[np.float64],
    limbs: tuple[Pair, ...],
    colours: tuple[Colour, ...],
    limb: float,
    joint: float,
    opacity: float,
) -> npt.NDArray[np.float64]:
    """Limbs in the colour of their second end, then joints, (n, 10): centre x and y, the direction of the long axis x
    and y, half of it, half of the short one, opacity, colour."""
    bright, coloured = points[:, 2].clip(0, 1), np.array(colours)
    begin, end = np.array(limbs).T
    levels = np.minimum(bright[begin], bright[end])
    drawn, seen = np.flatnonzero(levels), np.flatnonzero(bright)
    begin, end, reach = begin[drawn], end[drawn], np.array([max(joint, 0.6), 0.0])
    starts = np.concatenate([points[begin, :2], points[seen, :2] - reach])
    ends = np.concatenate([points[end, :2], points[seen, :2] + reach])
    radii = np.repeat([max(limb, 0.6), max(joint, 0.6)], [len(drawn), len(seen)])
    colour = np.concatenate([levels[drawn, None] * coloured[end], bright[seen, None] * coloured[seen]])
    half = (ends - starts) / 2
    lengths = np.maximum(np.hypot(*half.T), radii)
    along = np.where(half.any(1, keepdims=True), half / lengths[:, None], (1.0, 0.0))
    return np.column_stack([(starts + ends) / 2, along, lengths, radii, np.full(len(radii), opacity), colour])


@njit(cache=True)
def _paint(canvas, ellipses):  # type: ignore[no-untyped-def]
    """Blend ellipses over one another; a pixel is in one or not, as in OpenPose."""
    height, width = canvas.shape[:2]
    for x, y, across, down, length, radius, opacity, red, green, blue in ellipses:
        colour, share = (np.float32(red), np.float32(green), np.float32(blue)), np.float32(opacity)
        left, right = _within(np.floor(x - length - 1), width), _within(np.ceil(x + length + 2), width)
        top, bottom = _within(np.floor(y - length - 1), height), _within(np.ceil(y + length + 2), height)
        for row in range(top, bottom):
            for column in range(left, right):
                u, v = column - x, row - y
                far, wide = (u * across + v * down) / length, (v * across - u * down) / radius
                if far * far + wide * wide <= 1:
                    for channel in range(3):
                        old = canvas[row, column, channel]
                        canvas[row, column, channel] = old + share * (colour[channel] - old)


@njit(cache=True)
def _within(edge, size):  # type: ignore[no-untyped-def]
    """The whole number nearest to an edge from 0 to a size; 0 for what is no number."""
    return int(min(edge, size)) if edge > 0 else 0
