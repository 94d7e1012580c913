"""The likeliest sequence of states (Viterbi), for many chains at once."""

import numpy as np
import numpy.typing as npt
from numba import njit

Array = npt.NDArray[np.float64]


def choose(costs: Array, depths: Array, inertia: float) -> npt.NDArray[np.intp]:
    """States (N, T) of least cost: `costs` (N, T, S) plus inertia x the squared change of `depths` (N, T, S, D)."""
    return _viterbi(np.ascontiguousarray(costs), np.ascontiguousarray(depths), inertia)  # type: ignore[no-any-return]


@njit(cache=True)
def _viterbi(costs, depths, inertia):  # type: ignore[no-untyped-def]
    chains, frames, states = costs.shape
    chosen = np.zeros((chains, frames), np.intp)
    came = np.zeros((frames, states), np.intp)
    for n in range(chains):
        total = costs[n, 0].copy()
        for t in range(1, frames):
            best = np.empty(states)
            for s in range(states):
                least = np.inf
                for r in range(states):
                    change = 0.0
                    for d in range(depths.shape[3]):
                        change += (depths[n, t, s, d] - depths[n, t - 1, r, d]) ** 2
                    cost = total[r] + inertia * change
                    if cost < least:
                        least = cost
                        came[t, s] = r
                best[s] = least + costs[n, t, s]
            total = best
        chosen[n, frames - 1] = np.argmin(total)
        for t in range(frames - 1, 0, -1):
            chosen[n, t - 1] = came[t, chosen[n, t]]
    return chosen
