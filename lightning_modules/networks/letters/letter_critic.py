"""The discriminator of a conditional GAN: could this be a real picture of its class?

Spectral norm on every layer (Miyato et al. 2018, arXiv 1802.05957, with its standard CNN of table 3), and the class
projected on the features (Miyato and Koyama 2018, arXiv 1802.05637).
"""

from itertools import pairwise

from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from lightning_modules.networks.letters.letter_generator import LetterGeneratorConfig


class LetterCritic(nn.Module):
    """Pictures (B, 3, S, S) in [-1, 1] and labels (B,) to logits (B,): psi(phi(x)) + <e(y), phi(x)>, phi being summed
    over the 4 x 4 places.

    Every layer is divided by its largest singular value, which one step of power iteration in each training pass keeps
    track of. There is no batch norm: what a picture is worth does not depend on its neighbours.

    config: of the generator, which it mirrors. width: channels at S pixels a side, for the generator's.
    """

    def __init__(self, config: LetterGeneratorConfig, width: int) -> None:
        super().__init__()
        widths = [width * channels // config.width for channels in reversed(config.widths)]
        self.features = nn.Sequential(
            spectral_norm(nn.Conv2d(3, widths[0], 3, padding=1)),
            nn.LeakyReLU(0.1),
            *(layer for channels, out in pairwise(widths) for layer in _halving(channels, out)),
        )
        self.embedding = spectral_norm(nn.Embedding(config.classes, widths[-1]))
        self.output = spectral_norm(nn.Linear(widths[-1], 1))

    def forward(self, pictures: Tensor, labels: Tensor) -> Tensor:
        features = self.features(pictures).sum((2, 3))
        logits: Tensor = self.output(features)[:, 0] + (self.embedding(labels) * features).sum(1)
        return logits


def _halving(channels: int, out: int) -> list[nn.Module]:
    return [spectral_norm(nn.Conv2d(channels, out, 4, 2, 1)), nn.LeakyReLU(0.1)]
