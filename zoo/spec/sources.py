"""Classes as their source has them: what they take, without importing them and what they import."""

import ast
import importlib.util
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

TRAINER = "lightning.pytorch.trainer.trainer.Trainer"


class Source(NamedTuple):
    """A class, and the module that defines it, by its dotted name and as it is parsed."""

    definition: ast.ClassDef
    module: str
    tree: ast.Module

    def dotted(self, name: str) -> str:
        """The dotted name of what the module imports, or else defines, as `name`."""
        for node in self.tree.body:
            if isinstance(node, ast.ImportFrom) and node.module and any(item.name == name for item in node.names):
                return f"{node.module}.{name}"
        return f"{self.module}.{name}"


@cache
def class_source(dotted: str) -> Source | None:
    """Where a class of our packages or Lightning's is defined; None for one that is not there (any more)."""
    module, _, name = dotted.rpartition(".")
    path = _path(module)
    if path is None:
        return None
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return Source(node, module, tree)
        if isinstance(node, ast.ImportFrom) and node.module and any(item.name == name for item in node.names):
            return class_source(f"{node.module}.{name}")
    return None


@cache
def parameters(dotted: str) -> Mapping[str, str | None] | None:
    """What making a class takes, each parameter with the dotted name of the class that it is, if it is one of ours;
    None where the source does not say: it is not there, or it takes anything."""
    source = class_source(dotted)
    if source is None:
        return None
    body = source.definition.body
    maker = next((node for node in body if isinstance(node, ast.FunctionDef) and node.name == "__init__"), None)
    if maker is not None:
        if maker.args.kwarg:
            return None
        named = [*maker.args.posonlyargs, *maker.args.args, *maker.args.kwonlyargs][1:]
        return {argument.arg: _own_class(source, argument.annotation) for argument in named}
    fields = [node for node in body if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)]
    if fields and source.definition.decorator_list:
        return {str(ast.unparse(field.target)): _own_class(source, field.annotation) for field in fields}
    bases = [parameters(source.dotted(ast.unparse(base))) for base in source.definition.bases]
    return next((found for found in bases if found is not None), None)


def _own_class(source: Source, annotation: ast.expr | None) -> str | None:
    names = [node.id for node in ast.walk(annotation) if isinstance(node, ast.Name)] if annotation else []
    return next((dotted for name in names if class_source(dotted := source.dotted(name))), None)


def _path(module: str) -> Path | None:
    """The file of a module, found without importing it."""
    top, *rest = module.split(".")
    if top not in ("lightning_modules", "datamodules", "zoo", "lightning") or not all(map(str.isidentifier, rest)):
        return None
    spec = importlib.util.find_spec(top)
    root = Path(next(iter(spec.submodule_search_locations))) if spec and spec.submodule_search_locations else None
    if root is None or not rest:
        return None
    files = (root.joinpath(*rest).with_suffix(".py"), root.joinpath(*rest, "__init__.py"))
    return next((path for path in files if path.is_file()), None)
