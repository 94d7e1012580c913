"""What a spec may name: classes of our own packages, and a short list of Lightning's.

A spec that came from elsewhere must not be able to run code, and jsonargparse imports every dotted name that
stands where a class or a callable is expected. So names are checked here, as text, and nothing is imported.
"""

import ast
import importlib.util
import re
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from zoo.spec.spec import Problem, closest, nearest

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
def own_classes(package: str) -> dict[str, tuple[str, ...]]:
    """Dotted name -> its base classes, for each public class of a package or module, read from the source."""
    top, _, module = package.partition(".")
    spec = importlib.util.find_spec(top)  # finds a top-level package without importing it
    if spec is None or not spec.submodule_search_locations:
        raise ImportError(f"package {top!r} is not installed beside the zoo")
    root = Path(next(iter(spec.submodule_search_locations)))
    classes = {}
    for path in [root / f"{module.replace('.', '/')}.py"] if module else root.rglob("*.py"):
        dotted = ".".join([top, *path.relative_to(root).with_suffix("").parts]).removesuffix(".__init__")
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                classes[f"{dotted}.{node.name}"] = tuple(_last(ast.unparse(base)) for base in node.bases)
    return classes


def subclasses(package: str, base: str) -> frozenset[str]:
    """Dotted names of the classes in `package` that descend from a class called `base`."""
    classes = own_classes(package)
    found: set[str] = set()
    while True:
        known = {base, *map(_last, found)}
        more = {name for name, bases in classes.items() if known & set(bases)}
        if more == found:
            return frozenset(found)
        found = more


def allowed_classes(section: str, nested: bool) -> frozenset[str]:
    """The closed list for a section's own class, or for one nested in its arguments."""
    if section == "trainer":
        return subclasses("zoo.training.callbacks", "Callback") | LIGHTNING
    package, base = {
        "model": ("lightning_modules", "LightningModule"),
        "data": ("datamodules", "LightningDataModule"),
    }[section]
    return frozenset(own_classes(package)) if nested else subclasses(package, base)


def _last(dotted: str) -> str:
    return dotted.rpartition(".")[2]


def refusals(config: dict[str, Any], source: str) -> list[Problem]:
    """Every name in a resolved spec that could make a parser import something outside the closed list."""
    sections = ("model", "data", "trainer")
    return [problem for name in sections for problem in _refused(config.get(name), name, name, source)]


def _refused(value: Any, section: str, key: str, source: str) -> Iterator[Problem]:
    if key == "trainer.logger":
        return  # a switch, see check.py
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
    """The allowed class that a misspelt or shortened path stands for, if one is near."""
    by_class = {_last(name): name for name in allowed}
    short = closest(_last(found), by_class)
    return closest(found, allowed) or (by_class[short] if short else None)


def _class_path(found: str, section: str, key: str, source: str) -> Iterator[Problem]:
    allowed = allowed_classes(section, nested=".init_args." in key)
    if found in allowed:
        return
    meant = meant_class(found, allowed)
    hint = f"; did you mean {meant!r}?" if meant else nearest(found, allowed)
    where = {
        "model": "a LightningModule of lightning_modules",
        "data": "a LightningDataModule of datamodules",
        "trainer": "a callback, strategy or profiler of Lightning's short list or of zoo.training.callbacks",
    }[section]
    yield Problem(source, key, f"found {found!r}, allowed is {where}{hint}")


def _importable(package: str) -> bool:
    try:
        spec = importlib.util.find_spec(package)
    except ValueError:  # a module that is loaded without a spec, as __main__ can be
        return True
    return spec is not None and spec.origin is not None  # a bare folder in the current directory has no origin
