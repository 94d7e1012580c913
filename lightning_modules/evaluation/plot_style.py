"""What all pictures of results share: style, size and letters.

Canvases are drawn without pyplot: no display is needed, and nothing of a caller's matplotlib is touched or matters.
Colours are those of Okabe and Ito, which the colour-blind can tell apart.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Final

import numpy as np
from matplotlib import font_manager, style
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from datamodules.media.drawing_primitives import Image

DRAWING: Final = threading.RLock()
"""matplotlib's settings are those of all threads."""
DPI: Final = 100
WIDTH: Final = 1000
"""Of a picture, in pixels."""
BLUE, VERMILLION, ORANGE, GREEN, PURPLE = "#0072B2", "#D55E00", "#E69F00", "#009E73", "#CC79A7"
LINES: Final = ((VERMILLION, "--"), (GREEN, "-."), (ORANGE, ":"), (PURPLE, (0, (6, 2, 1, 2, 1, 2))), ("#000000", "--"))
STYLE: Final[dict[str, Any]] = {
    "figure.dpi": DPI,
    "figure.facecolor": "white",
    "font.size": 11,
    "text.parse_math": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.formatter.useoffset": False,
    "grid.color": "#E4E4E4",
    "legend.frameon": False,
}


@contextmanager
def own_style() -> Iterator[None]:
    """Draw within it: whatever the caller has set, the same data make the same bytes. One thread at a time can."""
    with DRAWING, style.context(["default", STYLE]):
        yield


def page(height: float) -> Figure:
    """An empty figure so many inches high, on which nothing overlaps and nothing touches the border."""
    return Figure((WIDTH / DPI, height), layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.1))


def as_picture(figure: Figure) -> Image:
    """The figure as a picture (H, W, 3)."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.ascontiguousarray(np.asarray(canvas.buffer_rgba())[..., :3])


@cache
def _letters() -> frozenset[int]:
    """Those that the font of every matplotlib has."""
    return frozenset(font_manager.get_font(font_manager.findfont("DejaVu Sans")).get_charmap())


def clean(text: str) -> str:
    """On one line, and without letters that the font lacks."""
    known = "".join(
        letter if ord(letter) in _letters() or letter.isspace() else "\N{REPLACEMENT CHARACTER}" for letter in str(text)
    )
    return " ".join(known.split())


def short(text: str, letters: int) -> str:
    """A text of at most so many letters; a longer one loses its middle."""
    text = clean(text)
    if len(text) <= letters:
        return text
    kept = letters - 1
    return f"{text[: kept - kept // 3]}\N{HORIZONTAL ELLIPSIS}{text[len(text) - kept // 3 :]}"
