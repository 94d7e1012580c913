"""Skeleton drawings that a person can read signs from.

The whole signer stands in the frame. Each hand is drawn again, three times as large, in the upper corner of
its own side, so that fingerspelled letters can be told apart; a hand raised into that corner lies over it.
Fingers keep their colours; a palm is filled light when it faces the viewer, dark when one sees the back of
the hand. What is nearer covers what is farther.
"""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from datamodules.files import atomic
from datamodules.media.drawing_primitives import (
    Colour,
    Image,
    Points,
    ellipse,
    line,
    polygon,
    text,
    text_scale,
    text_width,
)
from datamodules.poses.conversion import BODY_COLOUR, FINGER_COLOURS, LEFT_COLOUR, NECK_ON_CANVAS, RIGHT_COLOUR
from datamodules.poses.skeletons import (
    HAND_BONES,
    LEFT_ELBOW,
    LEFT_HAND,
    LEFT_SHOULDER,
    LEFT_WRIST,
    NECK,
    NOSE,
    RIGHT_ELBOW,
    RIGHT_HAND,
    RIGHT_SHOULDER,
    RIGHT_WRIST,
)

BACKGROUND: Final = (248, 247, 244)
PANEL: Final = (255, 255, 255)
FRAME: Final = (205, 205, 205)
INK: Final = (45, 48, 56)
FAINT: Final = (226, 224, 219)
HIGHLIGHT: Final = (214, 60, 40)
PALM_FRONT: Final = (250, 222, 196)
PALM_BACK: Final = (140, 112, 94)

PALM: Final = (0, 1, 5, 9, 13, 17)  # wrist, thumb CMC and the four knuckles
INSET: Final = 0.27  # side of a hand's inset, in canvas sides
ENLARGED: Final = 3.0  # scale of the hands in their insets
CAPTION: Final = 0.085  # height of the caption band, in canvas sides


@dataclass(frozen=True)
class _Stroke:
    """Something to paint: a bone (two points) or a palm (a polygon), at its mean depth (larger is nearer)."""

    points: Points
    colour: Colour
    thickness: float
    depth: float


def draw_frames(joints: Points, size: int = 512, captions: Sequence[str] | None = None) -> Iterator[Image]:
    """Frames of a motion one by one, so that it may be of any length: (size, size, 3) uint8 RGB each.

    Args:
        joints: (T, 50, 3) in SLP units; NaN joints are left out.
        size: side of the square frames in pixels.
        captions: a caption a frame; what stands in square brackets is highlighted ("MY NAME A[N]NA").

    Raises:
        ValueError: joints of another shape, or not as many captions as frames.
    """
    joints = np.asarray(joints, np.float64)
    if joints.ndim != 3 or joints.shape[1:] != (50, 3):
        raise ValueError(f"expected joints of shape (T, 50, 3), found {joints.shape}")
    if captions is not None and len(captions) != len(joints):
        raise ValueError(f"expected a caption for each of {len(joints)} frames, found {len(captions)}")
    return (_draw_frame(frame, size, captions[i] if captions is not None else None) for i, frame in enumerate(joints))


def _draw_frame(joints: Points, size: int, caption: str | None) -> Image:
    image = np.full((size, size, 3), BACKGROUND, np.uint8)
    pixels = joints * size + NECK_ON_CANVAS * size
    for hand, right in ((LEFT_HAND, False), (RIGHT_HAND, True)):
        _draw_inset(image, pixels[hand], size, right)
    _draw_torso(image, pixels, size)
    strokes = _arm_strokes(pixels, size)
    for hand, right in ((LEFT_HAND, False), (RIGHT_HAND, True)):
        strokes += _hand_strokes(pixels[hand], size * 0.008, right)
    _paint(image, strokes, size * 0.0025)
    if caption is not None:
        _draw_caption(image, caption)
    return image


def _draw_torso(image: Image, pixels: Points, size: int) -> None:
    shoulders = pixels[[LEFT_SHOULDER, RIGHT_SHOULDER], :2]
    if np.isfinite(shoulders).all():
        width = shoulders[0] - shoulders[1]
        middle, down = shoulders.mean(0), np.array([-width[1], width[0]])
        hips = [middle + 1.45 * down + 0.36 * width, middle + 1.45 * down - 0.36 * width]
        polygon(image, np.array([*shoulders[::-1], *hips]), FAINT, size * 0.05)
    if np.isfinite(pixels[[NOSE, NECK], :2]).all():
        nose, neck = pixels[NOSE, :2], pixels[NECK, :2]
        line(image, neck, nose, FAINT, size * 0.075)
        centre = nose + 0.12 * (nose - neck)
        tilt = np.degrees(np.arctan2(*(nose - neck)[[0, 1]] * (1, -1)))
        ellipse(image, centre, (0.072 * size, 0.098 * size), tilt, FAINT, -1)
        ellipse(image, centre, (0.072 * size, 0.098 * size), tilt, BODY_COLOUR, size * 0.005)
        ellipse(image, nose, (0.007 * size, 0.007 * size), 0.0, BODY_COLOUR, -1)


def _arm_strokes(pixels: Points, size: int) -> list[_Stroke]:
    bones = (
        (NECK, LEFT_SHOULDER, BODY_COLOUR),
        (NECK, RIGHT_SHOULDER, BODY_COLOUR),
        (LEFT_SHOULDER, LEFT_ELBOW, LEFT_COLOUR),
        (LEFT_ELBOW, LEFT_WRIST, LEFT_COLOUR),
        (RIGHT_SHOULDER, RIGHT_ELBOW, RIGHT_COLOUR),
        (RIGHT_ELBOW, RIGHT_WRIST, RIGHT_COLOUR),
    )
    return [_Stroke(pixels[[a, b], :2], colour, size * 0.02, float(pixels[[a, b], 2].mean())) for a, b, colour in bones]


def _hand_strokes(hand: Points, thickness: float, right: bool) -> list[_Stroke]:
    """Palm and finger bones of one hand, (21, 3) in pixels with depth."""
    palm = hand[list(PALM)]
    index, pinky = hand[5, :2] - hand[0, :2], hand[17, :2] - hand[0, :2]
    front = bool((index[0] * pinky[1] - index[1] * pinky[0] < 0) == right)
    fill = PALM_FRONT if front else PALM_BACK
    strokes = [_Stroke(palm[:, :2], fill, thickness, float(palm[:, 2].mean()) - thickness)]
    for a, b in HAND_BONES:
        if a:  # those from the wrist are the palm
            depth = float(0.6 * hand[[a, b], 2].max() + 0.4 * hand[[a, b], 2].mean())
            strokes.append(_Stroke(hand[[a, b], :2], FINGER_COLOURS[(b - 1) // 4], thickness, depth))
    return strokes


def _paint(image: Image, strokes: list[_Stroke], halo: float) -> None:
    """Far to near; a dark rim parts what lies over one another."""
    for stroke in sorted(strokes, key=lambda stroke: stroke.depth):
        if not np.isfinite(stroke.points).all():
            continue
        red, green, blue = (int(0.45 * channel) for channel in stroke.colour)
        for colour, thickness in (
            ((red, green, blue), stroke.thickness + 2 * halo),
            (stroke.colour, stroke.thickness),
        ):
            if len(stroke.points) == 2:
                line(image, stroke.points[0], stroke.points[1], colour, thickness)
            else:
                polygon(image, stroke.points, colour, thickness)


def _draw_inset(image: Image, hand: Points, size: int, right: bool) -> None:
    """The hand at three times its size, in the upper corner of its side of the picture."""
    side, margin = round(INSET * size), round(0.015 * size)
    left = margin if right else size - margin - side
    panel = np.full((side, side, 3), PANEL, np.uint8)
    if np.isfinite(hand).all():
        enlarged = ENLARGED * (hand - hand[[0, 5, 9, 17]].mean(0)) + (side / 2, side / 2, 0)
        span = np.abs(enlarged[:, :2] - side / 2).max()
        if span > 0.44 * side:  # a long finger: move the hand, and shrink it only if that does not do
            low, high = enlarged[:, :2].min(0), enlarged[:, :2].max(0)
            shrink = min(1.0, 0.88 * side / (high - low).max())
            enlarged = (enlarged - (*(low + high) / 2, 0)) * shrink + (side / 2, side / 2, 0)
        _paint(panel, _hand_strokes(enlarged, size * 0.018, right), size * 0.0025)
    image[margin : margin + side, left : left + side] = panel
    colour = RIGHT_COLOUR if right else LEFT_COLOUR
    cv2.rectangle(image, (left, margin), (left + side, margin + side), colour, max(1, round(size / 400)), cv2.LINE_AA)


def _draw_caption(image: Image, caption: str) -> None:
    size = len(image)
    height = round(CAPTION * size)
    image[-height:] = PANEL
    cv2.line(image, (0, size - height), (size, size - height), FRAME, 1)
    parts = re.split(r"\[(.*?)\]", caption)  # every second part stood in brackets
    scale = text_scale("".join(parts), 0.92 * size, 0.42 * height)
    x = (size - sum(text_width(part, scale) for part in parts)) / 2
    for i, part in enumerate(parts):
        text(image, part, (x, size - 0.32 * height), scale, HIGHLIGHT if i % 2 else INK)
        x += text_width(part, scale)


def contact_sheet(frames: Sequence[Image] | Image, columns: int, labels: Sequence[str] | None = None) -> Image:
    """Frames of one size, row by row in a grid, each with its label above.

    Args:
        frames: N images (H, W, 3) uint8 RGB.
        columns: images a row.
        labels: N texts.

    Raises:
        ValueError: no frames, or not as many labels as frames.
    """
    if not len(frames) or columns < 1:
        raise ValueError(f"expected frames and at least one column, found {len(frames)} and {columns}")
    if labels is not None and len(labels) != len(frames):
        raise ValueError(f"expected a label for each of {len(frames)} frames, found {len(labels)}")
    height, width = frames[0].shape[:2]
    band, gap = (max(18, round(0.09 * width)) if labels is not None else 0), max(2, width // 64)
    columns = min(columns, len(frames))
    rows = -(-len(frames) // columns)
    sheet = np.full((rows * (height + band + gap) + gap, columns * (width + gap) + gap, 3), FAINT, np.uint8)
    for i, frame in enumerate(frames):
        y, x = gap + i // columns * (height + band + gap), gap + i % columns * (width + gap)
        if labels is not None:
            sheet[y : y + band, x : x + width] = PANEL
            scale = text_scale(labels[i], 0.94 * width, 0.5 * band)
            centred = x + (width - text_width(labels[i], scale)) / 2
            text(sheet, labels[i], (centred, y + 0.74 * band), scale, INK)
        sheet[y + band : y + band + height, x : x + width] = frame
    return sheet


def enlarged(image: Image, side: int) -> Image:
    """A picture (H, W, 3) of at least `side` pixels a side: each of its own is repeated a whole number of times."""
    times = -(-side // min(image.shape[:2]))
    return image.repeat(times, axis=0).repeat(times, axis=1)


def write_png(path: str | os.PathLike[str], image: Image) -> None:
    """Write an (H, W, 3) uint8 RGB image; the file appears whole or not at all."""
    with atomic(path) as temporary:
        compression = [cv2.IMWRITE_PNG_COMPRESSION, 6]  # half of what is the default's size
        _, content = cv2.imencode(".png", np.ascontiguousarray(image[..., ::-1]), compression)
        temporary.write_bytes(content.tobytes())
