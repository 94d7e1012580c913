"""Stable Diffusion's autoencoder in any size: pictures to a few numbers a position, and back."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor, nn

if TYPE_CHECKING:  # diffusers takes seconds to import
    from diffusers import AutoencoderKL

CERTAIN: Final = -6.0
"""Log-variance of latents before training: with that of a standard normal, noise drowns the first thousand steps."""


def autoencoder(
    size: int, channels: Sequence[int] = (128, 256, 512, 512), layers: int = 2, groups: int = 32, latent: int = 4
) -> "AutoencoderKL":
    """An untrained AutoencoderKL of pictures of `size` pixels a side.

    channels: of each level; each but the first halves the sides. layers: residual blocks a level. groups: of the
    normalisations. latent: numbers at each position of a latent. The presets are Stable Diffusion 1's, 84 million
    parameters.
    """
    from diffusers import AutoencoderKL

    levels = len(channels)
    network = AutoencoderKL(
        block_out_channels=tuple(channels),
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        layers_per_block=layers,
        norm_num_groups=groups,
        latent_channels=latent,
        sample_size=size,
    )
    quantised: nn.Conv2d = network.quant_conv
    assert quantised.bias is not None
    with torch.no_grad():
        quantised.weight[latent:] *= 0.1
        quantised.bias[latent:] = CERTAIN
    return network


def reconstructed(network: "AutoencoderKL", pictures: Tensor) -> Tensor:
    """What is left of pictures (B, 3, S, S) in [-1, 1] behind the means of their latents, in [-1, 1]."""
    found: Tensor = network.decode(network.encode(pictures).latent_dist.mode()).sample
    return found.clamp(-1, 1)


def as_autoencoder(found: object) -> "AutoencoderKL":
    """What stands on an autoencoder was given this. Raises ValueError for another network."""
    config = getattr(found, "config", None)
    if not hasattr(config, "latent_channels") or not hasattr(config, "scaling_factor"):
        raise ValueError(f"found {type(found).__name__}, expected an AutoencoderKL")
    network: AutoencoderKL = found
    return network
