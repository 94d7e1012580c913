"""`python -m zoo sweep`: every row trained and tested, once, and the table written from their results."""

import argparse
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from zoo.cli.parsing.arguments import INTERRUPTED, OK, OVERRIDES, REFUSED, set_usage
from zoo.files import read_json
from zoo.results.formatting import duration
from zoo.spec.problems import SpecError
from zoo.spec.registry import list_sweeps, list_trained, locate
from zoo.spec.sweep_spec import Sweep, read_sweep
from zoo.sweep.rows import Row, rows

PATIENCE = 3.0
"""Seconds that a process has to end by itself after Ctrl-C, of which a terminal tells it too."""

EXAMPLES: Final = """\
  python -m zoo sweep ablations/asl-slp --starter
      SignDiff's Table 3, row by row; again, and it goes on
  python -m zoo sweep my-rows.yaml --judge runs/back-translation/ID"""


class Failure(Exception):
    """A row that could not be trained or tested."""

    def __init__(self, message: str, command: str) -> None:
        super().__init__(message)
        self.command = command


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The sweep, and the judge of its rows."""
    parser.set_defaults(takes_overrides=True)
    parser.add_argument("sweep", metavar="SWEEP", help="a YAML file with rows, or a shipped one: ablations/asl-slp")
    parser.add_argument("--starter", action="store_true", help="the small variant on the avatar")
    parser.add_argument("--judge", metavar="NAME|RUN|REPO", help="who reads what the rows generate")
    set_usage(parser, "SWEEP", "[--starter]", "[--judge JUDGE]", OVERRIDES)


def run(options: argparse.Namespace) -> int:
    """Train and test every row of a sweep, and compare them."""
    try:
        return OK if sweep(options.sweep, options.starter, options.overrides, options.judge) else REFUSED
    except KeyboardInterrupt:
        print("interrupted; the same command goes on with it", file=sys.stderr)
        return INTERRUPTED


def find(target: str) -> Path:
    """The file that a sweep's name or a path stands for. Raises ValueError."""
    if target in list_trained():
        raise ValueError(f"{target} is a model, and `sweep` wants a sweep; there are {', '.join(list_sweeps())}")
    return locate(target)


def sweep(target: str, starter: bool = False, overrides: Sequence[str] = (), judge: str | None = None) -> bool:
    """Train and test what is missing of each row, then write and print the table; whether all rows stand.

    judge: the back-translation that reads the poses, as `test` takes it; rows that another one read are tested anew.

    A run that is there already is used as it is, and so are its results otherwise. Raises SpecError with every problem
    of every row before any is trained, ValueError for a judge that is none, and KeyboardInterrupt.
    """
    from zoo.sweep.table import Table

    path = find(target)
    spec = read_sweep(path)
    reader = _reader(judge)
    planned = _planned(spec, starter, overrides, reader)
    failures: dict[str, Failure] = {}
    for number, row in enumerate(planned):
        print(f"row {number + 1} of {len(planned)}, {row.name}: run {row.run.folder}", end="", flush=True)
        same = next((other.name for other in planned[:number] if other.run == row.run), None)
        if same is not None:
            print(f", the same as of {same}")
            failures.update({row.name: failures[same]} if same in failures else {})
            continue
        try:
            _bring(row, judge, reader)
        except Failure as failure:
            failures[row.name] = failure
            print(f"  failed: {failure}", flush=True)
    options = [*(["--starter"] if starter else []), *_judged_by(judge)]
    again = [target, *options, *(f"--{override}" for override in overrides)]
    missing = {name: str(failure) for name, failure in failures.items()}
    if len(missing) < len(planned):
        table = Table(spec, planned, missing, starter, _command("sweep", *again))
        table.show()
        print(table.write())
    for name, found in failures.items():
        print(f"{name}: {found}; `{found.command}` shows it", file=sys.stderr)
    return not failures


def _reader(judge: str | None) -> str | None:
    """What results call the judge at an address. Raises ValueError where there is none."""
    if judge is None:
        return None
    from zoo.artefacts.resolve import find as find_artefact
    from zoo.training.judges import judge_name

    return judge_name(find_artefact(judge).folder())


def _stands(row: Row, reader: str | None) -> bool:
    """Whether a row was tested, by this reader where one is asked for."""
    if not row.tested or reader is None:
        return row.tested
    results = read_json(row.run.folder / "results.json")
    return {result["judge"] for result in results.values() if "judge" in result} == {reader}


def _planned(spec: Sweep, starter: bool, overrides: Sequence[str], reader: str | None) -> list[Row]:
    with suppress(SpecError):  # where all is there, no torch is needed to say so
        planned = rows(spec, starter, overrides, types=False)
        if all(_stands(row, reader) for row in planned):
            return planned
    return rows(spec, starter, overrides)


def _bring(row: Row, judge: str | None, reader: str | None) -> None:
    """Train and test what a row's run lacks. Raises Failure.

    It is trained in a process of its own, since a training leaves behind what the next one must not find: after one on
    several devices, Lightning takes the process for one of those that it started.
    """
    if _stands(row, reader):
        print(", reused", flush=True)
        return
    print(flush=True)
    began = time.monotonic()
    _wait_for_others(row)
    done = ["trained before"]
    if not row.run.finished:
        _call("fit", *row.arguments)
        done = [f"trained in {duration(time.monotonic() - began)}"]
    if not _stands(row, reader):
        began = time.monotonic()
        _test(row, judge)
        done.append(f"tested in {duration(time.monotonic() - began)}")
    print(f"  {', '.join(done)}", flush=True)


def _test(row: Row, judge: str | None) -> None:
    from zoo.training.evaluate import measure

    try:
        measure(row.spec, row.run.folder, judge=judge)
    except SystemExit:  # Lightning's answer to Ctrl-C, which it leaves ignored
        signal.signal(signal.SIGINT, signal.default_int_handler)
        raise KeyboardInterrupt from None
    except Exception as error:  # whatever it is, the other rows can be tested
        message = str(error) if isinstance(error, ValueError | OSError) else f"{type(error).__name__}: {error}"
        raise Failure(" ".join(message.split()), _command("test", str(row.run.folder), *_judged_by(judge))) from error


def _wait_for_others(row: Row) -> None:
    """Until no other process trains this run: it may be another sweep's, or what a killed one left behind."""
    told = False
    while row.run.started and not row.run.finished:
        try:
            with row.run.lock():
                return
        except ValueError as error:
            if not told:
                print(f"  {error}; waiting for it", flush=True)
            told = True
            time.sleep(1)


def _call(verb: str, *arguments: str) -> None:
    """A verb in a process of its own; what it writes on stderr is passed on, and its last line is a Failure's."""
    line = ""
    command = [sys.executable, "-m", "zoo", verb, *arguments]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, errors="replace")
    assert process.stderr is not None
    try:
        for text in process.stderr:
            line = text.strip() or line
            print(text, end="", file=sys.stderr, flush=True)
        code = process.wait()
    except KeyboardInterrupt:
        _interrupt(process)
        raise
    if code == INTERRUPTED:
        raise KeyboardInterrupt
    if code:
        ended = f"ended by signal {-code}" if code < 0 else f"exit code {code}"
        raise Failure(line.removeprefix("error: ") or ended, _command(verb, *arguments))


def _judged_by(judge: str | None) -> list[str]:
    return [] if judge is None else ["--judge", judge]


def _command(*words: str) -> str:
    """For a person to copy."""
    return shlex.join(["python", "-m", "zoo", *words])


def _interrupt(process: "subprocess.Popen[str]") -> None:
    """Let it end as Ctrl-C ends it, so that it can be gone on with."""
    try:
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=PATIENCE)
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.communicate()
    finally:
        process.kill()
