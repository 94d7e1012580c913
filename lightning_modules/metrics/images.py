"""How like its reference a picture is: SSIM, PSNR and L1, per picture, in one precision whatever the model's.

Pictures are (B, C, H, W) in [0, 1], on any device; what is returned lies on the CPU.
"""

from collections.abc import Callable
from functools import partial
from typing import Final

import torch
from torch import Tensor
from torchmetrics.functional.image import structural_similarity_index_measure

from lightning_modules.metrics.score import Mean

Measure = Callable[[Tensor, Tensor], Tensor]

WINDOW: Final = 11
SIGMA: Final = 1.5
MOST_DECIBELS: Final = 100.0


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

PROTOCOLS: Final = {
    "ssim": f"gaussian {WINDOW} pixels, sigma {SIGMA}, unpadded, RGB",
    "psnr": f"decibels, mean of pictures, at most {MOST_DECIBELS:g} each",
    "l1": "values in [0, 1]",
}
