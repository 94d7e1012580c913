"""The map function of data preparation, on this machine's cores and on a Ray cluster."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from zoo.prepare.mapping import map_unordered

run = partial(map_unordered, cost=float, name=str, title="numbers")
square: Any = partial(partial, pow, 2)  # what is loaded: a function that raises 2 to a number's power


def load_and_note(folder: Path) -> Callable[[int], int]:
    with (folder / f"{os.getpid()}").open("a") as file:
        file.write("loaded\n")
    return partial(note, folder)


def note(folder: Path, number: int) -> int:
    with (folder / "order").open("a") as file:
        file.write(f"{number}\n")
    time.sleep(0.02)
    return os.getpid()


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def fail_at_three(number: int) -> int:
    if number == 3:
        raise KeyError("three")
    return number


def die_later(number: int) -> None:
    time.sleep(0.3)
    os._exit(number)


@pytest.mark.parametrize("jobs", [1, 2])
def test_every_item_comes_with_its_result(jobs: int) -> None:
    assert dict(run(square, range(20), jobs=jobs)) == {number: 2**number for number in range(20)}
    assert list(run(square, [], jobs=jobs)) == []


def test_costly_items_go_first_and_a_process_loads_once(tmp_path: Path) -> None:
    pids = {pid for _, pid in run(partial(load_and_note, tmp_path), range(12), jobs=1)}
    assert (tmp_path / "order").read_text().split() == [str(number) for number in reversed(range(12))]
    for pid in pids | {pid for _, pid in run(partial(load_and_note, tmp_path), range(12), jobs=2)}:
        assert (tmp_path / str(pid)).read_text() == "loaded\n"


def test_results_come_while_others_are_worked_on() -> None:
    times = []
    for _ in run(partial(partial, time.sleep), [0.4, 0.4, 0.4, 0.4], jobs=2):
        times.append(time.perf_counter())
    assert times[-1] - times[0] > 0.3


def test_a_dying_process_is_one_message() -> None:
    with pytest.raises(ChildProcessError, match=r"a worker process died, .* at one of: .*7.*What is done is kept"):
        list(run(partial(partial, os._exit), [7], jobs=2))
    with pytest.raises(ChildProcessError, match=r"at one of: 9, 8, 7 and 2 others\. What"):
        list(run(partial(partial, die_later), range(10), jobs=5))
    assert dict(run(square, [3], jobs=2)) == {3: 8}


def test_no_process_outlives_a_killed_parent(tmp_path: Path) -> None:
    code = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_mapping import *
for _ in run(partial(load_and_note, Path({str(tmp_path)!r})), range(100000), jobs=2):
    pass
"""
    parent = subprocess.Popen([sys.executable, "-c", code])
    deadline = time.monotonic() + 60
    while len(list(tmp_path.iterdir())) < 3 and time.monotonic() < deadline:  # the order and a file of each process
        time.sleep(0.05)
    parent.kill()
    parent.wait()
    workers = [int(path.name) for path in tmp_path.iterdir() if path.name != "order"]
    assert workers
    while any(map(alive, workers)):
        assert time.monotonic() < deadline, workers
        time.sleep(0.05)


def test_a_defect_is_not_hidden() -> None:
    with pytest.raises(KeyError, match="three"):
        list(run(partial(partial, fail_at_three), range(5), jobs=2))


def test_what_a_cluster_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray")
    with pytest.raises(ValueError, match="--jobs counts this machine's processes; leave it out with --ray"):
        list(run(square, [1], jobs=2, ray="auto"))
    for address in ("127.0.0.1:9", "127.0.0.1:port"):
        with pytest.raises(ConnectionError, match=rf"--ray {address}: no cluster answers there .*ray start --head"):
            list(run(square, [1], ray=address))
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ValueError, match=r"--ray needs Ray .*pip install 'sign-zoo\[cluster\]'"):
        list(run(square, [1], ray="auto"))


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """The address of two Ray nodes on this machine, one core each."""
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    nodes.add_node(num_cpus=1)
    yield nodes.address
    nodes.shutdown()


def test_two_nodes_give_what_one_machine_gives(cluster: str) -> None:
    assert dict(run(square, range(20), ray=cluster)) == dict(run(square, range(20), jobs=1))


def test_a_process_that_dies_on_the_cluster(cluster: str) -> None:
    with pytest.raises(ChildProcessError, match="a worker process died"):
        list(run(partial(partial, os._exit), [7], ray=cluster))
