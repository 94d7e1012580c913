"""Results as pictures (H, W, 3) uint8 RGB, about 1000 pixels wide: the same data make the same bytes."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm

from datamodules.media.drawing_primitives import Image
from lightning_modules.evaluation.plot_style import BLUE, LINES, VERMILLION, as_picture, own_style, page, short

Floats = npt.NDArray[np.float64]

BINS: Final = 10
NUMBERED: Final = 10
"""A confusion matrix of this many classes has room for its counts."""
LABELLED: Final = 30
"""As many classes can all be named at the axes of a confusion matrix."""
CELLS: Final = 150
"""Cells a side that can be told apart; what has more is drawn in blocks."""
PAIRS: Final = 16
LABEL: Final = 34
"""Letters of a label; longer ones lose their middle."""


def length_against_error(
    lengths: Sequence[float] | Floats, errors: Sequence[float] | Floats, key: str, unit: str = "", per: str = "frames"
) -> Image:
    """A dot a sentence, and the median error of groups of neighbouring lengths, each about as large.

    lengths: of the references, counted in `per`. errors: the key's values, in `unit`; those that are not finite are
    counted instead of drawn. Raises ValueError for two numbers of them.
    """
    if len(lengths) != len(errors):
        raise ValueError(f"expected an error for each of {len(lengths)} lengths, found {len(errors)}")
    all_x, all_y = np.asarray(lengths, np.float64), np.asarray(errors, np.float64)
    finite = np.isfinite(all_x) & np.isfinite(all_y)
    x, y = all_x[finite], all_y[finite]
    with own_style():
        figure = page(5.6)
        axes = figure.add_subplot(xlabel=f"length of the reference ({per})")
        axes.set_ylabel(short(f"{key} ({unit})" if unit else key, 60))
        axes.grid(True)
        if not len(x):
            axes.text(0.5, 0.5, "nothing to show", ha="center", transform=axes.transAxes)
            axes.set(xticks=[], yticks=[])
            return as_picture(figure)
        shown = 0.75 if len(x) <= 300 else 0.35 if len(x) <= 3000 else 0.12
        axes.scatter(x, y, s=22, color=BLUE, alpha=shown, linewidths=0)
        groups = _groups(x)
        for group in groups:
            axes.hlines(np.median(y[group]), x[group].min(), x[group].max(), color=VERMILLION, linewidth=3)
        middles = [(np.median(x[group]), np.median(y[group])) for group in groups]
        hollow: dict[str, Any] = {"markerfacecolor": "none", "markersize": 9, "markeredgewidth": 2}
        axes.plot(*np.transpose(middles), "s-", color=VERMILLION, linewidth=1.2, **hollow)
        axes.set_xlim(*_around(x))
        axes.set_ylim(*_around(y))
        dot = axes.scatter([], [], s=30, color=BLUE, label="one sentence")
        median = axes.plot([], [], "s-", color=VERMILLION, **hollow, label="median of sentences about as long")[0]
        handles: list[Any] = [dot, median]
        if missing := len(all_x) - len(x):
            handles.append(axes.plot([], [], " ", label=f"{missing} of {len(all_x)} have no finite value")[0])
        figure.legend(handles=handles, loc="outside upper center", ncols=len(handles))
        return as_picture(figure)


def _groups(lengths: Floats) -> list[npt.NDArray[np.intp]]:
    """Indices of neighbouring lengths, of at least ten each and of equal ones together."""
    count = min(BINS, max(1, len(lengths) // 10))
    inner = np.unique(np.quantile(lengths, np.linspace(0, 1, count + 1)))[1:-1]
    places = np.searchsorted(inner, lengths, side="right")
    return [np.flatnonzero(places == place) for place in np.unique(places)]


def _around(values: Floats) -> tuple[float, float]:
    """Limits of an axis with room on both sides, of equal values too."""
    low, high = float(values.min()), float(values.max())
    room = 0.05 * (high - low) or 0.1 * abs(high) or 1.0
    return low - room, high + room


def confusion(
    matrix: npt.ArrayLike, classes: Sequence[str], rows: str = "true class", columns: str = "taken for"
) -> Image:
    """How often a class (row) is taken for which (column), as a share of the row; what is never tested is grey.

    matrix: counts (C, C). rows, columns: what they are, in print. Up to 10 classes have their counts in the cells; of
    more, the pairs that are confused most are named beside them; more than 150 are drawn in blocks, each as dark as its
    darkest cell.

    Raises ValueError for another shape and for what are no counts.
    """
    counts = np.asarray(matrix, np.float64)
    if counts.shape != (len(classes), len(classes)) or not len(classes):
        raise ValueError(f"expected counts (C, C) of at least one class, found {counts.shape}, {len(classes)} classes")
    if not (np.isfinite(counts) & (counts >= 0)).all():
        raise ValueError(f"expected counts of 0 or more, found {counts[~(counts >= 0) | np.isinf(counts)][0]:g}")
    totals = counts.sum(1, keepdims=True)
    shares = np.divide(counts, totals, out=np.full_like(counts, np.nan), where=totals > 0)
    block = -(-len(classes) // CELLS)
    with own_style():
        named = len(classes) > NUMBERED
        figure = page(6.6 if named else 7.2)
        grid = figure.add_gridspec(1, 2, width_ratios=(2.1, 1)) if named else figure.add_gridspec(1, 1)
        axes = figure.add_subplot(grid[0], xlabel=columns, ylabel=rows)
        axes.spines[["top", "right"]].set_visible(True)
        axes.set_facecolor("#DDDDDD")
        extent = (-0.5, len(classes) - 0.5, len(classes) - 0.5, -0.5)
        pooled = _darkest(shares, block)
        cells = axes.imshow(pooled, cmap="Blues", norm=PowerNorm(0.5, 0, 1), extent=extent, interpolation="nearest")
        bar = figure.colorbar(cells, ax=axes, shrink=0.6, aspect=30)
        bar.set_label(f"share of the {rows}" + (f"; darkest of {block} x {block} cells" if block > 1 else ""))
        _name_classes(axes, classes)
        if len(classes) <= LABELLED:
            between = np.arange(len(classes) - 1) + 0.5
            axes.hlines(between, *extent[:2], color="#D0D0D0", linewidth=0.6)
            axes.vlines(between, *extent[:2], color="#D0D0D0", linewidth=0.6)
        if named:
            _list_pairs(figure.add_subplot(grid[1]), counts, classes)
        else:
            for row, column in np.argwhere(counts > 0):
                ink = "white" if shares[row, column] > 0.3 else "black"
                axes.text(column, row, _count(counts[row, column]), color=ink, ha="center", va="center")
        return as_picture(figure)


def _darkest(shares: Floats, block: int) -> Floats:
    """The largest share in each block of cells; nan where nothing of it was tested."""
    if block == 1:
        return shares
    starts = np.arange(0, len(shares), block)
    return np.fmax.reduceat(np.fmax.reduceat(shares, starts, 0), starts, 1)


def _count(number: float) -> str:
    return f"{number:,.0f}" if number < 1e7 else f"{number:.2g}"


def _name_classes(axes: Axes, classes: Sequence[str]) -> None:
    step = 1 if len(classes) <= LABELLED else -(-len(classes) // LABELLED)
    places = range(0, len(classes), step)
    labels = [short(classes[place], 14) for place in places]
    size = 11 if len(classes) <= NUMBERED else 8
    upright = max(map(len, labels)) > (8 if len(classes) <= NUMBERED else 1)
    axes.set_xticks(places, labels, rotation=90 if upright else 0, fontsize=size)
    axes.set_yticks(places, labels, fontsize=size)


def _list_pairs(axes: Axes, counts: Floats, classes: Sequence[str]) -> None:
    axes.set_axis_off()
    wrong = counts - np.diag(np.diag(counts))
    most = np.argsort(-wrong, axis=None, kind="stable")[:PAIRS]
    lines = [
        f"{_count(wrong[i, j])} of {_count(counts[i].sum())}   {short(classes[i], 13)} as {short(classes[j], 13)}"
        for i, j in zip(*np.unravel_index(most, wrong.shape), strict=True)
        if wrong[i, j] > 0
    ]
    total, right = counts.sum(), np.trace(counts)
    axes.set_title(f"{_count(right)} of {_count(total)} are right", loc="left", fontsize=11)
    axes.text(0, 0.98, "confused most:" if lines else "none is confused", va="top", transform=axes.transAxes)
    axes.text(0, 0.92, "\n".join(lines), va="top", fontsize=9, linespacing=1.7, transform=axes.transAxes)


def intervals(
    labels: Sequence[str],
    values: Sequence[float],
    intervals: Sequence[tuple[float, float] | None],
    key: str,
    better: str,
    beside: Mapping[str, float] | None = None,
) -> Image:
    """One score of several models, from top to bottom as they come, each with its 95 % interval and in figures.

    intervals: None where there is none. better: which way is better, in print. beside: what stands beside all of them,
    as upright lines: ground truth, baselines. Values that are not finite are written and not drawn.

    Raises ValueError for other numbers of labels, values and intervals, or for none.
    """
    if not len(labels) or not len(labels) == len(values) == len(intervals):
        found = f"{len(labels)} labels, {len(values)} values, {len(intervals)} intervals"
        raise ValueError(f"expected labels with a value and an interval each, found {found}")
    lines = {name: value for name, value in (beside or {}).items() if np.isfinite(value)}
    ends = [end for pair in intervals if pair is not None for end in pair]
    finite = np.array([number for number in (*values, *ends, *lines.values()) if np.isfinite(number)])
    with own_style():
        figure = page(1.5 + 0.34 * len(labels) + 0.12 * len(lines))
        axes = figure.add_subplot(xlabel=short(f"{key} ({better} is better)" if better else key, 80))
        axes.grid(True, axis="x")
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", length=0)
        axes.set_yticks(range(len(labels)), [short(label, LABEL) for label in labels])
        axes.set_ylim(len(labels) - 0.4, -0.6)
        axes.set_xlim(*_around(finite if len(finite) else np.zeros(1)))
        for index, (name, value) in enumerate(lines.items()):
            colour, dashes = LINES[index % len(LINES)]
            label = f"{short(name, LABEL)} ({value:.4g})"
            axes.axvline(value, color=colour, linestyle=dashes, linewidth=1.8, label=label)
        for row, (value, pair) in enumerate(zip(values, intervals, strict=True)):
            text = f"{value:.4g}"
            if pair is not None:
                axes.hlines(row, *pair, color=BLUE, linewidth=2.5)
                text += f"  [{pair[0]:.4g}, {pair[1]:.4g}]"
            axes.plot(value, row, "o", color=BLUE, markersize=8, markeredgecolor="white")
            axes.annotate(text, (1.01, row), xycoords=("axes fraction", "data"), va="center", annotation_clip=False)
        if lines:
            figure.legend(loc="outside lower center", ncols=min(3, len(lines)))
        return as_picture(figure)
