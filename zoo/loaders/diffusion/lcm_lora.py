"""LCM-LoRA: a published adapter with which Stable Diffusion 1.5, and what was tuned from it, draws in four steps (Luo
et al. 2023, arXiv 2311.05556)."""

from pathlib import Path
from typing import Any, Final

from lightning_modules.networks.diffusion.reference import sharing
from zoo.loaders.diffusion.foreign_lora import DIFFUSERS, SIDES
from zoo.loaders.diffusion.lora import LoRA
from zoo.loaders.diffusion.low_rank import LowRank
from zoo.loaders.diffusion.stable_diffusion import check_revision
from zoo.loaders.storage import load_single

NAME: Final = "lcm-lora"
REPO: Final = "latent-consistency/lcm-lora-sdv1-5"
RENDERING: Final[dict[str, Any]] = {"steps": 4, "guidance": 1.5, "conditioning_scale": 0.8, "sampler": "lcm"}
"""How it is to be used under a ControlNet: the guidance of models that are not distilled is too much for it."""
UNET: Final[dict[str, Any]] = {"block_out_channels": [320, 640, 1280, 1280], "cross_attention_dim": 768}
"""What UNets have in common whose layers are those of its matrices."""
PREFIX: Final = "lora_unet_"
"""Its file has the names of kohya's scripts: this, and a layer's with `_` for every dot."""


def with_lcm_lora(pipeline: Any, preset: str) -> Any:
    """A pipeline of the same parts, but for a UNet that shares its weights and has this adapter beside them.

    preset: `lcm-lora`, or `lcm-lora@REVISION` for another commit than the one that the Hub's cache has as `main`.

    Raises ValueError for another name, for a UNet of other sizes than Stable Diffusion 1.5's, and where the Hub's cache
    has no such file, or another one: nothing is downloaded.
    """
    name, _, revision = preset.partition("@")
    if name != NAME:
        raise ValueError(f"preset: found {preset!r}, expected {NAME!r} or '{NAME}@REVISION'")
    if revision:
        check_revision(revision, "preset")
    config = pipeline.unet.config
    for key, expected in UNET.items():
        found = list(config[key]) if isinstance(config[key], list | tuple) else config[key]
        if found != expected:
            raise ValueError(
                f"preset {preset}: found a base model whose {key} is {found}, expected {expected}, as Stable Diffusion "
                "1.5 has it; leave the preset out, or distil the model with signdiff-fast"
            )
    lora = LoRA(_read(_cached(revision or None), pipeline.unet), REPO)
    adapted = type(pipeline)(**{**pipeline.components, "unet": sharing(pipeline.unet)}, requires_safety_checker=False)
    return lora.attach(adapted)


def _cached(revision: str | None) -> Path:
    """Where the Hub's cache has its file. Raises ValueError, with the command that fetches it, where it has not."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return Path(hf_hub_download(REPO, DIFFUSERS, revision=revision, local_files_only=True))
    except LocalEntryNotFoundError:
        chosen = f" --revision {revision}" if revision else ""
        raise ValueError(
            f"{REPO}@{revision or 'main'}: not in the Hub's cache; `hf download {REPO} {DIFFUSERS}{chosen}` fetches it"
        ) from None


def _read(path: Path, unet: Any) -> LowRank:
    """The matrices in its file, by the names of a UNet's layers. Raises ValueError for any other file."""
    layers = {f"{PREFIX}{name.replace('.', '_')}": name for name, _ in unet.named_modules()}
    weights, alphas = {}, set()
    for key, value in load_single(path).items():
        layer, _, what = key.partition(".")
        side = what.removeprefix("lora_").removesuffix(".weight")
        if layer not in layers or (what != "alpha" and side not in SIDES):
            raise ValueError(f"{path}: found {key}, expected alpha, lora_down or lora_up of a layer of the base's UNet")
        if what == "alpha":
            alphas.add(float(value))
        else:
            weights[f"{layers[layer]}.lora_{SIDES[side]}.weight"] = value
    if len(alphas) != 1 or not weights:
        raise ValueError(
            f"{path}: found {len(weights)} matrices and alphas {sorted(alphas)}, expected one alpha for all"
        )
    targets = sorted({name.rpartition(".lora_")[0] for name in weights})
    rank = next((len(value) for name, value in weights.items() if name.endswith(".lora_A.weight") and value.ndim), 0)
    try:
        return LowRank.read(weights, {"r": rank, "lora_alpha": alphas.pop(), "target_modules": targets})
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
