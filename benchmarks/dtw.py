"""Exact DTW of two motions of 150 and 180 frames: compiled against a plain Python loop, in one run.

python benchmarks/dtw.py
"""

import itertools
import time
from functools import partial

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist
from timing import seconds

from lightning_modules.metrics.dtw import warp_cost
from lightning_modules.metrics.pose import dtw_mje, dtw_p, dtw_pt, ndtw_mje

FRAMES = (150, 180)


def python_loop(costs: npt.NDArray[np.float64]) -> float:
    """The textbook recurrence over lists, which are faster than arrays to index one by one."""
    rows, columns = costs.shape
    cells = costs.tolist()
    total = [[float("inf")] * (columns + 1) for _ in range(rows + 1)]
    total[0][0] = 0.0
    for i, j in itertools.product(range(rows), range(columns)):
        total[i + 1][j + 1] = cells[i][j] + min(total[i][j], total[i][j + 1], total[i + 1][j])
    return total[rows][columns]


def main() -> None:
    rng = np.random.default_rng(0)
    hypothesis, reference = (rng.normal(0, 0.2, (frames, 50, 3)) for frames in FRAMES)
    costs = cdist(hypothesis.reshape(FRAMES[0], -1), reference.reshape(FRAMES[1], -1), "cityblock")
    start = time.perf_counter()
    compiled = warp_cost(costs)
    first = time.perf_counter() - start
    plain, fast = seconds(lambda: python_loop(costs)), seconds(lambda: warp_cost(costs))
    print(f"{FRAMES[0]} x {FRAMES[1]} frames, one core")
    print(f"first call (compiles, or reads the cache)  {1e3 * first:8.1f} ms")
    print(f"Python loop                                {1e3 * plain:8.2f} ms")
    print(f"compiled                                   {1e3 * fast:8.2f} ms")
    print(f"ratio                                      {plain / fast:8.0f}")
    print(f"difference of the two                      {abs(compiled - python_loop(costs)):8.1e}")
    for score in (dtw_pt, dtw_mje, ndtw_mje, dtw_p):
        spent = seconds(partial(score, hypothesis, reference))
        print(f"{score.__name__:8}                                   {1e3 * spent:8.2f} ms")


if __name__ == "__main__":
    main()
