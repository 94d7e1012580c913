"""How a spec's problems are told: where they stand, and which word was most likely meant."""

import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a spec: where it stands, under which key, and what to do about it."""

    file: str
    key: str
    message: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.file, self.key, self.message) if part)


class SpecError(ValueError):
    """A spec that was refused, with every problem that was found."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


def closest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate that a misspelt word, with its folder or without, most likely stands for, if any is near."""
    options = sorted(candidates)
    meant = {option.rpartition("/")[2]: option for option in options} | {option: option for option in options}
    return next((meant[near] for near in difflib.get_close_matches(word, meant, n=1, cutoff=0.6)), None)


def nearest(word: str, candidates: Iterable[str]) -> str:
    """`; did you mean 'x'?` for the closest candidate; all of a short list when none is close."""
    options = sorted(candidates)
    if close := closest(word, options):
        return f"; did you mean {close!r}?"
    return f"; valid: {', '.join(options)}" if 0 < len(options) <= 12 else ""


def key_problems(raw: dict[str, Any], source: str, required: Iterable[str], known: Sequence[str]) -> Iterator[Problem]:
    """The keys that a file lacks, and those that it has and nobody reads."""
    for key in (key for key in required if key not in raw):
        yield Problem(source, key, "missing")
    for key in (key for key in raw if key not in known):
        yield Problem(source, str(key), f"unknown key{nearest(str(key), known)}")
