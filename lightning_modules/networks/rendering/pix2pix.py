"""The networks of pix2pix: a U-Net that turns a picture into another of its size, and a discriminator of patches (Isola
et al. 2017, sections 3.2.2 and 6.1)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class UNetConfig:
    """width: channels of the outermost level (64), doubled up to eight times that. depth: levels (8), each of which
    halves the picture. dropout: in the first three blocks on the way up (0.5).

    Raises ValueError for sizes that make no network.
    """

    width: int = 64
    depth: int = 8
    dropout: float = 0.5

    def __post_init__(self) -> None:
        for name, least in (("width", 1), ("depth", 2)):
            if getattr(self, name) < least:
                raise ValueError(f"{name}: found {getattr(self, name)}, expected at least {least}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout: found {self.dropout}, expected 0 <= dropout < 1")


class UNetGenerator(nn.Module):
    """Pictures (B, 3, S, S) in [-1, 1] to others in [-1, 1]; S is a multiple of 2^depth.

    Each level down is joined to the one of its size on the way up. The innermost level has no batch norm: at 2^depth
    pixels it is a single value, whose deviation over a batch of one is none.
    """

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config = config
        widths = [min(config.width * 2**level, 8 * config.width) for level in range(config.depth)]
        self.downs = nn.ModuleList(
            _down(channels, out, norm=0 < level < config.depth - 1)
            for level, (channels, out) in enumerate(zip([3, *widths[:-1]], widths, strict=True))
        )
        inputs = [widths[-1], *(2 * width for width in widths[-2:0:-1])]
        self.ups = nn.ModuleList(
            _up(channels, out, config.dropout if step < 3 else 0.0)
            for step, (channels, out) in enumerate(zip(inputs, widths[-2::-1], strict=True))
        )
        self.output = nn.ConvTranspose2d(2 * widths[0], 3, 4, 2, 1)
        self.apply(initialise)

    def forward(self, pictures: Tensor) -> Tensor:
        levels = []
        features = pictures
        for down in self.downs:
            features = down(features)
            levels.append(features)
        for up, level in zip(self.ups, levels[-2::-1], strict=True):
            features = torch.cat([up(features), level], dim=1)
        return torch.tanh(self.output(features))


class PatchDiscriminator(nn.Module):
    """Is each 70 x 70 patch of a pair real?

    A condition and a picture, both (B, 3, S, S), to logits (B, 1, P, P), one a patch: P = S / 8 - 2, 30 for 256.

    width: channels of the first layer (64).
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        widths = [width, 2 * width, 4 * width, 8 * width]
        layers: list[nn.Module] = [nn.Conv2d(6, width, 4, 2, 1), nn.LeakyReLU(0.2)]
        for channels, out, stride in zip(widths, widths[1:], (2, 2, 1), strict=False):
            layers += [nn.Conv2d(channels, out, 4, stride, 1, bias=False), nn.BatchNorm2d(out), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 4, 1, 1))
        self.apply(initialise)

    def forward(self, conditions: Tensor, pictures: Tensor) -> Tensor:
        logits: Tensor = self.layers(torch.cat([conditions, pictures], dim=1))
        return logits


def initialise(module: nn.Module) -> None:
    """Weights of mean 0 (batch norms: 1) and deviation 0.02, as published (section 6.2)."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)


def _down(channels: int, out: int, norm: bool) -> nn.Sequential:
    convolution = nn.Conv2d(channels, out, 4, 2, 1, bias=not norm)
    return nn.Sequential(convolution, *([nn.BatchNorm2d(out)] if norm else []), nn.LeakyReLU(0.2))


def _up(channels: int, out: int, dropout: float) -> nn.Sequential:
    convolution = nn.ConvTranspose2d(channels, out, 4, 2, 1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(out), *([nn.Dropout(dropout)] if dropout else []), nn.ReLU())
