"""`python -m zoo check`."""

import argparse
import sys
from pathlib import Path
from typing import Final

from zoo.cli.parsing.arguments import OK, PROBLEMS
from zoo.pipelines.compose import pipeline_problems
from zoo.spec.pipeline_spec import is_pipeline
from zoo.spec.problems import Problem, SpecError
from zoo.spec.registry import locate, shipped_folder
from zoo.spec.spec import read
from zoo.spec.sweep_spec import is_sweep
from zoo.spec.validation import spec_problems
from zoo.sweep.rows import sweep_problems

EXAMPLES: Final = """\
  python -m zoo check
      all that are shipped
  python -m zoo check my-spec.yaml asl-slp"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The specs."""
    parser.add_argument("specs", nargs="*", metavar="SPEC")


def run(options: argparse.Namespace) -> int:
    """Report every problem of specs, all shipped ones by default."""
    paths = [locate(spec) for spec in options.specs] or sorted(shipped_folder().rglob("*.yaml"))
    bad = 0
    for path in paths:
        found = problems(path)
        bad += len(found)
        if found:
            print("\n".join(map(str, found)), file=sys.stderr)
        else:
            print(f"{path}: good{', and with its starter' if read(path).get('starter') else ''}")
    if bad:
        print(f"{bad} problem{'s' if bad > 1 else ''}", file=sys.stderr)
    return PROBLEMS if bad else OK


def problems(path: Path) -> list[Problem]:
    """Everything that is wrong with a file in YAML, a spec, a pipeline or a sweep; each problem once."""
    try:
        raw = read(path)
        kinds = ((is_pipeline, pipeline_problems), (is_sweep, sweep_problems))
        return next((find for is_kind, find in kinds if is_kind(raw)), spec_problems)(raw, path)
    except SpecError as error:
        return list(error.problems)
