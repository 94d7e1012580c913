"""`python -m zoo fit`."""

import argparse
import sys
from contextlib import suppress
from typing import Final

from zoo.artefacts.base_model import refuse_outdated
from zoo.artefacts.resolve import finished
from zoo.artefacts.runs import Run, longer
from zoo.cli.parsing.arguments import FROM, INTERRUPTED, OK, OVERRIDES, add_experiment, set_usage
from zoo.cli.parsing.target import Target
from zoo.spec.problems import SpecError
from zoo.spec.registry import locate
from zoo.spec.spec import Spec
from zoo.spec.validation import accepted

EXAMPLES: Final = """\
  python -m zoo fit asl-slp --starter
      small, on the signing avatar: two CPU cores, minutes, no data
  python -m zoo fit asl-slp --trainer.devices 4
      the real recipe, on data/how2sign
  python -m zoo fit my-spec.yaml --model.width=64 --data.batch_size 4
      a spec of your own, with other settings
  python -m zoo fit runs/asl-slp/ID
      go on with a run that was interrupted
  python -m zoo fit asl-slp --from me/asl-slp@0123456
      start from the weights of a model
  python -m zoo fit --continue runs/asl-slp/ID --trainer.max_epochs 40
      more epochs for a finished run"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The experiment, or the finished run that is to be longer."""
    add_experiment(parser, optional=True)
    parser.add_argument(
        "--continue",
        dest="shorter",
        metavar="RUN",
        help="train a finished run for more epochs, as if it had been longer from the start: its folder, or a model "
        "whose last one is meant; SPEC is the run's own where it is left out",
    )
    set_usage(parser, "SPEC", "[--starter]", FROM, OVERRIDES, "or", "--continue RUN", "--trainer.max_epochs N")


def run(options: argparse.Namespace) -> int:
    """Train a spec, go on with its run, or make a finished one longer."""
    if options.spec is None and options.shorter is None:
        raise ValueError("no SPEC given; name one, or use --continue RUN to train a finished run for more epochs")
    if options.base is not None and options.shorter is not None:
        raise ValueError("--from starts another training and --continue goes on with one; leave one of them out")
    target = Target.of(options)
    with suppress(SpecError):  # a finished run needs no torch to say so
        _, meant, _ = _meant(target, options.shorter, types=False)
        if meant.finished:
            refuse_outdated(meant.provenance(), str(meant.folder))
            print(f"already finished: {meant.folder}")
            return OK
    spec, meant, shorter = _meant(target, options.shorter, types=True)
    from zoo.training.fit import Interrupted, fit

    try:
        fit(spec, meant, shorter)
    except (Interrupted, KeyboardInterrupt):
        begun = meant.started and (shorter is None or meant.last.is_file())
        command = f"python -m zoo fit {meant.folder}" if begun else "the same command"
        print(f"interrupted; `{command}` goes on with it", file=sys.stderr)
        return INTERRUPTED
    return OK


def _meant(target: Target, to_continue: str | None, types: bool) -> tuple[Spec, Run, Run | None]:
    """A spec, its run, and the finished one that it goes on with, if any."""
    if to_continue is None:
        return *target.run(types), None
    shorter = Run(finished(to_continue))
    path = locate(target.spec) if target.spec else shorter.folder / "spec.yaml"
    spec = longer(shorter, accepted(path, target.starter, target.overrides, types))
    return spec, Run.of(spec), shorter
