"""What every measure is: numbers of single items that add up, the score of their sum, and its interval."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torchmetrics import Metric

Array = npt.NDArray[np.float64]
Motion = npt.NDArray[np.floating]
"""Joints (T, 50, 3) of one signer."""

RESAMPLES: Final = 1000
LEVEL: Final = 0.95
_AT_ONCE: Final = 100
"""Resamples whose weights are held in memory together."""


class Score(Metric):
    """One key of results.json.

    Each item of a test set (a sentence, a picture, a clip) gives sufficient statistics (k,). They add up over the set,
    and `score` turns a sum into the value. A resample of the items is then another weighted sum, so that every value
    has its bootstrap interval in the same way, whether it is a mean, a ratio of sums or BLEU.
    """

    full_state_update = False
    items: list[Tensor]

    def __init__(self) -> None:
        super().__init__()
        self.add_state("items", default=[], dist_reduce_fx="cat")

    @abstractmethod
    def measure(self, *of: Any) -> npt.ArrayLike | Tensor:
        """Statistics (b, k) of b items, from what `update` was given."""

    @abstractmethod
    def score(self, sums: Array) -> Array:
        """The value (...) of sums of statistics (..., k)."""

    def update(self, *of: Any) -> None:
        """Add items; what they are is said by `measure`."""
        measured = torch.as_tensor(self.measure(*of), dtype=torch.float64).cpu()
        self.items.append(measured.reshape(len(measured), -1))

    @property
    def statistics(self) -> Array:
        """Of every item so far, (n, k). Raises ValueError where there is none."""
        items: Sequence[Tensor] = self.items if isinstance(self.items, list) else [self.items]  # gathered: one tensor
        if not sum(map(len, items)):
            raise ValueError(f"{type(self).__name__}: nothing was measured")
        return torch.cat(list(items)).numpy()

    def compute(self) -> Tensor:
        return torch.as_tensor(self.score(self.statistics.sum(0)), dtype=torch.float64)

    def each(self) -> Array:
        """The score (n,) of every item alone."""
        return self.score(self.statistics)

    def interval(self, seed: int = 0) -> tuple[float, float]:
        """Where 95 % of the values lie that sets of as many items have, drawn from these with replacement.

        The percentile bootstrap (Efron and Tibshirani 1993, chapter 13) over items, 1000 resamples. It tells how much
        another test set of this kind would move the value; nothing of another training run or of the data's bias.
        """
        statistics = self.statistics
        rng, count = np.random.default_rng(seed), len(statistics)
        values = [
            self.score(rng.multinomial(count, np.full(count, 1 / count), _AT_ONCE) @ statistics)
            for _ in range(RESAMPLES // _AT_ONCE)
        ]
        low, high = np.quantile(np.concatenate(values), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        return float(low), float(high)


class Ratio(Score):
    """Of items (a, b): the sum of a divided by the sum of b; 0 where b is nothing."""

    def score(self, sums: Array) -> Array:
        return np.divide(sums[..., 0], sums[..., 1], out=np.zeros(sums.shape[:-1]), where=sums[..., 1] > 0)


class Mean(Score):
    """Of items (value,): their mean."""

    def update(self, *of: Any) -> None:
        """Add items; what they are is said by `measure`."""
        values = torch.as_tensor(self.measure(*of), dtype=torch.float64).cpu().reshape(-1, 1)
        self.items.append(torch.cat([values, torch.ones_like(values)], 1))

    def score(self, sums: Array) -> Array:
        mean: Array = sums[..., 0] / sums[..., 1]
        return mean


class Share(Mean):
    """The share of items of which something holds."""

    def measure(self, holds: Sequence[bool] | Tensor) -> Sequence[bool] | Tensor:
        """Whether it does, (b,)."""
        return holds
