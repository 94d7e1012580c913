"""`python -m zoo validate`."""

import argparse
from typing import Final

from zoo.cli.parsing.arguments import OK, add_experiment
from zoo.cli.parsing.target import Target

EXAMPLES: Final = """\
  python -m zoo validate asl-slp --starter
      what that run logs of the validation split
  python -m zoo validate runs/asl-slp/ID"""
add_arguments = add_experiment


def run(options: argparse.Namespace) -> int:
    """Print what training logs of the validation split, for a finished run."""
    spec, run = Target.of(options).finished()
    from zoo.results.console import print_results
    from zoo.training.evaluate import validate

    print_results(f"{spec.name}, validate", validate(spec, run.folder), run.provenance())
    return OK
