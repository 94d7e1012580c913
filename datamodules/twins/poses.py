"""Sentences and their poses: what the twins of How2Sign and PHOENIX14T have in common."""

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datamodules.avatar.perform import Performance, perform
from datamodules.avatar.phonology.grammar import Sentence, sentences
from datamodules.catalogue import CATALOGUE
from datamodules.samples import Split
from datamodules.twins.signers import Twin, cast, spread

SPLITS: tuple[Split, ...] = ("train", "dev", "test")
FIRST: dict[Split, int] = {"train": 0, "dev": 1_000_000, "test": 2_000_000}
"""Number of a split's first sentence among all that the avatar signs: no two of them are one recording."""
FPS = 25.0
"""Frames a second of poses in files."""


def spoken(split: Split, twin: Twin) -> list[Sentence]:
    """The sentences of a split: `size` for training, a tenth each for dev and test."""
    size = twin.size if split == "train" else max(2, twin.size // 10)
    return sentences(split, size, seed=twin.seed)


def performed(split: Split, number: int, sentence: Sentence, twin: Twin, fps: float = FPS) -> Performance:
    """A split's sentence by its number; the signers take turns."""
    signer = cast(twin)[number % twin.people]
    return perform(sentence, signer, fps, seed=twin.seed + FIRST[split] + number)


def signed(split: Split, number: int, sentence: Sentence, twin: Twin, fps: float = FPS) -> NDArray[np.float32]:
    """The joints (T, 50, 3) of `performed`."""
    return performed(split, number, sentence, twin, fps).joints


def all_signed(split: Split, twin: Twin) -> list[NDArray[np.float32]]:
    """The joints of every sentence of a split at 25 frames a second."""
    tasks = [(split, number, sentence, twin) for number, sentence in enumerate(spoken(split, twin))]
    return spread(signed, tasks, f"the avatar signs {split}", worth=500)


def write_lines(path: Path, lines: list[str]) -> None:
    """A text file, one item a line; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


_NUMBERED = re.compile(r"(?:.*/)?avatar-?(\d+)(?:_.*)?")


def truths(dataset: str, twin: Twin, split: Split, names: Iterable[str], stride: int = 1) -> dict[str, Performance]:
    """The performances that sentences of a twin are, by their names in the files: every `stride`-th frame of 25 a
    second, of joints and truth alike.

    Raises:
        ValueError: a data set whose twin holds no sentences, or a name that this twin's split does not have.
    """
    if CATALOGUE[dataset].spoken is None:
        known = ", ".join(name for name, of in CATALOGUE.items() if of.spoken)
        raise ValueError(f"{dataset}: its twin holds no sentences with poses; those of {known} do")
    sentences, found = spoken(split, twin), {}
    for name in names:
        match = _NUMBERED.fullmatch(name)
        number = int(match[1]) - FIRST[split] if match else -1
        if not 0 <= number < len(sentences):
            raise ValueError(f"{name!r}: not one of the {len(sentences)} {split} sentences of {dataset}'s {twin}")
        whole = performed(split, number, sentences[number], twin)
        found[name] = whole.every(stride)
    return found
