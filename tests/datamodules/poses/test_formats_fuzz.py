"""A small, fixed share of `benchmarks/fuzz_readers.py`: damaged files, read in a process of limited memory."""

import os
import time
from pathlib import Path

import pytest

from benchmarks.fuzz_readers import READERS, Reader, fuzz

NAMES = ("skels", "pose 0.2", "pose 0.1", "openpose", "npz", "lines", "idx", "cifar10", "picture fault")
OURS = [reader for reader in READERS if reader.name in NAMES]
GOOD = "good" * 20


def test_all_of_our_readers_are_there() -> None:
    assert len(OURS) == len(NAMES)


@pytest.mark.parametrize("reader", OURS, ids=lambda reader: reader.name)
def test_a_damaged_file_is_refused_by_name_or_read_right(reader: Reader) -> None:
    outcome = fuzz([reader], 300, seed=1)[reader.name]
    assert not outcome.wrong, outcome.wrong.most_common(3)
    assert outcome.read + outcome.refused == 301
    assert outcome.read > 1  # the good file, and damage that does no harm
    assert outcome.refused > 30


def make(folder: Path) -> Path:
    (folder / "a.txt").write_text(GOOD)
    return folder / "a.txt"


def eats(path: Path) -> None:
    assert path.read_text() == GOOD or bytes(4 << 30)


def hangs(path: Path) -> None:
    time.sleep(0 if path.read_text() == GOOD else 60)


def dies(path: Path) -> None:
    if path.read_text() != GOOD:
        os._exit(3)


def blames_nobody(path: Path) -> None:
    if path.read_bytes() != GOOD.encode():
        raise ValueError("something is wrong")


@pytest.mark.parametrize(
    ("read", "found"),
    [(eats, "MemoryError"), (hangs, "hang on file 1"), (dies, "died (3) on file 1"), (blames_nobody, "names no file")],
)
def test_a_bad_reader_is_found_out(read, found: str) -> None:  # type: ignore[no-untyped-def]
    outcome = fuzz([Reader("bad", make, read)], 1, seed=2, seconds=1)["bad"]
    assert outcome.read == 1
    assert [what for what in outcome.wrong if found in what]


def refuses_all(path: Path) -> None:
    raise ValueError(f"{path}: no")


def test_a_reader_that_reads_nothing_is_found_out() -> None:
    outcome = fuzz([Reader("bad", make, refuses_all)], 9)["bad"]
    assert outcome.read == outcome.refused == 0
    assert [what for what in outcome.wrong if "on its good file: ValueError" in what]
