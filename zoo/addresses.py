"""Three addresses of an artefact: a model's name, a folder, a repository of the Hub at a revision."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from zoo.artefact import open_artefact, read_config, starter_folder
from zoo.loaders.base import Loader
from zoo.runs import find_finished, runs_root, unfinished_message
from zoo.spec import list_models, nearest, read, shipped_folder


class Artefact(Protocol):
    """An artefact that was found, and of which nothing was opened yet.

    name: what the user called it.
    what: one phrase on where it comes from.
    """

    @property
    def name(self) -> str: ...

    @property
    def what(self) -> str: ...

    def config(self) -> dict[str, Any]:
        """Its config.json, checked; of a repository this file alone is downloaded. Raises ValueError."""
        ...

    def folder(self) -> Path:
        """Where its files are, downloaded and verified if need be. Raises ValueError."""
        ...


@dataclass(frozen=True)
class OnDisk:
    """An artefact in a folder of this machine."""

    name: str
    what: str
    path: Path

    def config(self) -> dict[str, Any]:
        return read_config(self.path)

    def folder(self) -> Path:
        return self.path


def load(name: str | Path, weights: str | None = None) -> Loader:
    """`zoo.load`: see there."""
    artefact = find(name, weights)
    folder = artefact.folder()
    loader = open_artefact(folder)
    print(f"zoo: {artefact.name}: {artefact.what}, {folder}", file=sys.stderr)
    return loader


def find(name: str | Path, weights: str | None = None) -> Artefact:
    """The artefact that an address means. Raises ValueError where there is none."""
    if weights not in (None, "starter", "hub"):
        raise ValueError(f"weights={weights!r}: choose 'starter' or 'hub', or None for what the spec says")
    if isinstance(name, str) and name in list_models():
        return _by_name(name, weights)
    folder = _by_path(name)
    if weights is not None:
        raise ValueError(f"weights={weights!r} chooses among the weights of a model's name; {name} is a folder")
    return OnDisk(str(name), "from disk", folder)


def finished(target: str) -> Path:
    """The folder to publish or to write a card for: of a model's name its run that finished last, or else its
    bundled starter; of a folder itself. Raises ValueError where nothing is finished."""
    if target not in list_models():
        return _by_path(target)
    run = find_finished(runs_root() / target)
    return run or _by_name(target, "starter").folder()


def _by_name(name: str, weights: str | None) -> Artefact:
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
    return OnDisk(name, "bundled starter weights", folder)


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
