"""`python -m zoo list`: what there is, and where its weights are."""

import argparse
import shutil
import textwrap
from collections.abc import Iterable, Sequence
from typing import Final

from zoo.card.listing import Listed, weight_bytes
from zoo.cli.parsing.arguments import OK
from zoo.spec.registry import list_experiments, list_models, list_pipelines, locate
from zoo.spec.spec import read

NONE: Final = "-"
GAP: Final = 2

EXAMPLES: Final = """\
  python -m zoo list
  python -m zoo list "letter-*"
      what matches a pattern"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The pattern."""
    parser.add_argument("pattern", nargs="?", default="*", metavar="PATTERN")


def run(options: argparse.Namespace) -> int:
    """Print the models, pipelines and first experiments whose names match a shell pattern. Raises ValueError when none
    does.

    Columns are plain text, as wide as they need to be, so that the list can be read by eye and by `grep`.
    """
    pattern, sections = options.pattern, []
    if models := list_models(pattern):
        listed = [Listed.of(name) for name in models]
        head: tuple[str, ...] = ("model", "task", "published", "cached", "starter", "weights")
        sections.append((head, [_row(model) for model in listed], [_below(model) for model in listed]))
    if pipelines := list_pipelines(pattern):
        specs = [read(locate(name)) for name in pipelines]
        rows: list[tuple[str, ...]] = [(spec["name"], _stages(spec["stages"])) for spec in specs]
        sections.append((("pipeline", "stages"), rows, [[str(spec["summary"])] for spec in specs]))
    if experiments := list_experiments(pattern):
        specs = [read(locate(name)) for name in experiments]
        rows = [(name, str(spec["task"])) for name, spec in zip(experiments, specs, strict=True)]
        below = [_below(Listed.of(name)) for name in experiments]
        sections.append((("experiment", "task"), rows, below))
    if not sections:
        there = ", ".join([*list_models(), *list_pipelines(), *list_experiments()])
        raise ValueError(f"no model, pipeline or experiment matches {pattern!r}; there are {there}")
    for number, section in enumerate(sections):
        if number:
            print()
        _print(*section)
    return OK


def _row(model: Listed) -> tuple[str, ...]:
    """What stands in a model's line; the weights are those that its name opens."""
    return (
        model.name,
        model.task,
        "yes" if model.revision else NONE,
        NONE if not model.revision else "yes" if model.cached else "no",
        "yes" if model.starter else NONE,
        _size(weight_bytes(model.opened)) if model.opened else NONE,
    )


def _below(model: Listed) -> list[str]:
    licence = f"licence: {model.licence or NONE}"
    if model.starter:
        licence += f"; starter: {model.starter_licence}"
    if model.revision:
        licence += f"; published: {model.repo_id}@{model.revision[:7]}"
    return [model.summary, licence]


def _stages(stages: dict[str, str | None]) -> str:
    return ", ".join(f"{role} {component}" for role, component in stages.items() if component)


def _size(count: int) -> str:
    size, unit = float(count), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if size < 999.5 or unit == "TB":
            break
        size /= 1000
    return f"{count} B" if unit == "B" else f"{size:.3g} {unit}"


def _print(head: Sequence[str], rows: Iterable[Sequence[str]], below: Iterable[Sequence[str]]) -> None:
    """A line a row, its columns aligned, and indented beneath it what else there is to say."""
    rows = list(rows)
    widths = [max(map(len, column)) + GAP for column in zip(head, *rows, strict=True)]
    limit = max(60, min(shutil.get_terminal_size().columns, 100))
    for row, notes in zip([head, *rows], [(), *below], strict=True):
        print("".join(map(str.ljust, row, widths)).rstrip())
        for note in notes:
            print(textwrap.fill(note, limit, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False))
