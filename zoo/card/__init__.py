"""The model card: README.md of an artefact, a pure function of what its run recorded and of what a person wrote."""

from pathlib import Path
from typing import Any

from datamodules.files import write_text
from zoo.card.document import Parts, Sums, split, with_prose
from zoo.files import read_json, unused
from zoo.results.rows import data_note
from zoo.spec.problems import Problem, SpecError
from zoo.spec.registry import shipped_folder
from zoo.spec.spec import read

__all__ = [
    "Parts",
    "Sums",
    "check",
    "data_note",
    "prose",
    "records",
    "split",
    "text",
    "with_prose",
    "write",
]


def write(folder: Path, repo_id: str | None = None) -> Path:
    """Write README.md of the artefact in `folder` anew and return its path; prose that was edited there stays, and
    a page that the zoo did not write becomes README.old.md.

    repo_id: where on the Hub it will be opened from.

    Raises ValueError for a folder that lacks one of its records, and for a card whose prose cannot be found.
    """
    path = folder / "README.md"
    old = _parts(path) if path.is_file() else None
    new = text(folder, repo_id)
    if old and old.prose_edited:
        new = with_prose(new, old.prose)
    elif old and old.recorded is None:  # not of this zoo's making, so it may be a person's
        path.replace(unused(path.with_name("README.old.md")))
    write_text(path, new)
    return path


def _parts(path: Path) -> Parts:
    try:
        return split(path.read_text(encoding="utf-8"))
    except ValueError as error:  # UnicodeDecodeError is one
        reason = "not a text in UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
        raise ValueError(f"{path}: {reason}; mend it, or remove it and it is written anew") from None


def text(folder: Path, repo_id: str | None = None) -> str:
    """What `write` writes where nobody edited the prose. Raises ValueError for a folder that lacks a record."""
    from zoo.card.render import render
    from zoo.card.weights import weigh

    found = records(folder)
    samples, plots = _files(folder / "samples", "*"), _files(folder / "plots", "*.png")
    try:
        written = prose(found["spec"]["name"])
        return render(**found, prose=written, samples=samples, plots=plots, weights=weigh(folder), repo_id=repo_id)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{folder}: a record lacks what every run writes, or has it otherwise: {error!r}") from error


def _files(folder: Path, pattern: str) -> list[str]:
    """Files of a folder in the artefact, by their paths in it; hidden ones are no part of it."""
    found = sorted(path for path in folder.glob(pattern) if path.is_file() and not path.name.startswith("."))
    return [f"{folder.name}/{path.name}" for path in found]


def check(folder: Path) -> list[Problem]:
    """Everything that is wrong with the card of an artefact. Runs the Python in it: see `zoo.card.blocks`.

    Raises ValueError for a folder that lacks a record, so that there is nothing to hold the card against.
    """
    from zoo.card import page
    from zoo.card.blocks import failures
    from zoo.card.lint import WRITES, findings

    path = folder / "README.md"
    if not path.is_file():
        return [Problem(str(path), "", f"missing; {WRITES}")]
    card = path.read_text(encoding="utf-8", errors="replace")
    found = findings(folder, card, text(folder), records(folder)) + failures(page.read(card).fences, folder)
    found.sort(key=lambda finding: finding[0])
    return [Problem(f"{path}:{line}" if line else str(path), "", message) for line, message in found]


def prose(name: str) -> str:
    """What a person wrote for a model's card: its intent and limits; empty for a spec from elsewhere."""
    path = shipped_folder().with_name("cards") / f"{name}.md"
    return path.read_text(encoding="utf-8").strip() if path.is_file() else ""


def records(folder: Path) -> dict[str, Any]:
    """What a card is written from: `spec`, `config`, `results`, which may be empty, and `provenance`.

    Raises ValueError for a folder that lacks one.
    """
    from zoo.loaders.config import read_config
    from zoo.spec.validation import structure

    config = read_config(folder)
    for name in ("spec.yaml", "provenance.json"):
        if not (folder / name).is_file():
            raise ValueError(f"{folder}: no {name}, which a card is written from; a finished run has it")
    spec = read(folder / "spec.yaml")
    if found := list(structure(spec, folder / "spec.yaml")):
        raise SpecError(found)
    results = read_json(folder / "results.json") if (folder / "results.json").is_file() else {}
    for key, row in results.items():
        if not isinstance(row, dict) or not isinstance(row.get("value"), int | float):
            raise ValueError(
                f"{folder / 'results.json'}: {key}: found {str(row)[:80]}, expected a mapping with a number as "
                f"`value`; `python -m zoo test {folder}` writes it anew"
            )
    return {"spec": spec, "config": config, "results": results, "provenance": read_json(folder / "provenance.json")}
