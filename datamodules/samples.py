"""What every data set consists of, whatever its files: named samples in splits, and what was found wrong on the way."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Split = Literal["train", "dev", "test"]
SPLITS: tuple[Split, ...] = ("train", "dev", "test")


@dataclass(frozen=True)
class Sample:
    """One item of a data set.

    name: unique in the data set.
    split: the part it belongs to.
    source: what it was cut from (a source video, a signer, a block of neighbouring frames): samples of one source
        resemble each other, so no source may stand in two splits.
    label: its class (letter or gloss); None where there are no classes.
    files: its own files; empty where many samples share one.
    caption: what a text says of it, in its own words; None where there is none.
    """

    name: str
    split: Split
    source: str
    label: str | None = None
    files: tuple[Path, ...] = ()
    caption: str | None = None


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with a data set.

    kind: a short class of problem, such as "missing", "unreadable", "unlisted", "leak", "duplicate", "frozen". What was
        there and is left out, so that a split may be empty, is a "filter", or an "overlap" with another split.
    where: the file, or the name of the sample.
    severity: an "error" spoils training or scores; a "warning" is for a person to weigh.
    """

    kind: str
    where: str
    message: str
    severity: Literal["error", "warning"] = "error"


@dataclass
class Survey:
    """All samples of a data set that its index and folders name, and what does not fit together among them."""

    samples: list[Sample] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
