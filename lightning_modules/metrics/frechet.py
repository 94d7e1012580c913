"""How far apart two sets of motions are, as a network sees them."""

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
from torch import Tensor

from lightning_modules.evaluation.results import MODEL, Row
from lightning_modules.metrics.dtw import Array

Features = npt.ArrayLike | Tensor
"""(N, D) of N motions."""
ROUNDING: Final = 1e-12
"""What float64 leaves of the difference of equal spreads, as a share of them."""


def frechet_distance(features: Features, others: Features) -> float:
    """Between the normal distributions fitted to two sets of feature vectors, (N, D) and (M, D); N, M >= 2.

    |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)), with means m and unbiased covariances S (Dowson and Landau 1982; of
    Inception features it is FID, Heusel et al. 2017; of motion features FGD, Yoon et al. 2020), in float64.

    No root of a matrix is taken. With S = C^T C, C being the centred features divided by sqrt(N - 1), the trace of the
    root is the sum of the singular values of C1 C2^T. That holds for singular covariances too, so that fewer vectors
    than dimensions give their exact distance and nothing is added to any diagonal. It is still biased: few vectors
    seem far apart. Compare sets of one size only.

    Returns:
        Squared units of the features; 0 for equal means and covariances, unbounded above.

    Raises:
        ValueError: other shapes, fewer than two vectors, or NaN or infinite features.
    """
    first, second = _checked(features), _checked(others)
    if first.shape[1] != second.shape[1]:
        raise ValueError(f"expected features of one width, found {first.shape[1]} and {second.shape[1]}")
    one, other = _factor(first), _factor(second)
    apart = np.sum((first.mean(0) - second.mean(0)) ** 2)
    overlap = np.linalg.svd(one @ other.T, compute_uv=False).sum()
    spread = np.sum(one**2) + np.sum(other**2)
    distance = float(apart + spread - 2 * overlap)
    return distance if distance > ROUNDING * spread else 0.0


class FrechetDistance:
    """Frechet distance of generated motion (FGD) of several contenders to the same references.

    It is no `Score`: a distance of two sets is no function of a sum over items. Nor has it an interval, since a set
    drawn with replacement repeats its vectors, which alone moves it away from the references. And it does not see which
    motion answers which sentence: true motions in another order, as the baseline `other_reference` has them, are at 0.

    extractor: names the network whose pooled features these are; the distance means nothing without it, and stands
    under `key`. contenders: their names; MODEL is the model.
    """

    def __init__(self, extractor: str, contenders: Iterable[str]) -> None:
        self.key = f"fgd_{extractor}"
        self.features: dict[str, list[Array]] = {name: [] for name in contenders}
        self.references: list[Array] = []

    def update(self, answers: Mapping[str, Features], references: Features) -> None:
        """Add the features (b, D) of every contender's motions, and of the references."""
        for name, features in self.features.items():
            features.append(_array(answers[name]))
        self.references.append(_array(references))

    def compute(self, of: str = MODEL) -> float:
        """The distance of a contender; raises ValueError as `frechet_distance`, also where nothing was added."""
        if not self.references:
            raise ValueError(f"{self.key}: nothing was measured")
        return frechet_distance(np.concatenate(self.features[of]), np.concatenate(self.references))

    def row(self, protocol: str, of: str = MODEL, beside: Iterable[str] | None = None, **more: object) -> Row:
        """The row of one contender, with the values of others (`beside`; else all) and what else there is to say."""
        others = [name for name in self.features if name != of] if beside is None else beside
        return {
            "value": self.compute(of),
            **{name: self.compute(name) for name in others},
            "protocol": protocol,
            "n": sum(map(len, self.references)),
            **more,
        }


def _array(features: Features) -> Array:
    return np.asarray(features.detach().cpu() if isinstance(features, Tensor) else features, np.float64)


def _checked(features: Features) -> Array:
    checked = _array(features)
    if checked.ndim != 2 or len(checked) < 2 or not checked.shape[1]:
        raise ValueError(f"expected features of shape (N, D) with N >= 2, found {checked.shape}")
    if not np.isfinite(checked).all():
        raise ValueError("found NaN or infinite features; the network that made them met motions it cannot read")
    return checked


def _factor(features: Array) -> Array:
    """C of at most D rows with C^T C the covariance."""
    centred = (features - features.mean(0)) / np.sqrt(len(features) - 1)
    return np.asarray(np.linalg.qr(centred, mode="r")) if len(centred) > centred.shape[1] else centred
