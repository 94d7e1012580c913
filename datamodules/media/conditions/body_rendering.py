"""A body rendered from OpenPose keypoints alone: what is known of a frame before there is one.

Limbs and fingers are tapered capsules, shaded as if round, so that they have the dark outlines that an adaptive
threshold finds in photographs. Their thickness follows the width of the shoulders. A 2D pose says little of depth:
torso, head, upper arms, forearms and hands are painted in this order, and the arm whose hand looks larger, which is the
nearer one, after the other.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
from numba import njit

from datamodules.media.conditions.openpose_drawing import FACE, FACE_LINES, HAND_BONES, HANDS, finite_points
from datamodules.media.drawing_primitives import Colour, Image

Points = npt.NDArray[np.float64]

BACKDROP: Final = 160
CLOTH: Final[Colour] = (80, 80, 80)
SKIN: Final[Colour] = (215, 215, 215)
FEATURE: Final[Colour] = (110, 110, 110)
"""Brows, eyes, nose and mouth."""
HAND_COLOURS: Final[tuple[Colour, Colour]] = ((255, 200, 120), (120, 220, 255))
"""Of the left and of the right hand, where they are told apart."""

HIP: Final = 8
ARMS: Final = ((5, 6, 7), (2, 3, 4))
"""Shoulder, elbow and wrist, left and right."""
HEAD: Final = (0, 15, 16, 17, 18)
"""Nose, eyes and ears."""
JAW: Final = 16
"""Lines of the face before this one are its outline."""
KNUCKLES: Final = (5, 9, 13, 17)
"""Where fingers begin, from the index to the little one."""

TORSO: Final = 2.0
"""Shoulder widths that it is long where no hips were found."""
LEAST: Final = 3.0
"""Least width of the shoulders, in pixels, of a body that is painted."""
FEW: Final = 3
"""Keypoints of a hand from which on it has a place."""
AROUND: Final = 0.06
"""Half a finger, in lengths of a hand."""
FAR: Final = 1e5
"""Pixels from a picture beyond which a place is as good as any other."""
AMBIENT, FRONT, ABOVE = 0.35, 0.65, 0.1
"""Light from everywhere, from the camera and from above."""


class Capsule(NamedTuple):
    """The places (2,) where it begins and ends, its radius at both, in pixels."""

    start: Points
    end: Points
    radii: tuple[float, float]


class Solid(NamedTuple):
    """Capsules that grow together, and have no outlines within, in one colour."""

    capsules: list[Capsule]
    colour: Colour


def render_body(keypoints: npt.NDArray[np.floating], width: int, height: int, coloured_hands: bool = False) -> Image:
    """One person before a plain backdrop, (height, width, 3) uint8 RGB.

    keypoints: (137, 3), x and y in pixels of this picture and a confidence: 25 body, 70 face, 21 left hand, 21 right.
        Parts whose points have confidence 0 (or are not finite) are left out; without shoulders, everything is.
    coloured_hands: paint the left hand orange and the right one blue instead of both like skin.

    Raises ValueError for another shape.
    """
    points = finite_points(keypoints)
    image = np.full((height, width, 3), BACKDROP, np.uint8)
    colours = HAND_COLOURS if coloured_hands else (SKIN, SKIN)
    for solid in _solids(points[:, :2].clip(-FAR, FAR), points[:, 2] > 0, colours):
        _paint(image, solid)
    return image


def hand_confidences(keypoints: npt.NDArray[np.floating], width: int, height: int) -> npt.NDArray[np.uint8]:
    """How confident OpenPose is that a hand is at a pixel, (height, width), 255 for certain and 0 where there is none.

    A hand fills the convex hull of its keypoints and what is half a finger around it, with their mean confidence; those
    that were not found count as 0.

    keypoints: (137, 3), x and y in pixels of this picture and a confidence.

    Raises ValueError for another shape.
    """
    points, found = finite_points(keypoints), np.zeros((height, width), np.uint8)
    for hand in HANDS:
        seen = points[hand][points[hand, 2] > 0]
        if len(seen) < FEW:
            continue
        hull = cv2.convexHull(seen[:, :2].astype(np.float32).clip(-FAR, FAR))
        around = max(1, round(AROUND * max(hull.max((0, 1)) - hull.min((0, 1)))))
        mask = np.zeros_like(found)
        cv2.drawContours(mask, [hull.round().astype(np.int32)], 0, 1, cv2.FILLED)
        cv2.drawContours(mask, [hull.round().astype(np.int32)], 0, 1, 2 * around + 1)
        confidence = float(points[hand, 2].clip(0, 1).mean())
        found = np.maximum(found, mask * np.uint8(round(255 * confidence)))
    return found


def _solids(at: Points, seen: npt.NDArray[np.bool_], colours: tuple[Colour, Colour]) -> Iterator[Solid]:
    """All of a body, the farthest first. at: (137, 2). seen: (137,). colours: of the hands."""
    (left, _, _), (right, _, _) = ARMS
    if not seen[[left, right]].all() or (unit := float(np.hypot(*(at[left] - at[right])))) < LEAST:
        return
    chest = (at[left] + at[right]) / 2
    yield _torso(at, seen, chest, unit)
    yield from _head(at, seen, chest, unit)
    sides = sorted(range(2), key=lambda side: _length(at[HANDS[side]], seen[HANDS[side]]))
    for joint, radii in ((0, (0.15, 0.12)), (1, (0.11, 0.075))):
        for start, end in (ARMS[side][joint : joint + 2] for side in sides):
            if seen[start] and seen[end]:
                yield Solid([Capsule(at[start], at[end], (radii[0] * unit, radii[1] * unit))], CLOTH)
    for side in sides:
        yield from _hand(at[HANDS[side]], seen[HANDS[side]], unit, colours[side], left=side == 0)


def _torso(at: Points, seen: npt.NDArray[np.bool_], chest: Points, unit: float) -> Solid:
    (left, _, _), (right, _, _) = ARMS
    hip = at[HIP] if seen[HIP] else chest + np.array((0, TORSO * unit))
    trunk = Capsule(chest + 0.35 * unit * _direction(chest, hip), hip, (0.48 * unit, 0.4 * unit))
    return Solid([trunk, Capsule(at[left], at[right], (0.16 * unit, 0.16 * unit))], CLOTH)


def _head(at: Points, seen: npt.NDArray[np.bool_], chest: Points, unit: float) -> Iterator[Solid]:
    there = [point for point in HEAD if seen[point]]
    if not there:
        return
    middle = at[there].mean(0)
    up = _direction(chest, middle)
    yield Solid([Capsule(chest, middle, (0.17 * unit, 0.15 * unit))], SKIN)
    yield Solid([Capsule(middle + 0.12 * unit * up, middle - 0.14 * unit * up, (0.26 * unit, 0.2 * unit))], SKIN)
    face, found = at[FACE], seen[FACE]
    line = (0.012 * unit, 0.012 * unit)
    lines = [Capsule(face[a], face[b], line) for a, b in FACE_LINES[JAW:] if found[a] and found[b]]
    yield Solid(lines, FEATURE)


def _hand(at: Points, seen: npt.NDArray[np.bool_], unit: float, colour: Colour, left: bool) -> Iterator[Solid]:
    """Palm and fingers, at: (21, 2). The palm comes first where it faces the camera, else the fingers that it hides."""

    def joined(bones: Sequence[tuple[int, int]], radius: float) -> Solid:
        radii = (radius * unit, 0.9 * radius * unit)
        return Solid([Capsule(at[a], at[b], radii) for a, b in bones if seen[a] and seen[b]], colour)

    palm = [joined([*((0, knuckle) for knuckle in KNUCKLES), *pairwise(KNUCKLES)], 0.05)]
    fingers = [joined([bone for bone in HAND_BONES[first : first + 4] if bone[0]], 0.034) for first in (16, 12, 8, 4)]
    thumb = [joined(HAND_BONES[:4], 0.038)]
    (x, y), (u, v) = at[KNUCKLES[0]] - at[0], at[KNUCKLES[-1]] - at[0]
    facing = (x * v - y * u > 0) == left
    yield from (*palm, *fingers, *thumb) if facing else (*thumb, *fingers, *palm)


def _length(at: Points, seen: npt.NDArray[np.bool_]) -> float:
    """Of all bones of a hand, in pixels."""
    return sum(float(np.hypot(*(at[a] - at[b]))) for a, b in HAND_BONES if seen[a] and seen[b])


def _direction(start: Points, end: Points) -> Points:
    length = float(np.hypot(*(end - start)))
    return (end - start) / length if length else np.zeros(2)


def _paint(image: Image, solid: Solid) -> None:
    """Paint a solid over what is there, brightest where it faces the camera."""
    if not solid.capsules:
        return
    capsules = np.array([(*start, *end, *radii) for start, end, radii in solid.capsules])
    _shade(image, capsules, _boxes(capsules, image.shape[1], image.shape[0]), solid.colour)


@njit(cache=True)
def _shade(image, capsules, boxes, colour):  # type: ignore[no-untyped-def]
    """Of capsules (n, 6), start, end and both radii, which boxes (n, 4) hold; in single precision."""
    none, one, half, most = np.float32(0), np.float32(1), np.float32(0.5), np.float32(255)
    ambient, front, above = np.float32(AMBIENT), np.float32(FRONT), np.float32(ABOVE)
    west, north = boxes[:, 0].min(), boxes[:, 1].min()
    heights = np.zeros((boxes[:, 3].max() - north, boxes[:, 2].max() - west), np.float32)
    lights = np.zeros_like(heights)
    for n in range(len(capsules)):
        start_x, start_y, end_x, end_y, first, last = capsules[n]
        across, down = np.float32(end_x - start_x), np.float32(end_y - start_y)
        square = np.float32(max((end_x - start_x) ** 2 + (end_y - start_y) ** 2, 1e-9))
        least, wider = np.float32(first), np.float32(last - first)
        left, top, right, bottom = boxes[n]
        for row in range(top, bottom):
            for column in range(left, right):
                x, y = np.float32(column) - np.float32(start_x), np.float32(row) - np.float32(start_y)
                along = min(max((x * across + y * down) / square, none), one)
                radius = max(least + wider * along, half)
                x, y = (x - along * across) / radius, (y - along * down) / radius
                facing = np.sqrt(max(one - x * x - y * y, none))
                if facing * radius > heights[row - north, column - west]:
                    heights[row - north, column - west] = facing * radius
                    lights[row - north, column - west] = ambient + front * facing - above * y
    for row in range(heights.shape[0]):
        for column in range(heights.shape[1]):
            if heights[row, column] > 0:
                for channel in range(3):
                    shade = lights[row, column] * np.float32(colour[channel])
                    image[row + north, column + west, channel] = np.uint8(min(max(shade, none), most))


def _boxes(capsules: Points, width: int, height: int) -> npt.NDArray[np.int_]:
    """Left, top, right and bottom, (n, 4), of what holds each of the capsules (n, 6), within the picture."""
    starts, ends, reaches = capsules[:, :2], capsules[:, 2:4], capsules[:, 4:].max(axis=1, keepdims=True) + 1
    corners = np.floor(np.minimum(starts, ends) - reaches), np.ceil(np.maximum(starts, ends) + reaches)
    return np.hstack([np.clip(corner, 0, (width, height)) for corner in corners]).astype(int)
