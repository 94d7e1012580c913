"""The face of a model: one loader an architecture, by families. The rest of the zoo knows models only through these."""

import importlib
from typing import TYPE_CHECKING, cast

from zoo.spec.architectures import ARCHITECTURES
from zoo.spec.problems import nearest

if TYPE_CHECKING:
    from zoo.loaders.base import Loader, Trainable


def loader_class(architecture: str) -> "type[Loader]":
    """The loader of an architecture; imports it, and torch with it. Raises ValueError for one that there is none of."""
    if architecture not in ARCHITECTURES:
        hint = nearest(str(architecture), ARCHITECTURES)
        raise ValueError(f"architecture {architecture!r} has no loader in this version of the zoo{hint}")
    module, _, name = ARCHITECTURES[architecture].loader.rpartition(".")
    return cast("type[Loader]", getattr(importlib.import_module(module), name))


def trainable_class(architecture: str) -> "type[Trainable]":
    """As `loader_class`, for one that a spec can train. Raises ValueError for one that is only opened."""
    found = loader_class(architecture)
    if not hasattr(found, "from_training"):
        raise ValueError(f"architecture {architecture!r} opens what was trained elsewhere; no spec trains it")
    return cast("type[Trainable]", found)
