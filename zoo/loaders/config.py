"""config.json of an artefact: what is in it, and everything that is refused of it. No torch."""

import json
from pathlib import Path
from typing import Any, Final

from zoo.files import items, read_json
from zoo.io_types import Signal
from zoo.loaders.base import SCHEMA, Loader
from zoo.loaders.foreign import CLASS, foreign_message
from zoo.spec.architectures import kind_problems
from zoo.spec.hub_reference import REPO
from zoo.spec.problems import nearest

NAME: Final = "config.json"
MIGRATED: Final = 2
"""The oldest schema that `python -m zoo migrate` brings up to date."""
MAX_FPS: Final = 1000
MAX_SIZE: Final = 4096


def write_config(folder: Path, loader: Loader, **content: Any) -> None:
    """Write config.json: what all have in it, and `content`."""
    config = {
        "schema": SCHEMA,
        "task": loader.task,
        "architecture": loader.architecture,
        "accepts": loader.accepts.content(),
        "gives": loader.gives.content(),
        "base_model": loader.base_model,
        **content,
    }
    text = json.dumps(config, indent=2, ensure_ascii=False) + "\n"
    (folder / NAME).write_text(text, encoding="utf-8")


def read_config(folder: Path) -> dict[str, Any]:
    """What config.json holds; its schema, task, architecture, base model and signals were checked. Raises ValueError,
    where there is none with what the folder is instead."""
    path = folder / NAME
    if not path.is_file():
        raise ValueError(unfinished_message(folder))
    config = read_json(path)
    if "schema" not in config and CLASS in config:
        raise ValueError(foreign_message(folder) or _other_class(path, config[CLASS]))
    _refuse_schema(path, config.get("schema"))
    for key, message in kind_problems(config.get("task"), config.get("architecture")).items():
        raise ValueError(f"{path}: {key}: {message}")
    base = config.get("base_model")
    if base is not None and not (isinstance(base, str) and REPO.fullmatch(base)):
        raise ValueError(f"{path}: base_model: found {base!r}, expected null or a repository as user/name")
    for side in ("accepts", "gives"):
        _refuse_signal(path, side, config.get(side))
    return config


def refuse_numbers(path: Path, most: int) -> None:
    """Raise ValueError for a whole number in a config.json that no side of any tensor comes near, or any picture."""
    for key, value in items(read_json(path)):
        if key == "size" and isinstance(value, int) and value > MAX_SIZE:
            raise ValueError(f"{path}: size: found {value:,}, expected at most {MAX_SIZE} pixels")
        for number in value if isinstance(value, list) else [value]:
            if isinstance(number, int) and abs(number) > most:
                raise ValueError(f"{path}: {key}: found {number:.3g}, more than the weights beside it can bear")


def unfinished_message(folder: Path) -> str:
    """How to finish the run in `folder`, or what a folder that is no run lacks."""
    if (folder / "provenance.json").is_file():
        return f"{folder}: this run is not finished; `python -m zoo fit {folder}` goes on with it"
    if not folder.exists():
        siblings = [path.name for path in folder.parent.glob("*")] if folder.parent.is_dir() else []
        return f"{folder}: no such folder{nearest(folder.name, siblings)}"
    return foreign_message(folder) or f"{folder}: no config.json, so this is neither a run nor an artefact"


def _other_class(path: Path, name: object) -> str:
    return (
        f"{path}: found {str(name)[:80]!r} of diffusers, no artefact; `python -m zoo import` makes artefacts of "
        "ControlNets and LoRAs of Stable Diffusion alone"
    )


def _refuse_schema(path: Path, schema: object) -> None:
    if isinstance(schema, int) and schema > SCHEMA:
        raise ValueError(f"{path}: schema {schema} is newer than this zoo reads ({SCHEMA}); upgrade sign-zoo")
    if isinstance(schema, int) and MIGRATED <= schema < SCHEMA:
        raise ValueError(
            f"{path}: schema {schema} is older than this zoo reads ({SCHEMA}); `python -m zoo migrate {path.parent}` "
            "brings the folder up to date"
        )
    if isinstance(schema, int) and 0 < schema < MIGRATED:
        raise ValueError(
            f"{path}: schema {schema} is older than this zoo reads ({SCHEMA}); remove the file, and `python -m zoo fit "
            f"{path.parent}` writes it anew from the run's checkpoint"
        )
    if schema != SCHEMA:
        raise ValueError(f"{path}: found schema {schema!r}, expected {SCHEMA}")


def _refuse_signal(path: Path, side: str, content: object) -> None:
    try:
        signal = Signal.read(content)
    except ValueError as error:
        raise ValueError(f"{path}: {side}: {error}") from None
    if signal.fps is not None and signal.fps > MAX_FPS:
        raise ValueError(f"{path}: {side}.fps: found {signal.fps:g}, expected at most {MAX_FPS}")
    if signal.size is not None and not (isinstance(signal.size, int) and signal.size <= MAX_SIZE):
        raise ValueError(f"{path}: {side}.size: found {signal.size}, expected at most {MAX_SIZE} pixels")
