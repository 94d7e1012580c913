"""`python -m zoo list`: what there is, and where its weights are."""

import argparse
import shutil
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from zoo.artefacts.artefact import starter_folder
from zoo.artefacts.hub_cache import cached
from zoo.card.licences import licence_of
from zoo.cli.parsing.arguments import OK
from zoo.files import read_json
from zoo.loaders.config import read_config
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
        specs = [read(locate(name)) for name in models]
        head: tuple[str, ...] = ("model", "task", "published", "cached", "starter", "weights")
        sections.append((head, [_row(spec) for spec in specs], [_below(spec) for spec in specs]))
    if pipelines := list_pipelines(pattern):
        specs = [read(locate(name)) for name in pipelines]
        rows: list[tuple[str, ...]] = [(spec["name"], _stages(spec["stages"])) for spec in specs]
        sections.append((("pipeline", "stages"), rows, [[str(spec["summary"])] for spec in specs]))
    if experiments := list_experiments(pattern):
        specs = [read(locate(name)) for name in experiments]
        rows = [(name, str(spec["task"])) for name, spec in zip(experiments, specs, strict=True)]
        sections.append((("experiment", "task"), rows, [_below(spec) for spec in specs]))
    if not sections:
        there = ", ".join([*list_models(), *list_pipelines(), *list_experiments()])
        raise ValueError(f"no model, pipeline or experiment matches {pattern!r}; there are {there}")
    for number, section in enumerate(sections):
        if number:
            print()
        _print(*section)
    return OK


def _row(spec: dict[str, Any]) -> tuple[str, ...]:
    """What stands in a model's line; the weights are those that its name opens."""
    name, hub = spec["name"], spec.get("hub") or {}
    starter = starter_folder(name)
    shipped = (starter / "config.json").is_file()
    there = _cached(hub["repo_id"], hub["revision"]) if hub.get("revision") else None
    opened = there if hub.get("revision") else starter if shipped else None
    return (
        name,
        str(spec["task"]),
        "yes" if hub.get("revision") else NONE,
        NONE if not hub.get("revision") else "yes" if there else "no",
        "yes" if shipped else NONE,
        _size(weight_bytes(opened)) if opened else NONE,
    )


def _cached(repo_id: str, revision: str) -> Path | None:
    """Its folder in the Hub's cache; None too for one that would be refused: the list goes on."""
    try:
        return cached(repo_id, revision)
    except ValueError:
        return None


def weight_bytes(folder: Path) -> int:
    """Of all safetensors in an artefact."""
    return sum(path.stat().st_size for path in folder.rglob("*.safetensors"))


def _below(spec: dict[str, Any]) -> list[str]:
    hub, card, starter = spec.get("hub") or {}, spec.get("card") or {}, starter_folder(str(spec["name"]))
    lines = [str(spec["summary"]), f"licence: {card.get('license_name') or card.get('license') or NONE}"]
    if (starter / "config.json").is_file():
        lines[1] += f"; starter: {licence_of(read_config(starter), read_json(starter / 'provenance.json')).identifier}"
    if hub.get("revision"):
        lines[1] += f"; published: {hub['repo_id']}@{hub['revision'][:7]}"
    return lines


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
