"""One folder layout: what a finished run leaves, what the package bundles as starter weights, what the Hub holds."""

import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from zoo.artefacts.runs import Run
from zoo.loaders import loader_class
from zoo.loaders.base import OPENING, Loader
from zoo.loaders.config import read_config, refuse_numbers, unfinished_message
from zoo.safety.filenames import visible
from zoo.safety.folders import refuse_folder, shapes
from zoo.spec.registry import starters

PARTS: Final = 5_000
"""Modules, weights and buffers of a network that are never too many."""
MANY: Final = 20_000
"""Of any one thing; never too many either."""
MANY_ELSEWHERE: Final = 1_000_000
"""The same in the config.json of another library, which counts positions and ids in it."""
SLACK: Final = 8
"""How many times more parts or longer sides than the weights have are let through; they will not fit anyway."""


def open_artefact(folder: Path) -> Loader:
    """The loader of the artefact in `folder`, which may come from anybody: nothing in it is executed, and sizes that
    its weights do not have cost neither time nor memory. Raises ValueError."""
    from safetensors import SafetensorError

    path = folder / "config.json"
    if not path.is_file():
        raise ValueError(unfinished_message(folder))
    refuse_folder(folder)
    loader = loader_class(read_config(folder)["architecture"])
    files = [file for file, _ in visible(folder)]
    weights = [file for file in files if file.suffix == ".safetensors"]
    found = [shape for file in weights for shape in shapes(file)]
    longest = max((side for shape in found for side in shape), default=0)
    for file in files:
        if file.name == "config.json":
            refuse_numbers(file, max(MANY if file == path else MANY_ELSEWHERE, SLACK * longest))
    try:
        with OPENING, _bounded(path, len(found)):
            return loader.open(folder)
    except FileNotFoundError as error:
        raise ValueError(f"{folder}: incomplete artefact, {Path(str(error.filename)).name} is missing") from None
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise ValueError(f"{path}: a key is missing, unknown or of another kind: {error}") from error
    except (SafetensorError, json.JSONDecodeError) as error:
        where = weights[0] if len(weights) == 1 else folder
        raise ValueError(f"{where}: damaged: {error}") from None
    except ValueError as error:
        named = str(folder) in str(error)
        raise ValueError(str(error) if named else f"{path}: {error}") from error
    except (RuntimeError, ArithmeticError) as error:
        raise ValueError(f"{path}: describes no network that can be built: {str(error).splitlines()[0]}") from error


@contextmanager
def _bounded(path: Path, tensors: int) -> Iterator[None]:
    """Stop what this thread builds at many times the parts that its weights have: it could not fit them, and a
    forged number of layers would keep it busy for days. Raises ValueError."""
    from torch.nn.modules import module

    most, parts, thread = max(PARTS, SLACK * tensors), 0, threading.get_ident()

    def count(*_: object) -> None:
        nonlocal parts
        parts += threading.get_ident() == thread
        if parts > most:
            raise ValueError(f"{path}: describes more than {most:,} parts of a network, for {tensors:,} tensors")

    hooks = [
        module.register_module_parameter_registration_hook(count),
        module.register_module_buffer_registration_hook(count),
        module.register_module_module_registration_hook(count),
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def starter_folder(name: str) -> Path:
    """Where the package bundles the starter weights of a model; the folder may be absent."""
    return starters() / name


def save_artefact(loader: Loader, run: Run) -> None:
    """Write the loader's files into the run, config.json last: its presence says that the rest is whole."""
    part = run.folder / ".artefact"
    part.mkdir(exist_ok=True)
    loader.save(part)
    read_config(part)
    for path in sorted(part.iterdir(), key=lambda path: path.name == "config.json"):
        if (run.folder / path.name).is_dir():  # an earlier attempt's, which a rename does not replace
            shutil.rmtree(run.folder / path.name)
        path.replace(run.folder / path.name)
    part.rmdir()
