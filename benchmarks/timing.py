"""Wall-clock time of a piece of work."""

import statistics
import time
from collections.abc import Callable


def seconds(work: Callable[[], object], rounds: int = 5) -> float:
    """Median of a few rounds, after one to warm up."""
    work()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)
