"""Whether features say different things of different samples, or have collapsed."""

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from lightning_modules.metrics.score import Array, Score


class FeatureStd(Score):
    """`feature_std`: mean deviation of each of D features over samples, which are scaled to the length of the root of D
    (Chen and He 2021, "Exploring Simple Siamese Representation Learning", section 4.1).

    0 is collapsed: all samples have the same features. Near 1, they point in all directions.
    """

    def measure(self, features: Tensor) -> Tensor:
        """Of features (b, D): scaled, their squares, and 1."""
        scaled = functional.normalize(features.double(), dim=1) * math.sqrt(features.shape[1])
        return torch.cat([scaled, scaled.square(), torch.ones_like(scaled[:, :1])], 1)

    def score(self, sums: Array) -> Array:
        values, squares = np.split(sums[..., :-1] / sums[..., -1:], 2, axis=-1)
        found: Array = np.sqrt(np.maximum(squares - np.square(values), 0)).mean(-1)
        return found


def feature_std(features: Tensor) -> float:
    """Of features (N, D), as training logs it."""
    measured = FeatureStd()
    measured.update(features)
    return float(measured.compute())


def effective_rank(features: Tensor) -> float:
    """Over how many directions samples (N, D) vary: the exponential of the entropy of the singular values' shares, of
    features without their mean (Roy and Vetterli 2007, "The effective rank"). From 1 to the smaller of N and D."""
    values = torch.linalg.svdvals(features.double() - features.double().mean(0))
    shares = values / values.sum().clamp(min=torch.finfo(values.dtype).tiny)
    return float(torch.special.entr(shares).sum().exp())
