"""`python -m zoo card`."""

import argparse
import sys
from typing import Final

from zoo.artefacts.artefact import starter_folder
from zoo.artefacts.resolve import finished
from zoo.cli.parsing.arguments import OK, PROBLEMS, add_trained
from zoo.spec.registry import list_models

EXAMPLES: Final = """\
  python -m zoo card asl-slp
      of its last finished run
  python -m zoo card runs/asl-slp/ID --check
      what is wrong with it: links, code, numbers"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The run, and whether its card is written or checked."""
    add_trained(parser)
    parser.add_argument("--check", action="store_true", help="write nothing; report what is wrong with the card")


def run(options: argparse.Namespace) -> int:
    """Write a model's card anew, or report what is wrong with it."""
    from zoo.card import check, write

    folder = finished(options.target)
    if not options.check and options.target in list_models() and folder == starter_folder(options.target):
        raise ValueError(
            f"{options.target}: no finished run; the card of the bundled starter is {folder / 'README.md'}, which "
            "--check looks through"
        )
    if not options.check:
        print(write(folder))
        return OK
    found = check(folder)
    print("\n".join(map(str, found)), file=sys.stderr) if found else print(f"{folder / 'README.md'}: good")
    return PROBLEMS if found else OK
