"""One folder layout: what a finished run leaves, what the package bundles as starter weights, what the Hub holds."""

import importlib.resources
import json
import shutil
from pathlib import Path
from typing import Any

from zoo.loaders import TASKS, loader_class
from zoo.loaders.base import SCHEMA, Loader
from zoo.runs import Run, read_json, unfinished_message
from zoo.spec import nearest


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
