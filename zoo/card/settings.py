"""The settings of a training as rows of a table, each with what its class says that it means."""

import ast
import re
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from zoo.results.formatting import plain
from zoo.spec.classes import dotted_name
from zoo.spec.sources import class_source

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
    """Of model, data, trainer and seed of a resolved spec. Paths of the machine that trained are left out; of what a
    model stands on the last part is told."""
    rows = []
    for section in ("model", "data"):
        block = spec.get(section) or {}
        meanings = described(dotted_name(str(block.get("class_path")), section)).arguments
        for name, value in (block.get("init_args") or {}).items():
            elsewhere = section == "data" and (name in NOT_TRAINING or _absolute(value))
            if not elsewhere:
                told = Path(value).name if _absolute(value) else value
                rows.append(Setting(f"{section}.{name}", plain(told), meanings.get(name, "")))
    for name, value in (spec.get("trainer") or {}).items():
        if not _absolute(value) and value not in (None, []):
            rows.append(Setting(f"trainer.{name}", plain(value), TRAINER.get(name, "")))
    return [*rows, Setting("seed", plain(spec.get("seed", 0)), "of weights, order and every random change")]


@cache
def described(class_path: str) -> Described:
    """Of a class of ours by its dotted name, read from the source; empty for one that is not there (any more)."""
    source = class_source(class_path)
    if source is None or class_path.startswith("lightning."):
        return Described("", "", {})
    arguments: dict[str, str] = {}
    for base in source.definition.bases:
        arguments |= described(source.dotted(ast.unparse(base))).arguments
    text = ast.get_docstring(source.definition) or ""
    return Described(_first(ast.get_docstring(source.tree) or ""), _first(text), arguments | _arguments(text))


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


def _absolute(value: Any) -> bool:
    return isinstance(value, str) and (value.startswith(("/", "~")) or re.match(r"[A-Za-z]:[\\/]", value) is not None)
