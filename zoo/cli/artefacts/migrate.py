"""`python -m zoo migrate`."""

import argparse
from pathlib import Path
from typing import Final

from zoo.artefacts.runs import runs_root
from zoo.cli.parsing.arguments import OK

EXAMPLES: Final = """\
  python -m zoo migrate
  python -m zoo migrate runs/asl-slp/ID my-artefact"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The folders."""
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER", help="all runs unless some are named")


def run(options: argparse.Namespace) -> int:
    """Bring runs and artefacts of an earlier zoo up to date."""
    from zoo.training.migration import migrate

    folders = options.folders or sorted(path.parent for path in runs_root().glob("*/*/provenance.json"))
    for folder in folders:
        now = migrate(folder)
        print(f"{folder}: up to date" if now is None else f"{folder}: brought up to date, now {now}")
    return OK
