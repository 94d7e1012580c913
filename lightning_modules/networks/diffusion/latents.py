"""Pictures as an autoencoder's latents, which are sampled from a mean and a log-variance, and captions as what a UNet
attends to (Rombach et al. 2022, arXiv 2112.10752, section 3)."""

import hashlib
from collections.abc import Mapping
from threading import Lock
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from diffusers import AutoencoderKL
    from transformers import CLIPTextModel, CLIPTokenizer

TOKENIZING = Lock()
"""Held while captions are read: how a tokenizer pads is its state, and not its caller's."""
BOUNDS = (-30.0, 20.0)
"""Of the log-variance, as diffusers' `DiagonalGaussianDistribution` has them."""


@torch.no_grad()
def moments(vae: "AutoencoderKL", pictures: Tensor) -> Tensor:
    """Mean and log-variance of the latents, one behind the other: (B, 2 C, h, w) of pictures (B, 3, S, S) in [-1, 1];
    in the autoencoder's own precision, whatever a training's is."""
    with torch.autocast(pictures.device.type, enabled=False):
        found: Tensor = vae.encode(pictures.to(vae.dtype)).latent_dist.parameters
    return found.float()


def weights_digest(network: nn.Module, config: Mapping[str, Any]) -> str:
    """SHA-256 of a network's settings and weights: what it makes of the same input depends on nothing else."""
    found = hashlib.sha256(repr(sorted((name, config[name]) for name in config if name[0] != "_")).encode())
    for name, value in network.state_dict().items():
        found.update(f"{name} {tuple(value.shape)} {value.dtype}".encode())
        found.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return found.hexdigest()


def sampled(moments: Tensor, noise: Tensor, scaling: float) -> Tensor:
    """Latents (B, C, h, w) as a UNet sees them: the mean, and as much of the noise (B, C, h, w) as the log-variance
    says, times the autoencoder's scaling factor."""
    mean, log_variance = moments.chunk(2, dim=1)
    return scaling * (mean + (0.5 * log_variance.clamp(*BOUNDS)).exp() * noise)


def token_ids(tokenizer: "CLIPTokenizer", captions: list[str]) -> Tensor:
    """Tokens (B, L) of captions, all padded or cut to what the text encoder takes."""
    length = tokenizer.model_max_length
    with TOKENIZING:
        told = tokenizer(captions, padding="max_length", max_length=length, truncation=True, return_tensors="pt")
    ids: Tensor = told.input_ids
    return ids


def embedded(tokenizer: "CLIPTokenizer", encoder: "CLIPTextModel", captions: list[str]) -> Tensor:
    """What a UNet attends to, (B, L, D): the text encoder's last hidden states of captions."""
    states: Tensor = encoder(token_ids(tokenizer, captions).to(encoder.device)).last_hidden_state
    return states
