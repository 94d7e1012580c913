"""`python -m zoo completion`: verbs, names, options and files, for a shell to complete."""

import argparse
from collections.abc import Iterator
from typing import Any, Final

import shtab

from zoo.cli.parsing.arguments import BASE, OK
from zoo.cli.parsing.command_line import VERBS, parser_of
from zoo.pipelines.components import RULE_BASED
from zoo.spec.registry import list_experiments, list_models, list_pipelines, list_sweeps

EXAMPLES: Final = """\
  python -m zoo completion bash
      for ~/.bashrc: eval "$(zoo completion bash)"
  python -m zoo completion zsh
      for a file `_zoo` in a folder of $fpath"""
NAMED: Final = ("SPEC", "NAME", "NAME|RUN", "RUN", "PATTERN", BASE)
"""What stands for a model, pipeline or run, or a file of one."""
FOLDERS: Final = ("FOLDER", "DIR", "VIDEOS")
FILES: Final = ("OUT", "INPUT", "FILE")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The shell."""
    parser.add_argument("shell", metavar="SHELL", choices=("bash", "zsh"), help="bash or zsh")


def run(options: argparse.Namespace) -> int:
    """Print the shell's script. It knows the names that there are now."""
    parser = parser_of(VERBS)
    trained = [*list_models(), *list_pipelines(), *list_experiments(), *RULE_BASED]
    names, sweeps = _names("names", trained), _names("sweeps", list_sweeps())
    how = {
        **dict.fromkeys(NAMED, names),
        **dict.fromkeys(FOLDERS, shtab.DIRECTORY),
        **dict.fromkeys(FILES, shtab.FILE),
        "SWEEP": sweeps,
    }
    for action in _actions(parser):
        named_freely = action.option_strings and action.metavar == "NAME"  # a name to give, not one that there is
        if action.metavar in how and not named_freely:
            action.complete = how[str(action.metavar)]  # type: ignore[attr-defined]
    print(shtab.complete(parser, options.shell))
    return OK


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Of a parser and of its verbs'."""
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from _actions(inner)


def _names(kind: str, names: list[str]) -> dict[str, Any]:
    """How each shell completes one of some names, or the path of a file."""
    function, words = f"_zoo_{kind}_or_File", " ".join(names)  # by File in it shtab knows that there may be paths
    return {
        "bash": function,
        "zsh": function,
        "preamble": {
            "bash": f'{function}() {{\n  compgen -W "{words}" -- "$1"\n  compgen -f -- "$1"\n}}',
            "zsh": f"{function}() {{\n  compadd -- {words}\n  _files\n}}",
        },
    }
