"""Sentences and their poses: what the twins of How2Sign and PHOENIX14T have in common."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datamodules.avatar.grammar import Sentence, Split, sentences
from datamodules.avatar.perform import perform
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


def signed(split: Split, number: int, sentence: Sentence, twin: Twin, fps: float = FPS) -> NDArray[np.float32]:
    """The joints (T, 50, 3) of a split's sentence by its number; the signers take turns."""
    signer = cast(twin)[number % twin.signers]
    return perform(sentence.glosses, signer, fps, seed=twin.seed + FIRST[split] + number).joints


def all_signed(split: Split, twin: Twin) -> list[NDArray[np.float32]]:
    """The joints of every sentence of a split at 25 frames a second."""
    tasks = [(split, number, sentence, twin) for number, sentence in enumerate(spoken(split, twin))]
    return spread(signed, tasks, f"the avatar signs {split}", worth=500)


def write_lines(path: Path, lines: list[str]) -> None:
    """A text file, one item a line; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
