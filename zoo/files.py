"""JSON of unknown origin, and names that nothing stands at yet. No torch.

What appears whole or not at all is `datamodules.files`'.
"""

import json
import math
import stat
from collections.abc import Iterator
from itertools import chain, count
from pathlib import Path
from typing import Any, Final

MAX_JSON: Final = 50_000_000
MAX_CONFIG: Final = 1_000_000
MAX_NESTING: Final = 32


def read_json(path: Path) -> dict[str, Any]:
    """A JSON mapping. Raises ValueError that names the file; see `json_content`."""
    content = json_content(path)
    if not isinstance(content, dict):
        raise ValueError(f"{path}: found {type(content).__name__}, expected a mapping")
    return content


def json_content(path: Path) -> Any:
    """What a JSON file of unknown origin holds. Raises ValueError, in bounded time and memory.

    A config.json is held to more: no number that is none, and no key twice, of which readers take one or the other.
    """
    config = path.name == "config.json"
    limit = MAX_CONFIG if config else MAX_JSON
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise ValueError(f"{path}: no file, so it is not read")
    if status.st_size > limit:
        raise ValueError(f"{path}: found {status.st_size:,} bytes, expected at most {limit:,}")
    try:
        text = path.read_text(encoding="utf-8")
        content = json.loads(text, parse_constant=_no_number, object_pairs_hook=_once) if config else json.loads(text)
    except RecursionError:
        raise ValueError(f"{path}: nested deeper than {MAX_NESTING} levels") from None
    except ValueError as error:
        reason = str(error).partition(";")[0]  # what follows is about Python
        raise ValueError(f"{path}: not readable as JSON: {reason}") from None
    for _ in items(content, path):
        pass
    return content


def _no_number(word: str) -> Any:
    raise ValueError(f"found {word}, expected a number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"key {next(key for key in keys if keys.count(key) > 1)!r} stands twice")
    if overflow := next((key for key, value in pairs if isinstance(value, float) and not math.isfinite(value)), None):
        raise ValueError(f"key {overflow!r} is larger than any number")
    return mapping


def items(content: Any, path: Path | None = None) -> Iterator[tuple[str, Any]]:
    """Every key with its value in nested mappings and lists. Raises ValueError for what is nested too deep."""
    waiting = [(content, 0)]
    while waiting:
        value, depth = waiting.pop()
        if depth > MAX_NESTING:
            raise ValueError(f"{path}: nested deeper than {MAX_NESTING} levels")
        if isinstance(value, dict):
            yield from value.items()
            waiting.extend((item, depth + 1) for item in value.values())
        elif isinstance(value, list):
            waiting.extend((item, depth + 1) for item in value if isinstance(item, dict | list))


def unused(path: Path) -> Path:
    """The path, or the next of its kind (notes.md, notes.2.md, ...) where something stands there already."""
    names = (path.with_name(f"{path.stem}.{number}{path.suffix}") for number in count(2))
    return next(place for place in chain([path], names) if not place.exists())
