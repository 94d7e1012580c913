"""Samples side by side: rows of pictures (H, W, 3) uint8 RGB, and motions as pictures."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from torch import Tensor

from datamodules.media.drawing_primitives import Image, text_scale
from datamodules.media.drawing_primitives import text as draw_text
from datamodules.media.images import resize
from datamodules.media.skeleton_drawing import HIGHLIGHT, INK, contact_sheet, draw_frames
from lightning_modules.evaluation.plot_style import DPI, WIDTH, as_picture, clean, own_style, short

TALLEST: Final = 300
SHORTEST: Final = 48
"""Heights of a picture in a strip, in pixels."""
SMALL: Final = 48
LARGE: Final = 96
"""Sides of a picture on a sheet, in pixels: of 29 classes a picture file of less than half a megabyte."""
KEPT: Final = 64
"""Pictures that are held to choose from, beside the best and the worst."""
FEW_CLASSES: Final = 10
MOST_CLASSES: Final = 40


def strips(rows: Sequence[tuple[str, Sequence[tuple[str, Image]]]]) -> Image:
    """Rows of pictures side by side, scaled to one height, each below its caption and each row below its title.

    Raises ValueError for no rows and for what is no picture (H, W, 3) uint8.
    """
    if not rows:
        raise ValueError("expected at least one row of pictures, found none")
    pictures = [picture for _, row in rows for _, picture in row]
    for picture in pictures:
        if picture.ndim != 3 or picture.shape[2] != 3 or not picture.size or picture.dtype != np.uint8:
            raise ValueError(f"expected pictures (H, W, 3) uint8, found {picture.shape} {picture.dtype}")
    gap, title, caption = 8, 24, 20
    room = [
        (WIDTH - gap * (len(row) + 1)) / sum(picture.shape[1] / picture.shape[0] for _, picture in row)
        for _, row in rows
        if row
    ]
    height = int(np.clip(min(room, default=TALLEST), SHORTEST, TALLEST))
    sheet = np.full((0, WIDTH, 3), 255, np.uint8)
    texts: list[tuple[int, int, str, int, str]] = []
    for name, row in rows:
        for line in textwrap.wrap(clean(name), 108, max_lines=2, placeholder=" ..."):
            texts.append((gap, len(sheet) + title, line, 11, "bold"))
            sheet = _grown(sheet, len(sheet) + title, sheet.shape[1])
        top = len(sheet) + gap + (caption if any(words for words, _ in row) else 0)
        left = gap
        for words, picture in row:
            scale = min(height / len(picture), (WIDTH - 2 * gap) / picture.shape[1])
            tall, width = (max(1, round(scale * side)) for side in picture.shape[:2])
            texts.append((left, top - 5, short(words, max(4, int(width / 6.6))), 8, "normal"))
            sheet = _grown(sheet, top + height + gap, max(sheet.shape[1], left + width + gap))
            way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
            sheet[top : top + tall, left : left + width] = cv2.resize(picture, (width, tall), interpolation=way)
            left += width + gap
    sheet = _grown(sheet, len(sheet) + gap, sheet.shape[1])
    with own_style():
        figure = Figure((sheet.shape[1] / DPI, len(sheet) / DPI))
        figure.figimage(sheet)
        for x, y, words, size, weight in texts:
            figure.text(x / sheet.shape[1], 1 - y / len(sheet), words, fontsize=size, fontweight=weight)
        return as_picture(figure)


@dataclass(frozen=True)
class Strip:
    """What is shown of a picture: its name, its score, and it between others, each with its caption."""

    name: str
    score: float
    pictures: tuple[tuple[str, Image], ...]


class ScoredStrips:
    """Pictures of a test set with what belongs beside each; of many the best, the worst and evenly spread others.

    key: of the score, in print; more is better.
    """

    def __init__(self, key: str) -> None:
        self.key, self.seen = key, 0
        self.scores: list[float] = []
        self.strips: dict[int, Strip] = {}

    def add(self, names: Sequence[str], scores: Sequence[float], shown: Mapping[str, Tensor]) -> None:
        """Add a batch: pictures (B, 3, H, W) in [0, 1] by their captions."""
        images = {caption: as_images(of) for caption, of in shown.items()}
        for place, (name, score) in enumerate(zip(names, scores, strict=True)):
            pictures = tuple((caption, of[place]) for caption, of in images.items())
            self.strips[self.seen + place] = Strip(name, score, pictures)
        self.scores += scores
        self.seen += len(names)
        step = 1 << (self.seen // KEPT).bit_length()  # doubled whenever twice as many were seen
        extremes = {choose(self.strips, key=lambda at: self.strips[at].score) for choose in (min, max)}
        self.strips = {at: strip for at, strip in self.strips.items() if at % step == 0 or at in extremes}

    def best_median_worst(self) -> Image:
        """The best, the median and the worst picture."""
        kept, middle = sorted(self.strips.values(), key=lambda strip: strip.score), float(np.median(self.scores))
        median = min(kept, key=lambda strip: abs(strip.score - middle))
        rows = (("best", kept[-1]), ("median", median), ("worst", kept[0]))
        return strips([(f"{word}: {of.name}, {self.key} {of.score:.3f}", of.pictures) for word, of in rows])


def _grown(sheet: Image, height: int, width: int) -> Image:
    """The same sheet with white below and to its right."""
    more = ((0, height - len(sheet)), (0, width - sheet.shape[1]), (0, 0))
    return np.pad(sheet, more, constant_values=255)


def motion_strip(joints: npt.NDArray[np.floating], frames: int = 8, size: int = 160) -> list[Image]:
    """Evenly spaced skeletons of a motion (T, 50, 3), from the first to the last; of a shorter one some twice."""
    return list(draw_frames(joints[_spaced(len(joints), frames)], size)) if len(joints) else []


def motion_pairs(
    reference: npt.NDArray[np.floating], produced: npt.NDArray[np.floating], frames: int = 8, size: int = 160
) -> list[tuple[str, Image]]:
    """A row for `strips`: evenly spaced skeletons of the reference, each above that of what was produced for it.

    The captions number both frames, from 1: "12 / 15"; the first pair says in itself which is which.
    """
    above, below = (motion_strip(motion, frames, size) for motion in (reference, produced))
    blank = np.full((frames, size, size, 3), 255, np.uint8)  # a motion without frames
    above, below = above or list(blank), below or list(blank)
    for picture, whose in ((above[0], "reference"), (below[0], "model")):
        draw_text(picture, whose, (0.05 * size, 0.95 * size), text_scale(whose, 0.9 * size, 0.075 * size), INK)
    numbers = zip(_spaced(len(reference), frames) + 1, _spaced(len(produced), frames) + 1, strict=True)
    pairs = zip(numbers, above, below, strict=True)
    return [(f"{first} / {second}", np.vstack([upper, lower])) for (first, second), upper, lower in pairs]


def _spaced(length: int, count: int) -> npt.NDArray[np.intp]:
    return np.linspace(0, max(0, length - 1), count).round().astype(np.intp)


@dataclass
class Generated:
    """A class, a true picture of it, and what a model makes of it: pictures, and what each was misread as, if any."""

    name: str
    true: Image
    pictures: list[tuple[Image, str | None]] = field(default_factory=list)


def sheet(classes: Sequence[Generated], columns: int) -> Image:
    """Classes two a row, each with its true picture and up to so many generated ones; what was misread is framed in
    red, below what was read. Of more than 40 classes the first are shown. Raises ValueError for none."""
    side = LARGE if len(classes) <= FEW_CLASSES else SMALL
    blank = np.full((side, side, 3), 255, np.uint8)
    frames, labels = [], []
    for shown in classes[:MOST_CLASSES]:
        row, texts = [resize(shown.true, side, side)], [f"true {shown.name}"]
        for picture, misread in shown.pictures[:columns]:
            frame = resize(picture, side, side)
            row.append(frame if misread is None else _framed(frame))
            texts.append("" if misread is None else f"read: {misread}")
        missing = columns + 1 - len(row)
        frames += [*row, *[blank] * missing]
        labels += [*texts, *[""] * missing]
    return contact_sheet(frames, 2 * (columns + 1), labels)


def _framed(picture: Image) -> Image:
    thick = len(picture) // 16
    framed = np.full_like(picture, HIGHLIGHT)
    framed[thick:-thick, thick:-thick] = picture[thick:-thick, thick:-thick]
    return framed


def as_images(pictures: Tensor) -> list[Image]:
    """Pictures (B, 3, H, W) in [0, 1] as such (H, W, 3) of bytes."""
    pixels = (pictures.detach().float().cpu().clamp(0, 1) * 255).round().byte()
    return list(pixels.permute(0, 2, 3, 1).numpy())
