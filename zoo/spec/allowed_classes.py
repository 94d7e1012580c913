"""What a spec may name: classes of our own packages, and a short list of Lightning's.

A spec that came from elsewhere must not be able to run code, and jsonargparse imports every dotted name that
stands where a class or a callable is expected. So names are checked here, as text, and nothing is imported.
"""

import importlib.util
import re
from collections.abc import Collection, Iterator
from typing import Any

from zoo.spec.classes import DOTTED, allowed_classes
from zoo.spec.problems import Problem, closest, nearest

CLASS_SLOTS = ("callbacks", "strategy", "plugins", "profiler", "accelerator")
"""Trainer arguments that take classes; elsewhere in `trainer` a string is a plain word."""
PLAIN_WORD = re.compile(r"[\w:,+ -]*")


def refusals(config: dict[str, Any], source: str) -> list[Problem]:
    """Every name in a resolved spec that could make a parser import something outside the closed list."""
    sections = ("model", "data", "trainer")
    return [problem for name in sections for problem in _refused(config.get(name), name, name, source)]


def _refused(value: Any, section: str, key: str, source: str) -> Iterator[Problem]:
    if key == "trainer.logger":
        return  # a switch, see validation.py
    if isinstance(value, dict):
        for name, item in value.items():
            if name == "class_path" and isinstance(item, str):
                yield from _class_path(item, section, f"{key}.class_path", source)
            else:
                yield from _refused(item, section, f"{key}.{name}", source)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _refused(item, section, f"{key}.{index}", source)
    elif isinstance(value, str) and "${" not in value:
        slot = key.split(".")[1:]
        if section == "trainer" and slot[0] == "callbacks" and len(slot) <= 2:
            yield Problem(source, key, f"found {value!r}, expected a mapping with `class_path` and `init_args`")
        elif section == "trainer" and slot[0] != "callbacks" and not PLAIN_WORD.fullmatch(value):
            expected = "a plain word" + (" or a mapping with `class_path`" if slot[0] in CLASS_SLOTS else "")
            yield Problem(source, key, f"found {value!r}, expected {expected}")
        elif DOTTED.fullmatch(value) and _importable(value.partition(".")[0]):
            yield Problem(source, key, f"found {value!r}: a spec names no code here, only `class_path` does")


def meant_class(found: str, allowed: Collection[str]) -> str | None:
    """The allowed class that a misspelt name, or the last of a misspelt dotted one, stands for, if one is near."""
    return closest(found.rpartition(".")[2], allowed)


def _class_path(found: str, section: str, key: str, source: str) -> Iterator[Problem]:
    allowed = allowed_classes(section)
    if found in allowed:
        return
    meant = meant_class(found, allowed)
    hint = f"; did you mean {meant!r}?" if meant else nearest(found, allowed)
    where = {
        "model": "a LightningModule of lightning_modules",
        "data": "a LightningDataModule of datamodules",
        "trainer": "a callback, strategy or profiler of Lightning's short list or of the zoo",
    }[section]
    yield Problem(source, key, f"found {found!r}, allowed is {where}{hint}")


def _importable(package: str) -> bool:
    try:
        spec = importlib.util.find_spec(package)
    except ValueError:  # a module that is loaded without a spec, as __main__ can be
        return True
    return spec is not None and spec.origin is not None  # a bare folder in the current directory has no origin
