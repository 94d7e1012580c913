"""Exact DTW, compiled and batched, against Python, fastdtw and dtaidistance, in one run.

python benchmarks/dtw.py

Times are CPU time on one thread, the best of some rounds, so that they are comparable on a busy machine too. The last
lines of poses are by the clock, on all threads.
"""

import itertools
import time
from collections.abc import Callable
from functools import partial
from timeit import repeat

import numba
import numpy as np
import numpy.typing as npt
from dtaidistance import dtw_ndim  # type: ignore[import-untyped]
from fastdtw import fastdtw  # type: ignore[import-untyped]
from scipy.spatial.distance import cdist

from lightning_modules.metrics.dtw import Distance, Ragged, warp_cost, warp_costs
from lightning_modules.metrics.pose import POSE_SCORES

FRAMES = (150, 180)
PAIRS = 64
Array = npt.NDArray[np.float64]


def milliseconds(work: Callable[[], object], rounds: int = 5) -> float:
    return 1e3 * min(repeat(work, number=1, repeat=rounds, timer=time.process_time))


def python_loop(costs: Array) -> float:
    """The textbook recurrence over lists, which are faster than arrays to index one by one."""
    rows, columns = costs.shape
    cells = costs.tolist()
    total = [[float("inf")] * (columns + 1) for _ in range(rows + 1)]
    total[0][0] = 0.0
    for i, j in itertools.product(range(rows), range(columns)):
        total[i + 1][j + 1] = cells[i][j] + min(total[i][j], total[i][j + 1], total[i + 1][j])
    return total[rows][columns]


def costs_by_cell(h: Array, r: Array) -> Array:
    """As the published evaluations do it: one call of NumPy for each pair of frames."""
    return np.array([[np.sum(np.abs(x - y)) for y in r] for x in h])


def of_matrix(costs: Array) -> None:
    start = time.perf_counter()
    found = warp_cost(costs)
    first = 1e3 * (time.perf_counter() - start)
    plain, compiled = milliseconds(lambda: python_loop(costs), 20), milliseconds(lambda: warp_cost(costs), 200)
    print("\nThe recurrence alone, of a matrix of costs")
    print(f"  first call (compiles, or reads the cache)     {first:9.1f} ms")
    print(f"  Python loop                                   {plain:9.3f} ms")
    print(f"  compiled                                      {compiled:9.3f} ms")
    print(f"  ratio                                         {plain / compiled:9.0f}")
    print(f"  difference of the two                         {abs(found - python_loop(costs)):9.1e}")


def of_poses(hypotheses: list[Array], references: list[Array]) -> None:
    sides = [[motion.reshape(len(motion), 1, -1) for motion in side] for side in (hypotheses, references)]
    batch = partial(warp_costs, Ragged.of(sides[0]), Ragged.of(sides[1]), Distance.CITYBLOCK)
    one = partial(warp_costs, Ragged.of(sides[0][:1]), Ragged.of(sides[1][:1]), Distance.CITYBLOCK)
    h, r = (side[0][:, 0] for side in sides)
    ours = milliseconds(batch) / PAIRS
    rows = {
        "Python loop, distances a cell at a time": milliseconds(lambda: python_loop(costs_by_cell(h, r)), 2),
        "Python loop over SciPy's distances": milliseconds(lambda: python_loop(cdist(h, r, "cityblock"))),
        "fastdtw, radius 1 (approximate)": milliseconds(lambda: fastdtw(h, r, radius=1, dist=1)),
        "fastdtw, full radius (exact)": milliseconds(lambda: fastdtw(h, r, radius=max(FRAMES), dist=1), 2),
        "dtaidistance in C, euclidean": milliseconds(lambda: dtw_ndim.distance_fast(h, r, inner_dist="euclidean"), 20),
        "compiled, one pair a call": milliseconds(one, 50),
        f"compiled, {PAIRS} pairs a call": ours,
    }
    print("\nWhole poses, distances of 150 coordinates included: a pair, and as a multiple of the last line")
    for name, spent in rows.items():
        print(f"  {name:45} {spent:9.3f} ms {spent / ours:9.1f}")
    for threads in (1, numba.config.NUMBA_NUM_THREADS):
        numba.set_num_threads(threads)
        spent = 1e3 * min(repeat(batch, number=1, repeat=10)) / PAIRS
        print(f"  by the clock, {threads:2} threads                      {spent:9.3f} ms")
    numba.set_num_threads(1)


def of_scores(hypotheses: list[Array], references: list[Array]) -> None:
    print(f"\nScores, milliseconds a pair: {PAIRS} pairs in an update, and one")
    for key, make in POSE_SCORES.items():
        batched = milliseconds(partial(make().update, hypotheses, references)) / PAIRS
        single = milliseconds(partial(make.of, hypotheses[0], references[0]), 20)
        print(f"  {key:45} {batched:9.3f} {single:12.3f}")


def main() -> None:
    rng = np.random.default_rng(0)
    hypotheses, references = ([rng.normal(0, 0.2, (frames, 50, 3)) for _ in range(PAIRS)] for frames in FRAMES)
    numba.set_num_threads(1)
    print(f"{FRAMES[0]} x {FRAMES[1]} frames")
    of_matrix(cdist(*(side[0].reshape(len(side[0]), -1) for side in (hypotheses, references)), "cityblock"))
    of_poses(hypotheses, references)
    of_scores(hypotheses, references)


if __name__ == "__main__":
    main()
