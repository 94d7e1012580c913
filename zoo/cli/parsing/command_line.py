"""What is common to all verbs: the command line as it was typed, exit codes, and errors in one line on stderr."""

import argparse
import importlib
import os
import re
import select
import sys
from collections.abc import Sequence
from typing import Final, NoReturn

import zoo
from datamodules.files import user_path
from zoo.cli.parsing.arguments import INTERRUPTED, OK, REFUSED
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
    "run": "call a model's or a pipeline's verb and write what the suffix of OUT asks for",
}
"""What each does. `zoo.cli.<verb>` has `add_arguments(parser)` and `run(options)`, which returns the exit code."""
DESCRIPTION = "Sign-language models as experiment specs: train, measure, load and run them."
EPILOG = """\
SPEC is a path to a YAML file, the name of a shipped spec (`list`), or the folder of a run.
Overrides are dotted keys with YAML values: --trainer.max_epochs 3, --model.width=64, --data.batch_size 4.

examples:
  python -m zoo fit asl-slp --starter                       train small on the avatar, on two CPU cores
  python -m zoo fit specs/asl-slp.yaml --trainer.devices 4  train the real recipe
  python -m zoo fit asl-slp --from me/asl-slp@0123456       start from the weights of a model
  python -m zoo fit --continue runs/asl-slp/ID --trainer.max_epochs 40
                                                            more epochs for a finished run
  python -m zoo test asl-slp --starter                      measure that run; without one, the bundled weights
  python -m zoo sweep ablations/asl-slp --starter           train and test the rows of a table, then write it
  python -m zoo run asl-slp "What is your name?" -o name.mp4
  python -m zoo run text-to-video "Hello." -o hello.mp4 --stages.renderer pix2pix
  python -m zoo check my-spec.yaml                          every problem at once
  python -m zoo data check wlasl ~/data/WLASL               what is wrong with a folder of data

exit codes: 0 done; 1 a check found problems, or `data` clips that it could not read; 2 refused, one message
            on stderr says why; 130 interrupted, the same command goes on
set ZOO_RUNS to keep runs elsewhere than in ./runs"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code."""
    try:
        given = [_at_home(argument) for argument in (sys.argv[1:] if argv is None else argv)]
        arguments, overrides = split_overrides(given) if given[:1] != ["data"] else (list(given), [])
        options = _parser(arguments).parse_args(arguments)
        if overrides and not options.takes_overrides:
            raise ValueError(f"`{options.verb}` takes no overrides here, found --{overrides[0]}")
        options.overrides = overrides
        code: int = importlib.import_module(f"zoo.cli.{options.verb}").run(options)
        sys.stdout.flush()
        return code
    except SystemExit as stop:  # argparse, after --help, --version or its own message
        return int(stop.code or 0)
    except SpecError as error:
        print(error, file=sys.stderr)
    except BrokenPipeError as error:
        if _is_read():
            print(f"error: {error}", file=sys.stderr)
            return REFUSED
        return OK
    except (ValueError, OSError) as error:
        if not _meant_for_users(error):
            raise
        print(f"error: {_one_line(error)}", file=sys.stderr)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    return REFUSED


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


def _parser(given: Sequence[str]) -> argparse.ArgumentParser:
    """Of all verbs, with the arguments of the one that is given."""
    layout = argparse.RawDescriptionHelpFormatter
    parser = _Parser("zoo", description=DESCRIPTION, epilog=EPILOG, formatter_class=layout, allow_abbrev=False)
    version = f"zoo {zoo.__version__}" if "--version" in given else ""  # it takes a while to find out
    parser.add_argument("--version", action="version", version=version, help="say which version this is and exit")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, text in VERBS.items():
        verb = verbs.add_parser(
            name, help=text, description=text, epilog=EPILOG, formatter_class=layout, allow_abbrev=False
        )
        verb.set_defaults(takes_overrides=False)
        if name in given[:1]:
            importlib.import_module(f"zoo.cli.{name}").add_arguments(verb)
    return parser
