"""What a spec may name: classes of our own packages, and a short list of Lightning's.

A spec that came from elsewhere must not be able to run code, and jsonargparse imports every dotted name that
stands where a class or a callable is expected. So names are checked here, as text, and nothing is imported.
"""

import ast
import importlib.util
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from zoo.spec import Problem, nearest

LIGHTNING = frozenset(
    {
        *(
            f"lightning.pytorch.callbacks.{name}"
            for name in (
                "DeviceStatsMonitor",
                "EMAWeightAveraging",
                "EarlyStopping",
                "GradientAccumulationScheduler",
                "LearningRateMonitor",
                "ModelCheckpoint",
                "ModelSummary",
                "RichModelSummary",
                "RichProgressBar",
                "StochasticWeightAveraging",
                "TQDMProgressBar",
            )
        ),
        "lightning.pytorch.strategies.DDPStrategy",
        "lightning.pytorch.strategies.FSDPStrategy",
        "lightning.pytorch.profilers.SimpleProfiler",
    }
)
CLASS_SLOTS = ("callbacks", "strategy", "plugins", "profiler", "accelerator")
"""Trainer arguments that take classes; elsewhere in `trainer` a string is a plain word."""
PLAIN_WORD = re.compile(r"[\w:,+ -]*")
DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")


@cache
def own_classes(package: str) -> frozenset[str]:
    """Dotted names of the public classes defined in a package or module, such as "zoo.callbacks"."""
    top, _, module = package.partition(".")
    spec = importlib.util.find_spec(top)  # finds a top-level package without importing it
    if spec is None or not spec.submodule_search_locations:
        raise ImportError(f"package {top!r} is not installed beside the zoo")
    root = Path(next(iter(spec.submodule_search_locations)))
    names = set()
    for path in [root / f"{module}.py"] if module else root.rglob("*.py"):
        dotted = ".".join([top, *path.relative_to(root).with_suffix("").parts]).removesuffix(".__init__")
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                names.add(f"{dotted}.{node.name}")
    return frozenset(names)


def allowed_classes(section: str) -> frozenset[str]:
    """The closed list for "model", "data" or "trainer"."""
    if section == "model":
        return own_classes("lightning_modules")
    if section == "data":
        return own_classes("datamodules")
    return own_classes("zoo.callbacks") | LIGHTNING


def refusals(config: dict[str, Any], source: str) -> list[Problem]:
    """Every name in a resolved spec that could make a parser import something outside the closed list."""
    sections = ("model", "data", "trainer")
    return [problem for name in sections for problem in _refused(config.get(name), name, name, source)]


def _refused(value: Any, section: str, key: str, source: str) -> Iterator[Problem]:
    if isinstance(value, dict):
        for name, item in value.items():
            if name == "class_path" and isinstance(item, str):
                yield from _class_path(item, section, f"{key}.class_path", source)
            else:
                yield from _refused(item, section, f"{key}.{name}", source)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _refused(item, section, f"{key}.{index}", source)
    elif isinstance(value, str):
        slot = key.split(".")[1:]
        if section == "trainer" and slot[0] == "callbacks" and len(slot) <= 2:
            yield Problem(
                source, key, f"found {value!r}, expected a mapping with `class_path` and `init_args`"
            )
        elif section == "trainer" and slot[0] != "callbacks" and not PLAIN_WORD.fullmatch(value):
            expected = "a plain word" + (" or a mapping with `class_path`" if slot[0] in CLASS_SLOTS else "")
            yield Problem(source, key, f"found {value!r}, expected {expected}")
        elif DOTTED.fullmatch(value) and _importable(value.partition(".")[0]):
            yield Problem(source, key, f"found {value!r}: a spec names no code here, only `class_path` does")


def _class_path(found: str, section: str, key: str, source: str) -> Iterator[Problem]:
    allowed = allowed_classes(section)
    if found in allowed:
        return
    by_class = {name.rpartition(".")[2]: name for name in allowed}
    hint = nearest(found, allowed)
    if "did you mean" not in hint and (short := nearest(found.rpartition(".")[2], by_class)).startswith(
        "; did"
    ):
        hint = f"; did you mean {by_class[short.split(chr(39))[1]]!r}?"
    where = {
        "model": "a class of lightning_modules",
        "data": "a class of datamodules",
        "trainer": "a callback, strategy or profiler of Lightning's short list or of zoo.callbacks",
    }[section]
    yield Problem(source, key, f"found {found!r}, allowed is {where}{hint}")


def _importable(package: str) -> bool:
    try:
        spec = importlib.util.find_spec(package)
    except ValueError:  # a module that is loaded without a spec, as __main__ can be
        return True
    return (
        spec is not None and spec.origin is not None
    )  # a bare folder in the current directory has no origin
