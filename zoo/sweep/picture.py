"""The table of a sweep as a picture: a panel a key, a row a line with its interval, baselines as upright lines."""

from collections.abc import Sequence

import numpy as np

from datamodules.media.drawing_primitives import Image
from lightning_modules.evaluation.plots import intervals
from zoo.results.rows import baseline_name
from zoo.sweep.comparison import Column

BEST = " (best)"
GAP = 30
"""White below each panel, in pixels."""


def picture(columns: Sequence[Column], rows: Sequence[str], data: str) -> Image:
    """RGB (H, W, 3), one panel below the other; only figures that were measured alike are in it.

    rows: in the order of the table. data: what was tested on, in print.
    """
    panels = [_panel(column, rows, data) for column in columns]
    return np.concatenate([np.pad(panel, ((0, GAP), (0, 0), (0, 0)), constant_values=255) for panel in panels])


def _panel(column: Column, rows: Sequence[str], data: str) -> Image:
    figures = {name: column.figures[name] for name in rows if name in column.figures and column.figures[name].like}
    protocol = f", {column.setting['protocol']}" if "protocol" in column.setting else ""
    return intervals(
        [f"{name}{BEST if figure.best else ''}" for name, figure in figures.items()],
        [figure.value for figure in figures.values()],
        [figure.interval for figure in figures.values()],
        f"{column.key}{protocol}, {data}",
        column.meaning.better if column.meaning else "",
        {baseline_name(name): ends[0] for name, ends in column.beside.items() if ends[0] == ends[1]},
    )
