"""Whether a reader of real hands reads the avatar's letters: nearest neighbours over MediaPipe landmarks.

    python benchmarks/letter_reading.py ../shared/models/hand_landmarker.task \
        ../shared/data/asl_alphabet/asl_alphabet_train [frames a letter]

The reader stores landmarks (centred, scaled, orientation kept) of the first three quarters of each letter's
photographs, in order of their numbers, which are frame numbers of one video; the last quarter is held out and its
accuracy printed beside the avatar's. Frames in which no hand is found count as unread in the second figure.
The photographs show one person whose T is unusual and whose G and H point to the viewer's left.
"""

import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import cv2
import mediapipe as mp
import numpy as np
from mediapipe.tasks.python import BaseOptions, vision
from numpy.typing import NDArray

from datamodules.avatar.renderer.letters import letter_frame
from datamodules.features.hand_landmarks import Hand
from datamodules.features.letter_landmarks import shape_of

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
Samples = list[tuple[str, NDArray[np.float64]]]


def features(result: vision.HandLandmarkerResult) -> NDArray[np.float64]:
    """Landmarks of the one hand found: picture coordinates and metric ones, each centred and scaled."""
    flat = np.array([[point.x, point.y] for point in result.hand_landmarks[0]])
    deep = np.array([[point.x, point.y, point.z] for point in result.hand_world_landmarks[0]])
    return shape_of(Hand(flat, deep))


def seen(landmarker: vision.HandLandmarker, letter: str, images: Iterable[NDArray[np.uint8]]) -> Samples:
    """Features of the images in which a hand is found, each with its letter."""
    results = (landmarker.detect(mp.Image(mp.ImageFormat.SRGB, image)) for image in images)
    return [(letter, features(result)) for result in results if result.hand_landmarks]


def read(known: Samples, samples: Samples) -> list[str]:
    """The letter most common among the five nearest known samples, for each sample."""
    stored = np.stack([sample for _, sample in known])
    answers = []
    for _, sample in samples:
        nearest = np.argsort(((stored - sample) ** 2).sum(1))[:5]
        answers.append(Counter(known[i][0] for i in nearest).most_common(1)[0][0])
    return answers


def main(model: str, folder: str, frames: int) -> None:
    options = vision.HandLandmarkerOptions(BaseOptions(model_asset_path=model), num_hands=1)
    known: Samples = []
    held: Samples = []
    drawn: Samples = []
    with vision.HandLandmarker.create_from_options(options) as landmarker:
        for letter in LETTERS:
            paths = sorted(Path(folder, letter).glob("*.jpg"), key=lambda path: int(path.stem[1:]))
            cut = len(paths) * 3 // 4
            photographs = [cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB) for path in paths]
            known += seen(landmarker, letter, photographs[:cut])
            held += seen(landmarker, letter, photographs[cut:])
            pictures = (letter_frame(letter, np.random.default_rng([k, ord(letter)])) for k in range(frames))
            drawn += seen(landmarker, letter, pictures)
    answers = read(known, held)
    right = np.mean([answer == letter for answer, (letter, _) in zip(answers, held, strict=True)])
    print(f"held-out photographs read: {right:.3f} of {len(held)} with a hand found")
    answers = read(known, drawn)
    for letter in LETTERS:
        read_as = Counter(answer for answer, (asked, _) in zip(answers, drawn, strict=True) if asked == letter)
        print(f"{letter}  {read_as[letter] / frames:4.2f}  {dict(read_as.most_common(4))}")
    hits = sum(answer == letter for answer, (letter, _) in zip(answers, drawn, strict=True))
    print(f"avatar letters read: {hits / len(drawn):.3f} of found hands, {hits / (26 * frames):.3f} of frames")


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        raise SystemExit(
            "usage: python benchmarks/letter_reading.py hand_landmarker.task asl_alphabet_train [frames a letter]"
        )
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 10)
