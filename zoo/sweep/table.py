"""The table of a sweep, on the terminal and as files that are written anew from the results of its runs."""

import csv
import hashlib
import io
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from datamodules.files import write_text
from lightning_modules.evaluation.glossary import HIGHER, LOWER, PROTOCOLS
from zoo.artefacts.runs import runs_root
from zoo.files import read_json
from zoo.results.formatting import cell, number
from zoo.results.rows import BEATS, baseline_name, data_name, data_note
from zoo.spec.sweep_spec import Sweep
from zoo.sweep.comparison import Figure, columns, picture
from zoo.sweep.rows import Row

FOLDER: Final = "sweeps"
"""Beside the runs of models, in the same root."""
WAYS: Final = {LOWER: "↓", HIGHER: "↑"}
OTHERWISE: Final = " †"
"""Behind a figure that was measured otherwise than those of the other rows."""
ABSENT: Final = "–"
INTERVALS: Final = (
    "In brackets: where 95 % of the values lie that other test sets of this size would give (bootstrap over items). "
    "Each row is one training with one seed; how much another seed would move it was not measured."
)
CSV_HEAD: Final = (
    *("kind", "row", "key", "value", "low", "high", "better", "best"),
    *("protocol", "judge", "n", "split", "data", "fingerprint", "run"),
)


class Table:
    """The rows of a sweep that were tested, compared.

    missing: rows that could not be trained or tested, and why. command: what makes this table.
    """

    def __init__(self, spec: Sweep, rows: Sequence[Row], missing: dict[str, str], starter: bool, command: str) -> None:
        self.spec, self.rows, self.missing, self.starter, self.command = spec, rows, missing, starter, command
        there = {row.name: row.run for row in rows if row.name not in missing}
        self.columns = columns(
            spec.compare, {name: read_json(run.folder / "results.json") for name, run in there.items()}
        )
        self.provenance = {name: run.provenance() for name, run in there.items()}
        identity = json.dumps([[row.name, row.run.folder.name] for row in rows])
        self.folder = runs_root() / FOLDER / spec.name / hashlib.sha256(identity.encode()).hexdigest()[:12]

    def write(self) -> Path:
        """table.csv, table.png and then table.md, where anything in them is new. Returns the last."""
        page, sheet = self.markdown(), self.csv()
        files = {self.folder / "table.csv": sheet, self.folder / "table.md": page}
        if (
            all(path.is_file() and path.read_text(encoding="utf-8") == text for path, text in files.items())
            and (self.folder / "table.png").is_file()
        ):
            return self.folder / "table.md"
        from datamodules.media.skeleton_drawing import write_png

        write_text(self.folder / "table.csv", sheet)
        if self.columns:
            write_png(self.folder / "table.png", picture(self.columns, [row.name for row in self.rows], self.data))
        write_text(self.folder / "table.md", page)
        return self.folder / "table.md"

    def show(self) -> None:
        """On the terminal."""
        from rich.console import Console
        from rich.markup import escape
        from rich.table import Table as Grid
        from rich.text import Text

        wide = None if sys.stdout.isatty() else 60 + 30 * len(self.columns)
        console = Console(width=wide, highlight=False)
        grid = Grid(*map(escape, self._head()), title=escape(f"{self.spec.name}: {self.spec.summary}"))
        for name, cells in self._models():
            best = [column.figures[name].best if name in column.figures else False for column in self.columns]
            styled = [Text(text, "bold green" if mark else "") for text, mark in zip(cells, best, strict=True)]
            grid.add_row(Text(name), *styled)
        grid.add_section()
        for name, cells in self._beside():
            grid.add_row(Text(name), *map(Text, cells), style="dim")
        console.print(grid)
        for note in self._notes(plain=True):
            console.print(Text(note))
        if self.spec.published:
            head, lines = self._published()
            console.print(Text(f"\nReported by {self.spec.published['source']}; not to be compared with the above:"))
            other = Grid(*map(escape, head))
            for line in lines:
                other.add_row(*map(Text, line))
            console.print(other)

    def markdown(self) -> str:
        """The page: the table, what it is over, and apart from it what was published."""
        parts = [
            f"# {self.spec.name}: {self.spec.summary}",
            *self._notes(plain=False),
            _grid(self._head(markdown=True), list(self._linked())),
            "![The same figures with their intervals, a panel a column](table.png)",
            "## What the columns mean",
            "\n".join(self._meanings()),
        ]
        if self.spec.published:
            parts += [
                "## What was published",
                f"Reported by {self.spec.published['source']}. These figures are of other data and another judge: "
                "they may be compared with each other, and not with those above.",
                _grid(*self._published()),
            ]
        parts += ["## Again", f"    {self.command}"]
        return "\n\n".join(parts) + "\n"

    def csv(self) -> str:
        """A line a figure, with everything that it depends on; published figures are not among them."""
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(CSV_HEAD)
        runs = {row.name: row.run.folder.as_posix() for row in self.rows}
        for column in self.columns:
            better = column.meaning.better if column.meaning else ""
            for name, figure in column.figures.items():
                low, high = figure.interval or ("", "")
                mark = "yes" if figure.best else "no"
                model: list[Any] = ["model", name, column.key, figure.value, low, high, better, mark]
                writer.writerow([*model, *self._of(figure.setting, name), runs[name]])
            for name, ends in column.beside.items():
                beside: list[Any] = [
                    "beside",
                    name,
                    column.key,
                    ends[0] if ends[0] == ends[1] else "",
                    *ends,
                    better,
                    "",
                ]
                writer.writerow([*beside, *self._of(column.setting, next(iter(column.figures))), ""])
        return file.getvalue()

    @property
    def data(self) -> str:
        """What was tested on, in print; a twin is called one."""
        return " and ".join(dict.fromkeys(map(data_name, self.provenance.values())))

    def _of(self, setting: dict[str, Any], name: str) -> list[Any]:
        data = data_name(self.provenance[name])
        return [*(setting.get(part, "") for part in ("protocol", "judge", "n", "split")), data, setting.get("data", "")]

    def _head(self, markdown: bool = False) -> list[str]:
        found = []
        for column in self.columns:
            way = WAYS.get(column.meaning.better, column.meaning.better) if column.meaning else ""
            found.append(f"{f'`{column.key}`' if markdown else column.key} {way}".strip())
        return ["row", *found]

    def _models(self) -> Iterator[tuple[str, list[str]]]:
        for row in self.rows:
            yield row.name, [_text(column.figures.get(row.name)) for column in self.columns]

    def _linked(self) -> Iterator[list[str]]:
        for (name, cells), row in zip(self._models(), self.rows, strict=True):
            place = os.path.relpath(row.run.folder, self.folder).replace(os.sep, "/")
            label = f"[{cell(name)}](<{place}>)" if row.name not in self.missing else cell(name)
            best = [column.figures[name].best if name in column.figures else False for column in self.columns]
            yield [label, *(f"**{text}**" if mark else text for text, mark in zip(cells, best, strict=True))]
        for name, cells in self._beside():
            yield [f"*{name}*", *cells]

    def _beside(self) -> Iterator[tuple[str, list[str]]]:
        for name in dict.fromkeys(name for column in self.columns for name in column.beside):
            cells = []
            for column in self.columns:
                ends = dict.fromkeys(map(number, column.beside.get(name, ())))
                cells.append(" to ".join(ends) + (BEATS if name in column.beaten_by else "") if ends else ABSENT)
            yield baseline_name(name), cells

    def _notes(self, plain: bool) -> Iterator[str]:
        bold = "" if plain else "**"
        if self.starter:
            yield "Starters: small networks, trained briefly to show that the rows run and differ, not the recipe."
        yield from dict.fromkeys(map(data_note, self.provenance.values()))
        sizes = " and ".join(sorted({f"{row['n']:,}" for row in self._settings() if "n" in row}))
        split = " and ".join(sorted({str(row["split"]) for row in self._settings() if "split" in row})) or "test"
        size = f", {sizes} items" if sizes else ""
        yield f"Measured on the {split} split of {bold}{self.data}{bold}{size}. {INTERVALS}"
        for protocol in dict.fromkeys(row["protocol"] for row in self._settings() if "protocol" in row):
            yield f"Protocol {protocol}{f': {PROTOCOLS[protocol]}' if protocol in PROTOCOLS else ''}."
        for judge in dict.fromkeys(row["judge"] for row in self._settings() if "judge" in row):
            keys = ", ".join(column.key for column in self.columns if column.setting.get("judge") == judge)
            yield f"Judge of {keys}: {judge}; the ground truth's score is its own limit."
        mark = "green" if plain else "**bold**"
        yield f"Best of a column: {mark}.{BEATS} is a baseline that is better than every row."
        if absent := [key for key in self.spec.compare if key not in {column.key for column in self.columns}]:
            yield f"Not measured in any row: {', '.join(absent)}."
        for row in self.rows:
            if unlike := [c.key for c in self.columns if row.name in c.figures and not c.figures[row.name].like]:
                yield (
                    f"{OTHERWISE.strip()} {row.name}: {', '.join(unlike)} measured otherwise than in most rows (data, "
                    f"protocol, judge), so not compared; `python -m zoo test {row.run.folder}` measures it anew."
                )
            lacking = [column.key for column in self.columns if row.name not in column.figures]
            if lacking and row.name not in self.missing:
                yield (
                    f"{ABSENT} {row.name}: tested without {', '.join(lacking)}; `python -m zoo test {row.run.folder}` "
                    "measures it anew."
                )
        for name, reason in self.missing.items():
            yield f"Not there: {name}: {reason}"

    def _settings(self) -> list[dict[str, Any]]:
        return [column.setting for column in self.columns]

    def _meanings(self) -> Iterator[str]:
        for column in self.columns:
            if known := column.meaning:
                yield f"- `{column.key}`: {known.title}, {known.text}; {known.better} is better"

    def _published(self) -> tuple[list[str], list[list[str]]]:
        rows = self.spec.published["rows"]
        lines = [[cell(name), *(ABSENT if value is None else f"{value:.2f}" for value in rows[name])] for name in rows]
        return ["row", *map(cell, self.spec.published["columns"])], lines


def _text(figure: Figure | None) -> str:
    if figure is None:
        return ABSENT
    interval = f" {number(figure.interval)}" if figure.interval else ""
    return f"{number(figure.value)}{interval}{'' if figure.like else OTHERWISE}"


def _grid(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
