"""`python -m zoo show`."""

import argparse

from zoo.cli.arguments import OK, add_experiment
from zoo.spec.pipeline_spec import pipeline_file, read_pipeline
from zoo.spec.registry import locate
from zoo.spec.validation import accepted

add_arguments = add_experiment


def run(options: argparse.Namespace) -> int:
    """Print a spec as it is resolved."""
    if path := pipeline_file(options.spec):
        print(read_pipeline(path, options.overrides).yaml(), end="")
    else:
        print(accepted(locate(options.spec), options.starter, options.overrides, types=False).yaml(), end="")
    return OK
