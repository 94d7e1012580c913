"""Measure the mean landmarks of real letters, and how well they read photographs that they were not made of.

    python benchmarks/letter_landmarks.py hand_landmarker.task asl_alphabet_train [table.csv]

The first three quarters of each letter's photographs, in order of their numbers, which are frame numbers of one video,
make the table; the last quarter is read with it. With a third argument the table is written there.
"""

import sys
from pathlib import Path

import cv2
import numpy as np

from datamodules.features.hand_landmarks import HandLandmarker
from datamodules.features.letter_landmarks import Shape, nearest_letter, shape_of, write_letters

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def shapes(landmarker: HandLandmarker, paths: list[Path]) -> list[Shape]:
    """Of the photographs in which a hand is found."""
    found = (landmarker.largest(cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)) for path in paths)
    return [shape_of(hand) for hand in found if hand]


def main(bundle: str, folder: str, table: str | None = None) -> None:
    means, held, photographs = {}, [], 0
    with HandLandmarker(Path(bundle)) as landmarker:
        for letter in LETTERS:
            paths = sorted(Path(folder, letter).glob("*.jpg"), key=lambda path: int(path.stem[1:]))
            cut = len(paths) * 3 // 4
            means[letter] = np.mean(shapes(landmarker, paths[:cut]), axis=0)
            held += [(letter, shape) for shape in shapes(landmarker, paths[cut:])]
            photographs += len(paths) - cut
    right: dict[str, list[bool]] = {letter: [] for letter in LETTERS}
    for letter, shape in held:
        right[letter].append(nearest_letter(shape, means) == letter)
    for letter, answers in right.items():
        print(f"{letter}  {np.mean(answers) if answers else 0:4.2f} of {len(answers)}")
    hits = sum(map(sum, right.values()))
    print(f"held-out photographs: hand found in {len(held) / photographs:.3f}, read {hits / len(held):.3f} of those")
    if table:
        write_letters(Path(table), means)
        print(table)


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        raise SystemExit(__doc__)
    main(*sys.argv[1:])
