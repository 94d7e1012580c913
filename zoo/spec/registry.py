"""What the zoo ships, by name: specs of models, pipelines, sweeps and first experiments. No torch."""

import fnmatch
import importlib.resources
import re
from pathlib import Path
from typing import Final

from datamodules.files import user_path
from zoo.spec.problems import nearest

MODEL_NAME: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
"""What a model may be called."""
PIPELINES: Final = "pipelines"
"""The folder in `specs/` of those specs that compose models."""
SWEEPS: Final = "ablations"
"""The folder in `specs/` of those that vary a model, row by row; it is part of their names."""
EXPERIMENTS: Final = "first-experiments"
"""The folder in `specs/` of those that train models which are not published; it is part of their names."""


def shipped_folder() -> Path:
    """`specs/` beside this package, in a checkout as in site-packages, whatever the current folder holds."""
    return Path(str(importlib.resources.files("zoo"))).parent / "specs"


def starters() -> Path:
    """The folder in which the package brings weights along, one folder a model."""
    return Path(str(importlib.resources.files("zoo"))) / "starters"


def list_models(pattern: str = "*") -> list[str]:
    """Names of the shipped models that match a shell pattern, or contain it: `list_models("*slp*")`."""
    return _matching(shipped_folder(), pattern)


def list_pipelines(pattern: str = "*") -> list[str]:
    """Names of the shipped pipelines that match a shell pattern, or contain it."""
    return _matching(shipped_folder() / PIPELINES, pattern)


def list_experiments(pattern: str = "*") -> list[str]:
    """Names of the shipped first experiments that match a shell pattern, or contain it: "first-experiments/..."."""
    return _matching(shipped_folder() / EXPERIMENTS, pattern, f"{EXPERIMENTS}/")


def list_sweeps() -> list[str]:
    """Names of the shipped sweeps: "ablations/asl-slp"."""
    return _matching(shipped_folder() / SWEEPS, "*", f"{SWEEPS}/")


def list_trained() -> list[str]:
    """Names of everything that is shipped and trains: models, and first experiments."""
    return [*list_models(), *list_experiments()]


def _matching(folder: Path, pattern: str, prefix: str = "") -> list[str]:
    names = sorted(prefix + path.stem for path in folder.glob("*.yaml"))
    glob = pattern if re.search(r"[*?\[]", pattern) else f"*{pattern}*"
    return fnmatch.filter(names, glob)


def locate(target: str) -> Path:
    """The YAML that a name of a shipped spec, a path or a run folder stands for. Raises ValueError.

    A name goes before a folder or file called the same, which `./name` means.
    """
    path, known = user_path(target), [*list_trained(), *list_pipelines(), *list_sweeps()]
    if target in known:
        return shipped_folder() / (PIPELINES if target in list_pipelines() else "") / f"{target}.yaml"
    if path.is_dir():
        if not (path / "spec.yaml").is_file():
            raise ValueError(f"{target}: no spec.yaml in this folder, so it is not a run's; give a YAML file or a run")
        return path / "spec.yaml"
    if path.is_file():
        return path
    if path.suffix in (".yaml", ".yml") or len(path.parts) > 1:
        names = [name for name in (f"{path.parent.name}/{path.stem}", path.stem) if name in known]
        hint = f"; the name {names[0]!r} works from everywhere" if names else nearest(path.stem, known)
        raise ValueError(f"{target}: no such spec or run{hint}")
    raise ValueError(f"{target!r} is not a model of the zoo{nearest(target, known)}")
