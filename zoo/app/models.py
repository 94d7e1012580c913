"""The models behind the page: each is opened once, when it is first asked for, and shared by all visitors."""

import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import zoo
from zoo.artefacts.resolve import find
from zoo.io_types import Kind
from zoo.pipelines.components import RULE_BASED
from zoo.spec.registry import list_models, locate
from zoo.spec.spec import read


class Models:
    """Models, components and pipelines by their names; may be asked from many threads at once."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._opened: dict[str, Any] = {}

    def model(self, name: str) -> Any:
        """What `zoo.load(name)` returns. Raises ValueError, which says how to get it, for a model that is not there."""
        return self._once(name, partial(zoo.load, name))

    def pipeline(self, name: str, **stages: str) -> Any:
        """The pipeline of a name with these components, shared as models are. Raises ValueError as `model` does, and
        for components that do not fit."""
        key = f"{name}({', '.join(f'{role}={stages[role]}' for role in sorted(stages))})"
        components = {role: self.model(component) for role, component in stages.items()}
        return self._once(key, partial(zoo.load, name, **components))

    def _once(self, key: str, opened: Callable[[], Any]) -> Any:
        """What was opened under a key; who asks meanwhile waits for it, and who asks for something else does not."""
        with self._guard:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            if key not in self._opened:
                self._opened[key] = opened()
            return self._opened[key]


def names(accepts: Kind, gives: Kind) -> dict[str, bool]:
    """Models and rule-based components that take and give this, the rule-based ones first; and whether each is there.

    What is not there counts by its task, such as text-to-pose.
    """
    found = {
        name: True for name, entry in RULE_BASED.items() if (entry.accepts.kind, entry.gives.kind) == (accepts, gives)
    }
    for name in list_models():
        config = None
        with suppress(ValueError):
            config = find(name).config()
        if config is None:
            if read(locate(name)).get("task") == f"{accepts}-to-{gives}":
                found[name] = False
        elif (config["accepts"]["kind"], config["gives"]["kind"]) == (accepts, gives):
            found[name] = True
    return found
