"""What several verbs have in common: how they end, and the arguments that name an experiment and its judge."""

import argparse
from typing import Final

from zoo.spec.spec import OVERRIDABLE

OK, PROBLEMS, REFUSED, INTERRUPTED = 0, 1, 2, 130
OVERRIDES: Final = f"[--{{{','.join(OVERRIDABLE)}}}.KEY VALUE ...]"


def add_experiment(parser: argparse.ArgumentParser) -> None:
    """SPEC, --starter and overrides; `Target.of` reads them."""
    parser.set_defaults(takes_overrides=True)
    parser.add_argument("spec", metavar="SPEC", help="a YAML file, the name of a shipped spec, or a run's folder")
    parser.add_argument("--starter", action="store_true", help="the small variant on the avatar")
    parser.usage = f"{parser.prog} SPEC [--starter] {OVERRIDES}"


def add_trained(parser: argparse.ArgumentParser) -> None:
    """The `target` of what is done with a finished run."""
    parser.add_argument(
        "target", metavar="NAME|RUN", help="a model, whose last finished run is meant, or a run's folder"
    )
