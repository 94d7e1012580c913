"""One folder layout, three addresses: a finished run, the bundled starter weights, the Hub."""

import importlib.resources
import json
import shutil
import sys
from pathlib import Path
from typing import Any

from datamodules.catalogue import CATALOGUE
from zoo.loaders import TASKS, loader_class
from zoo.loaders.base import SCHEMA, Loader
from zoo.runs import Run, find_finished, read_json, unfinished_message, write_text
from zoo.spec import list_models, nearest, read, shipped_folder


def load(name: str | Path, weights: str | None = None) -> Loader:
    """`zoo.load`: see there."""
    if weights not in (None, "starter", "hub"):
        raise ValueError(f"weights={weights!r}: choose 'starter' or 'hub', or None for what the spec says")
    if isinstance(name, str) and name in list_models():
        folder, what = _by_name(name, weights)
    else:
        folder, what = _by_path(name), "from disk"
        if weights is not None:
            raise ValueError(f"weights={weights!r} chooses among the weights of a model's name; {name} is a folder")
    loader = open_artefact(folder)
    print(f"zoo: {name}: {what}, {folder}", file=sys.stderr)
    return loader


def open_artefact(folder: Path) -> Loader:
    """The loader of the artefact in `folder`. Executes nothing of what lies there. Raises ValueError."""
    from safetensors import SafetensorError

    config = read_config(folder)
    try:
        return loader_class(config["task"]).open(folder)
    except FileNotFoundError as error:
        raise ValueError(f"{folder}: incomplete artefact, {Path(str(error.filename)).name} is missing") from None
    except (KeyError, TypeError) as error:
        raise ValueError(f"{folder / 'config.json'}: a key is missing or unknown: {error}") from None
    except (SafetensorError, json.JSONDecodeError) as error:
        raise ValueError(f"{folder}: damaged artefact: {error}") from None


def read_config(folder: Path) -> dict[str, Any]:
    """config.json of an artefact, its schema and task checked. Raises ValueError."""
    path = folder / "config.json"
    if not path.is_file():
        raise ValueError(unfinished_message(folder))
    config = read_json(path)
    schema, task = config.get("schema"), config.get("task")
    if isinstance(schema, int) and schema > SCHEMA:
        raise ValueError(f"{path}: schema {schema} is newer than this zoo reads ({SCHEMA}); upgrade sign-zoo")
    if schema != SCHEMA:
        raise ValueError(f"{path}: found schema {schema!r}, expected {SCHEMA}")
    if task not in TASKS:
        raise ValueError(f"{path}: found task {task!r}, which no loader has{nearest(str(task), TASKS)}")
    return config


def starter_folder(name: str) -> Path:
    """Where the package bundles the starter weights of a model; the folder may be absent."""
    return Path(str(importlib.resources.files("zoo"))) / "starters" / name


def save_artefact(loader: Loader, run: Run) -> None:
    """Write the loader's files into the run, config.json last: its presence says that the rest is whole."""
    part = run.folder / ".artefact"
    part.mkdir(exist_ok=True)
    loader.save(part)
    read_config(part)
    for path in sorted(part.iterdir(), key=lambda path: path.name == "config.json"):
        if (run.folder / path.name).is_dir():  # an earlier attempt's, which a rename does not replace
            shutil.rmtree(run.folder / path.name)
        path.replace(run.folder / path.name)
    part.rmdir()


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


def _by_name(name: str, weights: str | None) -> tuple[Path, str]:
    hub = read(shipped_folder() / f"{name}.yaml").get("hub") or {}
    pinned = hub.get("revision")
    if weights == "hub" or (weights is None and pinned):
        reason = (
            f"its spec pins {hub.get('repo_id')}@{pinned}, which this version of the zoo cannot download yet"
            if pinned
            else "its spec pins no Hub revision yet"
        )
        raise ValueError(f"{name}: {reason}; weights='starter' (--starter) opens the bundled weights")
    folder = starter_folder(name)
    if not (folder / "config.json").is_file():
        raise ValueError(
            f"{name}: no starter weights are bundled; train them with `python -m zoo fit {name} --starter` "
            "and load the run's folder"
        )
    return folder, "bundled starter weights"


def _by_path(name: str | Path) -> Path:
    path = Path(name)
    if not path.exists() and len(path.parts) == 1:
        raise ValueError(f"{str(name)!r} is neither a model of the zoo nor a folder{nearest(str(name), list_models())}")
    if path.is_file():
        raise ValueError(f"{path}: this is a file; give the folder of a run or artefact, or the name of a model")
    folder = find_finished(path)
    if folder is None:
        runs = sorted(run.parent for run in path.glob("*/provenance.json")) if path.is_dir() else []
        raise ValueError(unfinished_message(runs[-1] if runs else path))
    return folder
