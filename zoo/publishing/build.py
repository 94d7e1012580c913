"""The folder that is published: what the loader saves, the run's records, samples and plots, and nothing personal."""

import json
import os
import re
import shutil
import sys
from collections.abc import Collection, Iterator
from fnmatch import fnmatchcase
from pathlib import Path, PureWindowsPath
from typing import Any, Final

import yaml

from datamodules.files import replacing, write_json, write_text
from zoo.artefacts.artefact import starter_folder
from zoo.artefacts.hub_cache import checksum
from zoo.artefacts.runs import runs_root
from zoo.files import read_json
from zoo.loaders.base import Loader

FILES: Final = "files"
"""Where provenance.json lists them."""
RECORDS: Final = ("spec.yaml", "results.json", "provenance.json")
SETTINGS: Final = ("*.yaml", "results.json", "provenance.json", "*config.json", "model_index.json", "samples/*.json")
"""What may name places on this machine; vocabularies are left alone, whatever their words look like."""
SAMPLES: Final = (".png", ".gif", ".mp4", ".json")
PLOTS: Final = (".png",)
SHOWN_BYTES: Final = 25_000_000
"""A larger sample or plot stays at home: every visitor of the card downloads them."""
OUT: Final = r"(?:~[\w-]*|[A-Za-z]:|\.\.)?[/\\](?![/\\])"
"""How a path starts that leads out of the folder it is read in."""
A_PATH: Final = re.compile(rf"(?:~[\w-]*[/\\]|file://|{OUT}[^\n]*[/\\])[^\n]+")
WITHIN: Final = re.compile(rf"(?<![\w.:/\\~-]){OUT}(?:[^\s/\\\"'<>|:;,]+[/\\])+([^\s/\\\"'<>|:;,]*)")
"""A path in a sentence: it has no spaces and at least two parts."""


def place(source: Path, name: str) -> Path:
    """Where the folder goes: hub/ in a run; push/<name>/ among the runs for what cannot be written to."""
    ours = starter_folder(name).parent
    if source.resolve().is_relative_to(ours.resolve()) or not os.access(source, os.W_OK):
        return runs_root() / "push" / name
    return source / "hub"


def build(source: Path, loader: Loader, into: Path) -> dict[str, str]:
    """Make `into` anew of the artefact in `source`; what stood there is replaced in one step.

    The card is copied as it is, to be written anew with the prose that somebody may have edited in it. provenance.json
    lists what is published, so that the next push knows what was ours. Returns the SHA-256 of each file that the loader
    wrote, which are those that it reads.
    """
    with replacing(into) as part:
        loader.save(part)
        written = list(names(part))
        for name in RECORDS:
            if name != "results.json" or (source / name).is_file():  # what was imported need not be measured
                shutil.copyfile(source / name, part / name)
        if (source / "README.md").is_file():
            shutil.copyfile(source / "README.md", part / "README.md")
        _copy_shown(source / "samples", part / "samples", SAMPLES)
        _copy_shown(source / "plots", part / "plots", PLOTS)
        for name in names(part):
            if any(fnmatchcase(name, pattern) for pattern in SETTINGS):
                forget_places(part / name)
        files = sorted({*names(part), "README.md"})
        write_json(part / "provenance.json", {**read_json(part / "provenance.json"), FILES: files})
    return {name: checksum(into / name) for name in written}


def names(folder: Path) -> Iterator[str]:
    """Every file of a folder, relative to it, in order."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.relative_to(folder).as_posix()


def _copy_shown(source: Path, into: Path, suffixes: Collection[str]) -> None:
    for path in sorted(source.glob("[!.]*")):  # a repository with hidden files is refused
        if path.suffix.lower() not in suffixes or path.is_symlink() or not path.is_file():
            continue
        if path.stat().st_size > SHOWN_BYTES:
            print(f"zoo: {path} is left out: it may have {SHOWN_BYTES / 1e6:.0f} MB at most", file=sys.stderr)
            continue
        into.mkdir(exist_ok=True)
        shutil.copyfile(path, into / path.name)


def refuse_personal(folder: Path) -> None:
    """Raise ValueError for a text that still names the home folder of who publishes it."""
    home = f"{Path.home()}{os.sep}"
    texts = [folder / name for name in names(folder) if name.endswith((".json", ".yaml", ".txt", ".md"))]
    for path in texts if len(Path.home().parts) > 1 else []:
        if home in path.read_text(encoding="utf-8", errors="replace"):
            raise ValueError(f"{path}: would publish a path in {home}; take it out of the run's {path.name}")


def without_places(value: Any) -> Any:
    """The same mapping, list or text with the last part of every path alone: /home/jane/How2Sign -> How2Sign.

    Where things lay on one machine helps nobody elsewhere. Relative paths stay, unless they lead out of their folder.
    """
    if isinstance(value, dict):
        return {key: without_places(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_places(item) for item in value]
    if not isinstance(value, str):
        return value
    if A_PATH.fullmatch(value):
        return PureWindowsPath(value).name
    return WITHIN.sub(r"\1", value)


def forget_places(path: Path) -> None:
    """Write a JSON or YAML file anew as `without_places` has it. Raises ValueError for JSON that is none."""
    text = path.read_text(encoding="utf-8")
    try:
        content = yaml.safe_load(text) if path.suffix == ".yaml" else json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"{path.name}: not readable as JSON: {error}; take it out of what is published") from None
    forgotten = without_places(content)
    if forgotten == content:
        return
    if path.suffix == ".json":
        write_json(path, forgotten)
    else:
        write_text(path, yaml.safe_dump(forgotten, sort_keys=False, allow_unicode=True, width=110))
