"""Arguments of model, data and trainer, checked by jsonargparse's own parser; what our classes refuse themselves."""

import dataclasses
import inspect
import typing
from collections.abc import Iterator
from typing import Any

import torch
from jsonargparse import ArgumentError, ArgumentParser
from lightning.pytorch import Callback, LightningDataModule, LightningModule, Trainer

from zoo.spec.classes import located, named_class
from zoo.spec.problems import Problem, nearest
from zoo.spec.spec import Spec


def type_problems(spec: Spec) -> Iterator[Problem]:
    """Every unknown, missing or wrongly typed argument in the sections that there are, and where a class has none, what
    it refuses itself; their class paths must have passed `allowed_classes.refusals`."""
    for section, base in (("model", LightningModule), ("data", LightningDataModule)):
        if section in spec.config:
            yield from _class_problems(spec.config[section], base, section, spec.source)
    if "trainer" in spec.config:
        yield from _trainer_problems(spec)


def _trainer_problems(spec: Spec) -> Iterator[Problem]:
    trainer = located(spec.config["trainer"], "trainer")
    callbacks = trainer.pop("callbacks", None) or []
    yield from _argument_problems(Trainer, trainer, "trainer", spec.source)
    if isinstance(callbacks, list):
        for index, block in enumerate(callbacks):
            yield from _class_problems(block, Callback, f"trainer.callbacks.{index}", spec.source)
    else:
        yield from _class_problems(callbacks, Callback, "trainer.callbacks", spec.source)


def _class_problems(block: dict[str, Any], base: type, key: str, source: str) -> Iterator[Problem]:
    found = named_class(block["class_path"], key.partition(".")[0])
    if not issubclass(found, base) or inspect.isabstract(found):
        kind = "an abstract class" if inspect.isabstract(found) else f"no {base.__name__}"
        yield Problem(source, f"{key}.class_path", f"found {block['class_path']!r}, which is {kind}")
        return
    arguments, key = block.get("init_args") or {}, f"{key}.init_args"
    problems = [*_argument_problems(found, arguments, key, source)]
    yield from problems
    if not problems and not found.__module__.startswith("lightning."):
        yield from _refusal(found, arguments, key, source)


def _refusal(found: type, arguments: dict[str, Any], key: str, source: str) -> Iterator[Problem]:
    """What one of our classes says of values that are of the right types; networks and data come later than this."""
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(found, "made")
    try:
        with torch.device("meta"):  # what a class allocates, it need not here
            parser.instantiate(parser.parse_object({"made": arguments}))
    except ValueError as error:
        said = str(_first(error))
        name, colon, message = said.partition(": ")
        if colon and name.partition(".")[0] in inspect.signature(found).parameters:
            yield Problem(source, f"{key}.{name}", message)
        else:
            yield Problem(source, key, said)


def _first(error: BaseException) -> BaseException:
    """What it all began with: jsonargparse wraps what the class of an argument says."""
    while before := error.__cause__ or (None if error.__suppress_context__ else error.__context__):
        error = before
    return error


def _argument_problems(function: type, arguments: dict[str, Any], key: str, source: str) -> Iterator[Problem]:
    parameters = dict(inspect.signature(function).parameters)
    hints = typing.get_type_hints(function.__init__)  # type: ignore[misc]
    open_ended = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    for name, value in arguments.items():
        if name not in parameters and not open_ended:
            yield Problem(source, f"{key}.{name}", f"unknown key{nearest(name, parameters)}")
        elif isinstance(value, dict) and (group := _dataclass_in(hints.get(name))):
            yield from _argument_problems(group, value, f"{key}.{name}", source)
        elif name in hints and not _fits(value, hints[name]):
            yield Problem(source, f"{key}.{name}", f"found {value!r}, expected {_words(hints[name])}")
    for name, parameter in parameters.items():
        required = parameter.default is parameter.empty and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
        if required and name not in arguments:
            yield Problem(source, f"{key}.{name}", f"missing, expected {_words(hints.get(name, Any))}")


def _fits(value: Any, hint: Any) -> bool:
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--value", type=hint)
    try:
        parser.parse_object({"value": value})
    except (ArgumentError, TypeError, ValueError):
        return False
    return True


def _dataclass_in(hint: Any) -> type | None:
    options = typing.get_args(hint) or (hint,)
    return next((part for part in options if isinstance(part, type) and dataclasses.is_dataclass(part)), None)


def _words(hint: Any) -> str:
    if hint is type(None):
        return "null"
    if typing.get_origin(hint) is typing.Literal:
        return " | ".join(map(repr, typing.get_args(hint)))
    if typing.get_origin(hint) is not None and type(None) in typing.get_args(hint):
        return " | ".join(_words(part) for part in typing.get_args(hint))
    return hint.__name__ if isinstance(hint, type) and not typing.get_args(hint) else str(hint).replace("typing.", "")
