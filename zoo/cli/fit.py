"""`python -m zoo fit`."""

import argparse
import sys
from contextlib import suppress

from zoo.cli.arguments import INTERRUPTED, OK, add_experiment
from zoo.cli.target import Target
from zoo.spec.problems import SpecError

add_arguments = add_experiment


def run(options: argparse.Namespace) -> int:
    """Train a spec, or go on with its run."""
    meant = Target.of(options)
    with suppress(SpecError):  # a finished run needs no torch to say so
        _, run = meant.run(types=False)
        if run.finished:
            print(f"already finished: {run.folder}")
            return OK
    spec, run = meant.run(types=True)
    from zoo.training.fit import Interrupted, fit

    try:
        fit(spec, run)
    except (Interrupted, KeyboardInterrupt):
        command = f"python -m zoo fit {run.folder}" if run.started else "the same command"
        print(f"interrupted; `{command}` goes on with it", file=sys.stderr)
        return INTERRUPTED
    return OK
