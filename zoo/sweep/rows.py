"""The rows of a sweep as specs that were checked, each with its run and the command that trains it alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from zoo.artefacts.runs import Run
from zoo.spec.problems import Problem, SpecError
from zoo.spec.spec import Spec, read
from zoo.spec.sweep_spec import Layer, Sweep, read_sweep, structure
from zoo.spec.validation import accepted, spec_problems

COMMAND_LINE = "command line"


@dataclass(frozen=True)
class Row:
    """A row that may be trained.

    name: as the table has it. run: the same that `fit` finds with `arguments`, the rest of its command line.
    """

    name: str
    spec: Spec
    run: Run
    arguments: tuple[str, ...]

    @property
    def tested(self) -> bool:
        return self.run.finished and (self.run.folder / "results.json").is_file()


def rows(sweep: Sweep, starter: bool = False, overrides: Sequence[str] = (), types: bool = True) -> list[Row]:
    """Every row, resolved: base < the base's starter < shared < the sweep's starter < row < command line.

    Without `types` no torch is loaded, and types and argument names stay unchecked. Raises SpecError with all
    problems of all rows, each once.
    """
    found: list[Row] = []
    wrong: list[Problem] = []
    for name in sweep.rows:
        layers = [*sweep.layers(name, starter), Layer(COMMAND_LINE, tuple(overrides))]
        everything = list(chain.from_iterable(layer.overrides for layer in layers))
        try:
            spec = accepted(sweep.base, starter, everything, types)
            run = Run.of(spec)
        except SpecError as error:
            wrong += [_blame(problem, sweep, layers, starter) for problem in error.problems]
        except ValueError as error:
            wrong.append(Problem(str(sweep.file), "base", str(error)))
        else:
            options = [*(["--starter"] if starter else []), *(f"--{override}" for override in _last_words(everything))]
            found.append(Row(name, spec, run, (sweep.base_name, *options)))
    if wrong:
        raise SpecError(list(dict.fromkeys(wrong)))
    return found


def _last_words(overrides: Sequence[str]) -> list[str]:
    """Without plain values that a later override of the same key replaces."""
    last = {override.partition("=")[0]: number for number, override in enumerate(overrides)}
    return [
        override
        for number, override in enumerate(overrides)
        if last[override.partition("=")[0]] == number or "={" in override
    ]


def sweep_problems(raw: dict[str, Any], path: Path) -> list[Problem]:
    """Everything wrong with a sweep: its own keys, else its base, else its rows, plain and with the starter."""
    if found := list(structure(raw, path)):
        return found
    sweep = read_sweep(path)
    if found := spec_problems(read(sweep.base), sweep.base):
        return found
    variants = (False, True) if read(sweep.base).get("starter") or sweep.starter.overrides else (False,)
    return list(dict.fromkeys(chain.from_iterable(_row_problems(sweep, starter) for starter in variants)))


def _row_problems(sweep: Sweep, starter: bool) -> tuple[Problem, ...]:
    try:
        rows(sweep, starter)
    except SpecError as error:
        return error.problems
    return ()


def _blame(problem: Problem, sweep: Sweep, layers: Sequence[Layer], starter: bool) -> Problem:
    """Name the place whose override brought the value; the row where none did, as with an argument that is missing."""
    if starter and problem.key == "starter":
        return problem
    key = _short(problem.key.removeprefix("--"))
    for layer in reversed(layers):
        for override in reversed(layer.overrides):
            other = override.partition("=")[0]
            if _within(key, _short(other)) or _within(_short(other), key):
                if layer.where == COMMAND_LINE:
                    return Problem(COMMAND_LINE, f"--{other}", problem.message)
                return Problem(str(sweep.file), f"{layer.where}.{_long(key)}", problem.message)
    return Problem(str(sweep.file), f"{layers[-2].where}.{_long(key)}", problem.message)


def _within(key: str, other: str) -> bool:
    return key == other or key.startswith(f"{other}.")


def _short(key: str) -> str:
    """As a command line has it: model.width."""
    section, _, rest = key.partition(".")
    return f"{section}.{rest.removeprefix('init_args.')}" if section in ("model", "data") and rest else key


def _long(key: str) -> str:
    """As a file has it: model.init_args.width."""
    section, _, rest = key.partition(".")
    inserted = section in ("model", "data") and rest and rest.partition(".")[0] not in ("class_path", "init_args")
    return f"{section}.init_args.{rest}" if inserted else key
