"""A LoRA as peft's or diffusers' own training saved it: in one of their files, by any of their names."""

import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import safe_open
from torch import Tensor

from zoo.files import items, read_json
from zoo.loaders.diffusion.low_rank import LowRank
from zoo.loaders.foreign import ADAPTER, DIFFUSERS_WEIGHTS, PEFT_WEIGHTS, named_base
from zoo.loaders.storage import load_single

PEFT, DIFFUSERS = f"{PEFT_WEIGHTS}.safetensors", f"{DIFFUSERS_WEIGHTS}.safetensors"
METADATA: Final = "lora_adapter_metadata"
"""Where in the head of its file diffusers keeps the settings that peft has in its own."""
PREFIXES: Final = ("base_model.model.", "unet.")
"""What peft and diffusers put before the names of a UNet's layers, where they put anything."""
OLDER: Final = re.compile(r"(?:\.lora|_lora|\.lora_linear_layer)\.(down|up)\.weight")
"""How diffusers calls the two matrices of a layer `to_q`: to_q.lora.down.weight, earlier to_q_lora.down.weight."""
SIDES: Final = {"down": "A", "up": "B"}
UNET: Final = re.compile(r"(?:down_blocks|mid_block|up_blocks|conv_in|conv_out|time_embedding)\.")
"""How the names of a UNet's layers begin."""
OF_XL: Final = re.compile(r"transformer_blocks\.[1-9]")
"""The attentions of Stable Diffusion 1 and 2 have one block each."""
UNET_CLASS: Final = "UNet2DConditionModel"
MOST_LAYERS: Final = 2_000
BEGINNINGS: Final = (True, False, "gaussian", "orthogonal")
"""Ways to begin training (`init_lora_weights`) that leave the base model as it is."""
FINDING: Final = (
    "auto_mapping",
    "exclude_modules",
    "layers_pattern",
    "layers_to_transform",
    "target_modules",
    "task_type",
)
"""Settings by which peft finds the layers; which these are, the weights say."""


@dataclass(frozen=True)
class ForeignLoRA:
    """What was read.

    base: the Hub id of the base model, where its settings name one.
    stated: whether they say alpha; else it was told, or is the rank, as diffusers takes it.
    """

    network: LowRank
    base: str | None
    stated: bool


def read_lora(folder: Path, alpha: float | None = None) -> ForeignLoRA:
    """The LoRA in a folder that was seen to hold no pickle and no code, in single precision.

    alpha: where nothing in the folder says it.

    Raises ValueError for anything but a plain LoRA of a UNet, for files that contradict each other or `alpha`, and for
    a file that is missing.
    """
    paths = _files(folder)
    read = {path: _plain_names(load_single(path), path) for path in paths}
    path, weights = next(iter(read.items()))
    for other, more in read.items():
        if more.keys() != weights.keys() or not all(torch.equal(more[name], weights[name]) for name in more):
            raise ValueError(f"{folder}: {path.name} and {other.name} hold different weights; remove one of them")
    settings = _settings(folder, paths, alpha)
    stated = settings.get("lora_alpha")
    if alpha is not None and stated not in (None, alpha):
        raise ValueError(f"--alpha {alpha:g}: {folder} says that lora_alpha is {stated}; leave --alpha out")
    rank = next((len(value) for name, value in weights.items() if name.endswith(".lora_A.weight") and value.ndim), 1)
    known = {
        "r": rank,
        "lora_alpha": rank if alpha is None else alpha,
        **{key: value for key, value in settings.items() if key not in FINDING},
        "target_modules": sorted({name.rpartition(".lora_")[0] for name in weights}),
    }
    try:
        network = LowRank.read(weights, known)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return ForeignLoRA(network, named_base(settings), stated is not None)


def _files(folder: Path) -> list[Path]:
    """The files of weights: by their usual names, else the only one there. Raises ValueError."""
    found = sorted(folder.glob("[!.]*.safetensors"))
    usual = [path for path in found if path.name in (PEFT, DIFFUSERS)]
    if usual or len(found) == 1:
        return usual or found
    there = ", ".join(path.name for path in found[:5]) or "no safetensors"
    raise ValueError(f"{folder}: found {there}, expected {PEFT}, {DIFFUSERS}, or one file of another name")


def _plain_names(weights: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    """The matrices by the names that peft gives them in a UNet. Raises ValueError for those of another model."""
    prefix = next((prefix for prefix in PREFIXES if all(name.startswith(prefix) for name in weights)), "")
    plain: dict[str, Tensor] = {}
    for name, value in weights.items():
        own = name.removeprefix(prefix).replace(".processor.", ".")
        if not UNET.match(own):
            advice = _advice(weights)
            raise ValueError(f"{path}: found {name}, expected layers of Stable Diffusion's UNet alone{advice}")
        if OF_XL.search(own):
            raise ValueError(f"{path}: found {name}, a layer that Stable Diffusion 1 and 2 do not have (XL's?)")
        if match := OLDER.search(own):
            layer = own[: match.start()]
            layer = f"{layer}.0" if layer.endswith(".to_out") else layer
            own = f"{layer}.lora_{SIDES[match[1]]}.weight"
        if own in plain:
            raise ValueError(f"{path}: found {name}, which stands there by another name too")
        plain[own] = value
    if not 0 < len(plain) <= 2 * MOST_LAYERS:
        raise ValueError(f"{path}: found {len(plain):,} matrices, expected two for each layer of a UNet")
    return plain


def _advice(names: Collection[str]) -> str:
    if any(name.startswith("text_encoder") for name in names):
        return ": an artefact holds no LoRA of a text encoder; train and save without `text_encoder_lora_layers`"
    if any(name.startswith("lora_") for name in names):
        return ": these are kohya's names; open it with diffusers' `load_lora_weights`, then `unet.save_lora_adapter`"
    return ""


def _settings(folder: Path, paths: Sequence[Path], alpha: float | None) -> dict[str, Any]:
    """What adapter_config.json and the metadata of the files say of it, which must agree. Raises ValueError."""
    found = {path: _metadata(path) for path in paths}
    if (folder / ADAPTER).is_file():
        found = {folder / ADAPTER: read_json(folder / ADAPTER), **found}
    stated = [(path.name, _of_unet(settings, path)) for path, settings in found.items() if settings]
    if not stated and alpha is None and any(path.name == PEFT for path in paths):
        raise ValueError(
            f"{folder}: {ADAPTER} is missing, which peft writes beside {PEFT}; copy it there, or say what "
            "lora_alpha was with --alpha"
        )
    for key in ("r", "lora_alpha"):
        told = {repr(settings[key]): name for name, settings in stated if key in settings}
        if len(told) > 1:
            both = " and ".join(f"{value} in {name}" for value, name in told.items())
            raise ValueError(f"{folder}: {key} is {both}; remove the file that is wrong")
    return stated[0][1] if stated else {}


def _of_unet(settings: dict[str, Any], path: Path) -> dict[str, Any]:
    """Settings by peft's names, as a plain LoRA has them where they change nothing. Raises ValueError."""
    prefix = "unet." if any(key.startswith("unet.") for key in settings) else ""
    own = {key.removeprefix(prefix): value for key, value in settings.items() if key.startswith(prefix)}
    mapping = own.get("auto_mapping")
    made_for = mapping.get("base_model_class") if isinstance(mapping, dict) else None
    if made_for not in (None, UNET_CLASS):
        raise ValueError(f"{path}: a LoRA of {str(made_for)[:80]}, expected one of {UNET_CLASS}")
    if own.get("init_lora_weights") in BEGINNINGS:
        own["init_lora_weights"] = True
    return own


def _metadata(path: Path) -> dict[str, Any]:
    """The settings that diffusers keeps in a file of weights; none where there are none. Raises ValueError."""
    with safe_open(path, "pt") as file:
        raw = (file.metadata() or {}).get(METADATA)
    if raw is None:
        return {}
    try:
        settings = json.loads(raw)
        list(items(settings, path))
    except (ValueError, RecursionError):
        settings = None
    if not isinstance(settings, dict):
        raise ValueError(f"{path}: found no mapping in JSON as {METADATA} of its metadata")
    return settings
