"""The avatar's phonology, read from YAML: handshapes, letters, locations and signs.

The tables are data that people without Python will correct, so each mistake in them is reported with the file,
the key, what stands there and what could stand there.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from datamodules.avatar.hand import FINGERS, Array, Handshape, finger_joints, joint_mean
from datamodules.skeletons import HAND_JOINTS

FOLDER = Path(__file__).parent
DIRECTIONS = {
    "F": (0, 0, 1),
    "B": (0, 0, -1),
    "U": (0, 1, 0),
    "D": (0, -1, 0),
    "L": (1, 0, 0),
    "R": (-1, 0, 0),
}
"""Unit vectors in the signer frame; L is contralateral and R ipsilateral to the hand in question."""
FIST = (85.0, 100.0, 60.0)


class LexiconError(ValueError):
    """A table of the lexicon is wrong; the message names file, key, what was found and what was expected."""

    def __init__(self, file: str, key: str, found: object, expected: str) -> None:
        super().__init__(f"{file}: {key}: found {found!r}, expected {expected}")


@dataclass(frozen=True)
class Orientation:
    """Where a palm faces and where the fingers point, as letters ("F-L") and as a rotation."""

    palm: str
    fingers: str
    matrix: Array
    """(3, 3): columns are the hand frame's X, Y, Z in the signer frame."""


@dataclass(frozen=True)
class Letter:
    """A letter or digit: shape, orientation at start and end, movement hold, J or Z."""

    symbol: str
    handshape: str
    orientation: tuple[Orientation, Orientation]
    movement: str


@dataclass(frozen=True)
class Lexicon:
    """All tables, by name."""

    handshapes: Mapping[str, Handshape]
    letters: Mapping[str, Letter]


def direction(text: str) -> Array:
    """The sum (3,) of the letters of "F-L", not normalised. Raises ValueError for anything else."""
    letters = text.split("-")
    if not all(letter in DIRECTIONS for letter in letters):
        raise ValueError("letters F, B, U, D, L, R joined by hyphens, like F-L")
    total: Array = np.sum([DIRECTIONS[letter] for letter in letters], axis=0, dtype=float)
    return total


def orientation(palm: str, fingers: str) -> Orientation:
    """The rotation whose Y is `fingers` and whose Z is as near to `palm` as it then can be.

    Raises ValueError when the two are parallel, for then they fix no rotation.
    """
    along, facing = direction(fingers), direction(palm)
    along /= max(float(np.linalg.norm(along)), 1e-9)
    facing = facing - along * (along @ facing)
    if np.linalg.norm(facing) < 1e-6 or np.linalg.norm(along) < 0.5:
        raise ValueError("a palm direction that is not parallel to the fingers")
    facing /= np.linalg.norm(facing)
    return Orientation(palm, fingers, np.stack([np.cross(along, facing), along, facing], axis=1))


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
                raise LexiconError(
                    file, key or "(top level)", name, "names that are text (quote YES, NO and digits)"
                )
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
        return vector / np.linalg.norm(vector)

    def orientations(self, palm: str = "palm", fingers: str = "fingers") -> tuple[Orientation, Orientation]:
        """The orientations at start and end that the two entries name."""
        palms, points = pair(self.text(palm)), pair(self.text(fingers))
        try:
            return orientation(palms[0], points[0]), orientation(palms[1], points[1])
        except ValueError as error:
            raise self.error(palm, f"{error} (fingers: {self.text(fingers)})") from None


class _Loader(yaml.SafeLoader):
    """SafeLoader that refuses a key written twice, which YAML would silently let win."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.YAMLError(f"key {key!r} is written twice, {node.start_mark}")
        return super().construct_mapping(node, deep)


def read_handshapes(path: Path) -> tuple[dict[str, Handshape], dict[str, Letter]]:
    """Handshapes and letters from a handshapes.yaml. Raises LexiconError."""
    top = Table.read(path)
    top.only(("thumbs", "shapes", "letters"))
    thumbs, rows, letters = top.table("thumbs"), top.table("shapes"), top.table("letters")
    shapes = {name: _handshape(name, _inherit(rows, name), thumbs) for name in rows.entries}
    return shapes, {name: _letter(name, letters.table(name), shapes) for name in letters.entries}


def _inherit(rows: Table, name: str, seen: tuple[str, ...] = ()) -> Table:
    row = rows.table(name)
    row.only(("like", *FINGERS, "spread", "thumb"))
    if "like" not in row.entries:
        return row
    parent = row.choice("like", rows.entries)
    if parent in seen:
        raise row.error("like", "a shape that does not lead back to this one")
    own = {key: value for key, value in row.entries.items() if key != "like"}
    return Table(row.file, row.key, {**_inherit(rows, parent, (*seen, name)).entries, **own})


def _handshape(name: str, row: Table, thumbs: Table) -> Handshape:
    spread = row.numbers("spread", 4)
    flexion = np.array(
        [FIST if row.entries.get(finger) == "fist" else row.numbers(finger, 3) for finger in FINGERS]
    )
    thumb = thumbs.table(row.choice("thumb", thumbs.entries))
    thumb.only(("touch", "offset", "arch"))
    touch = thumb.entries.get("touch")
    if not isinstance(touch, list) or not touch or not set(touch) <= set(HAND_JOINTS):
        raise thumb.error("touch", f"a list of joints out of {', '.join(HAND_JOINTS)}")
    joints = np.zeros((21, 3))
    joints[5:] = finger_joints(spread, flexion).reshape(16, 3)
    target = joint_mean(joints, touch) + thumb.numbers("offset", 3)
    try:
        return Handshape(name, spread, flexion, target, thumb.numbers("arch", 3, (1.0, -0.5, 0.4)))
    except ValueError as error:
        raise row.error("thumb", f"a thumb position that the shape {name} can reach: {error}") from None


def _letter(symbol: str, row: Table, shapes: Mapping[str, Handshape]) -> Letter:
    row.only(("shape", "palm", "fingers", "movement"))
    movement = row.choice("movement", ("hold", "J", "Z"), "hold")
    return Letter(symbol, row.choice("shape", shapes, symbol), row.orientations(), movement)


def load_lexicon(folder: Path) -> Lexicon:
    """The lexicon in a folder with handshapes.yaml, locations.yaml and signs.yaml. Raises LexiconError."""
    handshapes, letters = read_handshapes(folder / "handshapes.yaml")
    return Lexicon(handshapes, letters)


@cache
def lexicon() -> Lexicon:
    """The lexicon that comes with the package, read once."""
    return load_lexicon(FOLDER)
