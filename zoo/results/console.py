"""Results in a terminal: tables that are as wide as it is, and in words below them what must not be overlooked."""

import sys
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from rich import box
from rich.console import Console, ConsoleOptions, JustifyMethod, RenderableType
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from lightning_modules.evaluation.glossary import HIGHER, LOWER, NEARER_TO_1
from lightning_modules.evaluation.results import Results
from zoo.results.rows import (
    BEATS,
    Cell,
    Row,
    baseline_name,
    baselines,
    by_data,
    by_protocol,
    data_note,
    judged,
    rows,
    stillness,
    tested,
    variants,
)
from zoo.results.tables import protocol_text

ARROWS: Final = {LOWER: "\N{DOWNWARDS ARROW}", HIGHER: "\N{UPWARDS ARROW}", NEARER_TO_1: "\N{RIGHTWARDS ARROW} 1"}
PIPED: Final = 200
"""Columns of what is no terminal."""
MARKED: Final = "bold yellow"
ENDLESS: Final = 10_000


class _Column(NamedTuple):
    head: str
    cells: list[Text]


@dataclass(frozen=True)
class ResultsTable:
    """What rich prints of results: a table for each protocol, in pieces where the terminal is narrow, then the data.

    provenance: of the artefact that was measured.
    """

    title: str
    results: Results
    provenance: dict[str, Any]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        plain = options.ascii_only
        yield Text(self.title, "bold")
        for group in by_protocol(self.results):
            columns = [column for column in _columns(group, plain) if any(map(str, column.cells))]
            for piece in _pieces(columns, console, options):
                yield from (Text(), _table(piece))
            yield from map(_line, [*_protocols(group), *_counts(group)])
        yield Text()
        if any(cell.beats for row in rows(self.results) for cell in row.baselines):
            yield _line(f"{_mark(plain).strip()} this baseline is better than the model", MARKED)
        yield from (_line(line, MARKED) for line in stillness(self.results))
        yield from map(_line, [*variants(self.results), *judged(self.results)])
        yield _line(data_note(self.provenance))
        for title, group in by_data(self.results).items():
            if any("n" in row for row in group.values()):
                of = f"Keys with @real are of {title} itself:" if title else "Measured on"
                yield _line(f"{of} the {tested(group)}.")


def _columns(results: Results, plain: bool) -> list[_Column]:
    """The first two stand in every piece of a table. plain: for a terminal that has no arrows."""
    found = rows(results)
    return [
        _Column("key", [Text(f"{row.key} {_arrow(row, plain)}".rstrip()) for row in found]),
        _Column("this model", [Text(row.value, "bold") for row in found]),
        _Column("95 % interval", [Text(_interval(results[row.key])) for row in found]),
        _Column("ground truth", [Text(row.truth) for row in found]),
        *(
            _Column(baseline_name(name), [_baseline(row.baselines[place], plain) for row in found])
            for place, name in enumerate(baselines(results))
        ),
    ]


def _arrow(row: Row, plain: bool) -> str:
    return f"({row.better})" if plain and row.better else ARROWS.get(row.better, "")


def _interval(row: dict[str, Any]) -> str:
    return f"[{', '.join(f'{end:.3g}' for end in row['interval'])}]" if row.get("interval") else ""


def _baseline(cell: Cell, plain: bool) -> Text:
    return Text(f"{cell.text}{_mark(plain)}", MARKED) if cell.beats else Text(cell.text)


def _mark(plain: bool) -> str:
    return " *" if plain else BEATS


def _pieces(columns: list[_Column], console: Console, options: ConsoleOptions) -> Iterator[list[_Column]]:
    """As few tables as fit the width, each with the columns that say what its rows are; nothing is cut off."""
    first, rest = columns[:2], columns[2:]
    piece: list[_Column] = []
    for column in rest:
        needed = Measurement.get(console, options.update(width=ENDLESS), _table([*first, *piece, column])).maximum
        if piece and needed > options.max_width:
            yield [*first, *piece]
            piece = []
        piece.append(column)
    yield [*first, *piece]


def _table(columns: Sequence[_Column]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True)
    for column in columns:
        head = textwrap.fill(column.head, max(map(len, column.head.split())))
        justify: JustifyMethod = "left" if column.head == "key" else "right"
        table.add_column(head, justify=justify, vertical="bottom", overflow="fold")
    for cells in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*cells)
    return table


def _protocols(results: Results) -> Iterator[str]:
    """What the scores of a table are measured under; for each key where they are several."""
    known = {key: str(row["protocol"]) for key, row in results.items() if row.get("protocol")}
    if len(set(known.values())) == 1:
        yield f"Protocol: {protocol_text(next(iter(known.values())))}"
    else:
        yield from (f"Protocol of {key}: {protocol_text(protocol)}" for key, protocol in known.items())


def _counts(results: Results) -> Iterator[str]:
    """How many items each key of a table is of, where they are several."""
    keys: dict[int, list[str]] = {}
    for key, row in results.items():
        if "n" in row:
            keys.setdefault(row["n"], []).append(key)
    if len(keys) > 1:
        yield "n: " + "; ".join(f"{count:,} of {', '.join(of)}" for count, of in sorted(keys.items()))


def _line(text: str, style: str = "") -> Text:
    return Text(text.replace("`", ""), style)


def print_results(title: str, results: Results, provenance: dict[str, Any]) -> None:
    """On stdout, as wide as the terminal is."""
    width = None if sys.stdout.isatty() else PIPED
    Console(width=width, highlight=False).print(ResultsTable(title, results, provenance))
