"""Reading YAML tables whose every mistake is reported with its address.

People without Python will correct the avatar's tables, so an error names the file, the key, what stands there and what
could stand there.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from datamodules.avatar.kinematics.hand import Array
from datamodules.avatar.kinematics.rotation import Orientation, direction, orientation


class LexiconError(ValueError):
    """A table of the lexicon is wrong; the message names file, key, what was found and what was expected."""

    def __init__(self, file: str, key: str, found: object, expected: str) -> None:
        super().__init__(f"{file}: {key}: found {found!r}, expected {expected}")


def pair(text: str) -> tuple[str, str]:
    """The start and the end of "a > b"; a lone "a" is both."""
    start, _, end = (part.strip() for part in text.partition(">"))
    return start, end or start


class Table:
    """One YAML file, or one mapping in it, that knows its own address for error messages."""

    def __init__(self, file: str, key: str, entries: object) -> None:
        if not isinstance(entries, dict):
            raise LexiconError(file, key or "(top level)", entries, "a mapping")
        for name in entries:
            if not isinstance(name, str):
                raise LexiconError(file, key or "(top level)", name, "names that are text (quote YES, NO and digits)")
        self.file, self.key, self.entries = file, key, entries

    @classmethod
    def read(cls, path: Path) -> "Table":
        """Parse a file. Raises LexiconError when it is missing or no YAML mapping."""
        try:
            return cls(path.name, "", yaml.load(path.read_text(encoding="utf-8"), _Loader))
        except FileNotFoundError:
            raise LexiconError(path.name, "(file)", "nothing", f"a file at {path}") from None
        except yaml.YAMLError as error:
            raise LexiconError(path.name, "(file)", str(error).replace("\n", " "), "valid YAML") from None

    def address(self, name: str) -> str:
        """The dotted key of an entry."""
        return f"{self.key}.{name}" if self.key else name

    def error(self, name: str, expected: str) -> LexiconError:
        """The error that says that the entry `name` should have been something else."""
        return LexiconError(self.file, self.address(name), self.entries.get(name), expected)

    def only(self, allowed: Iterable[str]) -> None:
        """Refuse keys beyond the allowed ones."""
        for name in self.entries:
            if name not in allowed:
                raise LexiconError(self.file, self.address(name), name, f"one of {', '.join(allowed)}")

    def table(self, name: str) -> "Table":
        """The mapping under `name`."""
        return Table(self.file, self.address(name), self.entries.get(name))

    def text(self, name: str, default: str | None = None) -> str:
        """The string under `name`."""
        value = self.entries.get(name, default)
        if not isinstance(value, str):
            raise self.error(name, "text")
        return value

    def choice(self, name: str, allowed: Iterable[str], default: str | None = None) -> str:
        """The string under `name`, which must be one of the allowed."""
        value, known = self.text(name, default), list(allowed)
        if value not in known:
            near = get_close_matches(value, known, 3, 0.5)
            raise LexiconError(self.file, self.address(name), value, f"one of {', '.join(near or known)}")
        return value

    def number(self, name: str, default: float | None, low: float, high: float) -> float:
        """The number under `name`, within bounds."""
        value = self.entries.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise self.error(name, f"a number from {low:g} to {high:g}")
        return float(value)

    def whole(self, name: str, default: int, low: int, high: int) -> int:
        """The whole number under `name`, within bounds."""
        value = self.entries.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self.error(name, f"a whole number from {low} to {high}")
        return value

    def numbers(self, name: str, count: int, default: tuple[float, ...] | None = None) -> Array:
        """The list of `count` numbers under `name`."""
        value = self.entries.get(name, default)
        try:
            vector = np.array(value, dtype=float)
        except (TypeError, ValueError):
            raise self.error(name, f"{count} numbers") from None
        if vector.shape != (count,) or not np.isfinite(vector).all():
            raise self.error(name, f"{count} numbers")
        return vector

    def direction(self, name: str, default: str) -> Array:
        """The direction (3,) of unit length under `name`, in letters."""
        try:
            vector = direction(self.text(name, default))
        except ValueError as error:
            raise self.error(name, str(error)) from None
        unit: Array = vector / np.linalg.norm(vector, axis=-1)
        return unit

    def inherit(self, name: str, seen: tuple[str, ...] = ()) -> "Table":
        """The mapping under `name`; where it is `like` another one, laid over that one."""
        row = self.table(name)
        if "like" not in row.entries:
            return row
        parent = row.choice("like", self.entries)
        if parent in (*seen, name):
            raise row.error("like", "a row that does not lead back to this one")
        own = {key: value for key, value in row.entries.items() if key != "like"}
        return Table(row.file, row.key, {**self.inherit(parent, (*seen, name)).entries, **own})

    def orientations(self) -> tuple[Orientation, Orientation]:
        """The orientations at start and end that `palm` and `fingers` name."""
        palms, points = pair(self.text("palm")), pair(self.text("fingers"))
        try:
            return orientation(palms[0], points[0]), orientation(palms[1], points[1])
        except ValueError as error:
            raise self.error("palm", f"{error} (fingers: {self.text('fingers')})") from None


class _Loader(yaml.SafeLoader):
    """SafeLoader that refuses a key written twice, which YAML would silently let win."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.YAMLError(f"key {key!r} is written twice, {node.start_mark}")
        return super().construct_mapping(node, deep)
