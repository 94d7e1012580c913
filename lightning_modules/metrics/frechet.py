"""How far apart two sets of motions or pictures are, as a network sees them."""

from typing import Final

import numpy as np
import numpy.typing as npt
from torch import Tensor

from lightning_modules.metrics.dtw import Array

Features = npt.ArrayLike | Tensor
"""(N, D) of N items."""
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


def as_array(features: Features) -> Array:
    """The same (N, D) in float64, on the CPU."""
    return np.asarray(features.detach().cpu() if isinstance(features, Tensor) else features, np.float64)


def _checked(features: Features) -> Array:
    checked = as_array(features)
    if checked.ndim != 2 or len(checked) < 2 or not checked.shape[1]:
        raise ValueError(f"expected features of shape (N, D) with N >= 2, found {checked.shape}")
    if not np.isfinite(checked).all():
        raise ValueError("found NaN or infinite features; the network that made them met motions it cannot read")
    return checked


def _factor(features: Array) -> Array:
    """C of at most D rows with C^T C the covariance."""
    centred = (features - features.mean(0)) / np.sqrt(len(features) - 1)
    return np.asarray(np.linalg.qr(centred, mode="r")) if len(centred) > centred.shape[1] else centred
