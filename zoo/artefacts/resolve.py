"""Three addresses of an artefact: a model's name, a folder, a repository of the Hub at a revision."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from datamodules.files import user_path
from zoo.artefacts.artefact import open_artefact, starter_folder
from zoo.artefacts.hub import OnHub
from zoo.artefacts.runs import find_finished, runs_root
from zoo.files import read_json
from zoo.loaders.base import Loader
from zoo.loaders.config import read_config, unfinished_message
from zoo.loaders.foreign import foreign_message
from zoo.results.lineage import of_the_avatar
from zoo.spec.hub_reference import Reference, looks_like, parse
from zoo.spec.pins import pin_problems
from zoo.spec.problems import SpecError, nearest
from zoo.spec.registry import (
    EXPERIMENTS,
    list_experiments,
    list_models,
    list_pipelines,
    list_trained,
    locate,
    shipped_folder,
)
from zoo.spec.spec import read


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
    return opened(find(name, weights))


def opened(artefact: Artefact) -> Loader:
    """The loader of an artefact that was found; one line on stderr says which, and whether it was trained on the
    avatar alone. Raises ValueError."""
    folder = artefact.folder()
    loader = open_artefact(folder)
    trained = ", trained on the signing avatar alone" if _of_the_avatar(folder) else ""
    print(f"zoo: {artefact.name}: {artefact.what}{trained}, {folder}", file=sys.stderr)
    return loader


def find(name: str | Path, weights: str | None = None) -> Artefact:
    """The artefact that an address means. Raises ValueError where there is none."""
    if weights not in (None, "starter", "hub"):
        raise ValueError(f"weights={weights!r}: choose 'starter' or 'hub', or None for what the spec says")
    if isinstance(name, str) and name in list_trained():
        return _by_name(name, weights)
    reference = reference_of(name) if isinstance(name, str) else None
    artefact = OnHub(str(name), reference) if reference else OnDisk(str(name), "from disk", _by_path(name))
    if weights is not None:
        kind = "repository" if reference else "folder"
        raise ValueError(f"weights={weights!r} chooses among the weights of a model's name; {name} is a {kind}")
    return artefact


def finished(target: str) -> Path:
    """The folder to publish or to write a card for: of a model's name its run that finished last, or else its
    bundled starter; of a spec's file its last run; of a folder itself. Raises ValueError where nothing is finished."""
    path = locate(target) if target in list_experiments() else user_path(target)
    name = str(read(path).get("name")) if path.is_file() and path.suffix in (".yaml", ".yml") else target
    named = name in list_models() or not (path.is_dir() or "/" in name)
    run = find_finished(runs_root() / name) if named else None
    if run is None and target in list_models():
        return _by_name(target, "starter").folder()
    if run is None and name != target:
        raise ValueError(f"{target}: no finished run in {runs_root() / name}; `python -m zoo fit {target}` trains one")
    return run or _by_path(target)


def _by_name(name: str, weights: str | None) -> Artefact:
    path = shipped_folder() / f"{name}.yaml"
    raw = read(path)
    if weights != "starter" and (found := list(pin_problems(raw, str(path)))):
        raise SpecError(found)
    hub = raw.get("hub") or {}
    repo_id, pinned = hub.get("repo_id"), hub.get("revision")
    if repo_id and pinned and weights != "starter":
        return OnHub(name, Reference(repo_id, pinned), hub.get("sha256"))
    if weights == "hub":
        raise ValueError(
            f"{name}: its spec pins no Hub revision yet; weights='starter' (--starter) opens the bundled weights"
            + (f", {repo_id}@main the latest of its repository" if repo_id else "")
        )
    folder = starter_folder(name)
    if not (folder / "config.json").is_file():
        raise ValueError(
            f"{name}: no starter weights are bundled; train them with `python -m zoo fit {name} --starter` "
            "and load the run's folder"
        )
    return OnDisk(name, "bundled starter weights", folder)


def reference_of(name: str) -> Reference | None:
    """The repository that is meant by what is no model's name; None where a folder is meant.

    With an @ it is a repository. Without, it is one where no folder is, and none could be: a folder that is missing
    from runs/ is not looked for on the Hub. Raises ValueError.
    """
    path = Path(name)
    if name.startswith(f"{EXPERIMENTS}/") and not path.exists():
        raise ValueError(f"{name!r} is no experiment of the zoo{nearest(name, list_experiments())}")
    if "://" in name:
        raise ValueError(f"{name}: an address of the web; write a repository as user/name or user/name@revision")
    if looks_like(name):
        return parse(name) if "@" in name or not (path.exists() or path.parent.is_dir()) else None
    if "@" in name and name[0] not in "./~" and not path.exists():
        return parse(name)
    return None


def _by_path(name: str | Path) -> Path:
    path = user_path(name)
    if not path.exists() and str(name) in list_pipelines():
        raise ValueError(f"{name} is a pipeline, and a model was expected: one of its stages, or a run's folder")
    if not path.exists() and len(path.parts) == 1:
        hint = nearest(str(name), [*list_trained(), *list_pipelines()])
        raise ValueError(f"{str(name)!r} is neither a model or pipeline of the zoo nor a folder{hint}")
    if path.is_file():
        if message := foreign_message(path.parent):
            raise ValueError(message)
        raise ValueError(f"{path}: this is a file; give the folder of a run or artefact, or the name of a model")
    if message := foreign_message(path):
        raise ValueError(message)
    folder = find_finished(path)
    if folder is None:
        runs = sorted(run.parent for run in path.glob("*/provenance.json")) if path.is_dir() else []
        hub = f"; {name}@main is the repository of the Hub" if not path.exists() and looks_like(str(name)) else ""
        raise ValueError(unfinished_message(runs[-1] if runs else path) + hub)
    return folder


def _of_the_avatar(folder: Path) -> bool:
    record = folder / "provenance.json"
    return record.is_file() and of_the_avatar(read_json(record))
