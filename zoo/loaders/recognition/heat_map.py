"""What a reader of glosses looked at, and what it made of it, as one picture over time."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from matplotlib.axes import Axes

from datamodules.media.skeleton_drawing import write_png
from datamodules.media.video import Frame
from lightning_modules.evaluation.plot_style import DPI, WIDTH, as_picture, own_style, page, short
from zoo.loaders.recognition.sightings import Sighting

HEIGHT: Final = 120
"""Of a frame that is kept, in pixels."""
SHOWN: Final = 10
"""Frames in a strip."""
NEAR: Final = 0.75
"""Of the width of a frame in a strip: how far from its place what it shows may be."""
COLUMNS: Final = 800
"""Of the bands: each is worth a pixel or more."""
BAND: Final = 0.8
"""Inches: the height of the band of glosses, in which a name fits that stands upright."""
ACROSS: Final = 860
"""Pixels between the axes' ends, about."""

LETTER: Final = 8
"""Pixels that a letter of a name takes, about, and a line of it twice as many."""

LOOKED: Final = "viridis"
LIKELY: Final = "Blues"
EMPTY: Final = "#BBBBBB"

Attention = tuple[float, float, Sequence[float]]
"""From when to when, in seconds, and how much each moment of that counted."""


class Strip:
    """Frames that are evenly spread over a video that goes by, however long it becomes: small ones, and few.

    frames: seconds and frame (HEIGHT, W, 3) of those that are kept.
    """

    def __init__(self) -> None:
        self.frames: list[tuple[float, Frame]] = []
        self._every = 1

    def through(self, frames: Iterable[Any], fps: float) -> Iterator[Any]:
        """The same frames, with times or `fps` a second; some are kept on the way."""
        for number, item in enumerate(frames):
            if number % self._every == 0:
                self._keep(*(item if isinstance(item, tuple) else (number / fps, item)))
            yield item

    def _keep(self, seconds: float, frame: Frame) -> None:
        if getattr(frame, "ndim", 0) == 3 and frame.size:  # whoever reads it says what is wrong with another
            width = max(1, round(frame.shape[1] * HEIGHT / frame.shape[0]))
            self.frames.append((seconds, cv2.resize(frame, (width, HEIGHT), interpolation=cv2.INTER_AREA)))
        if len(self.frames) == 8 * SHOWN:
            self.frames, self._every = self.frames[::2], 2 * self._every

    def picture(self, start: float, end: float) -> Frame:
        """Frames side by side, (HEIGHT, W, 3), as many as fit above a time axis, each at its time; white where none
        came."""
        height, width = self.frames[0][1].shape[:2]
        fitting = max(1, min(SHOWN, len(self.frames), ACROSS * HEIGHT // (height * max(60, width))))
        cell, times = (end - start) / fitting, np.array([seconds for seconds, _ in self.frames])
        blank, row = np.full((height, width, 3), 255, np.uint8), []
        for middle in start + (np.arange(fitting) + 0.5) * cell:
            nearest = int(np.abs(times - middle).argmin())
            near = abs(times[nearest] - middle) <= NEAR * cell
            row.append(cv2.resize(self.frames[nearest][1], (width, height)) if near else blank)
        return np.concatenate(row, axis=1)


def write_heat_map(
    output: Path, strip: Strip, attention: Sequence[Attention], sightings: Sequence[Sighting], title: str = ""
) -> None:
    """Write a .png: frames, how much each moment counted, and how likely the best gloss was, over seconds.

    attention: of clips or windows; where several lie over one another, their mean is drawn.
    sightings: of all windows, one or more, in order.
    title: what was read of the whole.
    """
    start, end = sightings[0].start, sightings[-1].seconds
    picture = strip.picture(start, end)
    height = min(2.0, ACROSS / DPI * picture.shape[0] / picture.shape[1])
    with own_style():
        figure = page(height + BAND + 2.15)
        rows = figure.add_gridspec(
            3, 2, height_ratios=(height, 0.45, BAND), width_ratios=(ACROSS, WIDTH - ACROSS - 110)
        )
        frames = figure.add_subplot(rows[0, 0])
        frames.imshow(picture, extent=(start, end, 0, 1), aspect="auto", interpolation="antialiased")
        frames.set_axis_off()
        frames.set_title(title, loc="left", fontsize=11)
        looked, seen = (figure.add_subplot(rows[row, 0], sharex=frames) for row in (1, 2))
        bars = [figure.add_subplot(rows[row, 1]) for row in (1, 2)]
        weights, likely = _looked(attention, start, end), _likely(sightings, start, end)
        top = max(1.0, float(np.nanmax(weights, initial=1.0)))
        for axes, bar, values, cmap, most in (
            (looked, bars[0], weights, LOOKED, top),
            (seen, bars[1], likely, LIKELY, 1),
        ):
            axes.set_facecolor("white")
            axes.patch.set(hatch="////", edgecolor=EMPTY)
            shown = axes.imshow(values[None], extent=(start, end, 0, 1), aspect="auto", cmap=cmap, vmin=0, vmax=most)
            figure.colorbar(shown, cax=bar)
            axes.set_yticks([])
        looked.set_title("attention (1: as much as any moment)", loc="left", fontsize=10)
        looked.tick_params(axis="x", labelbottom=False)
        seen.set_title("probability of the likeliest gloss; hatched: no sign", loc="left", fontsize=10)
        seen.set_xlabel("seconds")
        _name(seen, sightings, start, end)
        write_png(output, as_picture(figure))


def bands(sightings: Sequence[Sighting]) -> tuple[Frame, Frame]:
    """How much each moment of all windows counted, and how likely the best gloss was, as lines of pixels (1, W, 3) in
    the colours of `write_heat_map`; grey where there was no sign."""
    start, end = sightings[0].start, sightings[-1].seconds
    looked = _looked([(one.start, one.seconds, one.attention) for one in sightings], start, end)
    top = max(1.0, float(np.nanmax(looked, initial=1.0)))
    return _coloured(looked / top, LOOKED), _coloured(_likely(sightings, start, end), LIKELY)


def _coloured(values: npt.NDArray[np.float64], name: str) -> Frame:
    colours = colormaps[name].with_extremes(bad=EMPTY)(np.ma.masked_invalid(values)[None], bytes=True)
    return np.ascontiguousarray(colours[..., :3])


def _columns(start: float, end: float) -> npt.NDArray[np.float64]:
    """The middles of the columns of a band, in seconds."""
    middles: npt.NDArray[np.float64] = start + (np.arange(COLUMNS) + 0.5) * (end - start) / COLUMNS
    return middles


def _looked(attention: Sequence[Attention], start: float, end: float) -> npt.NDArray[np.float64]:
    """How much each column counted, 1 as much as any; nan where nothing was judged."""
    times, total, count = _columns(start, end), np.zeros(COLUMNS), np.zeros(COLUMNS)
    for begin, until, weights in attention:
        if len(weights):
            inside = (times >= begin) & (times < until)
            places = ((times[inside] - begin) / (until - begin) * len(weights)).astype(int)
            total[inside] += np.asarray(weights, float)[places.clip(0, len(weights) - 1)] * len(weights)
            count[inside] += 1
    total[count == 0] = np.nan
    return total / np.maximum(count, 1)


def _likely(sightings: Sequence[Sighting], start: float, end: float) -> npt.NDArray[np.float64]:
    """How likely the best gloss was at each column, by the window with the nearest middle; nan without a sign."""
    middles = np.array([(sighting.start + sighting.seconds) / 2 for sighting in sightings])
    values = np.array([np.nan if one.state == "no sign" else one.probability for one in sightings])
    found: npt.NDArray[np.float64] = values[np.searchsorted((middles[1:] + middles[:-1]) / 2, _columns(start, end))]
    return found


def _name(axes: Axes, sightings: Sequence[Sighting], start: float, end: float) -> None:
    """Write the glosses that were seen into the band, where each lies and as far as there is room: along it, or upright
    where that is too narrow."""
    middles = [(sighting.start + sighting.seconds) / 2 for sighting in sightings]
    edges = [start, *((a + b) / 2 for a, b in pairwise(middles)), end]
    at = 0
    for gloss, group in groupby(sightings, lambda sighting: sighting.gloss):
        same = list(group)
        left, right = edges[at], edges[at + len(same)]
        at += len(same)
        axes.axvline(left, color="#666666", linewidth=0.8)
        width, height = (right - left) / (end - start) * ACROSS, BAND * DPI
        if gloss is not None and width >= 2 * LETTER:
            upright = width < LETTER * len(gloss)
            room = max(3, int((height if upright else width) / LETTER))
            ink = "white" if max(one.probability for one in same) > 0.6 else "black"
            name = axes.text(
                (left + right) / 2, 0.5, short(gloss, room), color=ink, ha="center", va="center", fontsize=10
            )
            name.set_rotation(90 if upright else 0)
