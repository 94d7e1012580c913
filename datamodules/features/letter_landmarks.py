"""Which letter of the manual alphabet a hand shows, by its landmarks: a reader that no avatar has trained.

`letter_landmarks.csv` has the mean landmarks of each letter in photographs, 60 of each, of one signer, in the ASL
Alphabet data set (grassknoted, Kaggle), as MediaPipe's hand landmarker sees them: numbers, and no picture. They are
written by `benchmarks/letter_landmarks.py`.
"""

import csv
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from datamodules.features.hand_landmarks import Hand

TABLE: Final = Path(__file__).with_suffix(".csv")

Shape = npt.NDArray[np.float64]


def shape_of(hand: Hand) -> Shape:
    """What of a hand's landmarks tells letters apart, (105,): those of the picture and the metric ones, each without
    place and size. The orientation stays: it is part of a letter."""
    parts = [points - points.mean(0) for points in (hand.flat, hand.deep)]
    return np.concatenate([(part / np.sqrt((part**2).sum(1).mean())).ravel() for part in parts])


def nearest_letter(shape: Shape, means: Mapping[str, Shape]) -> str:
    """The letter whose mean shape is nearest."""
    return min(means, key=lambda letter: float(((means[letter] - shape) ** 2).sum()))


@cache
def real_letters() -> Mapping[str, Shape]:
    """The mean shape of each letter, A to Z, in photographs."""
    with TABLE.open(newline="") as file:
        return {row[0]: np.array(row[1:], float) for row in csv.reader(file)}


def write_letters(path: Path, means: Mapping[str, Sequence[float] | Shape]) -> None:
    """Write a table that `real_letters` reads: a letter a line, three decimals."""
    lines = [",".join([letter, *(f"{number:.3f}" for number in means[letter])]) for letter in sorted(means)]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
