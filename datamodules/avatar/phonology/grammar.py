"""English sentences and the ASL glosses that sign them: a context-free grammar over the avatar's lexicon.

It exists so that a model can be trained and judged offline on (text, glosses, pose) triples, truth known.
Gloss order follows what textbooks of ASL agree on: time first, then subject, verb, object, the WH word last.
`grammar.yaml` holds the rules and explains their notation; no signer has reviewed them.
"""

import hashlib
import itertools
import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Final

import yaml

from datamodules.samples import Split

START: Final = "sentence"
SPELLED: Final = "#"  # a gloss "#ANNA" is fingerspelled
CLAUSE: Final = "/"  # stands between two clauses in the rules
HELD_OUT: Final[Mapping[int, Split]] = {
    0: "dev",
    1: "test",
}  # twentieths of the hash range; the other eighteen train
FORMS: Final = ("base", "third", "past", "ing")
SPELLED_KEPT: Final = 0.45  # share of drawn sentences with a fingerspelled word that stay: then about half have one

_REFERENCE = re.compile(r"\{(?P<rule>\w+)(?P<copy>\.\d+)?(?::(?P<form>\w+))?\}")
_AGREEING = re.compile(r"\w+(?:\|\w+)+")
_INFLECTED = re.compile(r"\w+(?:/\w+){3}")


@dataclass(frozen=True)
class Sentence:
    """An English sentence and its glosses: signs ("HELLO"), or "#" and what to spell ("#ANNA").

    `clauses` are the indices of the glosses with which further clauses begin.
    """

    text: str
    glosses: tuple[str, ...]
    clauses: tuple[int, ...] = ()


@dataclass(frozen=True)
class _Production:
    """One right-hand side. `slots` maps each reference ("name.2") to its rule, in English order."""

    text: str
    glosses: tuple[str, ...]
    slots: Mapping[str, str]
    subject: str | None

    def fill(self, phrases: Mapping[str, Sentence]) -> Sentence:
        """The phrase that comes of putting `phrases` into the slots, agreement and verb forms settled."""
        person = _person(phrases[self.subject].text) if self.subject else 2

        def insert(match: re.Match[str]) -> str:
            text, form = phrases[match["rule"] + (match["copy"] or "")].text, match["form"]
            return _inflect(text, ("base" if person < 2 else "third") if form == "now" else form) if form else text

        text = (
            _AGREEING.sub(lambda match: _agree(match[0].split("|"), person), self.text) if self.subject else self.text
        )
        glosses: list[str] = []
        clauses: list[int] = []
        for gloss in self.glosses:
            if gloss == CLAUSE:
                clauses.append(len(glosses))
            elif gloss[0] == "{":
                clauses += [len(glosses) + first for first in phrases[gloss[1:-1]].clauses]
                glosses += phrases[gloss[1:-1]].glosses
            else:
                glosses.append(gloss)
        return Sentence(_REFERENCE.sub(insert, text) if self.slots else text, tuple(glosses), tuple(clauses))


def _person(subject: str) -> int:
    """0 for I, 1 for you, 2 for everybody else."""
    return {"i": 0, "you": 1}.get(subject.lower(), 2)


def _agree(options: list[str], person: int) -> str:
    return options[person] if len(options) == 3 else options[person == 2]


def _inflect(text: str, form: str) -> str:
    return _INFLECTED.sub(lambda match: match[0].split("/")[FORMS.index(form)], text)


def _parse(production: str, subjects: frozenset[str]) -> _Production:
    text, _, glosses = production.partition(" = ")
    slots = {match["rule"] + (match["copy"] or ""): match["rule"] for match in _REFERENCE.finditer(text)}
    if not glosses:
        glosses = text if slots else SPELLED + text.upper()
    subject = next((slot for slot, rule in slots.items() if rule in subjects), None)
    return _Production(text, tuple(glosses.split()), slots, subject)


class Grammar:
    """The rules of `grammar.yaml`; use the functions of this module unless you bring rules of your own."""

    def __init__(self, rules: Mapping[str, list[str]], subjects: frozenset[str]) -> None:
        self._rules = {name: [_parse(item, subjects) for item in items] for name, items in rules.items()}
        self._phrases: dict[str, list[Sentence]] = {}
        self._reach: dict[str, frozenset[str]] = {}
        self._able: dict[tuple[str, str], list[_Production]] = {}

    def phrases(self, rule: str) -> Iterator[Sentence]:
        """Everything that `rule` derives (a phrase that two derivations yield comes twice)."""
        for production in self._rules[rule]:
            choices = [self._derived(name) for name in production.slots.values()]
            for picks in itertools.product(*choices):
                yield production.fill(dict(zip(production.slots, picks, strict=True)))

    def _derived(self, rule: str) -> list[Sentence]:
        if rule not in self._phrases:
            self._phrases[rule] = list(self.phrases(rule))
        return self._phrases[rule]

    def reach(self, rule: str) -> frozenset[str]:
        """The glosses that a phrase of `rule` can hold; "#" stands for every fingerspelled word."""
        if rule not in self._reach:
            self._reach[rule] = frozenset().union(*(self._holds(item) for item in self._rules[rule]))
        return self._reach[rule]

    def _holds(self, production: _Production) -> frozenset[str]:
        own = (SPELLED if gloss[0] == SPELLED else gloss for gloss in production.glosses if gloss[0] not in "{/")
        return frozenset(own).union(*(self.reach(rule) for rule in production.slots.values()))

    def draw(self, rng: random.Random, anchor: str | None, rule: str = START) -> Sentence:
        """A random phrase of `rule` that holds the gloss `anchor` (any phrase when None)."""
        production = rng.choice(self._holding(anchor, rule) if anchor else self._rules[rule])
        carrier = None
        if anchor and anchor not in production.glosses:
            carrier = rng.choice([slot for slot, name in production.slots.items() if anchor in self.reach(name)])
        phrases = {
            slot: self.draw(rng, anchor if slot == carrier else None, name) for slot, name in production.slots.items()
        }
        return production.fill(phrases)

    def _holding(self, anchor: str, rule: str) -> list[_Production]:
        if (anchor, rule) not in self._able:
            self._able[anchor, rule] = [item for item in self._rules[rule] if anchor in self._holds(item)]
        return self._able[anchor, rule]


@cache
def _grammar() -> Grammar:
    source = yaml.safe_load(resources.files(__package__).joinpath("grammar.yaml").read_text("utf-8"))
    return Grammar(source["rules"], frozenset(source["subjects"]))


def _finish(phrase: Sentence) -> Sentence:
    return replace(phrase, text=phrase.text[0].upper() + phrase.text[1:])


def split_of(sentence: Sentence) -> Split:
    """The split a sentence belongs to, for good: 90 % train, 5 % dev, 5 % test by a hash of its text.

    One-sign utterances always train: held out they would ask for an unseen word, not for a new combination.
    """
    if len(sentence.glosses) == 1:
        return "train"
    digest = hashlib.sha256(sentence.text.encode()).digest()
    return HELD_OUT.get(int.from_bytes(digest[:8], "big") * 20 >> 64, "train")


def every() -> Iterator[Sentence]:
    """Every sentence of the grammar, each text once, in a fixed order."""
    seen: set[str] = set()
    for phrase in _grammar().phrases(START):
        sentence = _finish(phrase)
        if sentence.text not in seen:
            seen.add(sentence.text)
            yield sentence


@cache
def count() -> int:
    """Number of distinct sentences, by enumeration (seconds)."""
    return sum(1 for _ in every())


def signs() -> tuple[str, ...]:
    """The glosses that the grammar signs, sorted; all else is fingerspelled."""
    return tuple(sorted(_grammar().reach(START) - {SPELLED}))


def sentences(split: Split, n: int, seed: int = 0) -> list[Sentence]:
    """`n` different sentences of a split, the same for the same seed; a longer sample begins as a shorter.

    Each draw first picks a sign that the sentence must hold, so that ME and MY do not drown BATHROOM.
    Beyond about 5,000 sentences the unspelled ones run out and the share with a spelled word grows past half.

    Raises:
        ValueError: an unknown split, or more sentences than can be found in it.
    """
    if split not in ("train", *HELD_OUT.values()):
        raise ValueError(f"unknown split {split!r}; expected 'train', 'dev' or 'test'")
    grammar, anchors, rng = _grammar(), signs(), random.Random(seed)
    found: dict[str, Sentence] = {}
    for _ in range(200 * n + 10_000):
        if len(found) >= n:
            return list(found.values())
        sentence = _finish(grammar.draw(rng, rng.choice(anchors)))
        spelled = any(gloss[0] == SPELLED for gloss in sentence.glosses)
        if split_of(sentence) == split and (not spelled or rng.random() < SPELLED_KEPT):
            found.setdefault(sentence.text, sentence)
    raise ValueError(f"found only {len(found)} of {n} {split} sentences (the grammar holds {count()}); ask for fewer")
