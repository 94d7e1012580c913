"""The classes that a spec may name, and where they live: `ASLSLP` to its module. No torch, and nothing is imported.

A spec names classes as people do, so that a module that moves changes no spec and no run. The places are read from the
source; the short list of Lightning's stands here.
"""

import importlib
import importlib.util
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

CALLBACKS: Final = (
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
LIGHTNING: Final = {
    **{name: f"lightning.pytorch.callbacks.{name}" for name in CALLBACKS},
    "DDPStrategy": "lightning.pytorch.strategies.DDPStrategy",
    "FSDPStrategy": "lightning.pytorch.strategies.FSDPStrategy",
    "SimpleProfiler": "lightning.pytorch.profilers.SimpleProfiler",
}
OWN: Final = {
    "model": ("lightning_modules", "LightningModule"),
    "data": ("datamodules", "LightningDataModule"),
    "trainer": ("zoo.training.callbacks", "Callback"),
}
"""Where a section's classes are defined, a package or a module, and what they descend from."""
DERIVED: Final = re.compile(r"^class ([A-Za-z]\w*)\(([^)]*)\)", re.MULTILINE)
"""A public class and its bases, as our formatter leaves them: a parser would take half a second for all files."""
DOTTED: Final = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")


@cache
def allowed_classes(section: str) -> Mapping[str, str]:
    """The names that a section of a spec may hold, and the dotted name that each stands for."""
    own = {_last(dotted): dotted for dotted in _subclasses(*OWN[section])}
    return own | LIGHTNING if section == "trainer" else own


def bare(name: str) -> str:
    """The name that stands for a dotted one: of a class of ours wherever it once lived, and of Lightning's on the list.

    What is not allowed stays as it is, for its refusal to name.
    """
    top, last = name.partition(".")[0], _last(name)
    if not DOTTED.fullmatch(name):
        return name
    if LIGHTNING.get(last) == name:
        return last
    sections = [section for section, (package, _) in OWN.items() if package.partition(".")[0] == top]
    return last if any(last in allowed_classes(section) for section in sections) else name


def bare_names(config: Any) -> Any:
    """Nested mappings and lists in which every `class_path` is bare, where it can be."""
    if isinstance(config, dict):
        return {
            key: bare(value) if key == "class_path" and isinstance(value, str) else bare_names(value)
            for key, value in config.items()
        }
    return [bare_names(item) for item in config] if isinstance(config, list) else config


def located(config: Any, section: str) -> Any:
    """A section in which every `class_path` is dotted, as LightningCLI imports it."""
    if isinstance(config, dict):
        return {
            key: dotted_name(value, section) if key == "class_path" and value else located(value, section)
            for key, value in config.items()
        }
    return [located(item, section) for item in config] if isinstance(config, list) else config


def dotted_name(name: str, section: str) -> str:
    """Where a class that a section names lives; a name that is not allowed as it is."""
    return allowed_classes(section).get(bare(name), name)


def named_class(name: str, section: str) -> type:
    """The class that a section names; imports its module. Raises KeyError for a name that is not allowed."""
    module, _, last = allowed_classes(section)[bare(name)].rpartition(".")
    found: type = getattr(importlib.import_module(module), last)
    return found


def _subclasses(package: str, base: str) -> frozenset[str]:
    """Dotted names of the public classes in a package or module that descend from a class called `base`."""
    classes = _defined(package)
    found: set[str] = set()
    while True:
        known = {base, *map(_last, found)}
        more = {name for name, bases in classes.items() if known & set(bases)}
        if more == found:
            return frozenset(found)
        found = more


def _defined(package: str) -> dict[str, tuple[str, ...]]:
    """Dotted name -> its base classes, for each public class of a package or module that has any."""
    top, _, module = package.partition(".")
    spec = importlib.util.find_spec(top)  # finds a top-level package without importing it
    if spec is None or not spec.submodule_search_locations:
        raise ImportError(f"package {top!r} is not installed beside the zoo")
    root = Path(next(iter(spec.submodule_search_locations)))
    classes = {}
    for path in [root / f"{module.replace('.', '/')}.py"] if module else root.rglob("*.py"):
        dotted = ".".join([top, *path.relative_to(root).with_suffix("").parts]).removesuffix(".__init__")
        for name, bases in DERIVED.findall(path.read_text(encoding="utf-8")):
            classes[f"{dotted}.{name}"] = tuple(_last(base.strip()) for base in bases.split(","))
    return classes


def _last(dotted: str) -> str:
    return dotted.rpartition(".")[2]
