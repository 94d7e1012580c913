"""What a small Stable Diffusion has beside its autoencoder: a text encoder and a UNet that are trained together
(Rombach et al. 2022, arXiv 2112.10752)."""

import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor, nn

from lightning_modules.networks.diffusion.schedule import Prediction, Schedule

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, DPMSolverMultistepScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTokenizer

MERGES: Final = Path(__file__).with_name("clip") / "merges.txt.gz"
"""CLIP's 48,894 byte-pair merges, one a line; out of `bpe_simple_vocab_16e6.txt` of open_clip, whose licence, MIT, lies
beside it."""
START, END = "<|startoftext|>", "<|endoftext|>"
LENGTH: Final = 77
"""Tokens of a caption, both ends included."""
GROUPS: Final = 8


class TextToLatents(nn.Module):
    """What is trained of it: captions to what the UNet attends to, and noisy latents to the noise or velocity.

    scaling: what latents are multiplied by so that their numbers deviate by 1; 0 until that is measured.
    """

    scaling: Tensor

    def __init__(self, unet: "UNet2DConditionModel", text_encoder: "CLIPTextModel") -> None:
        super().__init__()
        self.unet, self.text_encoder = unet, text_encoder
        self.register_buffer("scaling", torch.zeros(()))


@dataclass(frozen=True)
class Drawing:
    """How pictures are generated: in so many steps from noise to latents, following the caption by a factor beyond what
    was learnt; 1 follows it as it is. Raises ValueError for what is neither."""

    steps: int = 20
    guidance: float = 3.0

    def __post_init__(self) -> None:
        if isinstance(self.steps, bool) or not isinstance(self.steps, int) or not 1 <= self.steps <= 1000:
            raise ValueError(f"steps: found {self.steps!r}, expected a whole number from 1 to 1000")
        if (
            isinstance(self.guidance, bool)
            or not isinstance(self.guidance, int | float)
            or not 1 <= self.guidance < 100
        ):
            raise ValueError(f"guidance: found {self.guidance!r}, expected a number from 1, and below 100")


def text_to_latents(
    latent_channels: int,
    side: int,
    channels: Sequence[int],
    attention: Sequence[int],
    layers: int,
    heads: int,
    text_width: int,
    text_layers: int,
) -> TextToLatents:
    """One with new weights, for latents (latent_channels, side, side).

    channels: of the UNet's blocks, each at half the resolution of the one before. attention: which of them, from 0,
        attend to the caption, as what lies between them does. layers: residual blocks in each. heads: of every
        attention. text_width, text_layers: of the text encoder.

    Raises ValueError for sizes that do not go together.
    """
    from diffusers import UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    if not channels or any(count < 1 or count % GROUPS or count % heads for count in channels):
        raise ValueError(f"channels: found {list(channels)}, expected multiples of {GROUPS} and of heads, {heads}")
    if text_width < 1 or text_width % heads:
        raise ValueError(f"text_width: found {text_width}, expected a multiple of heads, {heads}")
    if side % 2 ** (len(channels) - 1):
        raise ValueError(f"channels: found {len(channels)} blocks, which halve {side} latents a side too often")
    if not set(attention) <= set(range(len(channels))):
        raise ValueError(f"attention: found {list(attention)}, expected some of 0 to {len(channels) - 1}, the blocks")
    attends = ["CrossAttn" * (block in attention) for block in range(len(channels))]
    unet = UNet2DConditionModel(
        sample_size=side,
        in_channels=latent_channels,
        out_channels=latent_channels,
        block_out_channels=tuple(channels),
        layers_per_block=layers,
        down_block_types=tuple(f"{how}DownBlock2D" for how in attends),
        up_block_types=tuple(f"{how}UpBlock2D" for how in reversed(attends)),
        norm_num_groups=GROUPS,
        cross_attention_dim=text_width,
        attention_head_dim=heads,
    )
    words, _ = vocabulary()
    config = CLIPTextConfig(
        vocab_size=len(words),
        hidden_size=text_width,
        intermediate_size=4 * text_width,
        num_hidden_layers=text_layers,
        num_attention_heads=heads,
        max_position_embeddings=LENGTH,
        bos_token_id=words[START],
        eos_token_id=words[END],
        pad_token_id=words[END],
    )
    return TextToLatents(unet, CLIPTextModel(config))


@cache
def vocabulary() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """CLIP's 49,408 tokens with their numbers, and its merges in order: all bytes as letters, those at the end of a
    word, what each merge makes, and the two ends of a text."""
    plain = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    letters = [chr(code) for code in plain] + [chr(256 + place) for place in range(256 - len(plain))]
    lines = gzip.decompress(MERGES.read_bytes()).decode("utf-8").splitlines()
    merges = [(first, second) for first, second in (line.split(" ") for line in lines)]
    words = [*letters, *(f"{letter}</w>" for letter in letters), *(f"{a}{b}" for a, b in merges), START, END]
    return {word: number for number, word in enumerate(words)}, merges


def clip_tokenizer() -> "CLIPTokenizer":
    """CLIP's own, which pads and cuts to 77 tokens."""
    from transformers import CLIPTokenizer

    words, merges = vocabulary()
    return CLIPTokenizer(words, merges, model_max_length=LENGTH)


def stable_diffusion_schedule(prediction: Prediction) -> Schedule:
    """Stable Diffusion's noise: the roots of 1,000 variances rise linearly."""
    return Schedule(1000, 0.00085, 0.012, prediction, "scaled_linear")


def solver(schedule: Schedule) -> "DPMSolverMultistepScheduler":
    """Which of diffusers' schedulers a folder names: DPM-Solver++, second order (Lu et al. 2022, arXiv 2211.01095)."""
    from diffusers import DPMSolverMultistepScheduler

    return DPMSolverMultistepScheduler(**schedule.config(), steps_offset=1)


def pipeline_of(
    network: TextToLatents, vae: "AutoencoderKL", tokenizer: "CLIPTokenizer", schedule: Schedule
) -> "StableDiffusionPipeline":
    """What these make together; each call makes one with a solver of its own, which counts its steps. The autoencoder's
    scaling factor is the network's from then on."""
    from diffusers import StableDiffusionPipeline

    vae.register_to_config(scaling_factor=float(network.scaling))
    pipeline = StableDiffusionPipeline(
        vae=vae,
        text_encoder=network.text_encoder,
        tokenizer=tokenizer,
        unet=network.unet,
        scheduler=solver(schedule),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
