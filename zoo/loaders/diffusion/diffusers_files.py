"""Networks of diffusers in its own files, config.json and safetensors, opened as one class with few settings free; and
what else a Stable Diffusion is of: a text encoder and a tokenizer in those of transformers, and the index of all."""

import inspect
import json
import re
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import torch
from safetensors.torch import save_file
from torch import nn

from datamodules.files import write_json, write_text
from zoo.files import MAX_JSON, json_content, read_json
from zoo.loaders.foreign import COMPONENTS, INDEX, NETWORK_WEIGHTS, UNUSED
from zoo.loaders.storage import load_single, open_network

if TYPE_CHECKING:
    from transformers import CLIPTextModel, CLIPTokenizer

WEIGHTS: Final = f"{NETWORK_WEIGHTS}.safetensors"
VARIANT: Final = re.compile(rf"{NETWORK_WEIGHTS}\.\w+\.safetensors")
"""What `save_pretrained` calls the weights where it is told a `variant`, such as fp16."""
PART: Final = re.compile(rf"{NETWORK_WEIGHTS}(\.\w+)?-\d{{5}}-of-(\d{{5}})\.safetensors")
"""One of several that the weights of a large network are in."""
OPENED_FROM: Final = "_name_or_path"
"""What is no setting in a config.json: where on a machine the network was opened from."""

TEXT_WEIGHTS: Final = "model.safetensors"
PREFIX: Final = "text_model."
"""What stands before each name in the file: so Stable Diffusion's own folders have it, and every transformers reads
it."""
TEXT_VARIED: Final = (
    "vocab_size",
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "max_position_embeddings",
    "bos_token_id",
    "eos_token_id",
    "pad_token_id",
)
"""Settings in which text encoders differ."""
RECORDED: Final = (OPENED_FROM, "architectures", "dtype", "torch_dtype", "transformers_version")
"""Those that change nothing in what it does."""
SOLVER: Final = "DPMSolverMultistepScheduler"
HEAD: Final = "#version: 0.2"
"""First line of a file of merges."""

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


def write_index(folder: Path) -> None:
    """Write model_index.json: a StableDiffusionPipeline without a safety checker."""
    import diffusers

    parts = {name: dotted.split(".") for name, dotted in COMPONENTS.items()} | {"scheduler": ["diffusers", SOLVER]}
    head = {"_class_name": "StableDiffusionPipeline", "_diffusers_version": diffusers.__version__}
    unused = {name: [None, None] for name in UNUSED}
    write_json(folder / INDEX, {**head, **parts, **unused, "requires_safety_checker": False})


def save_text_encoder(encoder: "CLIPTextModel", folder: Path) -> None:
    """Write config.json and model.safetensors, without the path that it was once opened from.

    It asks for single precision whatever the file holds: transformers would open halved weights as such, and diffusers
    opens the UNet beside them in single.
    """
    folder.mkdir(exist_ok=True)
    settings = {**json.loads(encoder.config.to_json_string()), "dtype": "float32"}
    write_json(folder / "config.json", {name: settings[name] for name in settings if name != OPENED_FROM})
    weights = {f"{PREFIX}{name}": value.contiguous() for name, value in encoder.state_dict().items()}
    save_file(weights, folder / TEXT_WEIGHTS, metadata={"format": "pt"})


def open_text_encoder(folder: Path) -> "CLIPTextModel":
    """What `save_text_encoder` wrote, in single precision. Raises ValueError for another model, for other settings, and
    for weights that do not fit."""
    from transformers import CLIPTextConfig, CLIPTextModel

    path = folder / "config.json"
    settings = read_json(path)
    preset = json.loads(CLIPTextConfig().to_json_string(use_diff=False))
    for name, value in settings.items():
        if name not in (*TEXT_VARIED, *RECORDED) and value != preset.get(name):
            raise ValueError(f"{path}: {name} is {value!r}, expected {preset.get(name)!r}, as of a CLIP text encoder")
    config = CLIPTextConfig(**{name: settings[name] for name in TEXT_VARIED})

    class Named(torch.nn.Module):
        """Its weights under the names that the file has."""

        def __init__(self) -> None:
            super().__init__()
            self.text_model = CLIPTextModel(config)

    encoder = open_network(folder, Named, TEXT_WEIGHTS).text_model
    embeddings: Any = encoder.embeddings
    embeddings.position_ids = torch.arange(config.max_position_embeddings)[None]  # in no file
    return encoder.eval()


def save_tokenizer(tokenizer: "CLIPTokenizer", folder: Path) -> None:
    """Write vocab.json, merges.txt and tokenizer_config.json, as Stable Diffusion has them."""
    folder.mkdir(exist_ok=True)
    model = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"]]
    words = sorted(model["vocab"].items(), key=lambda word: word[1])
    (folder / "vocab.json").write_text(json.dumps(dict(words), ensure_ascii=False), encoding="utf-8")
    write_text(folder / "merges.txt", "\n".join([HEAD, *merges]) + "\n")
    ends = {f"{name}_token": getattr(tokenizer, f"{name}_token") for name in ("bos", "eos", "pad", "unk")}
    content = {
        "tokenizer_class": "CLIPTokenizer",
        "model_max_length": tokenizer.model_max_length,
        "do_lower_case": True,
    }
    write_json(folder / "tokenizer_config.json", {**content, **ends})


def open_tokenizer(folder: Path) -> "CLIPTokenizer":
    """What `save_tokenizer` wrote. Raises ValueError for what is no vocabulary."""
    from transformers import CLIPTokenizer

    words = json_content(folder / "vocab.json")
    path = folder / "merges.txt"
    if path.stat().st_size > MAX_JSON:
        raise ValueError(f"{path}: {path.stat().st_size:,} bytes, expected at most {MAX_JSON:,}")
    _, *lines = path.read_text(encoding="utf-8").split("\n")
    merges = [tuple(line.split(" ")) for line in lines if line]
    if not isinstance(words, dict) or sorted(words.values()) != list(range(len(words))):
        raise ValueError(f"{folder / 'vocab.json'}: expected tokens with the numbers from 0 up, each once")
    if wrong := next((pair for pair in merges if len(pair) != 2 or "".join(pair) not in words), None):
        raise ValueError(f"{path}: found {' '.join(wrong)[:40]!r}, expected two tokens that make a third")
    length = read_json(folder / "tokenizer_config.json")["model_max_length"]
    if not isinstance(length, int) or not 2 <= length <= 1000:
        raise ValueError(f"{folder / 'tokenizer_config.json'}: model_max_length: found {length!r}, expected 2 to 1000")
    return CLIPTokenizer(words, merges, model_max_length=length)
