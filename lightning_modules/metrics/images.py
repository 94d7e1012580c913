"""How like its reference a picture is: SSIM, PSNR and L1, per picture, in one precision whatever the model's; and how
like the true ones the hands in it are, SignDiff's hand SSIM and hand pose (section 4.3). And of frames that follow one
another, how they change.

Pictures are (B, C, H, W) in [0, 1], on any device; what is returned lies on the CPU. Where the hands are, whoever
measures says: boxes in pixels of the picture, the same for a model and its baselines.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional
from torchmetrics.functional.image import structural_similarity_index_measure

from datamodules.media.hand_boxes import Box
from lightning_modules.metrics.score import Array, Mean, Ratio

Measure = Callable[[Tensor, Tensor], Tensor]
Boxes = Sequence[Sequence[Box]]
"""Of every picture, those of its hands."""
Keypoints = npt.NDArray[np.float64]
"""(B, H, 21, 2) of pictures' hands, x and y in pixels of the picture; NaN where no hand was found."""

WINDOW: Final = 11
SIGMA: Final = 1.5
MOST_DECIBELS: Final = 100.0
STILL: Final = 8 / 255
"""The true frames stand still where they change by no more on average: by noise and compression, by which pixels of
filmed signers change by a quarter of it."""
NEAR: Final = 32
"""One part in so many of a side: how far around a pixel that average is taken."""


def ssim(pictures: Tensor, references: Tensor) -> Tensor:
    """Structural similarity (B,) as published (Wang et al. 2004), in [-1, 1]: 1 for equal pictures.

    A gaussian window of 11 pixels and deviation 1.5 that never leaves the picture; the mean over its places and over
    channels. torchmetrics' own mean takes in the windows that reach over the border, filled by reflection; without
    those it is scikit-image's `structural_similarity` with `gaussian_weights`, `sigma=1.5`,
    `use_sample_covariance=False` and `data_range=1`, to 1e-6: it is taken in single precision, on the CPU (a GPU may
    round to ten bits), for in double it takes torch ten times as long.

    Raises ValueError for pictures smaller than the window.
    """
    height, width = pictures.shape[2:]
    if min(height, width) < WINDOW:
        raise ValueError(f"ssim needs pictures of at least {WINDOW} pixels a side, found {width} x {height}")
    ours, theirs = (of.detach().cpu().float() for of in (pictures, references))
    with torch.autocast("cpu", enabled=False):
        _, places = structural_similarity_index_measure(
            ours, theirs, sigma=SIGMA, kernel_size=WINDOW, data_range=1.0, reduction="none", return_full_image=True
        )
    border = WINDOW // 2
    inner: Tensor = places[..., border : height - border, border : width - border]
    return inner.double().mean((1, 2, 3))


def psnr(pictures: Tensor, references: Tensor) -> Tensor:
    """Peak signal-to-noise ratio (B,), -10 log10 of the mean squared error, in decibels; at most 100, of equal ones.

    Written out, for torchmetrics takes the base of its logarithm in single precision: 2e-6 dB off at 40.
    """
    error = (exact(pictures) - exact(references)).square().mean((1, 2, 3))
    return (-10 * torch.log10(error)).clamp(max=MOST_DECIBELS)


def l1(pictures: Tensor, references: Tensor) -> Tensor:
    """Mean absolute difference (B,) of channels of pixels, in [0, 1]."""
    return (exact(pictures) - exact(references)).abs().mean((1, 2, 3))


def exact(pictures: Tensor) -> Tensor:
    """The same on the CPU, in double precision."""
    return pictures.detach().cpu().double()


class PerPicture(Mean):
    """The mean over pictures of what a function makes of each and its reference."""

    def __init__(self, measure_one: Measure) -> None:
        super().__init__()
        self.measure_one = measure_one

    def measure(self, pictures: Tensor, references: Tensor) -> Tensor:
        return self.measure_one(pictures, references)


IMAGE_SCORES: Final[dict[str, Callable[[], PerPicture]]] = {
    "ssim": partial(PerPicture, ssim),
    "psnr": partial(PerPicture, psnr),
    "l1": partial(PerPicture, l1),
}
"""By key of results.json; each makes an empty one."""

VARIANTS: Final = {
    "ssim": f"gaussian {WINDOW} pixels, sigma {SIGMA}, unpadded, RGB",
    "psnr": f"decibels, mean of pictures, at most {MOST_DECIBELS:g} each",
    "l1": "values in [0, 1]",
}
"""How each is taken, in print."""


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


class ConditionResponse(Ratio):
    """`condition_response`: how much pictures change when only the pose is exchanged, as a share of how much the true
    frames do. 1 is the truth's; 0 is a model that ignores its condition.

    Of frames of one signer that were made from the same noise: the mean absolute difference of the pixels of two whose
    poses are half a sequence apart. The mean over pairs, divided by that of the true frames. Items, by sequence: both.
    """

    def measure(self, frames: Tensor, references: Tensor) -> Array:
        """Of a sequence, and of the true one, (T, C, H, W) each: one item."""
        apart = max(1, len(frames) // 2)
        changes = [float((of[apart:] - of[:-apart]).abs().mean()) for of in (exact(frames), exact(references))]
        return np.array([changes])


class Flicker(Ratio):
    """`flicker`: how much neighbouring frames change beyond the true motion, values in [0, 1].

    At pixels around which the true frames stand still: the absolute change, less the true one, at least 0. The mean
    over them. It is VBench's temporal flickering (Huang et al. 2024: the mean absolute difference of neighbouring
    frames of still scenes) at the still places of moving ones; a picture that never changes has none. Items, by
    sequence: the sum, and over how many values it is.
    """

    def measure(self, frames: Tensor, references: Tensor) -> Array:
        """Of a sequence, and of the true one, (T, C, H, W) each: one item."""
        ours, theirs = (exact(of).diff(dim=0).abs() for of in (frames, references))
        near = min(references.shape[2:]) // NEAR
        moved = functional.avg_pool2d(
            theirs.amax(1, keepdim=True), 2 * near + 1, stride=1, padding=near, count_include_pad=False
        )
        still = (moved <= STILL).expand_as(ours)
        return np.array([[float((ours - theirs).relu()[still].sum()), float(still.sum())]])


def present(keypoints: Keypoints) -> npt.NDArray[np.bool_]:
    """Which hands (b, H) were found."""
    found: npt.NDArray[np.bool_] = np.all(np.isfinite(keypoints), axis=(-2, -1))
    return found


def _widened(box: Box, height: int, width: int) -> tuple[slice, slice]:
    """Rows and columns of a box within a picture, at least as many as SSIM's window has."""
    left, top, right, bottom = box
    return _at_least(top, bottom, height), _at_least(left, right, width)


def _at_least(low: int, high: int, length: int) -> slice:
    missing = max(0, WINDOW - (high - low))
    start = min(max(0, low - missing // 2), max(0, length - WINDOW))
    return slice(start, min(length, max(high, start + WINDOW)))
