"""One map function for the preparation of data: over the cores of this machine, or over a Ray cluster."""

import os
import pickle
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from threading import Thread
from typing import Any, Final, TypeVar

from datamodules.progress import progress

Item = TypeVar("Item")
Result = TypeVar("Result")

NAMED: Final = 3
"""Items that a message names, those begun first, before it counts."""


def map_unordered(
    load: Callable[[], Callable[[Item], Result]],
    items: Sequence[Item],
    *,
    cost: Callable[[Item], float],
    name: Callable[[Item], str],
    title: str,
    jobs: int | None = None,
    ray: str | None = None,
) -> Iterator[tuple[Item, Result]]:
    """Each item with its result, as results come, with a progress bar on a terminal.

    Costly items go first, so that no core idles at the end. On a cluster items that a lost node had are done again.

    Args:
        load: called once a process; loads models and returns the function that does the work. Both must pickle.
        items: what to work on; small, as they travel.
        cost: how long an item takes, in any unit.
        name: of an item, for messages.
        title: of the progress bar.
        jobs: processes on this machine; one a core by default.
        ray: the address of a cluster ("auto" for this machine's), whose nodes share the files that items name.

    Raises:
        ChildProcessError: a process died; the message names what it may have died of.
        ValueError: Ray is asked for but not installed, or together with `jobs`.
        ConnectionError: no cluster answers at the address.
    """
    ordered = sorted(items, key=cost, reverse=True)
    code = pickle.dumps(load)
    underway: dict[int, Item] = {}

    def calls() -> Iterator[tuple[bytes, int, Item]]:
        for number, item in enumerate(ordered):
            underway[number] = item
            yield code, number, item

    results = _on_cores(calls(), jobs or os.cpu_count() or 1) if ray is None else _on_cluster(calls(), ray, jobs)
    try:
        for number, result in progress(results, title, len(ordered)):
            yield underway.pop(number), result
    except ChildProcessError as error:
        named = ", ".join(map(name, islice(underway.values(), NAMED)))
        others = f" and {len(underway) - NAMED} others" if len(underway) > NAMED else ""
        raise ChildProcessError(
            f"a worker process died, killed or out of memory, at one of: {named}{others}. "
            "What is done is kept, the same command goes on; if one dies there again, take fewer processes or leave "
            "that file out"
        ) from error


_loaded: dict[bytes, Callable[[Any], Any]] = {}


def _work(code: bytes, number: int, item: Any) -> tuple[int, Any]:
    """In a worker process: the item's number and what the function makes of it, which is loaded at the first call."""
    if code not in _loaded:
        _loaded[code] = pickle.loads(code)()
    return number, _loaded[code](item)


def _work_for(parent: int, code: bytes, number: int, item: Any) -> tuple[int, Any]:
    """`_work`, in a process that ends with its parent, however that one ends."""
    if os.getpid() != parent and not _loaded:
        Thread(target=_end_with, args=(parent,), daemon=True).start()
    return _work(code, number, item)


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _on_cores(calls: Iterator[tuple[bytes, int, Any]], jobs: int) -> Iterator[tuple[int, Any]]:
    from joblib import Parallel, delayed
    from joblib.externals.loky.process_executor import BrokenProcessPool

    parallel = Parallel(jobs, backend="loky", return_as="generator_unordered", batch_size=1, pre_dispatch=jobs)
    try:
        yield from parallel(delayed(_work_for)(os.getpid(), *call) for call in calls)
    except BrokenProcessPool as error:
        raise ChildProcessError from error
    finally:
        _loaded.clear()  # one job works in this process


def _on_cluster(calls: Iterator[tuple[bytes, int, Any]], address: str, jobs: int | None) -> Iterator[tuple[int, Any]]:
    if jobs is not None:
        raise ValueError(
            "--jobs counts this machine's processes; leave it out with --ray, which takes the cluster's cores"
        )
    try:
        import ray
    except ImportError as error:
        raise ValueError(f"--ray needs Ray ({error}): pip install 'sign-zoo[cluster]'") from error
    try:
        if ":" in address:  # Ray itself would try for minutes
            host, _, port = address.removeprefix("ray://").rpartition(":")
            socket.create_connection((host, int(port)), timeout=10).close()
        ray.init(address, log_to_driver=False, logging_level="ERROR")
    except (OSError, ValueError, RuntimeError) as error:
        raise ConnectionError(
            f"--ray {address}: no cluster answers there ({error}); start one with `ray start --head`"
        ) from error
    try:
        work = ray.remote(num_cpus=1)(_work)
        pending: list[Any] = []
        while True:
            cores = int(ray.cluster_resources().get("CPU", 1))  # nodes may come and go
            pending += [work.remote(*call) for call in islice(calls, max(0, 2 * cores - len(pending)))]
            if not pending:
                return
            done, pending = ray.wait(pending)
            yield from ray.get(done)
    except (ray.exceptions.WorkerCrashedError, ray.exceptions.OutOfMemoryError) as error:
        raise ChildProcessError from error
    finally:
        ray.shutdown()
