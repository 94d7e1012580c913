"""Progress of long work: a bar on a terminal, and elsewhere a plain line now and then."""

import sys
import time
from collections.abc import Iterable, Iterator
from operator import length_hint
from typing import Final, TypeVar

SILENT: Final = 60.0
"""Seconds after which a line says how far it is, where no terminal shows a bar."""

Item = TypeVar("Item")


def progress(items: Iterable[Item], what: str, total: int = 0) -> Iterator[Item]:
    """The items one by one, and on stderr how many of all have come; of a single one nothing is said.

    total: how many there are, where they have no length.
    """
    total = length_hint(items, total)
    if total > 1 and sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import track

        yield from track(items, what, total, console=Console(stderr=True), transient=True)
        return
    said = time.monotonic()
    for done, item in enumerate(items):
        if time.monotonic() - said > SILENT:
            said = time.monotonic()
            print(f"zoo: {what}: {done:,} of {total:,}", file=sys.stderr, flush=True)
        yield item
