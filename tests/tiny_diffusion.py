"""A Stable Diffusion of a few thousand weights, a ControlNet and a LoRA for it, in the layouts of the real ones."""

from pathlib import Path

import numpy as np
import torch
import yaml
from diffusers import AutoencoderKL, ControlNetModel, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from peft import LoraConfig
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from datamodules.files import write_json
from datamodules.media.conditions.frame_reinforcement import FRNet
from datamodules.media.framing import Framing
from lightning_modules.networks.diffusion.controlled import Rendering
from lightning_modules.networks.diffusion.two_conditions import control_network, fused
from zoo.artefacts.artefact import starter_folder
from zoo.files import read_json
from zoo.loaders.diffusion.base_folder import BaseFolder
from zoo.loaders.diffusion.controlnet import ControlNet
from zoo.loaders.diffusion.lora import LoRA
from zoo.loaders.diffusion.pose_renderer import PoseRenderer
from zoo.loaders.diffusion.skeleton_signer import Drawing, SkeletonSigner
from zoo.spec.registry import locate
from zoo.spec.validation import accepted

LETTERS = [chr(code) for code in range(ord("a"), ord("z") + 1)]
WORDS = ["<|startoftext|>", "<|endoftext|>", *LETTERS, *(f"{letter}</w>" for letter in LETTERS)]
TARGETS = ["to_k", "to_out.0", "to_q", "to_v"]
GLOSSES = ["please", "stop", "thank you", "hello"]


def tiny_unet(width: int = 8) -> UNet2DConditionModel:
    torch.manual_seed(0)
    return UNet2DConditionModel(
        sample_size=16,
        layers_per_block=1,
        block_out_channels=(4, width),
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=8,
        attention_head_dim=2,
        norm_num_groups=2,
    ).eval()


def tiny_pipeline(width: int = 8) -> StableDiffusionPipeline:
    """Draws 32 x 32 pixels; always the same weights."""
    unet = tiny_unet(width)
    vae = AutoencoderKL(
        block_out_channels=(4, 4),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        norm_num_groups=2,
        sample_size=32,
    )
    text = CLIPTextConfig(
        vocab_size=len(WORDS),
        hidden_size=8,
        intermediate_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=16,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
    )
    vocabulary = {word: index for index, word in enumerate(WORDS)}
    pipeline = StableDiffusionPipeline(
        vae=vae.eval(),
        text_encoder=CLIPTextModel(text).eval(),
        tokenizer=CLIPTokenizer(vocabulary, [], model_max_length=16),
        unet=unet,
        scheduler=DDIMScheduler(steps_offset=1, clip_sample=False),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def tiny_controlnet(base: str | None = None, revision: str | None = None) -> ControlNet:
    """As if it had been trained: its zero convolutions are not zero."""
    torch.manual_seed(1)
    network = ControlNetModel.from_unet(tiny_unet(), conditioning_embedding_out_channels=(16, 32))
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(0.05 * torch.randn_like(weight))
    return ControlNet(network, base, revision, prompt="a person signing", size=32)


def tiny_lora(base: str | None = None, revision: str | None = None) -> LoRA:
    """Rank 4, alpha 2; as if it had been trained: B is not zero."""
    torch.manual_seed(2)
    unet = tiny_unet()
    unet.add_adapter(LoraConfig(r=4, lora_alpha=2, target_modules=TARGETS))
    with torch.no_grad():
        for name, weight in unet.named_parameters():
            if "lora_B" in name:
                weight.copy_(torch.randn_like(weight))
    return LoRA.of(unet, base, revision)


def tiny_signer(base: str | None = None, revision: str | None = None, folder: Path | None = None) -> SkeletonSigner:
    """Signs with `tiny_lora`, which is for a base of the Hub or for one in a folder."""
    frames = np.random.default_rng(0).integers(0, 256, (len(GLOSSES), 32, 32, 3), np.uint8)
    return SkeletonSigner(
        tiny_lora(base, revision),
        prompts={gloss: f"ASL sign for '{gloss}'" for gloss in GLOSSES},
        size=32,
        drawing=Drawing(steps=3, guidance=2.0),
        references=dict(zip(GLOSSES, frames, strict=True)),
        base_folder=BaseFolder.at(folder) if folder else None,
    )


def tiny_steering(pipeline: StableDiffusionPipeline, superposition: float | None = 1.0) -> ControlNetModel:
    """A ControlNet of two pictures for a tiny pipeline, or of one, as if it had been trained: what it is shown, it
    makes much of."""
    torch.manual_seed(3)
    network = control_network(pipeline.unet, pipeline.vae, superposition).eval()
    with torch.no_grad():
        for name, weight in network.named_parameters():
            weight.add_((0.3 if name.startswith("controlnet_") else 0.05) * torch.randn_like(weight))
    return network


def tiny_renderer(
    base: str | None = None,
    revision: str | None = None,
    folder: Path | None = None,
    fr_net: FRNet | None = FRNet(),  # noqa: B008
) -> PoseRenderer:
    """Renders two signers with `tiny_steering`, which is for a base of the Hub or for one in a folder."""
    network = fused(tiny_steering(tiny_pipeline(), 1.0 if fr_net else None))
    return PoseRenderer(
        ControlNet(network, base, revision, size=32),
        prompts={3: "somebody else signing", 1: "a person signing"},
        framing=Framing.square(32, 6.0, (16.0, 10.0)),
        rendering=Rendering(steps=3, guidance=2.0),
        fr_net=fr_net,
        base_folder=BaseFolder.at(folder) if folder else None,
    )


def write_records(folder: Path, name: str) -> None:
    """What a published folder has beside what its loader wrote, with the sections of a real spec."""
    spec = accepted(locate("pix2pix"), starter=True).config
    summary = "A few thousand weights in the layout of the real ones"
    card = {"license": "creativeml-openrail-m", "language": ["ase"], "tags": ["tiny"], "pipeline_tag": "text-to-image"}
    config = read_json(folder / "config.json")
    spec = {
        **spec,
        "name": name,
        **{key: config[key] for key in ("task", "architecture")},
        "summary": summary,
        "card": card,
    }
    (folder / "spec.yaml").write_text(yaml.safe_dump(spec, sort_keys=False))
    starter = starter_folder("letter-judge")
    run = {"name": name, "run": "0" * 12}
    write_json(folder / "provenance.json", {**read_json(starter / "provenance.json"), **run})
    write_json(folder / "results.json", {"ssim": {"value": 0.5, "blank": 0.25, "protocol": "32 x 32 pixels", "n": 4}})
