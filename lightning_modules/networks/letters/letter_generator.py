"""A small class-conditional network from a latent to a picture, a VAE's decoder or a GAN's generator, and the networks
that mirror it: the VAE's encoder, from a picture to latents that it may have come from, and the GAN's critic.

The standard CNN of Miyato et al. 2018 (arXiv 1802.05957, table 3), whose batch norms have a gain and a bias of each
class (de Vries et al. 2017, arXiv 1707.00683; so Miyato and Koyama 2018, arXiv 1802.05637).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from lightning_modules.networks.diffusion.noise import draw, generators

START: Final = 4
"""Side in pixels of what a latent is first made into."""
WIDEST: Final = 8
"""Channels at that side, as a multiple of `width`."""


@dataclass(frozen=True)
class LetterGeneratorConfig:
    """classes: to generate. size: S, a power of two from 8 up. latent: Z, numbers that a picture is made from. width:
    channels at S pixels a side, doubled at each halving up to eight times that (64).

    Raises ValueError for sizes that make no network.
    """

    classes: int
    size: int = 64
    latent: int = 128
    width: int = 64

    def __post_init__(self) -> None:
        for name in ("classes", "latent", "width"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: found {getattr(self, name)}, expected at least 1")
        doublings(self.size)

    @property
    def widths(self) -> list[int]:
        """Channels at 4, 8, ..., S pixels a side."""
        levels = doublings(self.size)
        return [self.width * min(2 ** (levels - level), WIDEST) for level in range(levels + 1)]


def doublings(size: int) -> int:
    """How often 4 pixels are doubled to make `size`. Raises ValueError where no number of times does."""
    times = (size // START).bit_length() - 1
    if times < 1 or START * 2**times != size:
        raise ValueError(f"image size: found {size}, expected {START} times a power of two: 8, 16, 32, 64, 128, ...")
    return times


class LetterGenerator(nn.Module):
    """Latents (B, Z) and labels (B,) to pictures (B, 3, S, S) in [-1, 1].

    The class's embedding is joined to the latent too (Mirza and Osindero 2014, arXiv 1411.1784), so that a class has a
    layout of its own from the start. Gains and biases alone, the same at every place, took much longer to tell classes
    apart.
    """

    def __init__(self, config: LetterGeneratorConfig) -> None:
        super().__init__()
        self.config = config
        first, *_, last = config.widths
        self.embedding = nn.Embedding(config.classes, config.latent)
        self.start = nn.Linear(2 * config.latent, first * START**2)
        self.norm = ConditionalBatchNorm(config.classes, first)
        self.doublings = nn.ModuleList(
            Doubling(config.classes, channels, out) for channels, out in pairwise(config.widths)
        )
        self.output = nn.Conv2d(last, 3, 3, padding=1)

    def forward(self, latents: Tensor, labels: Tensor) -> Tensor:
        joined = torch.cat([latents, self.embedding(labels)], dim=1)
        features = self.start(joined).unflatten(1, (-1, START, START))
        features = torch.relu(self.norm(features, labels))
        for doubling in self.doublings:
            features = doubling(features, labels)
        return torch.tanh(self.output(features))

    def generate(self, labels: Tensor, seeds: Sequence[int]) -> Tensor:
        """Pictures (N, 3, S, S) of labels (N,), each from the latent of its own seed."""
        device = self.output.weight.device
        latents = draw(generators(seeds), (self.config.latent,), device)
        pictures: Tensor = self(latents, labels.to(device))
        return pictures


class LetterEncoder(nn.Module):
    """q(z | x, y): pictures (B, 3, S, S) in [-1, 1] and labels (B,) to the mean and the log variance, (B, Z) each, of a
    normal distribution over latents.

    config: of `LetterGenerator`, which it mirrors: each strided convolution halves what a transposed one doubles.
    """

    def __init__(self, config: LetterGeneratorConfig) -> None:
        super().__init__()
        widths = config.widths[::-1]
        self.features = nn.Sequential(
            nn.Conv2d(3, widths[0], 3, padding=1),
            nn.LeakyReLU(0.2),
            *(_halving(channels, out) for channels, out in pairwise(widths)),
            nn.Flatten(),
        )
        self.embedding = nn.Embedding(config.classes, config.latent)
        self.output = nn.Linear(widths[-1] * START**2 + config.latent, 2 * config.latent)

    def forward(self, pictures: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        joined = torch.cat([self.features(pictures), self.embedding(labels)], dim=1)
        mean, log_variance = self.output(joined).chunk(2, dim=1)
        return mean, log_variance


class LetterCritic(nn.Module):
    """A GAN's discriminator: could this be a real picture of its class? (Miyato et al. 2018, table 3; the class is
    projected on the features: Miyato and Koyama 2018.)

    Pictures (B, 3, S, S) in [-1, 1] and labels (B,) to logits (B,): psi(phi(x)) + <e(y), phi(x)>, phi being summed
    over the 4 x 4 places.

    Every layer is divided by its largest singular value, which one step of power iteration in each training pass keeps
    track of. There is no batch norm: what a picture is worth does not depend on its neighbours.

    config: of `LetterGenerator`, which it mirrors. width: channels at S pixels a side, for the generator's.
    """

    def __init__(self, config: LetterGeneratorConfig, width: int) -> None:
        super().__init__()
        widths = [width * channels // config.width for channels in reversed(config.widths)]
        self.features = nn.Sequential(
            spectral_norm(nn.Conv2d(3, widths[0], 3, padding=1)),
            nn.LeakyReLU(0.1),
            *(layer for channels, out in pairwise(widths) for layer in _normed_halving(channels, out)),
        )
        self.embedding = spectral_norm(nn.Embedding(config.classes, widths[-1]))
        self.output = spectral_norm(nn.Linear(widths[-1], 1))

    def forward(self, pictures: Tensor, labels: Tensor) -> Tensor:
        features = self.features(pictures).sum((2, 3))
        logits: Tensor = self.output(features)[:, 0] + (self.embedding(labels) * features).sum(1)
        return logits


class Doubling(nn.Module):
    """A transposed convolution to twice the side, a batch norm of the class, a ReLU."""

    def __init__(self, classes: int, channels: int, out: int) -> None:
        super().__init__()
        self.convolution = nn.ConvTranspose2d(channels, out, 4, 2, 1, bias=False)
        self.norm = ConditionalBatchNorm(classes, out)

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        return torch.relu(self.norm(self.convolution(features), labels))


class ConditionalBatchNorm(nn.Module):
    """Features (B, C, H, W), standardised, with the gain and the bias of their class."""

    def __init__(self, classes: int, channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.gain, self.bias = nn.Embedding(classes, channels), nn.Embedding(classes, channels)
        nn.init.ones_(self.gain.weight)
        nn.init.zeros_(self.bias.weight)

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        gain, bias = (embedding(labels)[:, :, None, None] for embedding in (self.gain, self.bias))
        return torch.addcmul(bias, gain, self.norm(features))


def _halving(channels: int, out: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, out, 4, 2, 1, bias=False), nn.BatchNorm2d(out), nn.LeakyReLU(0.2))


def _normed_halving(channels: int, out: int) -> list[nn.Module]:
    return [spectral_norm(nn.Conv2d(channels, out, 4, 2, 1)), nn.LeakyReLU(0.1)]
