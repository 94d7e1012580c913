"""`python -m zoo push`."""

import argparse
from typing import Final

from zoo.cli.parsing.arguments import OK, add_trained

EXAMPLES: Final = """\
  python -m zoo push asl-slp --repo me/asl-slp --dry-run
      all but the commit
  python -m zoo push runs/asl-slp/ID --repo me/asl-slp --private"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The run, and where it goes."""
    add_trained(parser)
    parser.add_argument("--repo", metavar="USER/NAME", help="the repository (default: hub.repo_id of the spec)")
    parser.add_argument("--private", action="store_true", help="make the repository private if it is new")
    parser.add_argument("--pr", action="store_true", help="open a pull request instead of committing")
    parser.add_argument("--dry-run", action="store_true", help="stop before the network and leave the folder")


def run(options: argparse.Namespace) -> int:
    """Publish a measured model on the Hub."""
    from zoo.publishing.push import push

    push(options.target, options.repo, options.private, options.pr, options.dry_run)
    return OK
