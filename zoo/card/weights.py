"""How large the weights of an artefact are, read from the heads of its safetensors files. No torch."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from zoo.safety.filenames import visible

PRECISIONS: Final = {"F64": "double", "F32": "single", "F16": "half", "BF16": "bfloat16"}


@dataclass(frozen=True)
class Weights:
    """Number of parameters and buffers, size in bytes, and the precisions they are stored in, most frequent first."""

    parameters: int
    size: int
    precisions: tuple[str, ...]


def weigh(folder: Path) -> Weights:
    """Of all files together; the same tensors in two files, one for each library that reads them, count once.

    Raises ValueError for a file that is not what its name says.
    """
    from safetensors import SafetensorError, safe_open

    seen: set[tuple[tuple[int, ...], ...]] = set()
    parameters: dict[str, int] = {}
    size = 0
    for path, _ in visible(folder):
        if path.suffix != ".safetensors":
            continue
        size += path.stat().st_size
        try:
            with safe_open(path, framework="np") as file:
                found = [(tuple(part.get_shape()), part.get_dtype()) for part in map(file.get_slice, file.keys())]
        except SafetensorError as error:
            raise ValueError(f"{path}: damaged: {error}") from None
        shapes = tuple(sorted(shape for shape, _ in found))
        if shapes not in seen:
            seen.add(shapes)
            for shape, kind in found:
                parameters[kind] = parameters.get(kind, 0) + math.prod(shape)
    floating = [kind for kind in sorted(parameters, key=lambda kind: -parameters[kind]) if kind in PRECISIONS]
    return Weights(sum(parameters.values()), size, tuple(PRECISIONS[kind] for kind in floating))
