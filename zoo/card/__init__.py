"""The model card: a pure function of what a run recorded."""

from pathlib import Path
from typing import Any

from datamodules.catalogue import CATALOGUE
from zoo.card.document import Parts, Sums, split, with_prose
from zoo.loaders import loader_class
from zoo.runs import Run, read_json, write_text
from zoo.spec import shipped_folder

__all__ = ["Parts", "Sums", "check", "data_note", "results_table", "split", "with_prose", "write"]


def write(folder: Path, repo_id: str | None = None) -> Path:
    """Write the README.md of an artefact anew and return its path."""
    raise NotImplementedError


def check(folder: Path) -> list[str]:
    """Everything that is wrong with the card of an artefact."""
    raise NotImplementedError


def write_readme(run: Run, config: dict[str, Any]) -> None:
    """A plain short card from the resolved spec, provenance and results."""
    write_text(run.folder / "README.md", readme(config, prose(config["name"]), run.provenance(), results(run)))


def prose(name: str) -> str:
    """What a person wrote for a model's card: its intent and limits; empty for a spec from elsewhere."""
    path = shipped_folder().with_name("cards") / f"{name}.md"
    return path.read_text(encoding="utf-8").strip() if path.is_file() else ""


def results(run: Run) -> dict[str, Any]:
    """What `test` measured; empty before it did."""
    path = run.folder / "results.json"
    return read_json(path) if path.is_file() else {}


def data_note(provenance: dict[str, Any]) -> str:
    """One sentence on what a model was trained on; a twin is never passed off as the data set."""
    data = provenance["data"]
    dataset = CATALOGUE[data["name"]].title
    if data["twin"]:
        return (
            f"Trained on the signing avatar's twin of {dataset}: synthetic signing, reviewed by no Deaf "
            f"signer. Numbers here are the twin's, not {dataset}'s."
        )
    return f"Trained on {dataset}."


def readme(config: dict[str, Any], prose: str, provenance: dict[str, Any], results: dict[str, Any]) -> str:
    """The card's text, a pure function of what the run recorded."""
    verb = loader_class(config["task"]).verb
    lines = [
        f"# {config['name']}",
        "",
        config["summary"],
        "",
        *([prose, ""] if prose else []),
        data_note(provenance),
        f"Run `{provenance['run']}`, seed {provenance['seed']}, "
        f"data fingerprint `{provenance['data']['fingerprint'][:12]}`.",
        "",
        "```python",
        "import zoo",
        "",
        'model = zoo.load(".")  # this folder',
        f"model.{verb}(...)",
        "```",
    ]
    if results:
        columns, rows = results_table(results)
        lines += ["", f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
        lines += [f"| `{key}` | {' | '.join(cells)} |" for key, *cells in rows]
    licence = "mit" if provenance["data"]["twin"] else (config.get("card") or {}).get("license")
    if licence:
        lines += ["", f"Licence: {licence}"]
    return "\n".join(lines) + "\n"


def results_table(results: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Head and rows of a table of results: a score never stands without its baselines and protocol."""
    columns = list(dict.fromkeys(column for row in results.values() for column in row))
    return ["key", *columns], [
        [key, *(_number(row.get(column, "")) for column in columns)] for key, row in results.items()
    ]


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
