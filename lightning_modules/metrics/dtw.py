"""Exact dynamic time warping, of many pairs of motions in one compiled call.

A warping path goes from the first pair of frames to the last by steps (1, 1), (1, 0) and (0, 1), all of weight one, and
pays the cost of every cell it visits. The field's published scores use either this or fastdtw (Salvador and Chan 2007),
which only approximates it and is slower than an exact compiled loop at the lengths that sentences have.

Pairs are shared out among the cores. A cost alone needs one row of its matrix at a time, a path the whole matrix of the
pair at hand. The first call on a machine compiles for some seconds and numba keeps the result, in NUMBA_CACHE_DIR where
that is set, else in __pycache__ or the user's cache. A process forked from one that has warped cannot warp (OpenMP ends
it): spawn it.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from numba import njit, prange

Array = npt.NDArray[np.float64]
Path = npt.NDArray[np.int64]


class Distance(IntEnum):
    """Between two points of d coordinates."""

    CITYBLOCK = 0
    """Sum of absolute differences."""
    EUCLIDEAN = 1
    SQUARED = 2
    """Sum of squared differences."""
    MASKED = 3
    """Euclidean; 0 where the second point is absent (any NaN), half the norm of the second where only the first is."""


@dataclass(frozen=True, eq=False)
class Ragged:
    """Motions of different lengths end to end: `frames` (sum of lengths, points, d), `bounds` (motions + 1,)."""

    frames: Array
    bounds: npt.NDArray[np.int64]

    @classmethod
    def of(cls, motions: Sequence[npt.NDArray[np.floating]]) -> "Ragged":
        """Of arrays (T, points, d), T >= 1."""
        lengths = [len(motion) for motion in motions]
        if not lengths or not min(lengths):
            raise ValueError(f"expected motions of one frame or more, found lengths {lengths}")
        return cls(np.concatenate(motions, dtype=np.float64), np.cumsum([0, *lengths]))

    def __len__(self) -> int:
        return len(self.bounds) - 1


def warp_costs(first: Ragged, second: Ragged, distance: Distance) -> Array:
    """(pairs, points) least sums of distances along a warping path, for each point of each pair by itself.

    Whole poses are warped together as one point of all their coordinates.

    Raises:
        ValueError: not as many motions, points or coordinates; NaN, unless MASKED.
    """
    _fit(first, second, absent=distance is Distance.MASKED)
    totals = np.empty((len(first), first.frames.shape[1]))
    with _torch_left_alone():
        _warp_all(totals, first.frames, first.bounds, second.frames, second.bounds, int(distance))
    return totals


def alignments(first: Ragged, second: Ragged, distance: Distance) -> tuple[Path, npt.NDArray[np.int64]]:
    """The frames that the cheapest path pairs, over all points of a frame together; the diagonal among equals.

    Returns:
        (K, 2) indices into the frames of all motions, path after path, and the (pairs,) lengths of the paths.

    Raises:
        ValueError: as `warp_costs`.
    """
    _fit(first, second, absent=distance is Distance.MASKED)
    poses = [motions.frames.reshape(len(motions.frames), -1) for motions in (first, second)]
    slots, counts = np.full((sum(map(len, poses)), 2), -1), np.zeros(len(first), np.int64)
    with _torch_left_alone():
        _align_all(slots, counts, poses[0], first.bounds, poses[1], second.bounds, int(distance))
    starts = np.stack([first.bounds, second.bounds], 1)[:-1]
    return slots[slots[:, 0] >= 0] + np.repeat(starts, counts, 0), counts


def warp_cost(costs: Array) -> float:
    """The least sum of (N, M) costs along a warping path.

    Raises:
        ValueError: costs without a row or column, or with NaN.
    """
    return float(_accumulate(_checked(costs))[-1, -1])


def warp_path(costs: Array) -> Path:
    """The (K, 2) pairs of frames on the cheapest warping path, first to last; the diagonal among equals.

    Raises:
        ValueError: costs without a row or column, or with NaN.
    """
    costs = _checked(costs)
    path = np.empty((sum(costs.shape) - 1, 2), np.int64)
    return path[-_trace(_accumulate(costs), path) :]


def _checked(costs: Array) -> Array:
    costs = np.array(costs, np.float64, order="C")
    if costs.ndim != 2 or 0 in costs.shape:
        raise ValueError(f"expected costs of shape (N, M) with N, M >= 1, found {costs.shape}")
    if np.isnan(costs).any():
        raise ValueError("found NaN among the costs; fill or leave out absent joints first")
    return costs


def _fit(first: Ragged, second: Ragged, absent: bool) -> None:
    shapes = [(len(motions), *motions.frames.shape[1:]) for motions in (first, second)]
    if shapes[0] != shapes[1]:
        raise ValueError(f"expected as many motions of the same points to warp, found {shapes[0]} and {shapes[1]}")
    if not absent and any(np.isnan(motions.frames).any() for motions in (first, second)):
        raise ValueError("found absent (NaN) joints, which this distance does not know; fill them first")


@contextmanager
def _torch_left_alone() -> Iterator[None]:
    """When numba's OpenMP starts, it sets PyTorch's number of threads to its own. What is trained afterwards would then
    differ in its last bits from the same training in a process that never warped."""
    threads = torch.get_num_threads()
    try:
        yield
    finally:
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)


def _compiled(**options: bool) -> Callable[[Callable[..., Any]], Any]:
    """numba's njit, kept on disk; where there is no folder to keep it in, each process compiles anew."""

    def decorate(function: Callable[..., Any]) -> Any:
        try:
            return njit(cache=True, **options)(function)
        except RuntimeError:
            return njit(**options)(function)

    return decorate


@_compiled()
def _half_norms(columns):  # type: ignore[no-untyped-def]
    """Of points given as columns (d, M), 0 where one is absent."""
    halves = np.zeros(columns.shape[1])
    for j in range(len(halves)):
        square = 0.0
        for k in range(len(columns)):
            square += columns[k, j] ** 2
        halves[j] = 0.0 if np.isnan(square) else np.sqrt(square) / 2
    return halves


@_compiled()
def _cost_row(costs, point, columns, halves, distance):  # type: ignore[no-untyped-def]
    """Costs (M,) of a point (d,) to M points, given as columns (d, M): the inner loop runs along memory."""
    costs[:] = 0.0
    for k in range(len(point)):
        for j in range(len(costs)):
            difference = point[k] - columns[k, j]
            costs[j] += abs(difference) if distance == Distance.CITYBLOCK else difference * difference
    if distance == Distance.EUCLIDEAN or distance == Distance.MASKED:
        for j in range(len(costs)):
            costs[j] = np.sqrt(costs[j])
    if distance == Distance.MASKED:
        for j in range(len(costs)):
            if np.isnan(costs[j]):
                costs[j] = halves[j]


@_compiled()
def _least(first, second, distance):  # type: ignore[no-untyped-def]
    columns = second.T.copy()
    halves = _half_norms(columns)
    costs, total = np.empty(len(second)), np.full(len(second), np.inf)
    for i in range(len(first)):
        _cost_row(costs, first[i], columns, halves, distance)
        diagonal, left = 0.0 if i == 0 else np.inf, np.inf
        for j in range(len(total)):
            up = total[j]
            total[j] = left = min(min(diagonal, up), left) + costs[j]
            diagonal = up
    return total[-1]


@_compiled(parallel=True)
def _warp_all(totals, first, first_bounds, second, second_bounds, distance):  # type: ignore[no-untyped-def]
    points = totals.shape[1]
    for task in prange(totals.size):
        pair, point = task // points, task % points
        one = first[first_bounds[pair] : first_bounds[pair + 1], point]
        other = second[second_bounds[pair] : second_bounds[pair + 1], point]
        totals[pair, point] = _least(one, other, distance)


@_compiled()
def _accumulate(total):  # type: ignore[no-untyped-def]
    """Costs (N, M) become, in place, the least sums up to each cell."""
    rows, columns = total.shape
    for j in range(1, columns):
        total[0, j] += total[0, j - 1]
    for i in range(1, rows):
        total[i, 0] += total[i - 1, 0]
        left = total[i, 0]
        for j in range(1, columns):
            left = min(min(total[i - 1, j - 1], total[i - 1, j]), left) + total[i, j]
            total[i, j] = left
    return total


@_compiled()
def _trace(total, path):  # type: ignore[no-untyped-def]
    """Write the path through (N, M) least sums into the last rows of (>= N + M - 1, 2); returns its length."""
    i, j, row = total.shape[0] - 1, total.shape[1] - 1, len(path) - 1
    while True:
        path[row, 0] = i
        path[row, 1] = j
        if i == 0 and j == 0:
            return len(path) - row
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
        row -= 1


@_compiled()
def _align(path, first, second, distance):  # type: ignore[no-untyped-def]
    columns = second.T.copy()
    halves = _half_norms(columns)
    costs = np.empty((len(first), len(second)))
    for i in range(len(first)):
        _cost_row(costs[i], first[i], columns, halves, distance)
    return _trace(_accumulate(costs), path)


@_compiled(parallel=True)
def _align_all(slots, counts, first, first_bounds, second, second_bounds, distance):  # type: ignore[no-untyped-def]
    for pair in prange(len(counts)):
        start, end = first_bounds[pair], first_bounds[pair + 1]
        other, other_end = second_bounds[pair], second_bounds[pair + 1]
        counts[pair] = _align(
            slots[start + other : end + other_end], first[start:end], second[other:other_end], distance
        )
