"""The encoder of a conditional VAE: which latents may a picture of a class have come from?"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from lightning_modules.networks.letters.letter_generator import START, LetterGeneratorConfig


class LetterEncoder(nn.Module):
    """q(z | x, y): pictures (B, 3, S, S) in [-1, 1] and labels (B,) to the mean and the log variance, (B, Z) each, of a
    normal distribution over latents.

    config: of the decoder, which it mirrors: each strided convolution halves what a transposed one doubles.
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


def _halving(channels: int, out: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, out, 4, 2, 1, bias=False), nn.BatchNorm2d(out), nn.LeakyReLU(0.2))
