"""What is common to all verbs: the command line as it was typed, exit codes, and errors in one line on stderr."""

import argparse
import importlib
import os
import re
import select
import sys
import tempfile
import textwrap
import traceback
from collections.abc import Container, Sequence
from typing import Any, Final, NoReturn

import zoo
from datamodules.files import user_path
from zoo.cli.parsing.arguments import FAILED, INTERRUPTED, OK, REFUSED, WIDTH
from zoo.spec.problems import Problem, SpecError

VERBS: Final = {
    "fit": "train a spec; the same spec goes on with its run",
    "validate": "what training logs of the validation split, for a finished run",
    "test": "measure a finished run beside the truth and baselines, into its folder; of a model without one its "
    "bundled or pinned weights, or user/repo@revision, and say where published scores differ",
    "sweep": "train and test every row of an ablation and compare them; the same command goes on",
    "show": "print a resolved spec",
    "list": "list the models",
    "import": "make an artefact of a ControlNet or LoRA that was trained with diffusers or peft",
    "export": "write a model as ONNX, which runs without the zoo and PyTorch, compared with the model first",
    "push": "publish a measured model on the Hub: built, opened again, linted, then one commit",
    "card": "write a model's card anew",
    "migrate": "bring runs and artefacts of an earlier zoo up to date",
    "data": "twins, checks, landmarks and embeddings of data sets",
    "check": "report every problem of specs, all shipped ones by default",
    "app": "serve a page for a browser: translate, recognise, spell, look around",
    "doctor": "what this machine has for the zoo, for a report of something that fails",
    "completion": "print what lets a shell complete the command `zoo`",
    "run": "call a model's or a pipeline's verb and write what the suffix of OUT asks for",
}
"""What each does. Its module has `add_arguments(parser)`, EXAMPLES, and `run(options)`, which returns the exit code."""
ARTEFACTS: Final = ("import", "export", "push", "card", "migrate")
"""Verbs whose modules lie in a folder of their own."""
DESCRIPTION = "Sign-language models as experiment specs: train, measure, load and run them."
EPILOG = """\
SPEC is a path to a YAML file, the name of a shipped spec (`list`), or the
folder of a run. Overrides are dotted keys with YAML values:
--trainer.max_epochs 3, --model.width=64, --data.batch_size 4.

examples:
  python -m zoo fit asl-slp --starter
      train small on the signing avatar, on two CPU cores
  python -m zoo test asl-slp --starter
      measure that run
  python -m zoo run asl-slp "What is your name?" -o name.mp4
  python -m zoo run text-to-video "Hello." -o hello.mp4
  python -m zoo data check wlasl ~/data/WLASL
      what is wrong with a folder of data
`python -m zoo VERB --help` has more of each."""
ENDS = """\
exit codes: 0 done; 1 a check found problems, or `data` clips that it could not
            read; 2 refused, one message on stderr says why; 3 failed where it
            should not, a defect; 130 interrupted, the same command goes on
--traceback with any verb shows where an error comes from
ZOO_RUNS names another folder for runs than ./runs; NO_COLOR=1 turns colours off"""
TRACEBACK: Final = "--traceback"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code."""
    given = list(sys.argv[1:] if argv is None else argv)
    options = given[: given.index("--")] if "--" in given else given
    if traced := TRACEBACK in options:
        given.remove(TRACEBACK)
    try:
        return _run([_at_home(argument) for argument in given])
    except SystemExit as stop:  # argparse, after --help, --version or its own message
        return int(stop.code or 0)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        if traced:
            traceback.print_exception(error)
        return _ended(error, traced)


def _run(given: Sequence[str]) -> int:
    arguments, overrides = split_overrides(given) if given[:1] != ["data"] else (list(given), [])
    options = parser_of(arguments[:1], versioned="--version" in arguments).parse_args(arguments)
    if overrides and not options.takes_overrides:
        raise ValueError(f"`{options.verb}` takes no overrides here, found --{overrides[0]}")
    options.overrides = overrides
    code: int = _module(options.verb).run(options)
    sys.stdout.flush()
    return code


def _module(verb: str) -> Any:
    return importlib.import_module(f"zoo.cli.{'artefacts.' if verb in ARTEFACTS else ''}{verb}")


def _ended(error: Exception, traced: bool) -> int:
    """The exit code of a verb that raised, after a message. The traceback of what should not be raised is kept: it may
    have come after hours."""
    if isinstance(error, SpecError):
        print(error, file=sys.stderr)
        return REFUSED
    if isinstance(error, BrokenPipeError) and not _is_read():
        return OK
    if isinstance(error, ValueError | OSError) and _meant_for_users(error):
        print(f"error: {_one_line(error)}", file=sys.stderr)
        return REFUSED
    what = " ".join(f"{type(error).__name__}: {error}".split())
    what = f"error: {what if len(what) < 500 else f'{what[:500]} ...'}"
    if not traced:
        what += f"; where it comes from is in {_kept(error)}"
    print(f"{what}; please report it, with the output of `python -m zoo doctor`", file=sys.stderr)
    return FAILED


def _kept(error: Exception) -> str:
    with tempfile.NamedTemporaryFile("w", prefix="zoo-traceback-", suffix=".txt", delete=False) as file:
        traceback.print_exception(error, file=file)
    return file.name


def _at_home(argument: str) -> str:
    """An argument that is, or after = gives, a path in the home folder, as a shell would have it: it leaves alone what
    is quoted or follows --option=."""
    option, path = re.fullmatch(r"(--[\w.-]+=|-o)?(.*)", argument, re.DOTALL).groups("")  # type: ignore[union-attr]
    return f"{option}{user_path(path)}" if path == "~" or path.startswith("~/") else argument


def _meant_for_users(error: Exception) -> bool:
    """Ours and Lightning's ValueErrors carry a message; one from deeper down is a defect to trace."""
    if isinstance(error, OSError):
        return True
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    package = trace.tb_frame.f_globals.get("__name__", "").partition(".")[0] if trace else ""
    return package in ("zoo", "lightning_modules", "datamodules", "lightning")


def _is_read() -> bool:
    """Whether stdout still has a reader, as after `zoo list | head` it has not; without one, stdout is redirected to
    nowhere, so that closing it raises nothing."""
    pipe = select.poll()
    pipe.register(sys.stdout, 0)
    closed = any(event & select.POLLERR for _, event in pipe.poll(0))
    if closed:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return not closed


def _one_line(error: Exception) -> str:
    """What happened; the system's own errors with the file first, as all others are."""
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror[:1].lower()}{error.strerror[1:]}"
    return str(error)


def split_overrides(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """Take `--a.b value` and `--a.b=value` out of a command line; what is left is argparse's.

    argparse would take the value for a positional argument, as it does not know these options.
    """
    rest: list[str] = []
    overrides: list[str] = []
    pending = list(argv)
    while pending:
        token = pending.pop(0)
        if token == "--":
            return [*rest, token, *pending], overrides
        match = re.fullmatch(r"--(\w+\.[\w.-]+|seed)(=.*)?", token, re.DOTALL)
        if not match:
            rest.append(token)
        elif match[2] is not None:
            overrides.append(match[1] + match[2])
        elif pending and not pending[0].startswith("--"):
            overrides.append(f"{match[1]}={pending.pop(0)}")
        else:
            raise SpecError([Problem("command line", token, f"needs a value: {token} VALUE")])
    return rest, overrides


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(REFUSED, f"error: {message}; see `python -m {self.prog} --help`\n")


def parser_of(verbs: Container[str], versioned: bool = False) -> argparse.ArgumentParser:
    """Of the whole command line, with the arguments of some verbs. versioned: find out which version this is, which
    takes a while."""
    layout = argparse.RawDescriptionHelpFormatter
    epilog = f"{EPILOG}\n\n{ENDS}"
    parser = _Parser("zoo", description=DESCRIPTION, epilog=epilog, formatter_class=layout, allow_abbrev=False)
    version = f"zoo {zoo.__version__}" if versioned else ""
    parser.add_argument("--version", action="version", version=version, help="say which version this is and exit")
    choices = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, text in VERBS.items():
        description = textwrap.fill(text, WIDTH)
        verb = choices.add_parser(name, help=text, description=description, formatter_class=layout, allow_abbrev=False)
        verb.set_defaults(takes_overrides=False)
        if name in verbs:
            module = _module(name)
            module.add_arguments(verb)
            verb.epilog = f"examples:\n{module.EXAMPLES}\n\n{ENDS}"
    return parser
