"""`python -m zoo test`."""

import argparse
from pathlib import Path

from zoo.artefacts.runs import Run
from zoo.cli.parsing.arguments import BASE, OK, OVERRIDES, add_experiment
from zoo.cli.parsing.target import Target
from zoo.spec.validation import accepted


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
    more = "[--split SPLIT] [--judge JUDGE] [--real FOLDER] [--beside RENDERER]"
    parser.usage = f"{parser.prog} SPEC [--starter] [--from {BASE}] {more} {OVERRIDES}"


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
