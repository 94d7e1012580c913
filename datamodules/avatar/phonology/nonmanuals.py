"""Non-manual marks: which glosses of a sentence face and head mark as asked or negated, and how each mark looks."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Final, Literal, get_args

from datamodules.avatar.phonology.grammar import Sentence
from datamodules.avatar.phonology.tables import Table

Mark = Literal["yes-no", "wh", "not"]
_FILE: Final = Path(__file__).parent / "nonmanuals.yaml"


@dataclass(frozen=True)
class Expression:
    """Changes to a neutral face, in the units of `kinematics.face.FACE`, and degrees that the head leans and shakes."""

    brows: float
    lids: float
    corners: float
    mouth: float
    pitch: float
    shake: float


@dataclass(frozen=True)
class Nonmanuals:
    """The tables: how each mark and each mouth looks, and the glosses that bring a mark with them."""

    marks: Mapping[Mark, Expression]
    mouths: Mapping[str, Expression]
    words: Mapping[str, Mark]


@dataclass(frozen=True)
class Scope:
    """The glosses from `first` to `last` (excluded) of a sentence that stand under a mark."""

    mark: Mark
    first: int
    last: int


@cache
def nonmanuals() -> Nonmanuals:
    """The tables of nonmanuals.yaml, read once. Raises LexiconError for a mistake in them."""
    file = Table.read(_FILE)
    file.only(("words", "marks", "mouths"))
    marks, mouths, listed = (file.table(name) for name in ("marks", "mouths", "words"))
    marks.only(get_args(Mark))
    listed.only(get_args(Mark))
    words: dict[str, Mark] = {gloss: mark for mark in get_args(Mark) for gloss in listed.entries.get(mark, [])}
    return Nonmanuals(
        {mark: _expression(marks.table(mark)) for mark in get_args(Mark)},
        {name: _expression(mouths.table(name)) for name in mouths.entries},
        words,
    )


def _expression(row: Table) -> Expression:
    row.only(("brows", "lids", "corners", "mouth", "pitch", "shake"))
    return Expression(
        row.number("brows", 0.0, -1, 1),
        row.number("lids", 1.0, 0, 1.5),
        row.number("corners", 0.0, -1, 1),
        row.number("mouth", 0.0, 0, 1),
        row.number("pitch", 0.0, -30, 30),
        row.number("shake", 0.0, 0, 40),
    )


def scopes(sentence: Sentence) -> Iterator[Scope]:
    """The marks of a sentence, clause by clause.

    A clause with a WH word is a WH question; without one, the last clause of a text that ends with a question mark is a
    yes/no question. A negation reaches from NOT to the end of its clause, but for WH words there.
    """
    words = nonmanuals().words
    bounds = [0, *sentence.clauses, len(sentence.glosses)]
    for first, last in pairwise(bounds):
        found = [words.get(gloss) for gloss in sentence.glosses[first:last]]
        if "wh" in found:
            yield Scope("wh", first, last)
        elif last == len(sentence.glosses) and first < last and sentence.text.endswith("?"):
            yield Scope("yes-no", first, last)
        if "not" in found:
            end = last
            while words.get(sentence.glosses[end - 1]) == "wh":
                end -= 1
            yield Scope("not", first + found.index("not"), end)
