"""Networks of V-JEPA 2 in transformers' own files, config.json and safetensors, opened as one class with few settings
free."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from safetensors.torch import save_file
from torch import nn

from zoo.files import read_json
from zoo.loaders.storage import open_network

if TYPE_CHECKING:
    from transformers import VJEPA2Config

VARIED: Final = (
    "crop_size",
    "patch_size",
    "frames_per_clip",
    "tubelet_size",
    "hidden_size",
    "num_attention_heads",
    "num_hidden_layers",
    "mlp_ratio",
    "num_pooler_layers",
    "pred_hidden_size",
    "pred_num_attention_heads",
    "pred_num_hidden_layers",
    "pred_num_mask_tokens",
    "pred_zero_init_mask_tokens",
)
"""Settings in which one V-JEPA 2 differs from another."""
RECORDED: Final = ("architectures", "dtype", "model_type", "transformers_version", "id2label", "label2id")
"""Those that change nothing in what it does."""

Network = TypeVar("Network", bound=nn.Module)


def save_vjepa(network: Any, folder: Path, classes: list[str] | None = None) -> None:
    """Write config.json and model.safetensors as transformers does, with the names of its classes where it has some,
    but without anything of the machine that it was trained on."""
    folder.mkdir(exist_ok=True)
    config = network.config
    settings = {name: getattr(config, name) for name in VARIED}
    named: dict[str, Any] = {}
    if classes is not None:
        named["id2label"] = {str(number): name for number, name in enumerate(classes)}
        named["label2id"] = {name: number for number, name in enumerate(classes)}
    head = {"architectures": [type(network).__name__], "model_type": config.model_type, "dtype": "float32"}
    text = json.dumps({**head, **settings, **named}, indent=2, ensure_ascii=False) + "\n"
    (folder / "config.json").write_text(text, encoding="utf-8")
    weights = {name: value.contiguous() for name, value in network.state_dict().items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def open_vjepa(folder: Path, kind: "Callable[[VJEPA2Config], Network]", classes: list[str] | None = None) -> Network:
    """The network that lies in a folder, in single precision; no class but `kind` is made.

    Raises ValueError for another kind of model, for settings that no V-JEPA 2 has, for other classes than these, and
    for weights that do not fit.
    """
    from transformers import VJEPA2Config

    path = folder / "config.json"
    settings = read_json(path)
    if settings.get("model_type") != "vjepa2":
        raise ValueError(f"{path}: model_type is {settings.get('model_type')!r}, expected 'vjepa2'")
    preset = VJEPA2Config().to_dict()
    for name, value in settings.items():
        if name not in (*VARIED, *RECORDED) and value != preset.get(name):
            raise ValueError(f"{path}: {name} is {value!r}, expected {preset.get(name)!r}, as of a V-JEPA 2")
    own = {name: settings.get(name, preset[name]) for name in VARIED}
    if classes is not None:
        found = settings.get("id2label")
        if found != {str(number): name for number, name in enumerate(classes)}:
            raise ValueError(f"{path}: id2label names other classes than the {len(classes)} of config.json beside it")
        own["num_labels"] = len(classes)

    def build() -> Network:
        try:
            return kind(VJEPA2Config(**own, attn_implementation="sdpa"))
        except Exception as error:  # whatever its layers make of a wrong value
            reason = str(error).strip().splitlines()
            raise ValueError(f"{path}: makes no V-JEPA 2: {reason[0] if reason else type(error).__name__}") from None

    return open_network(folder, build)
