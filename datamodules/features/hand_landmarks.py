"""One hand in a picture or a part of it, by MediaPipe's hand landmarker alone: no body needs to be in view."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from datamodules.features.landmarks import PALM, cut_square, ignore_profiling, open_model, started_quietly
from datamodules.media.hand_boxes import Box
from datamodules.media.video import Frame

Keypoints = npt.NDArray[np.float64]

AROUND: Final = 2.5
"""Sides of a hand's box that are looked at: in the box alone MediaPipe finds half as many hands."""


@dataclass(frozen=True)
class Hand:
    """The 21 landmarks of a hand as MediaPipe sees them.

    flat: (21, 2), x and y in pixels of the picture. deep: (21, 3), in metres around the middle of the hand.
    """

    flat: Keypoints
    deep: Keypoints


class HandLandmarker:
    """MediaPipe's hand landmarker on the CPU, from its bundle; closes as a context manager.

    Raises ValueError: MediaPipe is not installed, or cannot open the bundle.
    """

    def __init__(self, bundle: Path) -> None:
        try:
            import mediapipe as mp
            from mediapipe.tasks.python import vision
        except ImportError as error:
            raise ValueError(f"hands need MediaPipe ({error}): pip install 'sign-zoo[landmarks]'") from error
        self._mp: Any = mp
        ignore_profiling()
        with started_quietly(), ExitStack() as opened:
            self._hand = open_model(vision.HandLandmarker, vision.HandLandmarkerOptions, bundle, num_hands=2)
            opened.callback(self._hand.close)
            self(np.zeros((64, 64, 3), np.uint8), (0, 0, 64, 64))
            opened.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._hand.close()

    def __call__(self, picture: Frame, box: Box) -> Keypoints | None:
        """The 21 keypoints, x and y in pixels of the picture (H, W, 3), of the hand nearest to the middle of a box.

        It is looked for in a square 2.5 times as wide as the box; None where none lies within a box's side.
        """
        left, top, right, bottom = box
        side, middle = max(right - left, bottom - top), np.array([left + right, top + bottom]) / 2
        width = max(1, round(AROUND * side))
        corner = tuple(np.round(middle - width / 2).astype(int).tolist())
        image = self._mp.Image(self._mp.ImageFormat.SRGB, cut_square(picture, corner, width))
        found = self._hand.detect(image).hand_landmarks
        hands = [np.array([(corner[0] + p.x * width, corner[1] + p.y * width) for p in hand]) for hand in found]
        distances = [float(np.linalg.norm(hand[list(PALM)].mean(0) - middle)) for hand in hands]
        nearest = int(np.argmin(distances)) if hands else 0
        return hands[nearest] if hands and distances[nearest] <= side else None

    def largest(self, picture: Frame) -> Hand | None:
        """The hand of a picture (H, W, 3) that takes up most of it, None where none is found."""
        found = self._hand.detect(self._mp.Image(self._mp.ImageFormat.SRGB, np.ascontiguousarray(picture)))
        size = np.array([picture.shape[1], picture.shape[0]])
        hands = [
            Hand(np.array([(p.x, p.y) for p in flat]) * size, np.array([(p.x, p.y, p.z) for p in deep]))
            for flat, deep in zip(found.hand_landmarks, found.hand_world_landmarks, strict=True)
        ]
        return max(hands, key=lambda hand: float(np.prod(np.ptp(hand.flat, axis=0))), default=None)
