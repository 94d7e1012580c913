"""How large a spec becomes once its aliases and interpolations are followed: a few lines of YAML can mean gigabytes."""

import re
from collections.abc import Iterator
from typing import Any, Final

import yaml

MAX_BYTES: Final = 100_000
"""Of a spec's file. Shipped ones have two thousand."""
MAX_DEPTH: Final = 32
MAX_SIZE: Final = 1_000_000
"""Of a spec with everything written out, in letters and values."""
BOUNDLESS: Final = "grows beyond all bounds by interpolation, or refers to itself"
REFERENCE: Final = re.compile(r"\$\{\s*(\.*)([A-Za-z_][\w-]*(?:\.[\w-]+|\[\w+\])*)\s*\}")
"""The one interpolation there is: of another key, as it stands; no resolver, and none within another."""


def bounded_yaml(text: str) -> Any:
    """What YAML says; what is large, deep, or grows by its aliases is refused before anything is expanded.

    Raises ValueError for that, and for values that cannot be, and yaml.YAMLError for what is no YAML.
    """
    if len(text) > MAX_BYTES:
        raise ValueError(f"found {len(text):,} letters, expected a spec of at most {MAX_BYTES:,}")
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except RecursionError:
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels") from None
    size, waiting = 0, [(root, 0)]
    while waiting:
        node, depth = waiting.pop()
        size += len(node.value) + 1 if node else 0
        if size > MAX_SIZE:
            raise ValueError("grows beyond all bounds by its anchors and aliases")
        if depth > MAX_DEPTH:
            raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
        if isinstance(node, yaml.MappingNode):
            waiting.extend((part, depth + 1) for pair in node.value for part in pair)
        elif isinstance(node, yaml.SequenceNode):
            waiting.extend((item, depth + 1) for item in node.value)
    return yaml.SafeLoader("").construct_document(root) if root else None


def resolvers(text: str) -> bool:
    """Whether a value asks for anything else than other keys: a resolver, or an interpolation within another."""
    return "${" in REFERENCE.sub("", text)


def boundless(config: dict[str, Any]) -> str | None:
    """The key, if any, through which a spec grows beyond all bounds by interpolation, as it does by a circle."""
    waiting: list[tuple[Any, tuple[str, ...]]] = [(config, ())]
    size = 0
    while waiting:
        value, path = waiting.pop()
        size += len(value) + 1 if isinstance(value, str) else 1
        if size > MAX_SIZE:
            return ".".join(path)
        if isinstance(value, dict):
            waiting.extend((item, (*path, str(key))) for key, item in value.items())
        elif isinstance(value, list):
            waiting.extend((item, (*path, str(index))) for index, item in enumerate(value))
        elif isinstance(value, str):
            waiting.extend(_targets(config, value, path))
    return None


def _targets(config: dict[str, Any], text: str, path: tuple[str, ...]) -> Iterator[tuple[Any, tuple[str, ...]]]:
    for dots, key in REFERENCE.findall(text):
        above = path[: max(0, len(path) - len(dots))] if dots else ()
        target = (*above, *re.findall(r"[\w-]+", key))
        value: Any = config
        for step in target:
            if isinstance(value, dict):
                value = value.get(step, value.get(int(step)) if step.isdecimal() else None)
            elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
                value = value[int(step)]
            else:
                value = None
        yield value, target
