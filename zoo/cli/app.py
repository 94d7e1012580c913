"""`python -m zoo app`."""

import argparse
from typing import Final

from zoo.app.server import HOST, PORTS, serve
from zoo.cli.parsing.arguments import OK

EXAMPLES: Final = """\
  python -m zoo app
      then open the address that it prints in a browser
  python -m zoo app --port 8000
  python -m zoo app --host 0.0.0.0
      for whoever reaches this machine, who need no password"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where it listens."""
    parser.add_argument("--host", default=HOST, help=f"the address to listen at (default: {HOST}, this machine alone)")
    free = f"the port to listen at (default: the first free one from {PORTS[0]} on)"
    parser.add_argument("--port", type=int, metavar="N", help=free)


def run(options: argparse.Namespace) -> int:
    """Serve the page until Ctrl-C."""
    serve(options.host, options.port)
    return OK
