"""`python -m zoo`: the command line, a file a verb."""

from zoo.cli.parsing.command_line import main

__all__ = ["main"]
