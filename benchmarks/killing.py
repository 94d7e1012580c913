"""Trainings of the tiny starters that are killed with -9 at random batches, again and again, and go on: each must end
with the weights and the log of one that nobody disturbed, to the byte.

    python benchmarks/killing.py                            every spec, 20 kills each
    python benchmarks/killing.py letter-gan --kills 5 --overrides --data.num_workers=2
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import threading
import time
import traceback
from itertools import count
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from every_spec import TINY, starter  # type: ignore[import-not-found]

from zoo.cli import main as zoo
from zoo.training.resuming import LastCheckpoint, Resumption

EPOCHS = 4
BATCHES = 5
"""Each epoch, and no more of them."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("specs", nargs="*", default=sorted(TINY))
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--overrides", nargs=argparse.REMAINDER, default=[])
    options = parser.parse_args()
    failed = [name for name in options.specs if not survives(name, options)]
    return int(bool(failed))


def survives(name: str, options: argparse.Namespace) -> bool:
    """Whether every training of a spec that was killed ended as an undisturbed one did; prints a line."""
    rng, began, kills = random.Random(options.seed), time.monotonic(), 0
    ended: list[dict[str, bytes]] = []
    with tempfile.TemporaryDirectory() as base:
        folder = Path(base)
        command = ["fit", name, *starter(name, folder / "twin"), f"--trainer.max_epochs={EPOCHS}"]
        command += [f"--trainer.limit_train_batches={BATCHES}", "--trainer.limit_val_batches=2"]
        command += ["--trainer.log_every_n_steps=1", "--trainer.check_val_every_n_epoch=1", *options.overrides]
        whole = outcome(session(command, folder / "undisturbed"))
        while kills < options.kills or not ended:
            runs = folder / f"killed-{len(ended)}"
            while (run := session(command, runs, rng.getrandbits(32) if kills < options.kills else None)) is None:
                kills += 1
            ended.append(outcome(run))
    same = sum(found == whole for found in ended)
    seconds = time.monotonic() - began
    print(f"{name}: {kills} kills, {same} of {len(ended)} runs equal to the byte, {seconds:.0f} s", flush=True)
    return same == len(ended)


def session(command: list[str], runs: Path, fate: int | None = None) -> Path | None:
    """A process that trains: the folder of its finished run, or None where it was killed, as its fate decides."""
    sys.stdout.flush()
    child = os.fork()  # it need not import everything once more
    if not child:
        with runs.with_suffix(".log").open("a") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
            os.environ["ZOO_RUNS"] = str(runs)
            code = 1
            try:
                if fate is not None:
                    doom(random.Random(fate))
                code = zoo(command)
            except BaseException:
                traceback.print_exc(file=file)
            sys.stdout.flush()
            file.flush()
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return None
    if status:
        raise SystemExit(f"{' '.join(command)}\n{runs.with_suffix('.log').read_text()}")
    return next(path for path in runs.rglob("provenance.json")).parent


def doom(rng: random.Random) -> None:
    """Decide after how many batches of this process it is killed, at a random moment, and how often it saves."""
    LastCheckpoint.MINUTES = rng.choice([0.0, LastCheckpoint.MINUTES])
    left, seconds = count(rng.randrange(EPOCHS * BATCHES // 2), -1), rng.random() / 20
    begin = Resumption.on_train_batch_start

    def begun(callback: Resumption, *arguments: Any) -> None:
        begin(callback, *arguments)
        if next(left) == 0:
            threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGKILL)).start()

    Resumption.on_train_batch_start = begun  # type: ignore[method-assign, assignment]


def outcome(run: Path | None) -> dict[str, bytes]:
    """The files of a finished run that must not depend on how often it was killed."""
    assert run is not None
    paths = [*run.rglob("*.safetensors"), *run.rglob("metrics.csv")]
    return {str(path.relative_to(run)): path.read_bytes() for path in paths}


if __name__ == "__main__":
    raise SystemExit(main())
