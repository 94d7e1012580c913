"""What an imported model lacks before it can be published: all of it is asked for in one message."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from datamodules.catalogue import CATALOGUE
from zoo.card import prose
from zoo.card.document import CLOSE, OPEN, split
from zoo.card.licences import licence_of
from zoo.card.lint import REQUIRED
from zoo.files import read_json
from zoo.loaders.config import read_config
from zoo.spec.problems import Problem, SpecError
from zoo.spec.spec import read
from zoo.spec.validation import structure


def imported_records(folder: Path, addressed: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """Spec and provenance of an import that can be published. It need not be measured: nothing here measures it.

    addressed: whether it is known where it goes.

    Raises ValueError that says all that it lacks, and where each is entered.
    """
    if not (folder / "spec.yaml").is_file():
        raise ValueError(f"{folder}: no spec.yaml, which `python -m zoo import` wrote; import it again")
    spec, provenance = read(folder / "spec.yaml"), read_json(folder / "provenance.json")
    if found := list(structure(spec, folder / "spec.yaml")):
        raise SpecError(found)
    problems = [*_of_data(folder, provenance), *_of_licence(folder, spec, provenance)]
    problems += [*_of_base(folder), *_of_card(folder, spec)]
    if not addressed and not (spec.get("hub") or {}).get("repo_id"):
        where = "where it goes, as USER/NAME (push --repo USER/NAME)"
        problems.append(Problem(str(folder / "spec.yaml"), "hub.repo_id", where))
    if problems:
        head = f"{folder}: it was trained elsewhere; before it is published, this is needed:"
        raise ValueError("\n".join([head, *map(str, problems)]))
    return spec, provenance


def _of_data(folder: Path, provenance: dict[str, Any]) -> Iterator[Problem]:
    path, data = str(folder / "provenance.json"), _data(provenance)
    if not data["name"]:
        what = "what it was trained on, a data set of the zoo or any other (import --data NAME)"
        yield Problem(path, "data.name", what)
    if data["name"] not in CATALOGUE and not data["licence"]:
        what = "the licence of what it was trained on, such as cc-by-4.0 (import --data-license ID)"
        yield Problem(path, "data.licence", what)


def _of_licence(folder: Path, spec: dict[str, Any], provenance: dict[str, Any]) -> Iterator[Problem]:
    """What is wrong with the licence, even while that of the data is not known."""
    data = _data(provenance)
    supposed = {"name": data["name"] or "its data", "licence": data["licence"] or "mit", "twin": None}
    try:
        licence_of(read_config(folder), {"data": supposed}, spec.get("card"))
    except ValueError as error:
        yield Problem(str(folder), "licence", str(error))


def _of_base(folder: Path) -> Iterator[Problem]:
    """The base model, which the Python of the card opens, and which nothing here downloads."""
    from zoo.loaders.diffusion.stable_diffusion import cached_base

    config = read_config(folder)
    try:
        cached_base(config["base_model"], config.get("base_revision"))
    except ValueError as error:
        yield Problem(str(folder), "base_model", f"{error}; the Python of its card is run before it is published")


def _of_card(folder: Path, spec: dict[str, Any]) -> Iterator[Problem]:
    """The sections that a person has to write."""
    path = folder / "README.md"
    try:
        own = split(path.read_text(encoding="utf-8", errors="replace")).prose if path.is_file() else ""
    except ValueError as error:
        yield Problem(str(path), "", str(error))
        return
    heads = [line for line in (own or prose(spec["name"])).splitlines() if line.startswith("#")]
    lacking = [name for name, pattern in REQUIRED.items() if not any(map(pattern.search, heads))]
    if lacking:
        where = f"between {OPEN} and {CLOSE}"
        where += "" if path.is_file() else f"; `python -m zoo card {folder}` writes the page"
        yield Problem(str(path), "", f"sections {' and '.join(map(repr, lacking))}, {where}")


def _data(provenance: dict[str, Any]) -> dict[str, Any]:
    found = provenance.get("data")
    texts = {key: value for key, value in found.items() if isinstance(value, str)} if isinstance(found, dict) else {}
    return {"name": None, "licence": None, **texts}
