"""Networks of diffusers in its own files: config.json and safetensors, opened as one class with few settings free."""

import inspect
import json
import re
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final, TypeVar

from safetensors.torch import save_file
from torch import nn

from zoo.files import read_json
from zoo.loaders.foreign import NETWORK_WEIGHTS
from zoo.loaders.storage import load_single, open_network

WEIGHTS: Final = f"{NETWORK_WEIGHTS}.safetensors"
VARIANT: Final = re.compile(rf"{NETWORK_WEIGHTS}\.\w+\.safetensors")
"""What `save_pretrained` calls the weights where it is told a `variant`, such as fp16."""
PART: Final = re.compile(rf"{NETWORK_WEIGHTS}(\.\w+)?-\d{{5}}-of-(\d{{5}})\.safetensors")
"""One of several that the weights of a large network are in."""
OPENED_FROM: Final = "_name_or_path"
"""What is no setting in a config.json: where on a machine the network was opened from."""

Network = TypeVar("Network", bound=nn.Module)


def save_diffusers(network: Any, folder: Path) -> None:
    """Write config.json and weights as diffusers does, but without the path that the network was once opened from."""
    folder.mkdir(exist_ok=True)
    config = {name: value for name, value in json.loads(network.to_json_string()).items() if name != OPENED_FROM}
    (folder / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    weights = {name: value.contiguous() for name, value in network.state_dict().items()}
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})


def open_diffusers(folder: Path, kind: type[Network], free: Collection[str], made_for: str) -> Network:
    """The network that diffusers saved in a folder, in single precision; no class but `kind` is made.

    free: the settings in which it may differ from what diffusers presets. made_for: what the presets are those of.

    Raises ValueError for another class, for other settings, and for weights that do not fit.
    """
    path = folder / "config.json"
    settings = own_settings(path, kind)
    known = inspect.signature(kind).parameters
    for name, value in settings.items():
        if name not in known:
            raise ValueError(f"{path}: found {name!r}, which is no setting of a {kind.__name__}")
        preset = known[name].default
        written = list(preset) if isinstance(preset, tuple) else preset  # as JSON has it
        if name not in free and (value != written or isinstance(value, bool) != isinstance(written, bool)):
            raise ValueError(f"{path}: {name} is {value!r}, expected {preset!r}, as for {made_for}")

    def build() -> Network:
        try:
            return kind(**settings)
        except Exception as error:  # whatever its layers make of a wrong value
            reason = str(error).strip().splitlines()
            raise ValueError(
                f"{path}: makes no {kind.__name__}: {reason[0] if reason else type(error).__name__}"
            ) from None

    return open_network(folder, build, WEIGHTS)


def own_settings(path: Path, kind: type) -> dict[str, Any]:
    """What a configuration in diffusers' form holds for a class. Raises ValueError for another class's."""
    config = read_json(path)
    if config.get("_class_name") != kind.__name__:
        raise ValueError(f"{path}: _class_name is {config.get('_class_name')!r}, expected {kind.__name__!r}")
    return {name: value for name, value in config.items() if name not in ("_class_name", "_diffusers_version")}


def gather_weights(folder: Path, into: Path) -> None:
    """Write the weights that `save_pretrained` left in a folder as one file, whichever and however many it wrote.

    Raises ValueError where they are missing, or where it is not clear which they are.
    """
    names = sorted(path.name for path in folder.iterdir())
    whole = [name for name in names if name == WEIGHTS] or [name for name in names if VARIANT.fullmatch(name)]
    parts = [match for name in names if (match := PART.fullmatch(name))]
    if len(whole) == 1:
        shutil.copyfile(folder / whole[0], into / WEIGHTS)
        return
    if whole or not parts or len({match.group(1, 2) for match in parts}) > 1:
        found = ", ".join([*whole, *(match[0] for match in parts)][:5]) or "no such file"
        raise ValueError(f"{folder}: found {found}, expected {WEIGHTS}, that of one variant, or all its parts")
    if len(parts) != int(parts[0][2]):
        raise ValueError(f"{folder}: found {len(parts)} parts of the weights, expected {int(parts[0][2])}, as they say")
    weights = {name: value for part in parts for name, value in load_single(folder / part[0]).items()}
    save_file(weights, into / WEIGHTS, metadata={"format": "pt"})
