"""`python -m zoo`: the verbs. Torch is loaded only in those that need it."""

import argparse
import os
import re
import select
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from zoo import __version__
from zoo.artefacts.artefact import starter_folder
from zoo.artefacts.resolve import finished
from zoo.artefacts.runs import Run, runs_root
from zoo.cli.target import Target
from zoo.prepare import commands
from zoo.spec.pipeline_spec import pipeline_file, read_pipeline
from zoo.spec.problems import problems
from zoo.spec.registry import list_experiments, list_models, locate, shipped_folder
from zoo.spec.spec import OVERRIDABLE, Problem, SpecError, read
from zoo.spec.validation import accepted

OK, PROBLEMS, REFUSED, INTERRUPTED = 0, 1, 2, 130
PIPED = 200
"""Columns of what is no terminal."""
DESCRIPTION = "Sign-language models as experiment specs: train, measure, load and run them."
EPILOG = """\
SPEC is a path to a YAML file, the name of a shipped spec (`list`), or the folder of a run.
Overrides are dotted keys with YAML values: --trainer.max_epochs 3, --model.width=64, --data.batch_size 4.

examples:
  python -m zoo fit asl-slp --starter                       train small on the avatar, on two CPU cores
  python -m zoo fit specs/asl-slp.yaml --trainer.devices 4  train the real recipe
  python -m zoo test asl-slp --starter                      measure that run; without one, the bundled weights
  python -m zoo sweep ablations/asl-slp --starter           train and test the rows of a table, then write it
  python -m zoo run asl-slp "What is your name?" -o name.mp4
  python -m zoo run text-to-video "Hello." -o hello.mp4 --stages.renderer pix2pix
  python -m zoo check my-spec.yaml                          every problem at once
  python -m zoo data check wlasl ~/data/WLASL               what is wrong with a folder of data

exit codes: 0 done; 1 check found problems; 2 refused, one message on stderr says why;
            130 interrupted, the same command goes on
set ZOO_RUNS to keep runs elsewhere than in ./runs"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code."""
    try:
        given = sys.argv[1:] if argv is None else argv
        arguments, overrides = split_overrides(given) if given[:1] != ["data"] else (list(given), [])
        options = _parser().parse_args(arguments)
        if overrides and not options.takes_overrides:
            raise ValueError(f"`{options.verb}` takes no overrides here, found --{overrides[0]}")
        options.overrides = overrides
        code = int(options.action(options))
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
    """Whether somebody still reads stdout, which `zoo list | head` does not; if nobody does, it is let go of."""
    pipe = select.poll()
    pipe.register(sys.stdout, 0)
    closed = any(event & select.POLLERR for _, event in pipe.poll(0))
    if closed:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return not closed


def _one_line(error: Exception) -> str:
    """What happened; the system's own errors with the file first, as all others are."""
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror.lower()}"
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


def _fit(options: argparse.Namespace) -> int:
    target = _target(options)
    with suppress(SpecError):  # a finished run needs no torch to say so
        _, run = target.run(types=False)
        if run.finished:
            print(f"already finished: {run.folder}")
            return OK
    spec, run = target.run(types=True)
    from zoo.training.fit import Interrupted, fit

    try:
        fit(spec, run)
    except (Interrupted, KeyboardInterrupt):
        command = f"python -m zoo fit {run.folder}" if run.started else "the same command"
        print(f"interrupted; `{command}` goes on with it", file=sys.stderr)
        return INTERRUPTED
    return OK


def _validate(options: argparse.Namespace) -> int:
    spec, run = _target(options).finished()
    from zoo.training.evaluate import validate

    _print_results(f"{spec.name}, validate", validate(spec, run.folder), run.provenance())
    return OK


def _test(options: argparse.Namespace) -> int:
    target = _target(options)
    published = target.published()
    if published is None:
        spec, run = target.finished()
    else:
        spec, run = accepted(published / "spec.yaml", False, options.overrides, types=True), Run(published)
    from zoo.training.evaluate import compared, evaluated, measure

    if published is None:
        results = measure(spec, run.folder, options.split, options.judge)
    else:
        _, results = evaluated(spec, published, options.split, options.judge)
    _print_results(f"{spec.name}, {options.split}", results, run.provenance())
    print(*(compared(published, results) if published and options.split == "test" else [run.folder]), sep="\n")
    return OK


def _sweep(options: argparse.Namespace) -> int:
    from zoo.sweep.training import sweep

    try:
        return OK if sweep(options.sweep, options.starter, options.overrides, options.judge) else REFUSED
    except KeyboardInterrupt:
        print("interrupted; the same command goes on with it", file=sys.stderr)
        return INTERRUPTED


def _list(options: argparse.Namespace) -> int:
    from zoo.cli.listing import show

    show(options.pattern)
    return OK


def _push(options: argparse.Namespace) -> int:
    from zoo.publishing.push import push

    push(options.target, options.repo, options.private, options.pr, options.dry_run)
    return OK


def _card(options: argparse.Namespace) -> int:
    from zoo.card import check, write

    folder = finished(options.target)
    if not options.check and options.target in list_models() and folder == starter_folder(options.target):
        raise ValueError(
            f"{options.target}: no finished run, and the starter's card is the package's; --check reads it"
        )
    if not options.check:
        print(write(folder))
        return OK
    found = check(folder)
    print("\n".join(map(str, found)), file=sys.stderr) if found else print(f"{folder / 'README.md'}: good")
    return PROBLEMS if found else OK


def _migrate(options: argparse.Namespace) -> int:
    from zoo.training.migration import migrate

    folders = options.folders or sorted(path.parent for path in runs_root().glob("*/*/provenance.json"))
    for folder in folders:
        now = migrate(folder)
        print(f"{folder}: up to date" if now is None else f"{folder}: brought up to date, now {now}")
    return OK


def _show(options: argparse.Namespace) -> int:
    if path := pipeline_file(options.spec):
        print(read_pipeline(path, options.overrides).yaml(), end="")
        return OK
    print(accepted(locate(options.spec), options.starter, options.overrides, types=False).yaml(), end="")
    return OK


def _check(options: argparse.Namespace) -> int:
    paths = [locate(spec) for spec in options.specs] or sorted(shipped_folder().rglob("*.yaml"))
    bad = 0
    for path in paths:
        found = problems(path)
        bad += len(found)
        if found:
            print("\n".join(map(str, found)), file=sys.stderr)
        else:
            print(f"{path}: good{', and with its starter' if read(path).get('starter') else ''}")
    if bad:
        print(f"{bad} problem{'s' if bad > 1 else ''}", file=sys.stderr)
    return PROBLEMS if bad else OK


def _run(options: argparse.Namespace) -> int:
    from zoo.artefacts.resolve import load

    if pipeline_file(options.spec):
        from zoo.pipelines.compose import load as load_pipeline

        pipeline = load_pipeline(options.spec, "starter" if options.starter else None, {}, options.overrides)
        print(*pipeline.run(options.input, options.output), sep="\n")
        return OK
    named = options.spec in list_models()
    path = Path(options.spec)
    if options.spec in list_experiments() or (not named and (path.is_file() or path.suffix in (".yaml", ".yml"))):
        _, run = _target(options).finished(types=False)
        loader = load(run.folder)
    elif options.overrides:
        raise ValueError(
            f"{options.overrides[0]}: overrides choose a run of a YAML file, and {options.spec} is trained already; in "
            f"Python, the verb of zoo.load({options.spec!r}) takes seeds and other settings"
        )
    elif options.starter and not named and path.is_dir():
        raise ValueError(f"--starter is for a model's name or a YAML file; leave it out for {options.spec}")
    else:
        loader = load(options.spec, "starter" if options.starter else None)
    print(*loader.run(options.input, options.output), sep="\n")
    return OK


def _target(options: argparse.Namespace) -> Target:
    return Target(options.spec, options.starter, options.overrides)


def _print_results(title: str, results: dict[str, dict[str, Any]], provenance: dict[str, Any]) -> None:
    from rich.console import Console

    from zoo.results.console import ResultsTable

    width = None if sys.stdout.isatty() else PIPED
    Console(width=width, highlight=False).print(ResultsTable(title, results, provenance))


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(REFUSED, f"error: {message}; see `python -m {self.prog} --help`\n")


def _parser() -> argparse.ArgumentParser:
    layout = argparse.RawDescriptionHelpFormatter
    parser = _Parser("zoo", description=DESCRIPTION, epilog=EPILOG, formatter_class=layout, allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"zoo {__version__}")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")

    def verb(
        name: str, action: Any, text: str, spec: bool = False, among: Any = verbs, epilog: str = EPILOG
    ) -> argparse.ArgumentParser:
        sub: argparse.ArgumentParser = among.add_parser(
            name, help=text, description=text, epilog=epilog, formatter_class=layout, allow_abbrev=False
        )
        sub.set_defaults(action=action, takes_overrides=spec)
        if spec:
            sub.add_argument("spec", metavar="SPEC", help="a YAML file, the name of a shipped spec, or a run's folder")
            sub.add_argument("--starter", action="store_true", help="the small variant on the avatar")
            sub.usage = f"zoo {name} SPEC [--starter] [--{{{','.join(OVERRIDABLE)}}}.KEY VALUE ...]"
        return sub

    verb("fit", _fit, "train a spec; the same spec goes on with its run", spec=True)
    verb("validate", _validate, "what training logs of the validation split, for a finished run", spec=True)
    test = verb(
        "test",
        _test,
        "measure a finished run beside the truth and baselines, into its folder; of a model without one its "
        "bundled or pinned weights, or user/repo@revision, and say where published scores differ",
        spec=True,
    )
    test.add_argument("--split", choices=("dev", "test"), default="test", help="the split to measure on")
    test.add_argument(
        "--judge", metavar="NAME|RUN|REPO", help="who reads what is generated: a back-translation or a letter-judge"
    )
    test.usage = (
        f"zoo test SPEC [--starter] [--split SPLIT] [--judge JUDGE] [--{{{','.join(OVERRIDABLE)}}}.KEY VALUE ...]"
    )
    sweep = verb("sweep", _sweep, "train and test every row of an ablation and compare them; the same command goes on")
    sweep.set_defaults(takes_overrides=True)
    sweep.add_argument("sweep", metavar="SWEEP", help="a YAML file with rows, or a shipped one: ablations/asl-slp")
    sweep.add_argument("--starter", action="store_true", help="the small variant on the avatar")
    sweep.add_argument("--judge", metavar="NAME|RUN|REPO", help="who reads what the rows generate")
    sweep.usage = f"zoo sweep SWEEP [--starter] [--judge JUDGE] [--{{{','.join(OVERRIDABLE)}}}.KEY VALUE ...]"
    verb("show", _show, "print a resolved spec", spec=True)
    verb("list", _list, "list the models").add_argument("pattern", nargs="?", default="*", metavar="PATTERN")
    push = verb("push", _push, "publish a measured model on the Hub: built, opened again, linted, then one commit")
    push.add_argument("target", metavar="NAME|RUN", help="a model, whose last finished run is meant, or a run's folder")
    push.add_argument("--repo", metavar="USER/NAME", help="the repository (default: hub.repo_id of the spec)")
    push.add_argument("--private", action="store_true", help="make the repository private if it is new")
    push.add_argument("--pr", action="store_true", help="open a pull request instead of committing")
    push.add_argument("--dry-run", action="store_true", help="stop before the network and leave the folder")
    card = verb("card", _card, "write a model's card anew")
    card.add_argument("target", metavar="NAME|RUN", help="a model, whose last finished run is meant, or a run's folder")
    card.add_argument("--check", action="store_true", help="write nothing; report what is wrong with the card")
    migrate = verb("migrate", _migrate, "bring runs and artefacts of an earlier zoo up to date")
    migrate.add_argument("folders", nargs="*", type=Path, metavar="FOLDER", help="all runs unless some are named")
    data = verbs.add_parser("data", help="twins, checks, landmarks and embeddings of data sets", allow_abbrev=False)
    among = data.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_commands(partial(verb, among=among, epilog=""))
    check = verb("check", _check, "report every problem of specs, all shipped ones by default")
    check.add_argument("specs", nargs="*", metavar="SPEC")
    run = verb("run", _run, "call a model's or a pipeline's verb and write what the suffix of OUT asks for")
    run.set_defaults(takes_overrides=True)
    run.add_argument(
        "spec",
        metavar="NAME",
        help="a model, a pipeline, a run's folder, user/repo@revision, or a YAML file",
    )
    run.add_argument("input", metavar="INPUT", help="a text, or the path of a file, as the verb takes it")
    out = "what is written depends on its suffix; may be given several times"
    run.add_argument("-o", "--output", action="append", required=True, type=Path, metavar="OUT", help=out)
    run.usage = "zoo run NAME INPUT -o OUT [-o OUT ...] [--starter] [--stages.ROLE COMPONENT ...]"
    run.add_argument("--starter", action="store_true", help="the bundled starter weights, or a YAML file's starter run")
    return parser
