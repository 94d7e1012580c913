"""The parts of a Stable Diffusion that are not networks of diffusers, in the files of transformers: text encoder and
tokenizer; and the index of all parts."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch
from safetensors.torch import save_file

from datamodules.files import write_json, write_text
from zoo.files import MAX_JSON, json_content, read_json
from zoo.loaders.diffusion.diffusers_files import OPENED_FROM
from zoo.loaders.foreign import COMPONENTS, INDEX
from zoo.loaders.storage import open_network

if TYPE_CHECKING:
    from transformers import CLIPTextModel, CLIPTokenizer

WEIGHTS: Final = "model.safetensors"
PREFIX: Final = "text_model."
"""What stands before each name in the file: so Stable Diffusion's own folders have it, and every transformers reads
it."""
VARIED: Final = (
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
UNUSED: Final = {"safety_checker": [None, None], "feature_extractor": [None, None], "image_encoder": [None, None]}
SOLVER: Final = "DPMSolverMultistepScheduler"
HEAD: Final = "#version: 0.2"
"""First line of a file of merges."""


def write_index(folder: Path) -> None:
    """Write model_index.json: a StableDiffusionPipeline without a safety checker."""
    import diffusers

    parts = {name: dotted.split(".") for name, dotted in COMPONENTS.items()} | {"scheduler": ["diffusers", SOLVER]}
    head = {"_class_name": "StableDiffusionPipeline", "_diffusers_version": diffusers.__version__}
    write_json(folder / INDEX, {**head, **parts, **UNUSED, "requires_safety_checker": False})


def save_text_encoder(encoder: "CLIPTextModel", folder: Path) -> None:
    """Write config.json and model.safetensors, without the path that it was once opened from."""
    folder.mkdir(exist_ok=True)
    settings = json.loads(encoder.config.to_json_string())
    write_json(folder / "config.json", {name: settings[name] for name in settings if name != OPENED_FROM})
    weights = {f"{PREFIX}{name}": value.contiguous() for name, value in encoder.state_dict().items()}
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})


def open_text_encoder(folder: Path) -> "CLIPTextModel":
    """What `save_text_encoder` wrote, in single precision. Raises ValueError for another model, for other settings, and
    for weights that do not fit."""
    from transformers import CLIPTextConfig, CLIPTextModel

    path = folder / "config.json"
    settings = read_json(path)
    preset = json.loads(CLIPTextConfig().to_json_string(use_diff=False))
    for name, value in settings.items():
        if name not in (*VARIED, *RECORDED) and value != preset.get(name):
            raise ValueError(f"{path}: {name} is {value!r}, expected {preset.get(name)!r}, as of a CLIP text encoder")
    config = CLIPTextConfig(**{name: settings[name] for name in VARIED})

    class Named(torch.nn.Module):
        """Its weights under the names that the file has."""

        def __init__(self) -> None:
            super().__init__()
            self.text_model = CLIPTextModel(config)

    encoder = open_network(folder, Named, WEIGHTS).text_model
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
