"""Tensors that are computed once: whole or not at all, the same bytes however often the process is killed."""

import errno
import pickle
import resource
import shutil
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
from killed_script import kill_when_it_waits

from datamodules.features import cached_tensors
from datamodules.features.cached_tensors import ROOM, ROWS, CachedTensors, NoRoomError, Rows, content_keys, readable

KEYS = [f"item {number}" for number in range(5 * ROWS + 3)]
SCRIPT = """
import sys, time
from pathlib import Path
from test_cached_tensors import KEYS, made
from datamodules.features.cached_tensors import CachedTensors
folder, files = Path(sys.argv[1]), int(sys.argv[2])
def until(items):
    if len(list(folder.glob("*.safetensors"))) == files:
        (folder / "waits").touch()
        time.sleep(600)
    return made(items)
CachedTensors(folder, KEYS, (2, 3)).complete(until, "numbers")
"""


def made(items: range) -> Rows:
    return np.stack([np.full((2, 3), number, np.float32) for number in items])


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.safetensors")}


def test_every_item_has_its_own_tensor_in_this_process_and_another(tmp_path: Path) -> None:
    cached = CachedTensors(tmp_path, KEYS, (2, 3))
    cached.complete(made, "numbers")
    sent = pickle.loads(pickle.dumps(cached))
    for number in (0, ROWS - 1, ROWS, len(KEYS) - 1):
        assert (cached[number] == number).all()
        assert (sent[number] == number).all()
        assert cached[number].shape == (2, 3)


def test_bytes_are_kept_as_such_beside_the_same_items(tmp_path: Path) -> None:
    numbers = CachedTensors(tmp_path / "numbers", KEYS, (2, 3))
    beside = numbers.beside(tmp_path / "bytes", (5,), np.uint8)
    beside.complete(lambda items: np.stack([np.full(5, item % 256, np.uint8) for item in items]), "bytes")
    assert beside[ROWS + 7].dtype == np.uint8
    assert (beside[ROWS + 7] == 7).all()
    assert len(beside) == len(numbers)
    assert [path.name for path in beside.paths] == [path.name for path in numbers.paths]
    assert sum(path.stat().st_size for path in beside.paths) < 6 * len(KEYS) + 200 * len(beside.paths)


def test_what_is_there_is_not_computed_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    CachedTensors(tmp_path, KEYS, (2, 3)).complete(made, "numbers")
    assert "zoo: numbers: 0.0 MB into" in capsys.readouterr().err
    CachedTensors(tmp_path, KEYS, (2, 3)).complete(lambda items: pytest.fail("computed"), "numbers")
    assert not capsys.readouterr().err


def test_a_changed_item_has_its_file_made_anew_and_no_other(tmp_path: Path) -> None:
    CachedTensors(tmp_path, KEYS, (2, 3)).complete(made, "numbers")
    changed, computed = CachedTensors(tmp_path, ["another", *KEYS[1:]], (2, 3)), []

    def noted(items: range) -> Rows:
        computed.append(items)
        return made(items) + 0.5

    changed.complete(noted, "numbers")
    assert computed == [range(ROWS)]
    assert (changed[0] == 0.5).all()
    assert (changed[ROWS] == ROWS).all()


def test_keys_are_of_a_files_content_and_of_the_items_name(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"one")
    first = content_keys([("0", path), ("1", path)])
    path.write_bytes(b"two")
    second = content_keys([("0", path), ("1", path)])
    assert len({*first, *second}) == 4


@pytest.mark.parametrize("files", [0, 2, 5])
def test_killed_at_any_moment_the_next_process_ends_with_the_same_bytes(tmp_path: Path, files: int) -> None:
    """Before the first file, in the middle, and before the last."""
    CachedTensors(tmp_path / "whole", KEYS, (2, 3)).complete(made, "numbers")
    folder = tmp_path / "killed"
    kill_when_it_waits(SCRIPT, __file__, folder / "waits", folder, files)
    assert len(contents(folder)) == files
    CachedTensors(folder, KEYS, (2, 3)).complete(made, "numbers")
    assert contents(folder) == contents(tmp_path / "whole")


def test_a_file_that_is_cut_off_is_made_anew(tmp_path: Path) -> None:
    CachedTensors(tmp_path, KEYS, (2, 3)).complete(made, "numbers")
    whole = contents(tmp_path)
    cached = CachedTensors(tmp_path, KEYS, (2, 3))
    cached.paths[1].write_bytes(cached.paths[1].read_bytes()[:-10])
    assert cached.missing() == [1]
    cached.complete(made, "numbers")
    assert contents(tmp_path) == whole


def test_a_disk_without_room_is_said_before_anything_is_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(cached_tensors.shutil, "disk_usage", lambda folder: usage(1, 1, 1000))
    cached = CachedTensors(tmp_path, KEYS, (2, 3))
    with pytest.raises(OSError, match=r"no room for numbers: found 0\.0 MB free, .* set ZOO_CACHE") as caught:
        cached.complete(lambda items: pytest.fail("computed"), "numbers")
    assert caught.value.errno == errno.ENOSPC


def test_a_disk_that_is_full_on_the_way_leaves_whole_files_and_the_next_call_goes_on(tmp_path: Path) -> None:
    """A file that may not become larger, which is as near to it as a test comes without a disk of its own."""
    CachedTensors(tmp_path / "whole", KEYS, (2, 3)).complete(made, "numbers")
    folder, (soft, hard) = tmp_path / "full", resource.getrlimit(resource.RLIMIT_FSIZE)
    cached = CachedTensors(folder, KEYS, (2, 3))

    def until_full(items: range) -> Rows:
        if items.start == 2 * ROWS:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1024, hard))
        return made(items)

    try:
        with pytest.raises(NoRoomError) as caught:
            cached.complete(until_full, "numbers")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    left = (3 * ROWS + 3) * 24 + ROOM
    assert f"no room for numbers (file too large): found {readable(shutil.disk_usage(folder).free)[:2]}" in str(
        caught.value
    )
    assert f"expected {readable(left)}; make room, or set ZOO_CACHE to a folder on another disk" in str(caught.value)
    assert "the same command goes on" in str(caught.value)
    assert (caught.value.filename, caught.value.errno) == (str(folder), errno.ENOSPC)
    assert cached.missing() == [2, 3, 4, 5]
    assert {path.name for path in folder.iterdir()} == {".lock", *contents(folder)}  # none is half written
    cached.complete(made, "numbers")
    assert contents(folder) == contents(tmp_path / "whole")
