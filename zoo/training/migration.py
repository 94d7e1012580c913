"""Runs and artefacts of an earlier zoo, brought up to date: what they were trained with stays as it is."""

from pathlib import Path
from typing import Any, Final

from datamodules.files import locked, write_json, write_text
from zoo.card import write
from zoo.files import read_json
from zoo.loaders.base import SCHEMA
from zoo.loaders.config import MIGRATED, read_config
from zoo.spec.importable import is_imported
from zoo.spec.spec import Spec, read, resolve

KINDS: Final = {
    "text-to-pose": ("text-to-pose", "progressive-transformer"),
    "pose-to-text": ("pose-to-text", "pose-transformer"),
    "letter-diffusion": ("letter-to-image", "letter-diffusion"),
    "letter-to-image": ("letter-to-image", "letter-generator"),
    "image-to-letter": ("image-to-letter", "letter-cnn"),
    "pose-to-video": ("pose-to-video", "pix2pix"),
    "video-to-gloss": ("video-to-gloss", "attention-classifier"),
    "controlnet": ("image-to-image", "controlnet"),
    "lora": ("text-to-image", "lora"),
}
"""The task and the architecture of what was one task, up to schema 2."""


def migrate(folder: Path) -> Path | None:
    """Bring a run or artefact up to date; returns where it is now, None where it was up to date already.

    Its spec names classes and its architecture as specs do now, so that the run has another id; a folder that is called
    by the old one is renamed. Weights, checkpoints, samples and results stay as they are. Killed in the middle, it goes
    on when it is called again.

    Raises ValueError for a folder that is neither, whose spec is not the one that it was started with, that is being
    trained, or that cannot be renamed.
    """
    if not ((folder / "config.json").is_file() or (folder / "provenance.json").is_file()):
        raise ValueError(f"{folder}: neither config.json nor provenance.json, so this is neither a run nor an artefact")
    with locked(folder / ".lock", f"{folder}: another process is training this run"):
        config = _config(folder / "config.json")
        spec, record = _records(folder)
        stale = record is not None and (record != read_json(folder / "provenance.json") or _text(folder) != spec)
        if config is None and not stale:
            return None
        target = folder
        if record is not None and spec is not None:
            old = read_json(folder / "provenance.json")["run"]
            target = folder.with_name(record["run"]) if folder.name == old else folder
            if target != folder and target.exists():
                raise ValueError(f"{folder}: is run {record['run']} now, and {target} stands already; remove one")
            write_json(folder / "provenance.json", record)
            write_text(folder / "spec.yaml", spec)
        if config is not None:
            write_json(folder / "config.json", config)
        if (folder / "README.md").is_file() and (folder / "config.json").is_file():
            read_config(folder)
            write(folder)
    if target != folder:
        folder.rename(target)
    return target


def _config(path: Path) -> dict[str, Any] | None:
    """A config.json as it is written now; None where there is nothing to do."""
    if not path.is_file():
        return None
    config = read_json(path)
    if not (isinstance(config.get("schema"), int) and MIGRATED <= config["schema"] < SCHEMA):
        return None
    if config.get("task") not in KINDS:
        raise ValueError(f"{path}: found task {config.get('task')!r}, expected one of {', '.join(KINDS)}")
    task, architecture = KINDS[config["task"]]
    rest = {key: value for key, value in config.items() if key not in ("schema", "task")}
    return {"schema": SCHEMA, "task": task, "architecture": architecture, **rest}


def _records(folder: Path) -> tuple[str | None, dict[str, Any] | None]:
    """spec.yaml and provenance.json as they are written now; Nones for an artefact without them, or of no training."""
    source, path = folder / "spec.yaml", folder / "provenance.json"
    if not (source.is_file() and path.is_file()):
        return None, None
    raw, record = read(source), read_json(path)
    if is_imported(raw):
        return None, None
    whole = dict(raw)
    if "architecture" not in whole and whole.get("task") in KINDS:
        whole["task"], whole["architecture"] = KINDS[whole["task"]]
    spec = resolve(whole, str(source))
    if record.get("run") not in (spec.run_id, Spec("", raw).run_id):
        raise ValueError(
            f"{folder}: run {record.get('run')}, but its spec is that of run {Spec('', raw).run_id}; a run keeps the "
            "spec it was started with"
        )
    data = {**record["data"], "class_path": spec.config["data"]["class_path"]}
    return spec.yaml(), {**record, "run": spec.run_id, "data": data}


def _text(folder: Path) -> str:
    return (folder / "spec.yaml").read_text(encoding="utf-8")
