"""Anti-aliased drawing on RGB arrays with coordinates in fractions of a pixel."""

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
Points = npt.NDArray[np.floating]
Colour = tuple[int, int, int]

SUBPIXEL: Final = 4  # bits that cv2 takes as the fraction of a coordinate


def _fixed(point: Points) -> tuple[int, int]:
    x, y = np.round(point * (1 << SUBPIXEL)).astype(int)
    return int(x), int(y)


def line(image: Image, a: Points, b: Points, colour: Colour, thickness: float) -> None:
    """A line with round ends from a to b, points (x, y) in pixels, of at least one pixel."""
    cv2.line(image, _fixed(a), _fixed(b), colour, max(1, round(thickness)), cv2.LINE_AA, SUBPIXEL)


def polygon(image: Image, points: Points, colour: Colour, rounding: float) -> None:
    """A filled polygon (N, 2) whose outline is drawn `rounding` pixels thick, which rounds its corners."""
    corners = [np.round(points * (1 << SUBPIXEL)).astype(np.int32)]
    cv2.fillPoly(image, corners, colour, cv2.LINE_AA, SUBPIXEL)
    cv2.polylines(image, corners, True, colour, max(1, round(rounding)), cv2.LINE_AA, SUBPIXEL)


def ellipse(
    image: Image, centre: Points, axes: tuple[float, float], tilt: float, colour: Colour, thickness: float
) -> None:
    """An ellipse of half axes `axes`, turned by `tilt` degrees; filled when the thickness is negative."""
    width = -1 if thickness < 0 else max(1, round(thickness))
    half = (round(axes[0] * (1 << SUBPIXEL)), round(axes[1] * (1 << SUBPIXEL)))
    cv2.ellipse(image, _fixed(centre), half, tilt, 0, 360, colour, width, cv2.LINE_AA, SUBPIXEL)


def text_width(text: str, scale: float) -> float:
    """Width in pixels of a text that `text` draws at this scale."""
    return float(cv2.getTextSize(text, cv2.FONT_HERSHEY_DUPLEX, scale, 1)[0][0])


def text_scale(text: str, width: float, height: float) -> float:
    """The font scale at which capitals are `height` pixels high, or less where the text must fit `width`."""
    scale = height / 22
    return min(scale, scale * width / max(text_width(text, scale), 1.0))


def text(image: Image, words: str, origin: tuple[float, float], scale: float, colour: Colour) -> None:
    """One line of text with its baseline starting at `origin`."""
    place = (round(origin[0]), round(origin[1]))
    cv2.putText(image, words, place, cv2.FONT_HERSHEY_DUPLEX, scale, colour, max(1, round(scale)), cv2.LINE_AA)
