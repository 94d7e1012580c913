"""Who signs in a twin, and the work of drawing it spread over the cores."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, TypeVar

from joblib import Parallel, cpu_count, delayed, parallel_config

from datamodules.avatar.signer import Signer
from datamodules.progress import progress

PEOPLE = 8
IDLE = 10
"""Seconds after which a process without work ends, also when the one that started it was killed."""

Result = TypeVar("Result")


@dataclass(frozen=True)
class Twin:
    """How large a twin to write: `size` training items, a share for the other splits, by `signers` people; without a
    number by eight, and by somebody else in each picture of ASL Alphabet's."""

    size: int = 2000
    seed: int = 0
    signers: int | None = None

    def __post_init__(self) -> None:
        for name, found, least in (("size", self.size, 1), ("seed", self.seed, 0), ("signers", self.people, 1)):
            if found < least:
                raise ValueError(f"twin.{name}: found {found}, expected at least {least}")

    @property
    def people(self) -> int:
        """How many sign, where they take turns."""
        return PEOPLE if self.signers is None else self.signers


@cache
def cast(twin: Twin) -> tuple[Signer, ...]:
    """The signers of a twin: right-handed, as in the real data sets; a lone one is the neutral default."""
    if twin.people == 1:
        return (Signer(),)
    return tuple(replace(Signer.random(1000 * twin.seed + n), handedness="right") for n in range(twin.people))


def spread(work: Callable[..., Result], tasks: Sequence[tuple[Any, ...]], what: str, worth: int) -> list[Result]:
    """`work(*task)` for each task, in their order; over the cores where each has `worth` tasks to do, since starting
    a process takes seconds. The environment's LOKY_MAX_CPU_COUNT bounds the number of processes."""
    jobs = max(1, min(cpu_count(), len(tasks) // worth))
    with parallel_config("loky", idle_worker_timeout=IDLE):
        done = Parallel(n_jobs=jobs, return_as="generator")(delayed(work)(*task) for task in tasks)
        return list(progress(done, what, len(tasks)))
