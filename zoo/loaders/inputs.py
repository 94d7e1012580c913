"""What a verb was given, held against what it takes: one message for everything else, before anything is computed."""

import operator
import os
from contextlib import suppress
from numbers import Real
from typing import Any, SupportsIndex


def given_text(text: object, expected: str = "a text") -> str:
    """The text that was given. Raises ValueError for what is none, such as a path or a list."""
    if not isinstance(text, str):
        raise ValueError(f"found {type(text).__name__}, expected {expected}")
    return text


def given_path(path: object, expected: str) -> str:
    """The path that was given as text or as a pathlib.Path. Raises ValueError for anything else, and an empty text."""
    place = os.fspath(path) if isinstance(path, str | os.PathLike) else None
    if not isinstance(place, str) or not place:
        raise ValueError(f"found {'an empty text' if place == '' else type(path).__name__}, expected {expected}")
    return place


def given_pipeline(pipeline: Any) -> Any:
    """The StableDiffusionPipeline that was given. Raises ValueError for what has no UNet to adapt or steer."""
    if not hasattr(getattr(pipeline, "unet", None), "config") or not hasattr(pipeline, "components"):
        raise ValueError(f"found {type(pipeline).__name__}, expected a StableDiffusionPipeline, such as base() opens")
    return pipeline


def is_number(value: object) -> bool:
    """Whether this is a real number; True and False are none."""
    return isinstance(value, Real) and not isinstance(value, bool)


def given_whole(name: str, value: SupportsIndex, least: int, most: int) -> int:
    """The whole number that was given. Raises ValueError for another number or kind of it."""
    with suppress(TypeError):
        if least <= (number := operator.index(value)) <= most:
            return number
    raise ValueError(f"{name}: found {value!r}, expected a whole number from {least} to {most}")
