"""The signs and letters of a performance, and the tables of what could have been shown instead."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

import numpy as np

from datamodules.avatar.kinematics.hand import hand_joints
from datamodules.avatar.perform import Performance, perform
from datamodules.avatar.phonology.lexicon import lexicon
from datamodules.avatar.phonology.signs import Sign
from lightning_modules.metrics.phonology.signing import Frames, course, observe, shape_features
from lightning_modules.metrics.score import Array

Parameter = Literal["handshape", "location", "movement", "orientation"]

MOMENTS: Final = 65
"""In which the tables hold a movement."""


@dataclass(frozen=True, eq=False)
class Item:
    """A sign, or a letter, and the frames of the performance in which it is stroke or hold."""

    name: str
    is_letter: bool
    sign: Sign
    frames: Frames

    def has(self, parameter: Parameter) -> bool:
        """Whether a parameter can be judged: letters share one place, most are held, and one frame does not move."""
        if parameter == "location":
            return not self.is_letter
        moves = not self.is_letter or self.sign.movement.kind != "hold"
        return parameter != "movement" or (moves and len(self.frames) > 1)


def items(performance: Performance) -> list[Item]:
    """The signs and letters of a performance, in order; without any that lasts no frame, at few frames a second."""
    truth, book = performance.truth, lexicon()
    if not len(truth):
        return []
    signing = np.isin(truth["phase"], ("stroke", "hold"))
    goes_on = signing[1:] & signing[:-1] & ~((truth["phase"][1:] == "stroke") & (truth["phase"][:-1] == "hold"))
    for column in ("gloss", "letter"):
        goes_on &= truth[column][1:] == truth[column][:-1]
    found = []
    for frames in np.split(np.arange(len(truth)), np.flatnonzero(~goes_on) + 1):
        if signing[frames[0]]:
            gloss, letter = performance.glosses[truth["gloss"][frames[0]]], str(truth["letter"][frames[0]])
            sign = book.letters[letter].sign if letter else book.signs[gloss]
            found.append(Item(letter or gloss, bool(letter), sign, frames))
    return found


@cache
def handshapes() -> tuple[dict[str, int], Array]:
    """The avatar's handshapes by name, and their features (E, 45)."""
    shapes = lexicon().handshapes
    return numbered(shapes), shape_features(np.stack([hand_joints(shape) for shape in shapes.values()]))


@cache
def orientations() -> tuple[dict[str, int], Array]:
    """The orientations of the avatar's signs and letters by palm and fingers ("B/L-U"), as rotations (E, 3, 3)."""
    signs = [*lexicon().signs.values(), *(letter.sign for letter in lexicon().letters.values())]
    turns = {f"{o.palm}/{o.fingers}": o.matrix for sign in signs for o in sign.dominant.orientation}
    return numbered(turns), np.stack(list(turns.values()))


@cache
def movements() -> tuple[dict[str, int], Array]:
    """Standing still ("") and what the avatar's signs, J and Z do, by name, as courses (E, 65, 51)."""
    letters = [symbol for symbol, letter in lexicon().letters.items() if letter.movement != "hold"]
    courses = {"": np.zeros((MOMENTS, 51))}
    for gloss in [*lexicon().signs, *(f"#{letter}" for letter in letters)]:
        performance = perform([gloss], fps=50)
        item = items(performance)[0]
        found = course(observe(performance.joints).dominant, item.frames, np.zeros(1, dtype=np.int64))
        places = np.linspace(0, len(found) - 1, MOMENTS)
        courses[item.name] = np.stack([np.interp(places, np.arange(len(found)), column) for column in found.T], axis=1)
    return numbered(courses), np.stack(list(courses.values()))


def kinds(names: Iterable[str]) -> list[str]:
    """Names of movements for people: their kind and an example."""
    book = lexicon()
    signs = {name: book.signs.get(name) or book.letters[name].sign for name in names if name}
    return ["standing still", *(f"{sign.movement.kind} as in {name}" for name, sign in signs.items())]


def numbered(names: Iterable[str]) -> dict[str, int]:
    """Each name's place."""
    return {name: number for number, name in enumerate(names)}
