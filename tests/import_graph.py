"""Who imports whom in the packages: what `python tests/import_graph.py` prints, and the test of imports asks."""

import ast
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from zoo.spec.architectures import ARCHITECTURES
from zoo.spec.classes import allowed_classes

ROOT = Path(__file__).parents[1]
PACKAGES = ("datamodules", "lightning_modules", "zoo")
ENGINE = "datamodules.avatar"
"""The avatar counts as a package of its own: data sets reach it through their twins alone."""
NAMED_BY_SPECS = "zoo.training.callbacks"
"""Its classes are named in specs, which import nothing."""


@cache
def modules() -> dict[str, Path]:
    """Every module of the packages by its dotted name."""
    paths = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    return {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}


@cache
def imports() -> dict[str, frozenset[str]]:
    """The modules of the packages that each imports, at its top or within a function."""
    return {name: frozenset(_imported(path)) - {name} for name, path in modules().items()}


def _imported(path: Path) -> Iterator[str]:
    known = modules()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                if inner in known or node.module in known:
                    yield inner if inner in known else node.module


def package_of(name: str) -> str:
    """The package that a module belongs to, the avatar apart."""
    return ENGINE if f"{name}.".startswith(f"{ENGINE}.") else name.partition(".")[0]


def longest_chain(package: str) -> list[str]:
    """The longest way along imports inside a package. Its face, which may import what stands in it late, is no part."""
    graph = {
        name: sorted(other for other in found if package_of(other) == package and other != package)
        for name, found in imports().items()
        if package_of(name) == package and name != package
    }
    return max((_longest(name, graph, {}) for name in graph), key=len)


def _longest(name: str, graph: Mapping[str, list[str]], known: dict[str, list[str]]) -> list[str]:
    if name not in known:
        known[name] = [name]  # of a circle, once round
        known[name] = [name, *max((_longest(other, graph, known) for other in graph[name]), key=len, default=[])]
    return known[name]


def found_by_name() -> Iterator[str]:
    """Modules that others find by their names: the callbacks and models of specs, what the catalogue of data sets
    lists, and the loaders of architectures."""
    yield NAMED_BY_SPECS
    yield from {dotted.rpartition(".")[0] for dotted in allowed_classes("model").values()}
    catalogue = ast.walk(ast.parse(modules()["datamodules.catalogue"].read_text(encoding="utf-8")))
    yield from {str(node.value) for node in catalogue if isinstance(node, ast.Constant)} & modules().keys()
    yield from {architecture.loader.rpartition(".")[0] for architecture in ARCHITECTURES.values()}


def fragments() -> list[tuple[str, str]]:
    """Modules that exactly one other imports, and which one that is; those that are found by name are none."""
    importers: dict[str, list[str]] = {name: [] for name in modules().keys() - set(found_by_name())}
    for name, found in imports().items():
        for other in found & importers.keys():
            importers[other].append(name)
    return sorted((name, found[0]) for name, found in importers.items() if len(found) == 1)


def loose() -> Counter[str]:
    """How many modules each folder holds, its `__init__` not counted."""
    return Counter(str(path.parent.relative_to(ROOT)) for path in modules().values() if path.name != "__init__.py")


def main() -> None:
    """Print the figures."""
    for package in (*PACKAGES, ENGINE):
        chain = longest_chain(package)
        print(f"{package}: longest chain of imports {len(chain)}: {' > '.join(chain)}")
    found = fragments()
    print(f"{len(modules())} modules, {len(found)} of them imported by exactly one other:")
    for name, importer in found:
        print(f"    {name} <- {importer}")
    folder, count = loose().most_common(1)[0]
    print(f"largest folder: {folder}, {count} modules")


if __name__ == "__main__":
    main()
