"""`python -m zoo test`."""

import argparse
from pathlib import Path
from typing import Final

from zoo.artefacts.runs import Run
from zoo.cli.parsing.arguments import BASE, FROM, OK, OVERRIDES, add_experiment, set_usage
from zoo.cli.parsing.target import Target
from zoo.spec.validation import accepted

EXAMPLES: Final = """\
  python -m zoo test asl-slp --starter
      that run, or without one the bundled weights
  python -m zoo test me/asl-slp@0123456
      somebody's: are their published scores true?
  python -m zoo test asl-slp --split dev --judge runs/back-translation/ID
  python -m zoo test letter-judge --starter --real data/asl_alphabet
      trained on a twin, measured on the real data too"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """SPEC, the split and the judge."""
    add_experiment(parser)
    parser.add_argument("--split", choices=("dev", "test"), default="test", help="the split to measure on")
    parser.add_argument(
        "--judge", metavar=BASE, help="who reads what is generated: a back-translation, a letter- or a skeleton-judge"
    )
    parser.add_argument(
        "--real", metavar="FOLDER", type=Path, help="of a model trained on a twin: measure it on the real data set too"
    )
    parser.add_argument(
        "--beside", metavar=BASE, help="of a renderer: another one, trained on the same data, as one more baseline"
    )
    more = ("[--split SPLIT]", "[--judge JUDGE]", "[--real FOLDER]", "[--beside RENDERER]")
    set_usage(parser, "SPEC", "[--starter]", FROM, *more, OVERRIDES)


def run(options: argparse.Namespace) -> int:
    """Measure a finished run and keep the results in it, or measure published weights and say where they differ."""
    meant = Target.of(options)
    published = meant.published()
    if published is None:
        spec, run = meant.finished()
    else:
        spec, run = accepted(published / "spec.yaml", False, options.overrides, types=True), Run(published)
    from zoo.results.console import print_results
    from zoo.training.evaluate import compared, evaluated, measure, on_real_data

    if published is None:
        results = measure(spec, run.folder, options.split, options.judge, options.real, options.beside)
    else:
        _, results = evaluated(spec, published, options.split, options.judge, options.beside)
        if options.real is not None:
            results |= on_real_data(spec, published, options.real)
    print_results(f"{spec.name}, {options.split}", results, run.provenance())
    print(*(compared(published, results) if published and options.split == "test" else [run.folder]), sep="\n")
    return OK
