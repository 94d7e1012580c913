"""`python -m zoo show`."""

import argparse

from zoo.cli.parsing.arguments import OK, add_experiment
from zoo.cli.parsing.target import Target
from zoo.spec.pipeline_spec import pipeline_file, read_pipeline

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
