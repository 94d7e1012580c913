"""A pipeline's components: found, seen to fit by their signals, and only then opened. No torch before that."""

import importlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

from zoo.artefacts.artefact import starter_folder
from zoo.artefacts.resolve import find, opened
from zoo.io_types import Signal
from zoo.loaders.config import read_config
from zoo.pipelines.base import Pipeline
from zoo.pipelines.components import RULE_BASED
from zoo.spec.pipeline_spec import PipelineSpec, PipelineTask, pipeline_file, read_pipeline, structure
from zoo.spec.problems import Problem, nearest
from zoo.spec.registry import list_models


@dataclass(frozen=True)
class Stage:
    """A component that was found for a role, and not opened yet; `name` is what the user called it."""

    role: str
    name: str
    accepts: Signal
    gives: Signal
    open: Callable[[], Any]

    def __str__(self) -> str:
        return f"{self.role} {self.name}"


def load(target: str | Path, weights: str | None, replaced: dict[str, Any], overrides: Sequence[str] = ()) -> Pipeline:
    """The pipeline of a name or a YAML file; see `zoo.load`. Raises ValueError with all that does not fit."""
    path = pipeline_file(target)
    if path is None:
        raise ValueError(f"{target} is no pipeline, so it has no stage {', '.join(map(repr, replaced))} to replace")
    return compose(read_pipeline(path, overrides).replacing(replaced), weights)


def compose(spec: PipelineSpec, weights: str | None = None) -> Pipeline:
    """Find every component, see that they fit, open them. Raises ValueError with everything that is wrong."""
    chain, found = chained(spec, weights)
    found += misfits(spec.kind, chain) if not found else []
    if found:
        raise ValueError("\n".join(f"{spec.name}: {reason}" for reason in found))
    components = {**dict.fromkeys(spec.stages), **{stage.role: stage.open() for stage in chain}}
    module, _, name = spec.kind.path.rpartition(".")
    pipeline = cast(type[Pipeline], getattr(importlib.import_module(module), name))
    return pipeline(spec.name, components, chain[0].accepts, list(signals(chain))[-1])


def chained(spec: PipelineSpec, weights: str | None = None) -> tuple[list[Stage], list[str]]:
    """The stages that are not left out, and why others could not be found."""
    chain, found = [], []
    for role, component in spec.stages.items():
        try:
            if component is not None:
                chain.append(stage(role, component, weights))
        except ValueError as error:
            found.append(f"{role}: {error}")
    if not chain and not found:
        found.append(f"every stage was left out; expected at least one of {', '.join(spec.stages)}")
    return chain, found


def stage(role: str, component: Any, weights: str | None = None) -> Stage:
    """What a component takes and gives, out of its config.json alone. Raises ValueError where there is none.

    component: a name of a model or of RULE_BASED, a path, "user/repo@revision", or a component that was opened.
    """
    if not isinstance(component, str | Path):
        accepts, gives = getattr(component, "accepts", None), getattr(component, "gives", None)
        if not isinstance(accepts, Signal) or not isinstance(gives, Signal):
            raise ValueError(
                f"found {type(component).__name__}, expected the name of a component, a path, 'user/repo@revision', or "
                "a loader whose `accepts` and `gives` are signals"
            )
        return Stage(role, type(component).__name__, accepts, gives, lambda: component)
    if component in RULE_BASED:
        entry = RULE_BASED[str(component)]
        return Stage(role, str(component), entry.accepts, entry.gives, entry.open)
    name, models = str(component), list_models()
    if isinstance(component, str) and len(Path(name).parts) == 1 and name not in models and not Path(name).exists():
        raise ValueError(f"{name!r} is no component of the zoo{nearest(name, [*models, *RULE_BASED])}")
    artefact = find(component, weights if name in models else None)
    config = artefact.config()
    accepts, gives = Signal.read(config["accepts"]), Signal.read(config["gives"])
    return Stage(role, name, accepts, gives, lambda: opened(artefact))


def signals(chain: Sequence[Stage]) -> Iterator[Signal]:
    """What each stage gives, with what it passes on: frame rates, and a language as long as text stays text and
    signing signing."""
    before = chain[0].accepts
    for stage in chain:
        passed = before if (before.kind == "text") == (stage.gives.kind == "text") else replace(before, language=None)
        before = stage.gives.after(passed)
        yield before


def misfits(task: PipelineTask, chain: Sequence[Stage]) -> list[str]:
    """Why the stages do not make a pipeline of this task, a pair of neighbours a line; none when they do."""
    if task.parallel:
        return _misfits_beside(task, chain)
    found = []
    first, last = chain[0], chain[-1]
    if first.accepts.kind != task.accepts:
        found.append(f"begins with {task.accepts}, but {first} takes {first.accepts.kind}")
    given = list(signals(chain))
    for signal, (before, after) in zip(given, pairwise(chain), strict=False):
        if signal.kind != after.accepts.kind:
            reason = f"{before} gives {signal.kind}, but {after} takes {after.accepts.kind}"
            found.append(reason + _fitting(signal.kind, task.gives if after is last else (after.gives.kind,)))
        elif reasons := signal.misfits(after.accepts):
            found.append(f"{before} gives what {after} does not take: {'; '.join(reasons)}")
    if given[-1].kind == "video" and given[-1].fps is None:
        found.append("no stage says how many frames a second it gives (`gives.fps` of config.json)")
    if last.gives.kind not in task.gives:
        found.append(f"ends in {' or '.join(task.gives)}, but {last}, its last stage, gives {last.gives.kind}")
    elif last.gives.kind == first.accepts.kind == "text" and (reasons := given[-1].misfits(first.accepts)):
        found.append(f"{last} answers in another language than {first} reads: {'; '.join(reasons)}")
    return found


def _misfits_beside(task: PipelineTask, stages: Sequence[Stage]) -> list[str]:
    """The same of stages that are all asked the same."""
    found = [reason for one in stages for reason in misfits(replace(task, parallel=False), [one])]
    for before, after in pairwise(stages):
        if reasons := before.accepts.misfits(after.accepts):
            found.append(f"{before} takes something else than {after}: {'; '.join(reasons)}")
    return found


def _fitting(kind: str, gives: Sequence[str]) -> str:
    """Which components that come with the zoo would fit where this kind arrives."""
    known = {name: (entry.accepts, entry.gives) for name, entry in RULE_BASED.items()}
    for name in list_models():
        if (starter_folder(name) / "config.json").is_file():
            config = read_config(starter_folder(name))
            known[name] = Signal.read(config["accepts"]), Signal.read(config["gives"])
    names = sorted(name for name, (takes, makes) in known.items() if takes.kind == kind and makes.kind in gives)
    return f"; {', '.join(names)} would fit" if names else f"; nothing that comes with the zoo takes {kind} there"


def pipeline_problems(raw: dict[str, Any], path: Path) -> list[Problem]:
    """Everything wrong with a pipeline's spec; whether its components fit, as far as their config.json is at hand."""
    if found := list(structure(raw, path)):
        return found
    spec, source = read_pipeline(path), str(path)
    chain = []
    for role, component in spec.stages.items():
        if component is None or (len(Path(component).parts) > 1 and not Path(component).exists()):
            continue  # left out, or the Hub's
        try:
            chain.append(stage(role, component, weights="starter"))
        except ValueError as error:
            if component not in list_models():  # a model without starter weights is at fault nowhere
                found.append(Problem(source, f"stages.{role}", str(error)))
    whole = [role for role, component in spec.stages.items() if component is not None]
    if [one.role for one in chain] == whole != []:
        found += [Problem(source, "stages", reason) for reason in misfits(spec.kind, chain)]
    return found
