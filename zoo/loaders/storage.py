"""The two files that every artefact has: config.json, to build the network from, and model.safetensors, its weights."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from zoo.loaders.base import SCHEMA, Loader

Network = TypeVar("Network", bound=nn.Module)


def save_network(folder: Path, loader: Loader, **content: Any) -> None:
    """Write both files. The network's `config` is a dataclass; `content` is what else its loader must know."""
    config = {
        "schema": SCHEMA,
        "task": loader.task,
        "accepts": loader.accepts.content(),
        "gives": loader.gives.content(),
        "base_model": loader.base_model,
        "network": dataclasses.asdict(loader.network.config),
        **content,
    }
    text = json.dumps(config, indent=2, ensure_ascii=False) + "\n"
    (folder / "config.json").write_text(text, encoding="utf-8")
    weights = {name: value.contiguous() for name, value in loader.network.state_dict().items()}
    save_file(weights, folder / "model.safetensors")


def read_config(folder: Path) -> dict[str, Any]:
    """What config.json holds."""
    config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return config


def open_network(folder: Path, build: Callable[[], Network]) -> Network:
    """The network that `build` makes, with the weights of a folder, in single precision.

    Nothing is allocated for a network before its weights are seen to fit, so a forged config.json costs no memory.
    Raises ValueError unless every key and shape matches.
    """
    with torch.device("meta"):
        network = build()
    weights = load_file(folder / "model.safetensors")
    single = {name: v.to(torch.float32 if v.is_floating_point() else v.dtype, copy=True) for name, v in weights.items()}
    try:
        network.load_state_dict(single, assign=True)
    except RuntimeError as error:
        raise ValueError(f"{folder}/model.safetensors does not fit config.json: {error}") from None
    return network
