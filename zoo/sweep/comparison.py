"""The rows of a sweep beside each other: every figure out of results.json, and only like with like."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from datamodules.media.drawing_primitives import Image
from lightning_modules.evaluation.glossary import BASELINES, Meaning, meaning
from lightning_modules.evaluation.plots import intervals
from lightning_modules.evaluation.results import GROUND_TRUTH, Results
from zoo.results.rows import baseline_name

SETTING: Final = ("protocol", "judge", "variant", "n", "split", "data")
"""What two figures under one key must have in common to be compared."""


@dataclass(frozen=True)
class Figure:
    """A row's figure under a key.

    setting: how it was measured. like: as most rows' were. best: none of those is better.
    """

    value: float
    interval: tuple[float, float] | None
    setting: dict[str, Any]
    like: bool
    best: bool


@dataclass(frozen=True)
class Column:
    """A key of results.json over all rows.

    setting: how most rows were measured. figures: by row, of those that have the key. beside: ground truth and
    baselines as those rows have them, the lowest and the highest. beaten_by: baselines that are better than every row.
    """

    key: str
    meaning: Meaning | None
    setting: dict[str, Any]
    figures: dict[str, Figure]
    beside: dict[str, tuple[float, float]]
    beaten_by: tuple[str, ...]


def columns(keys: Sequence[str], results: dict[str, Results]) -> list[Column]:
    """The keys that any row has, in their order. results: by the names of the rows."""
    found = (column(key, {name: found[key] for name, found in results.items() if key in found}) for key in keys)
    return [column for column in found if column.figures]


def column(key: str, measured: dict[str, dict[str, Any]]) -> Column:
    """One key; measured: what results.json of each row has under it."""
    settings = {name: tuple((part, row[part]) for part in SETTING if part in row) for name, row in measured.items()}
    usual = Counter(settings.values()).most_common(1)[0][0] if settings else ()
    alike = {name: row for name, row in measured.items() if settings[name] == usual}
    known = meaning(key)
    values = {name: float(row["value"]) for name, row in alike.items() if math.isfinite(row["value"])}
    best = {
        name
        for name, value in values.items()
        if known and len(set(values.values())) > 1 and not any(known.beats(other, value) for other in values.values())
    }
    beside: dict[str, tuple[float, float]] = {}
    for name in (GROUND_TRUTH, *BASELINES):
        if there := [float(row[name]) for row in alike.values() if name in row]:
            beside[name] = (min(there), max(there))
    beaten_by = tuple(
        name
        for name, ends in beside.items()
        if name != GROUND_TRUTH
        and known
        and values
        and all(known.beats(end, value) for end in ends for value in values.values())
    )
    figures = {
        name: Figure(
            float(row["value"]),
            (float(row["interval"][0]), float(row["interval"][1])) if row.get("interval") else None,
            dict(settings[name]),
            name in alike,
            name in best,
        )
        for name, row in measured.items()
    }
    return Column(key, known, dict(usual), figures, beside, beaten_by)


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
