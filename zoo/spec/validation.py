"""All that is wrong with a spec, at once: its keys and names (no torch), then its types (argument_types.py)."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from zoo.spec.allowed_classes import meant_class, refusals
from zoo.spec.architectures import kind_problems
from zoo.spec.classes import allowed_classes, bare_names, dotted_name
from zoo.spec.importable import is_imported
from zoo.spec.pins import base_problems, pin_problems
from zoo.spec.pipeline_spec import is_pipeline
from zoo.spec.problems import Problem, SpecError, nearest
from zoo.spec.registry import MODEL_NAME
from zoo.spec.sources import TRAINER, parameters
from zoo.spec.spec import SECTIONS, Spec, read, resolve
from zoo.spec.sweep_spec import is_sweep

DESCRIBING = ("name", "summary", "task", "architecture")
REQUIRED = (*DESCRIBING, "model", "data", "trainer")
CARD_TEXTS = (
    "license",
    "license_name",
    "license_link",
    "pipeline_tag",
    "developers",
    "funding",
    "repository",
    "paper",
    "demo",
    "factors",
    "citation",
    "authors",
    "contact",
)
CARD_LISTS = {
    "datasets": "a list of words",
    "language": "a list of codes of ISO 639",
    "tags": "a list of words",
    "reported": "a list of sentences",
}
CARD_TERMS = "glossary"
SET_BY_THE_ZOO = {
    "default_root_dir": "the zoo writes into the run's own folder",
    "enable_checkpointing": "the zoo keeps checkpoints so that a run can resume",
}
UNMERGEABLE = re.compile(r"starter|(starter\.)?(model|data|trainer)(\.init_args)?")
"""Keys whose problems keep a spec from being overlaid."""
LENGTHS = ("max_epochs", "max_steps", "limit_train_batches")


def accepted(path: Path, starter: bool = False, overrides: Sequence[str] = (), types: bool = True) -> Spec:
    """The resolved spec in a file, checked. Raises SpecError with every problem that was found.

    Without `types` no torch is loaded, and types and argument names stay unchecked.
    """
    raw = read(path)
    if is_pipeline(raw):
        raise ValueError(f"{path}: a pipeline is not trained; its models are, and `python -m zoo run` runs it")
    if is_sweep(raw):
        raise ValueError(f"{path}: a sweep is not one training; `python -m zoo sweep {path}` trains each of its rows")
    if path.name == "spec.yaml" and "architecture" not in raw and path.with_name("provenance.json").is_file():
        raise ValueError(f"{path}: of an earlier zoo; `python -m zoo migrate {path.parent}` brings the run up to date")
    if is_imported(raw):
        raise ValueError(
            f"{path}: of a {raw['architecture']} that was trained elsewhere and imported, so there is nothing to "
            "train or measure here"
        )
    spec, found = _examine(path, raw, starter, overrides, types)
    if found or spec is None:
        overridden = [override.partition("=")[0] for override in overrides]
        raise SpecError([_blame(problem, overridden) for problem in found])
    return spec


def spec_problems(raw: dict[str, Any], path: Path) -> list[Problem]:
    """Everything wrong with a spec, plain and with its starter, each problem once."""
    if is_imported(raw):
        return list(structure(raw, path))
    variants = (False, True) if raw.get("starter") else (False,)
    return list(dict.fromkeys(problem for starter in variants for problem in _examine(path, raw, starter)[1]))


def _examine(
    path: Path, raw: dict[str, Any], starter: bool, overrides: Sequence[str] = (), types: bool = True
) -> tuple[Spec | None, list[Problem]]:
    source = str(path)
    found = [*structure(raw, path), *_starter_problems(raw, source)]
    if any(UNMERGEABLE.fullmatch(problem.key) for problem in found):
        return None, found
    try:
        spec = resolve(raw, source, starter, overrides)
    except SpecError as error:
        return None, [*found, *error.problems, *refusals(bare_names(raw), source)]
    named = [
        *_resolved_problems(spec.config, source),
        *trainer_problems(spec.config, source),
        *refusals(spec.config, source),
    ]
    if not types:
        named.extend(override_problems(spec.config, overrides))
    if types:
        from zoo.spec.argument_types import type_problems  # loads torch

        named.extend(type_problems(_readable(spec, named)))
    reported = {(problem.key.removeprefix("starter."), problem.message) for problem in found}
    return spec, [*found, *(problem for problem in named if (problem.key, problem.message) not in reported)]


def override_problems(config: dict[str, Any], overrides: Sequence[str]) -> Iterator[Problem]:
    """Overrides whose key nothing takes, by the source of what would take them; `types` finds these and more."""
    for override in overrides:
        key = override.partition("=")[0]
        section, *rest = key.split(".")
        dotted: str | None = TRAINER if section == "trainer" else None
        if section in ("model", "data"):
            rest = rest[1:] if rest[:1] == ["init_args"] else rest
            dotted = dotted_name(str(config[section].get("class_path")), section)
        while rest and dotted is not None and rest[0] not in ("class_path", "callbacks"):
            known = parameters(dotted)
            if known is None:
                break
            if rest[0] not in known:
                yield Problem("command line", f"--{key}", f"unknown key{nearest(rest[0], known)}")
                break
            dotted, rest = known[rest[0]], rest[1:]


def _readable(spec: Spec, named: Sequence[Problem]) -> Spec:
    """What is left to check of a spec with problems: without the sections that have any, but where the only one is a
    misspelt class, its arguments are held against the class that was meant."""
    config = {}
    for section in ("model", "data", "trainer"):
        keys = [problem.key for problem in named if problem.key.partition(".")[0] == section]
        block = spec.config[section]
        if keys == [f"{section}.class_path"] and isinstance(block.get("class_path"), str):
            block = {**block, "class_path": meant_class(block["class_path"], allowed_classes(section))}
            keys = [] if block["class_path"] else keys
        if not keys:
            config[section] = block
    return replace(spec, config=config)


def structure(raw: dict[str, Any], path: Path) -> Iterator[Problem]:
    """Keys and plain values outside model, data and trainer."""
    source = str(path)
    for key in DESCRIBING if is_imported(raw) else REQUIRED:
        if key not in raw:
            yield Problem(source, key, "missing")
    yield from _unknown(raw, SECTIONS, "", source)
    yield from _keys(raw, "", source)
    for key in DESCRIBING:
        yield from _expect(
            raw, key, source, "a line of text", lambda value: isinstance(value, str) and bool(value.strip())
        )
    name = raw.get("name")
    if isinstance(name, str) and not MODEL_NAME.fullmatch(name):
        yield Problem(source, "name", f"found {name!r}, expected lower-case words joined by '-'")
    elif isinstance(name, str) and path.name != "spec.yaml" and name != path.stem:
        yield Problem(source, "name", f"found {name!r}, expected {path.stem!r}, the name of the file")
    task, architecture = raw.get("task"), raw.get("architecture")
    if isinstance(task, str) and isinstance(architecture, str):
        yield from (Problem(source, key, message) for key, message in kind_problems(task, architecture).items())
    for section in ("model", "data", "trainer"):
        yield from _expect(raw, section, source, "a mapping", lambda value: isinstance(value, dict))
    for section in ("model", "data"):
        block = raw.get(section)
        if isinstance(block, dict):
            yield from _class_block(block, section, source)
    yield from pin_problems(raw, source)
    yield from base_problems(raw, source)
    yield from _card(raw, source)


def _resolved_problems(config: dict[str, Any], source: str) -> Iterator[Problem]:
    yield from _expect(config, "seed", source, "a whole number of at least 0", lambda v: _is_whole(v) and v >= 0)
    for section in ("model", "data", "trainer"):
        yield from _keys(config[section], section, source)
    for section in ("model", "data"):
        yield from _class_block(config[section], section, source)
        if "class_path" not in config[section]:
            yield Problem(source, f"{section}.class_path", "missing")


def trainer_problems(config: dict[str, Any], source: str) -> Iterator[Problem]:
    """Trainer arguments that the zoo sets itself, lengths of nothing, and callbacks in a form that it can follow."""
    trainer = config["trainer"]
    for key in LENGTHS:
        if key in trainer and trainer[key] == 0 and not isinstance(trainer[key], bool):
            yield Problem(source, f"trainer.{key}", f"found {trainer[key]}, which trains nothing; expected more")
    for key, reason in SET_BY_THE_ZOO.items():
        if key in trainer:
            yield Problem(source, f"trainer.{key}", f"leave it out: {reason}")
    if not isinstance(trainer.get("logger", True), bool):
        yield Problem(
            source, "trainer.logger", "expected true, or false to log to CSV only; the zoo configures loggers"
        )
    callbacks = trainer.get("callbacks") or []
    keepers = []
    for index, callback in enumerate(callbacks if isinstance(callbacks, list) else [callbacks]):
        key = f"trainer.callbacks.{index}" if isinstance(callbacks, list) else "trainer.callbacks"
        if not isinstance(callback, dict):
            if not isinstance(callback, str):  # a name is refused in allowed_classes.py
                yield Problem(source, key, f"found {callback!r}, expected a mapping with `class_path` and `init_args`")
            continue
        yield from _class_block(callback, key, source)
        if "class_path" not in callback:
            yield Problem(source, f"{key}.class_path", "missing")
        elif callback["class_path"] == "ModelCheckpoint":
            keepers.append(key)
            for argument in {"dirpath", "filename", "save_last"} & set(callback.get("init_args") or {}):
                yield Problem(source, f"{key}.init_args.{argument}", "leave it out: the zoo names its checkpoints")
    if len(keepers) > 1:
        yield Problem(source, keepers[1], "one ModelCheckpoint at most: it says which weights are the best")


def _starter_problems(raw: dict[str, Any], source: str) -> Iterator[Problem]:
    if "starter" not in raw or raw["starter"] is None:
        return
    starter = raw["starter"]
    if not isinstance(starter, dict):
        yield Problem(source, "starter", f"found {starter!r}, expected a mapping of model, data and trainer overrides")
        return
    yield from _unknown(starter, ("model", "data", "trainer"), "starter", source)
    for section in ("model", "data", "trainer"):
        if section in starter and not isinstance(starter[section], dict):
            yield Problem(source, f"starter.{section}", f"found {starter[section]!r}, expected a mapping")
        elif section in starter and section != "trainer":
            yield from _class_block(starter[section], f"starter.{section}", source)


def _class_block(block: dict[str, Any], key: str, source: str) -> Iterator[Problem]:
    yield from _unknown(block, ("class_path", "init_args"), key, source)
    yield from _expect(block, "class_path", source, "the name of a class", lambda value: isinstance(value, str), key)
    yield from _expect(block, "init_args", source, "a mapping", lambda value: isinstance(value, dict), key)


def _card(raw: dict[str, Any], source: str) -> Iterator[Problem]:
    yield from _expect(raw, "card", source, "a mapping", lambda value: isinstance(value, dict))
    card = raw.get("card")
    if not isinstance(card, dict):
        return
    yield from _unknown(card, (*CARD_TEXTS, *CARD_LISTS, CARD_TERMS), "card", source)
    if "license" not in card:
        yield Problem(source, "card.license", "missing; a published model needs one")
    for key in CARD_TEXTS:
        expected = "a licence identifier such as mit" if key == "license" else "text"
        yield from _expect(card, key, source, expected, _is_text, "card")
    for key, expected in CARD_LISTS.items():
        yield from _expect(card, key, source, expected, lambda v: isinstance(v, list) and all(map(_is_text, v)), "card")
    expected = "a mapping of terms to what they mean"
    yield from _expect(
        card,
        CARD_TERMS,
        source,
        expected,
        lambda v: isinstance(v, dict) and all(map(_is_text, (*v, *v.values()))),
        "card",
    )


def _unknown(block: dict[str, Any], known: Sequence[str], key: str, source: str) -> Iterator[Problem]:
    for name in block:
        if isinstance(name, str) and name not in known:
            where = f"{key}.{name}" if key else name
            yield Problem(source, where, f"unknown key{nearest(name, known)}")


def _keys(value: Any, key: str, source: str) -> Iterator[Problem]:
    """Keys that are no words; whole numbers may be keys below an argument, where a schedule counts epochs."""
    if isinstance(value, dict):
        schedule = ".init_args." in key and all(_is_whole(name) for name in value)
        for name, item in value.items():
            where = f"{key}.{name}" if key else str(name)
            if not isinstance(name, str) and not schedule:
                yield Problem(source, where, f"found {name!r} as a key, expected a word")
            yield from _keys(item, where, source)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _keys(item, f"{key}.{index}", source)


def _expect(
    block: dict[str, Any], name: str, source: str, expected: str, valid: Callable[[Any], bool], key: str = ""
) -> Iterator[Problem]:
    if name in block and not valid(block[name]):
        where = f"{key}.{name}" if key else name
        yield Problem(source, where, f"found {block[name]!r}, expected {expected}")


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _blame(problem: Problem, overridden: Sequence[str]) -> Problem:
    """Name the command line instead of the file where an override brought the value."""
    for key in overridden:
        if problem.key in (key, re.sub(r"^(model|data)\.", r"\1.init_args.", key)):
            return Problem("command line", f"--{key}", problem.message)
    return problem
