"""V-JEPA 2 (Assran et al. 2025, arXiv 2506.09985) as a frozen encoder, a folder's or the Hub's."""

import hashlib
import json
from pathlib import Path
from typing import Any, Final, Self

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from safetensors import SafetensorError
from torch import Tensor, nn

from datamodules.features.embedding_files import EmbeddingSettings
from datamodules.files import user_path
from datamodules.media.video_windows import BLUR, FPS, VARIANTS

MEAN: Final = (0.485, 0.456, 0.406)
STD: Final = (0.229, 0.224, 0.225)


class Encoder(nn.Module):
    """A frozen V-JEPA 2 whose tokens are pooled over space."""

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network.eval().requires_grad_(False)
        self.config: Any = network.config
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(3, 1, 1), persistent=False)

    @classmethod
    def open(cls, folder: Path, precision: torch.dtype = torch.float32) -> Self:
        """The VJEPA2Model saved in a folder, from safetensors; no code of the folder's is run.

        Raises ValueError for another model, or weights that do not fit its config.json.
        """
        import transformers

        _check_model(folder)
        transformers.utils.logging.set_verbosity_error()
        transformers.utils.logging.disable_progress_bar()
        try:
            model, report = transformers.VJEPA2Model.from_pretrained(
                folder,
                use_safetensors=True,
                local_files_only=True,
                output_loading_info=True,
                dtype=precision,
                attn_implementation="sdpa",  # or config.json could name code to download
            )
        except (OSError, RuntimeError, ValueError, SafetensorError) as error:
            raise ValueError(f"{folder}: no readable VJEPA2Model: {str(error).splitlines()[0]}") from None
        absent = sorted(name for name in report["missing_keys"] if name.startswith("encoder."))
        if absent:
            raise ValueError(f"{folder}: {len(absent)} weights of the encoder are missing, {absent[0]} for one")
        return cls(model)

    def forward(self, frames: Tensor) -> Tensor:
        """Frames (N, F, size, size, 3) uint8 to rows (N, F / tubelet, D) float32."""
        pixels = (frames.permute(0, 1, 4, 2, 3) / 255.0 - self.mean) / self.std
        tokens = self.network(pixels.to(self.network.dtype), skip_predictor=True).last_hidden_state  # type: ignore[arg-type]
        pooled: Tensor = tokens.unflatten(1, (frames.shape[1] // self.config.tubelet_size, -1)).float().mean(2)
        return pooled


def model_folder(model: str, download: bool = True) -> Path:
    """The folder of a model: a local one as it is; of a Hub id its place in the cache, filled first if need be.

    Raises ValueError for what is neither, and for what can be had from neither cache nor Hub.
    """
    if (local := user_path(model)).is_dir():
        return local
    wanted = ["config.json", "*.safetensors", "*.safetensors.index.json"]
    try:
        return Path(snapshot_download(model, allow_patterns=wanted, local_files_only=not download))
    except HFValidationError:
        raise ValueError(
            f"{model}: neither a folder nor a Hub id; expected such as facebook/vjepa2-vitg-fpc64-256"
        ) from None
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ValueError(
            f"{model}: no such folder, and not in the Hub's cache ({reason}); `hf download {model}` where there is a "
            "network fetches it"
        ) from None


def _check_model(folder: Path) -> dict[str, Any]:
    path = folder / "config.json"
    if not path.is_file():
        raise ValueError(f"{folder}: no config.json; expected a VJEPA2Model's folder")
    try:
        config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: not readable as JSON: {error}") from None
    found = config.get("model_type") if isinstance(config, dict) else None
    if found != "vjepa2":
        raise ValueError(f"{path}: model_type is {found!r}, expected 'vjepa2'")
    if not any(folder.glob("*.safetensors")):
        raise ValueError(f"{folder}: no *.safetensors; pickled weights are not read, save the model again")
    return config


def settings_of(model: str, folder: Path, batch_size: int) -> EmbeddingSettings:
    """How the model in `folder` embeds on this machine: in bfloat16 on a GPU, in float32 elsewhere."""
    from transformers import VJEPA2Config

    config = VJEPA2Config(**_check_model(folder))
    return EmbeddingSettings(
        model=model,
        weights=weights_of(folder),
        fps=FPS,
        size=config.crop_size,
        frames=config.frames_per_clip,
        tubelet=config.tubelet_size,
        width=config.hidden_size,
        variants=list(VARIANTS),
        blur=BLUR * config.crop_size,
        precision="bfloat16" if torch.cuda.is_available() else "float32",
        batch_size=batch_size,
    )


def weights_of(folder: Path) -> dict[str, str]:
    """SHA-256 of each of a folder's safetensors files."""
    found = {}
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb") as file:
            found[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found
