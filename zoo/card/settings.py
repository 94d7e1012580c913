"""The settings of a training as rows of a table, each with what its class says that it means."""

import ast
import importlib.util
import re
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from zoo.results.formatting import plain
from zoo.spec.classes import dotted_name

NOT_TRAINING: Final = ("root", "num_workers", "twin", "seed")
"""Arguments of data that do not change what is trained, or are told elsewhere."""
TRAINER: Final = {
    "max_epochs": "passes over the training data, at most",
    "max_steps": "optimiser steps, at most",
    "gradient_clip_val": "largest norm of the gradient",
    "accumulate_grad_batches": "batches whose gradients are added up for a step",
    "precision": "of the computation",
    "accelerator": "what computes",
    "devices": "how many of them",
    "deterministic": "the same spec and seed give the same weights on the same machine",
}


class Setting(NamedTuple):
    """One row."""

    name: str
    value: str
    meaning: str


class Described(NamedTuple):
    """What a class and its module say of themselves: first paragraphs, and a clause for each argument."""

    module: str
    summary: str
    arguments: dict[str, str]


def settings(spec: dict[str, Any]) -> list[Setting]:
    """Of model, data, trainer and seed of a resolved spec. Paths of the machine that trained are left out."""
    rows = []
    for section in ("model", "data"):
        block = spec.get(section) or {}
        meanings = described(dotted_name(str(block.get("class_path")), section)).arguments
        for name, value in (block.get("init_args") or {}).items():
            elsewhere = section == "data" and (name in NOT_TRAINING or _absolute(value))
            if not elsewhere:
                rows.append(Setting(f"{section}.{name}", plain(value), meanings.get(name, "")))
    for name, value in (spec.get("trainer") or {}).items():
        if not _absolute(value) and value not in (None, []):
            rows.append(Setting(f"trainer.{name}", plain(value), TRAINER.get(name, "")))
    return [*rows, Setting("seed", plain(spec.get("seed", 0)), "of weights, order and every random change")]


@cache
def described(class_path: str) -> Described:
    """Of a class of ours by its dotted name, read from the source; empty for one that is not there (any more)."""
    module, _, name = class_path.rpartition(".")
    path = _source(module)
    if path is None:
        return Described("", "", {})
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = next((node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name), None)
    if found is None:
        return Described("", "", {})
    arguments: dict[str, str] = {}
    for base in found.bases:
        arguments |= described(_dotted(tree, module, ast.unparse(base))).arguments
    text = ast.get_docstring(found) or ""
    return Described(_first(ast.get_docstring(tree) or ""), _first(text), arguments | _arguments(text))


def _arguments(docstring: str) -> dict[str, str]:
    """`width, heads: sizes of the network.` and the indented lines after it, by argument."""
    found = {}
    for names, first, more in re.findall(r"^([a-z]\w*(?:, \w+)*): (.+)((?:\n[ ]+.+)*)", docstring, re.MULTILINE):
        text = re.sub(r"\s+", " ", first + more).partition(". ")[0].partition("; see ")[0].strip().rstrip(".")
        if not text.startswith("see "):
            found.update(dict.fromkeys(names.split(", "), text.replace("`", "")))
    return found


def _first(docstring: str) -> str:
    return re.sub(r"\s+", " ", docstring.partition("\n\n")[0]).strip()


def _dotted(tree: ast.Module, module: str, name: str) -> str:
    """The dotted name of what a module imports, or else defines, as `name`."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module and any(item.name == name for item in node.names):
            return f"{node.module}.{name}"
    return f"{module}.{name}"


def _source(module: str) -> Path | None:
    """Of a module of our own packages, found without importing it."""
    top, *rest = module.split(".")
    if top not in ("lightning_modules", "datamodules") or not all(part.isidentifier() for part in rest):
        return None
    spec = importlib.util.find_spec(top)
    root = Path(next(iter(spec.submodule_search_locations))) if spec and spec.submodule_search_locations else None
    path = root.joinpath(*rest).with_suffix(".py") if root and rest else None
    return path if path and path.is_file() else None


def _absolute(value: Any) -> bool:
    return isinstance(value, str) and (value.startswith(("/", "~")) or re.match(r"[A-Za-z]:[\\/]", value) is not None)
