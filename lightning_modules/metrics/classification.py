"""Accuracies of classifiers."""

from collections.abc import Callable
from functools import partial
from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from lightning_modules.metrics.score import Array, Mean, Score


class TopK(Mean):
    """`top1`, `top5`: share of samples whose class is among the k of the best scores, in [0, 1].

    Of equal scores the lower class wins.
    """

    def __init__(self, k: int) -> None:
        super().__init__()
        self.k = k

    def measure(self, scores: Tensor, labels: Tensor) -> Tensor:
        """Of scores (b, C), larger is likelier, and labels (b,)."""
        return (ranked(scores)[:, : self.k] == labels[:, None]).any(1)


class TopOnePerClass(Score):
    """`top1_per_class`: mean over the classes that occur of each one's share of right samples, in [0, 1].

    Items: for every class whether the sample is right and of it, and whether it is of it.
    """

    def measure(self, scores: Tensor, labels: Tensor) -> Tensor:
        """Of scores (b, C), larger is likelier, and labels (b,)."""
        of = one_hot(labels, scores.shape[1])
        right = ranked(scores)[:, 0] == labels
        return torch.cat([of * right[:, None], of], 1)

    def score(self, sums: Array) -> Array:
        right, all_of = np.split(sums, 2, axis=-1)
        shares = np.divide(right, all_of, out=np.zeros_like(right), where=all_of > 0)
        mean: Array = shares.sum(-1) / (all_of > 0).sum(-1)
        return mean


ACCURACIES: Final[dict[str, Callable[[], Score]]] = {
    "top1": partial(TopK, 1),
    "top5": partial(TopK, 5),
    "top1_per_class": TopOnePerClass,
}
"""By key of results.json; each makes an empty one."""


def ranked(scores: Tensor) -> Tensor:
    """Classes (N, C) by scores (N, C), the best first; of equal ones the lower class."""
    return scores.argsort(dim=1, descending=True, stable=True)


def top1(scores: Tensor, labels: Tensor) -> float:
    """Share of samples (N, C) whose best class is their label, as validation logs it."""
    return float((ranked(scores)[:, 0] == labels).double().mean())
