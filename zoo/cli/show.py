"""`python -m zoo show`."""

import argparse
from typing import Final

from zoo.cli.parsing.arguments import OK, add_experiment
from zoo.cli.parsing.target import Target
from zoo.spec.pipeline_spec import pipeline_file, read_pipeline

EXAMPLES: Final = """\
  python -m zoo show asl-slp
  python -m zoo show asl-slp --starter --trainer.max_epochs 3
      as it is resolved, with its starter and an override
  python -m zoo show text-to-video --stages.renderer pix2pix
      a pipeline"""
add_arguments = add_experiment


def run(options: argparse.Namespace) -> int:
    """Print a spec as it is resolved."""
    if path := pipeline_file(options.spec):
        if options.base is not None:
            raise ValueError(f"--from {options.base}: a pipeline is not trained; leave it out")
        print(read_pipeline(path, options.overrides).yaml(), end="")
    else:
        print(Target.of(options).experiment(types=False).yaml(), end="")
    return OK
