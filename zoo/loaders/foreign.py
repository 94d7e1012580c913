"""Folders that other libraries' training leaves: recognised by name, with the command that imports them. No torch.

They lack what an artefact's config.json says, and a LoRA half of its files; `python -m zoo import` adds both.
"""

import shlex
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from zoo.files import read_json
from zoo.spec.hub_reference import REPO
from zoo.spec.importable import CONTROLNET, LORA

NAMED: Final = {CONTROLNET: "a ControlNet of diffusers", LORA: "a LoRA of peft or diffusers"}
"""What can be imported, by architecture."""
CLASS: Final = "_class_name"
"""The key by which diffusers says in a config.json what it is of."""
CONTROLNET_CLASS: Final = "ControlNetModel"
ADAPTER: Final = "adapter_config.json"
PEFT_WEIGHTS, DIFFUSERS_WEIGHTS = "adapter_model", "pytorch_lora_weights"
"""Stems of the files that `PeftModel.save_pretrained` and `save_lora_weights` write."""
NETWORK_WEIGHTS: Final = "diffusion_pytorch_model"
"""How those begin that the `save_pretrained` of diffusers' networks writes."""
INDEX: Final = "model_index.json"
"""In which a pipeline of diffusers names its components."""
COMPONENTS: Final = {
    "vae": "diffusers.AutoencoderKL",
    "text_encoder": "transformers.CLIPTextModel",
    "tokenizer": "transformers.CLIPTokenizer",
    "unet": "diffusers.UNet2DConditionModel",
    "scheduler": r"diffusers.\w+Scheduler",
}
"""What Stable Diffusion 1 and 2 consist of."""
VJEPA: Final = "vjepa2"
"""What transformers calls the architecture of V-JEPA 2."""
ENCODER_FILES: Final = ("config.json", "README.md", ".safetensors", ".safetensors.index.json")
"""How the files end that one consists of."""
ENCODER: Final = "encoder"
"""Where in an artefact one lies."""
UNUSED: Final = ("safety_checker", "feature_extractor", "image_encoder")
"""What else their index may name."""
FILES: Final = ("*.json", "*.txt", f"*/{NETWORK_WEIGHTS}.safetensors", "text_encoder/model.safetensors")
"""Which files of its repository are opened."""


def is_encoder(folder: Path) -> bool:
    """Whether a folder holds a V-JEPA 2 as transformers saves one."""
    return _settings(folder / "config.json").get("model_type") == VJEPA


def encoder_folder(folder: Path) -> Path:
    """Where the V-JEPA 2 lies that a folder is or, as an artefact, has. Raises ValueError where there is none."""
    for place in (folder, folder / ENCODER):
        if is_encoder(place):
            return place
    raise ValueError(f"{folder}: found no V-JEPA 2, expected a VJEPA2Model's folder, or an artefact with {ENCODER}/")


def kind_of(names: Collection[str], config: Mapping[str, Any]) -> str | None:
    """The architecture of what lies in a folder, by the names in it and its config.json; None for anything else."""
    if config.get(CLASS) == CONTROLNET_CLASS:
        return CONTROLNET
    stems = {name.partition(".")[0] for name in names if name.endswith((".safetensors", ".bin"))}
    return LORA if ADAPTER in names or stems & {PEFT_WEIGHTS, DIFFUSERS_WEIGHTS} else None


def found_kind(folder: Path) -> str | None:
    """The architecture of what a folder holds, if it can be imported; None for every other folder."""
    config = _settings(folder / "config.json")
    if "schema" in config or not folder.is_dir():
        return None
    return kind_of([path.name for path in folder.iterdir()], config)


def foreign_message(folder: Path) -> str | None:
    """Why a folder is no artefact but can become one, and by which command; None for every other folder."""
    kind = found_kind(folder)
    if kind is None:
        return None
    base = named_base(_settings(folder / ADAPTER)) if kind == LORA else None
    return f"{folder}: {NAMED[kind]}, no artefact yet; {command(kind, str(folder), base)} makes one of it"


def command(kind: str, folder: str, base: str | None = None) -> str:
    """The command that imports a folder; `base` is the base model if that is known."""
    return f"`python -m zoo import {shlex.quote(folder)} --as {kind} --base {base or 'USER/NAME'}`"


def named_base(settings: dict[str, Any]) -> str | None:
    """The base model that peft's settings name, where it is a repository of the Hub."""
    base = settings.get("base_model_name_or_path")
    return base if isinstance(base, str) and REPO.fullmatch(base) and not Path(base).exists() else None


def _settings(path: Path) -> dict[str, Any]:
    """What a JSON file holds; nothing where it is none, which its reader will refuse."""
    with suppress(ValueError, OSError):
        return read_json(path)
    return {}
