"""`make starters`: every bundled model trained anew by its own spec, measured and bundled; judges first.

python -m zoo.publishing.starters [NAME ...]

What its spec and the avatar would make again is left alone, and measured anew where its judge is another now. Stopped,
it goes on when it is called again: runs are kept in `.starters/`, apart for each version of the avatar.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from datamodules.avatar import VERSION
from zoo.artefacts.artefact import starter_folder
from zoo.artefacts.base_model import Foundation, stands_on
from zoo.artefacts.runs import Run
from zoo.files import read_json
from zoo.results.formatting import duration
from zoo.results.lineage import STANDS_ON
from zoo.spec.problems import nearest
from zoo.spec.registry import list_models, locate
from zoo.spec.spec import Spec, read, resolve
from zoo.spec.validation import accepted
from zoo.training.evaluate import measure
from zoo.training.judges import JUDGES, judge_name

RUNS: Final = ".starters"
FIRST: Final = 1
"""The version of the avatar that records without one were made with."""


def bundled() -> list[str]:
    """Names of the models that come with starter weights."""
    return [name for name in list_models() if (starter_folder(name) / "config.json").is_file()]


def judges() -> list[str]:
    """Names of the bundled models that read what others generate."""
    return [kind.own for kind in JUDGES.values() if (starter_folder(kind.own) / "config.json").is_file()]


def in_order(names: Iterable[str]) -> list[str]:
    """Judges before the models whose results they are part of, and models before those that stand on them."""
    first = judges()
    return sorted(names, key=lambda name: (name not in first, _depth(name), name))


def _depth(name: str) -> int:
    """How many models a starter stands on, one upon the other."""
    found = stands_on(accepted(locate(name), starter=True, types=False)) if name in list_models() else None
    return 0 if found is None else 1 + _depth(found[-1])


def stale(name: str, spec: Spec) -> str | None:
    """Why a starter has to be trained anew; None where the same weights would come out."""
    folder = starter_folder(name)
    if not (folder / "provenance.json").is_file():
        return "not trained yet"
    record = read_json(folder / "provenance.json")
    if record["run"] != spec.run_id:
        return f"its spec is that of run {spec.run_id} now, the bundled weights are of {record['run']}"
    avatar = (record["data"]["twin"] or {}).get("avatar", FIRST)
    if avatar != VERSION:
        return f"trained on version {avatar} of the avatar, which is at {VERSION}"
    foundation = Foundation.of(spec)
    if foundation is not None and foundation.model.sha256 != record[STANDS_ON]["sha256"]:
        return f"{foundation.model.address}, on which it stands, has other weights now"
    return None


def judged_by_others(name: str) -> bool:
    """Whether results of a starter are those of a judge that is not bundled any more."""
    now = {judge_name(starter_folder(own)) for own in judges()}
    path = starter_folder(name) / "results.json"
    rows = read_json(path).values() if path.is_file() else ()
    return not {row["judge"] for row in rows if "judge" in row} <= now


def real_data(name: str) -> Path | None:
    """The folder of a judge's real data set, where its own spec has it and it is there."""
    root = Path(accepted(locate(name), starter=False).config["data"]["init_args"]["root"])
    return root if name in judges() and root.is_dir() else None


def bring(name: str) -> str:
    """Bring one starter up to date; returns what was done. Raises ValueError where its training or bundling failed."""
    spec = accepted(locate(name), starter=True)
    folder, began = starter_folder(name), time.monotonic()
    reason = stale(name, spec)
    if reason is None and not judged_by_others(name):
        return "up to date"
    if reason is None:
        print(f"{name}: judged by earlier weights", flush=True)
        measure(resolve(read(folder / "spec.yaml"), str(folder / "spec.yaml")), folder)
        return f"measured in {duration(time.monotonic() - began)}"
    print(f"{name}: {reason}", flush=True)
    _call("zoo", "fit", name, "--starter")
    trained = time.monotonic()
    real = real_data(name)
    _call("zoo.publishing.bundle", str(Run.of(spec).folder), *(["--real", str(real)] if real else []))
    end = time.monotonic()
    return f"trained in {duration(trained - began)}, measured and bundled in {duration(end - trained)}"


def _call(module: str, *arguments: str) -> None:
    """A module in a process of its own, which leaves nothing behind for the next training."""
    done = subprocess.run([sys.executable, "-m", module, *arguments])
    if done.returncode == 130:
        raise KeyboardInterrupt
    if done.returncode:
        raise ValueError(f"`python -m {module} {' '.join(arguments)}` failed with exit code {done.returncode}")


def main(argv: Sequence[str] | None = None) -> int:
    """Bring starters up to date, all of them unless some are named; returns the exit code."""
    parser = argparse.ArgumentParser(
        "python -m zoo.publishing.starters", description="Train, measure and bundle the starters that are out of date."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="models (default: all that are bundled)")
    names = parser.parse_args(argv).names or bundled()
    os.environ.setdefault("ZOO_RUNS", str(Path(RUNS, f"avatar-{VERSION}")))
    try:
        for name in in_order(names):
            if name not in list_models():
                raise ValueError(f"{name!r} is not a model of the zoo{nearest(name, list_models())}")
            print(f"{name}: {bring(name)}", flush=True)
    except KeyboardInterrupt:
        print("interrupted; the same command goes on with it", file=sys.stderr)
        return 130
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
