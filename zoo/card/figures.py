"""Numbers in a card that nothing measured: a score that somebody edited, or remembered wrongly.

The rule. Below "Evaluation", every number must be one of results.json at the precision it is printed with, or one that
the card would be generated with there; a row of the table of results is compared cell by cell. Elsewhere integers are
free, and what looks like a score (a decimal, a percentage) must be accounted for. In generated sections it must be what
would be generated. In the prose, the sentence must name the score, by its key or title, and print what results.json has
for it: the value, an end of its interval, the ground truth or a baseline. Else the number must stand in the `card`
section of the spec, where `reported` is the place for scores of others, or, in a sentence that names no score, among
the generated facts of the run.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from lightning_modules.evaluation.glossary import meaning
from lightning_modules.evaluation.results import Results
from zoo.card.page import Area, Page, Passage
from zoo.spec.spec import strings

NUMBER: Final = re.compile(
    r"(?<![\w.])(?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)(?P<power>[eE][-+]?\d+)?(?!\w|\.\d)"
    r"(?P<percent>\s?(?:%|percent\b|per cent\b))?"
)
LEVEL: Final = re.compile(r"\b95(?=\s?(?:%|percent|per cent)\s(?:confidence\s)?intervals?\b)")
"""How sure an interval is, which is no score."""


@dataclass(frozen=True)
class Figure:
    """A number as it is printed."""

    text: str
    digits: str
    power: str
    percent: bool

    @property
    def value(self) -> float:
        return float(self.digits + self.power)

    @property
    def like_a_score(self) -> bool:
        return "." in self.digits or self.percent

    def prints(self, value: float) -> bool:
        """Whether a value reads like this at this precision."""
        return self._prints(value) or (self.percent and self._prints(100 * value, rounded=True))

    def _prints(self, value: float, rounded: bool = False) -> bool:
        decimals = len(self.digits.partition(".")[2])
        if self.power:
            return float(f"{abs(value):.{decimals}e}") == self.value
        if decimals or rounded:
            return float(f"{abs(value):.{decimals}f}") == self.value
        return abs(value) == self.value


def figures(text: str) -> Iterator[Figure]:
    """Every number in a text; those that are part of a name, a version or an address are none."""
    for match in NUMBER.finditer(LEVEL.sub("  ", text)):
        yield Figure(match[0].strip(), match["digits"].replace(",", ""), match["power"] or "", bool(match["percent"]))


def unmeasured(page: Page, fresh: Page, results: Results, spec: dict[str, Any]) -> Iterator[tuple[int, str]]:
    """Line and complaint for every number that must not stand where it stands.

    page: the card. fresh: what would be generated now.
    """
    reported = {figure for _, text in strings(spec.get("card") or {}) for figure in figures(text)}
    facts = {area: set(_numbers(fresh.passages, area)) for area in ("evaluation", "generated")}
    scores = list(_values(results.values()))
    rows = _expected(fresh, results)
    compared = set()
    for row in page.rows:
        wanted = rows.get((row.cells[0], len(row.cells))) if row.area == "evaluation" else None
        if wanted:
            compared.add(row.line)
            for column, found, expected in _differences(row.cells, wanted):
                yield row.line, f"{row.cells[0]}, {column}: found {found}, but results.json has {expected}"
    for passage in page.passages:
        if passage.line in compared:
            continue
        named = _named(passage, results)
        own = list(_values(results[key] for key in named))
        for figure in figures(passage.text):
            if passage.area == "evaluation":
                known = _same(figure, facts["evaluation"]) or _any(figure, scores)
            elif not figure.like_a_score:
                continue
            elif passage.area == "generated" or not named:
                known = _same(figure, facts["generated"])
            else:
                known = _any(figure, own)
            if not known and not (passage.area == "prose" and _same(figure, reported)):
                yield passage.line, _complaint(figure, named, passage.area)


def _complaint(figure: Figure, named: list[str], area: Area) -> str:
    if area == "evaluation":
        return f"{figure.text} is not in results.json"
    if area == "generated":
        return f"{figure.text} is not what the run recorded"
    where = f"is not what results.json has for {', '.join(named)}"
    found = where if named else "is of no score: name its key in the sentence, as results.json has it"
    return f"{figure.text} {found}; what others measured belongs into card.reported of the spec"


def _expected(fresh: Page, results: Results) -> dict[tuple[str, int], tuple[tuple[str, ...], tuple[str, ...]]]:
    """First cell and number of cells of a row of results -> head of its table, and its cells as generated now."""
    found = {}
    head: tuple[str, ...] = ()
    for row in fresh.rows:
        if row.area != "evaluation":
            continue
        if row.cells[0].strip("`") in results:
            found[row.cells[0], len(row.cells)] = (head, row.cells)
        else:
            head = row.cells
    return found


def _differences(
    cells: tuple[str, ...], wanted: tuple[tuple[str, ...], tuple[str, ...]]
) -> Iterator[tuple[str, str, str]]:
    for column, found, expected in zip(wanted[0], cells, wanted[1], strict=True):
        if found != expected:
            yield column, found or "nothing", expected or "nothing"


def _named(passage: Passage, results: Results) -> list[str]:
    """The keys of results.json that a passage speaks of, by key or by title; every variant of a key that names none."""
    found = []
    for key in results:
        known = meaning(key)
        names = [re.escape(name) for name in (key.partition("@")[0], known.title if known else "") if name]
        if re.search(rf"(?<![\w-])(?:{'|'.join(names)})(?![\w-])", passage.about, re.IGNORECASE):
            found.append(key)
    return found


def _numbers(passages: Iterable[Passage], area: str) -> Iterator[Figure]:
    for passage in passages:
        if passage.area == area:
            yield from figures(passage.text)


def _values(rows: Iterable[dict[str, Any]]) -> Iterator[float]:
    for row in rows:
        for value in row.values():
            for item in value if isinstance(value, list) else [value]:
                if isinstance(item, int | float) and not isinstance(item, bool):
                    yield float(item)


def _any(figure: Figure, values: Iterable[float]) -> bool:
    return any(figure.prints(value) for value in values)


def _same(figure: Figure, others: Iterable[Figure]) -> bool:
    return any(figure.value == other.value and figure.percent == other.percent for other in others)
