"""The two files that every artefact has: config.json, to build the network from, and model.safetensors, its weights."""

import dataclasses
import json
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import nn

from zoo.loaders.base import SCHEMA


def save_network(folder: Path, task: str, network: nn.Module, **content: Any) -> None:
    """Write both files. The network's `config` is a dataclass; `content` is what else its loader must know."""
    config: Any = network.config
    config = {"schema": SCHEMA, "task": task, "network": dataclasses.asdict(config), **content}
    text = json.dumps(config, indent=2, ensure_ascii=False) + "\n"
    (folder / "config.json").write_text(text, encoding="utf-8")
    weights = {name: value.contiguous() for name, value in network.state_dict().items()}
    save_file(weights, folder / "model.safetensors")


def read_config(folder: Path) -> dict[str, Any]:
    """What config.json holds."""
    config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return config


def load_weights(folder: Path, network: nn.Module) -> None:
    """Fill a network with the weights of a folder, in single precision. Raises ValueError unless every key matches."""
    weights = load_file(folder / "model.safetensors")
    try:
        network.load_state_dict({name: v.float() if v.is_floating_point() else v for name, v in weights.items()})
    except RuntimeError as error:
        raise ValueError(f"{folder}/model.safetensors does not fit config.json: {error}") from None
