"""Which of WLASL's classes a model learns, and what is left of a folder when the others are gone."""

import difflib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from datamodules.samples import SPLITS, Finding, Survey
from datamodules.wlasl.index import Instance

KEY: Final = "data.init_args.glosses"
SHOWN: Final = 5
"""Glosses that a message names."""


def choose_glosses(path: Path, instances: Sequence[Instance], wanted: int | list[str] | None) -> list[str]:
    """The glosses of an index in the order of their classes: all, the first so many classes of WLASL, or those named.

    Raises ValueError for a number of which the index does not have every class, and for a gloss that it lacks.
    """
    glosses = dict(sorted((clip.number, clip.gloss) for clip in instances))
    if wanted is None:
        return list(glosses.values())
    if isinstance(wanted, int):
        if not 1 <= wanted <= len(glosses):
            raise ValueError(f"{KEY}: found {wanted}, expected 1 to the {len(glosses)} of {path}")
        absent = [number for number in range(wanted) if number not in glosses]
        if absent:
            raise ValueError(
                f"{KEY}: {wanted} are the classes 0 to {wanted - 1} of WLASL, and {path} has no clip of {len(absent)} "
                f"of them, the first is {absent[0]}; name the glosses, or set data.init_args.index to another index"
            )
        return [glosses[number] for number in range(wanted)]
    if not wanted:
        raise ValueError(f"{KEY}: found no gloss, expected at least one of {path}; null takes all")
    known = set(glosses.values())
    for gloss, count in Counter(wanted).items():
        if gloss not in known:
            near = difflib.get_close_matches(gloss, known, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"{KEY}: {gloss!r} is not in {path}{hint}")
        if count > 1:
            raise ValueError(f"{KEY}: {gloss!r} stands there {count} times, expected once; remove the others")
    return wanted


def only(glosses: Sequence[str], found: Survey) -> Survey:
    """What a survey found of some glosses. A split that has nothing else is a finding: nobody looks for its clips in
    vain."""
    wanted = set(glosses)
    kept = [sample for sample in found.samples if sample.label in wanted]
    before, after = (Counter(sample.split for sample in samples) for samples in (found.samples, kept))
    emptied = [split for split in SPLITS if before[split] and not after[split]]
    if not emptied:
        return replace(found, samples=kept)
    there = dict.fromkeys(str(sample.label) for sample in found.samples if sample.split in emptied)
    counts = ", ".join(f"{before[split]} in {split}" for split in emptied)
    message = f"{KEY} leaves none of the samples that are there ({counts}): it keeps {_some(glosses)}; they are of "
    finding = Finding("filter", "glosses", message + _some(list(there)), "warning")
    return replace(found, samples=kept, findings=[finding, *found.findings])


def _some(glosses: Sequence[str]) -> str:
    more = f" and {len(glosses) - SHOWN} more" if len(glosses) > SHOWN else ""
    return ", ".join(map(repr, glosses[:SHOWN])) + more
