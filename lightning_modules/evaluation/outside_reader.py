"""How letters are read by who never saw the avatar: MediaPipe, and the landmarks of real hands.

A judge and a model that learnt from one twin agree with each other; this reader knows real hands alone.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from torch import Tensor

from datamodules.features.hand_landmarks import HandLandmarker
from datamodules.features.letter_landmarks import nearest_letter, real_letters, shape_of
from datamodules.media.drawing_primitives import Image
from lightning_modules.evaluation.results import Comparison, Results
from lightning_modules.evaluation.sample_strips import as_images
from lightning_modules.metrics.score import Share

SIDE: Final = 256
"""Pixels to which smaller pictures are scaled: MediaPipe looks for hands of the size of photographs."""
FOUND, READ = "mediapipe_found", "mediapipe_letters"


class OutsideReader:
    """Reads the pictures of all contenders whose class is a letter, A to Z, and scores them at the end.

    bundle: MediaPipe's hand landmarker. classes: names of the labels. contenders: whose pictures there are.
    """

    def __init__(self, bundle: Path, classes: Sequence[str], contenders: Sequence[str]) -> None:
        self.bundle, self.classes, self.means = bundle, classes, real_letters()
        self.compared = {key: Comparison(Share, contenders) for key in (FOUND, READ)}
        self.items = 0

    def update(self, answers: Mapping[str, Tensor], labels: Sequence[int]) -> None:
        """Read pictures (b, 3, S, S) in [0, 1] of as many labels."""
        letters = [at for at, label in enumerate(labels) if self.classes[label] in self.means]
        if not letters:
            return
        self.items += len(letters)
        with HandLandmarker(self.bundle) as landmarker:
            read = {
                name: [self._read(landmarker, picture) for picture in as_images(of[letters])]
                for name, of in answers.items()
            }
        self.compared[FOUND].update({name: [letter is not None for letter in of] for name, of in read.items()})
        asked = [self.classes[labels[at]] for at in letters]
        right = {name: [a == b for a, b in zip(of, asked, strict=True)] for name, of in read.items()}
        self.compared[READ].update(right)

    def _read(self, landmarker: HandLandmarker, picture: Image) -> str | None:
        """The letter of a picture, None where no hand is found."""
        if len(picture) < SIDE:
            picture = np.asarray(cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC), np.uint8)
        hand = landmarker.largest(picture)
        return None if hand is None else nearest_letter(shape_of(hand), self.means)

    def results(self) -> Results:
        """`mediapipe_found` and `mediapipe_letters`; nothing where no class is a letter."""
        protocol = f"letters A to Z, scaled to {SIDE} pixels; no hand found is not read"
        return {key: comparison.row(protocol) for key, comparison in self.compared.items()} if self.items else {}
