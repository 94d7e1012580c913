"""How like its reference a picture is: SSIM, PSNR and L1, per picture, in single precision whatever the model's.

Pictures are (B, C, H, W) in [0, 1].
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import torch
from torch import Tensor
from torch.nn.functional import conv2d

WINDOW: Final = 11
SIGMA: Final = 1.5


def ssim(pictures: Tensor, references: Tensor) -> Tensor:
    """Structural similarity (B,) as published (Wang et al. 2004): a gaussian window of 11 pixels and deviation 1.5 that
    never leaves the picture; mean over places and channels.

    Raises ValueError for pictures smaller than the window.
    """
    channels, height, width = pictures.shape[1:]
    if min(height, width) < WINDOW:
        raise ValueError(f"ssim needs pictures of at least {WINDOW} pixels a side, found {width} x {height}")
    places = torch.arange(WINDOW, dtype=torch.float32, device=pictures.device) - WINDOW // 2
    bell = torch.exp(-(places**2) / (2 * SIGMA**2))
    bell /= bell.sum()
    window = (bell[:, None] * bell[None, :]).expand(channels, 1, WINDOW, WINDOW)
    x, y = pictures.float(), references.float()
    maps = torch.cat([x, y, x * x, y * y, x * y])
    with torch.autocast(pictures.device.type, enabled=False):
        mean_x, mean_y, mean_xx, mean_yy, mean_xy = conv2d(maps, window, groups=channels).chunk(5)
    covariance = mean_xy - mean_x * mean_y
    variances = mean_xx - mean_x**2 + mean_yy - mean_y**2
    small, other = 0.01**2, 0.03**2
    similarity = (2 * mean_x * mean_y + small) * (2 * covariance + other)
    similarity = similarity / ((mean_x**2 + mean_y**2 + small) * (variances + other))
    return similarity.mean((1, 2, 3))


def psnr(pictures: Tensor, references: Tensor) -> Tensor:
    """Peak signal-to-noise ratio (B,) in decibels; 100 for equal pictures."""
    error = (pictures.float() - references.float()).square().mean((1, 2, 3))
    return -10 * torch.log10(error.clamp(min=1e-10))


def l1(pictures: Tensor, references: Tensor) -> Tensor:
    """Mean absolute difference (B,)."""
    return (pictures.float() - references.float()).abs().mean((1, 2, 3))


METRICS: Final = {"ssim": ssim, "psnr": psnr, "l1": l1}
PROTOCOLS: Final = {
    "ssim": f"gaussian {WINDOW} pixels, sigma {SIGMA}, unpadded, RGB",
    "psnr": "decibels, mean of pictures",
    "l1": "values in [0, 1]",
}


class ImageEvaluation:
    """Adds up the scores of a model's pictures and of baselines against the same references.

    baselines: their names.
    """

    def __init__(self, baselines: Sequence[str]) -> None:
        self.scores: dict[str, dict[str, list[Tensor]]] = {
            key: {name: [] for name in ("value", *baselines)} for key in METRICS
        }

    def update(self, references: Tensor, pictures: Tensor, baselines: Mapping[str, Tensor]) -> None:
        """Add a batch of references, of the model's pictures and of every baseline's."""
        for name, candidates in {"value": pictures, **baselines}.items():
            for key, metric in METRICS.items():
                self.scores[key][name].append(metric(candidates, references).cpu())

    def results(self) -> dict[str, dict[str, Any]]:
        """`ssim`, `psnr` and `l1` with the model's value, the baselines', the protocol and the number of pictures."""
        found: dict[str, dict[str, Any]] = {}
        for key, by_name in self.scores.items():
            values = {name: torch.cat(parts) for name, parts in by_name.items()}
            means = {name: float(value.mean()) for name, value in values.items()}
            found[key] = {**means, "protocol": PROTOCOLS[key], "n": len(values["value"])}
        return found
