"""What several verbs have in common: how they end, how they are called, and the arguments that name an experiment."""

import argparse
from typing import Final

from zoo.spec.spec import OVERRIDABLE

OK, PROBLEMS, REFUSED, FAILED, INTERRUPTED = 0, 1, 2, 3, 130
WIDTH: Final = 80
"""Columns of all that --help prints."""
OVERRIDES: Final = f"[--{{{','.join(OVERRIDABLE)}}}.KEY VALUE ...]"
BASE: Final = "NAME|RUN|REPO"
FROM: Final = f"[--from {BASE}]"


def add_experiment(parser: argparse.ArgumentParser, optional: bool = False) -> None:
    """SPEC, which may be left out if it is `optional`, --starter, --from and overrides; `Target.of` reads them."""
    parser.set_defaults(takes_overrides=True)
    what = "a YAML file, the name of a shipped spec, or a run's folder"
    parser.add_argument("spec", metavar="SPEC", nargs="?" if optional else None, help=what)
    parser.add_argument("--starter", action="store_true", help="the small variant on the avatar")
    whose = "start from the weights of a model: its name, a run's folder or user/repo@revision"
    parser.add_argument("--from", dest="base", metavar=BASE, help=whose)
    set_usage(parser, "SPEC", "[--starter]", FROM, OVERRIDES)


def add_trained(parser: argparse.ArgumentParser) -> None:
    """The `target` of what is done with a finished run."""
    parser.add_argument(
        "target", metavar="NAME|RUN", help="a model, whose last finished run is meant, or a run's folder"
    )


def set_usage(parser: argparse.ArgumentParser, *words: str) -> None:
    """Say how a verb is called, in lines that are not too long: overrides are not argparse's to know of. Another way to
    call it begins with "or"."""
    lines = [parser.prog]
    for word in words:
        if word == "or":
            lines.append(parser.prog)
            continue
        if len(lines[-1]) + len(word) + len(" usage: ") > WIDTH:
            lines.append("   ")
        lines[-1] += f" {word}"
    parser.usage = "\n       ".join(lines)
