"""Of the hands in a picture, how like the true ones they are: SignDiff's hand SSIM and hand pose (section 4.3).

Where the hands are, whoever measures says: boxes in pixels of the picture, the same for a model and its baselines.
"""

import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt
from torch import Tensor

from datamodules.features.bundles import FOLDER_VARIABLE, HAND, lying_here
from datamodules.features.hand_landmarks import HandLandmarker
from datamodules.files import cache_folder
from datamodules.media.drawing_primitives import Image
from datamodules.media.hand_boxes import Box
from lightning_modules.metrics.images import WINDOW, ssim
from lightning_modules.metrics.score import Array, Ratio

Boxes = Sequence[Sequence[Box]]
"""Of every picture, those of its hands."""
Keypoints = npt.NDArray[np.float64]
"""(B, H, 21, 2) of pictures' hands, x and y in pixels of the picture; NaN where no hand was found."""


class HandSsim(Ratio):
    """`hand_ssim`: SSIM of what lies in the box of a hand; the mean over hands.

    A box is widened to SSIM's window of 11 pixels, where it is smaller. Items, by picture: the sum over its hands, and
    how many they are.
    """

    def measure(self, pictures: Tensor, references: Tensor, boxes: Boxes) -> Array:
        """Of pictures and references (b, C, H, W) in [0, 1], and the boxes of each."""
        ours, theirs = pictures.cpu(), references.cpu()
        items = np.zeros((len(ours), 2))
        for at, hands in enumerate(boxes):
            for box in hands:
                rows, columns = _widened(box, *ours.shape[2:])
                items[at] += float(ssim(ours[at : at + 1, :, rows, columns], theirs[at : at + 1, :, rows, columns])), 1
        return items


class HandPose(Ratio):
    """`hand_pose`: how far the keypoints of a hand that is found again lie from the true ones, in pixels of the frame.

    Of a hand that is found in the true frame: the mean euclidean distance of its 21 keypoints, at most the side of its
    box; and that, where none is found in the picture. So a generator gains nothing by hands that cannot be found.
    The mean over hands; those that are not found in the true frame do not count. Items, by picture: the sum over its
    hands, and how many they are.
    """

    def measure(self, found: Keypoints, true: Keypoints, sides: Array) -> Array:
        """Of keypoints in pictures and in true frames, and the sides (b, H) of the boxes."""
        distances = np.linalg.norm(found - true, axis=-1).mean(-1)
        counted = present(true)
        paid = np.where(np.isnan(distances), sides, np.minimum(distances, sides))
        return np.stack([(paid * counted).sum(1), counted.sum(1)], 1)


class HandFound(Ratio):
    """`hand_found`: share of the hands found in true frames that are found in the pictures too, in [0, 1].

    Items, by picture: how many are found in both, and how many in the true frame.
    """

    def measure(self, found: Keypoints, true: Keypoints, sides: Array) -> Array:
        """Of what `HandPose` wants."""
        counted = present(true)
        return np.stack([(present(found) & counted).sum(1), counted.sum(1)], 1).astype(float)


def present(keypoints: Keypoints) -> npt.NDArray[np.bool_]:
    """Which hands (b, H) were found."""
    found: npt.NDArray[np.bool_] = np.all(np.isfinite(keypoints), axis=(-2, -1))
    return found


def find_hands(landmarker: HandLandmarker, pictures: Sequence[Image], boxes: Boxes) -> Keypoints:
    """The hands in pictures (b), (H, W, 3) each; as many of every picture as the one with most boxes has."""
    keypoints = np.full((len(pictures), max(map(len, boxes), default=0), 21, 2), np.nan)
    for at, (picture, hands) in enumerate(zip(pictures, boxes, strict=True)):
        for number, box in enumerate(hands):
            hand = landmarker(picture, box)
            if hand is not None:
                keypoints[at, number] = hand
    return keypoints


def hand_bundle() -> Path | None:
    """The hand landmarker's file; where it or MediaPipe is missing None, and a line says how to have it.

    Nothing is downloaded: a test has the same keys with and without a network.
    """
    path = lying_here(HAND)
    how = None
    if not find_spec("mediapipe"):
        how = "MediaPipe is not installed: pip install 'sign-zoo[landmarks]'"
    elif not path:
        how = f"no {HAND.name} in ${FOLDER_VARIABLE} or {cache_folder()}: put {HAND.url} there"
    if how:
        print(f"hand_pose and hand_found are left out: {how}", file=sys.stderr)
    return None if how else path


def _widened(box: Box, height: int, width: int) -> tuple[slice, slice]:
    """Rows and columns of a box within a picture, at least as many as SSIM's window has."""
    left, top, right, bottom = box
    return _at_least(top, bottom, height), _at_least(left, right, width)


def _at_least(low: int, high: int, length: int) -> slice:
    missing = max(0, WINDOW - (high - low))
    start = min(max(0, low - missing // 2), max(0, length - WINDOW))
    return slice(start, min(length, max(high, start + WINDOW)))
