"""Exact dynamic time warping over a matrix of frame costs.

A warping path goes from the first pair of frames to the last by steps (1, 1), (1, 0) and (0, 1), all of
weight one, and pays the cost of every cell it visits. The field's published scores use either this or
fastdtw, which only approximates it and is slower than an exact compiled loop at the lengths that sentences
have.
"""

import numpy as np
import numpy.typing as npt
from numba import njit

Costs = npt.NDArray[np.float64]
Path = npt.NDArray[np.int64]


@njit(cache=True)
def _accumulate(costs):  # type: ignore[no-untyped-def]
    rows, columns = costs.shape
    total = np.empty((rows, columns))
    total[0, 0] = costs[0, 0]
    for j in range(1, columns):
        total[0, j] = total[0, j - 1] + costs[0, j]
    for i in range(1, rows):
        total[i, 0] = left = total[i - 1, 0] + costs[i, 0]
        for j in range(1, columns):
            left = min(total[i - 1, j - 1], total[i - 1, j], left) + costs[i, j]
            total[i, j] = left
    return total


@njit(cache=True)
def _trace(total):  # type: ignore[no-untyped-def]
    i, j = total.shape[0] - 1, total.shape[1] - 1
    path = np.empty((i + j + 1, 2), np.int64)
    length = 0
    while True:
        path[length] = i, j
        length += 1
        if i == 0 and j == 0:
            return path[:length][::-1]
        if i == 0:
            j -= 1
        elif j == 0:
            i -= 1
        else:
            diagonal, up, left = total[i - 1, j - 1], total[i - 1, j], total[i, j - 1]
            if diagonal <= up and diagonal <= left:
                i, j = i - 1, j - 1
            elif up <= left:
                i -= 1
            else:
                j -= 1


def warp_cost(costs: Costs) -> float:
    """The least sum of (N, M) costs along a warping path.

    Raises:
        ValueError: costs without a row or column, or with NaN.
    """
    return float(_accumulate(_checked(costs))[-1, -1])


def warp_path(costs: Costs) -> Path:
    """The (K, 2) pairs of frames on the cheapest warping path, first to last; the diagonal among equals.

    Raises:
        ValueError: costs without a row or column, or with NaN.
    """
    path: Path = np.ascontiguousarray(_trace(_accumulate(_checked(costs))))
    return path


def _checked(costs: Costs) -> Costs:
    costs = np.ascontiguousarray(costs, np.float64)
    if costs.ndim != 2 or 0 in costs.shape:
        raise ValueError(f"expected costs of shape (N, M) with N, M >= 1, found {costs.shape}")
    if np.isnan(costs).any():
        raise ValueError("found NaN among the costs; fill or leave out absent joints first")
    return costs
