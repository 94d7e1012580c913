"""A small residual network that reads hand letters (He et al. 2016, "Deep Residual Learning", sections 3 and 4.2)."""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class LetterCNNConfig:
    """classes: letters to tell apart. width: channels of the first stage. stages: each halves the picture and doubles
    the channels. dropout: before the last layer.

    Raises ValueError for sizes that make no network.
    """

    classes: int
    width: int = 32
    stages: int = 4
    dropout: float = 0.2

    def __post_init__(self) -> None:
        for name, least in (("classes", 2), ("width", 1), ("stages", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name}: found {getattr(self, name)}, expected at least {least}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout: found {self.dropout}, expected 0 <= dropout < 1")


class LetterCNN(nn.Module):
    """Pictures (B, 3, H, W) in [-1, 1], of any size from 2^(stages + 1) up, to logits (B, classes)."""

    def __init__(self, config: LetterCNNConfig) -> None:
        super().__init__()
        self.config = config
        self.stem = nn.Sequential(_conv(3, config.width, stride=2), nn.BatchNorm2d(config.width), nn.ReLU())
        widths = [config.width * 2**stage for stage in range(config.stages)]
        blocks = [ResidualBlock(config.width, config.width, stride=2)]
        blocks += [ResidualBlock(narrow, wide, stride=2) for narrow, wide in pairwise(widths)]
        self.blocks = nn.Sequential(*blocks)
        self.dropout = nn.Dropout(config.dropout)
        self.output = nn.Linear(widths[-1], config.classes)

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.blocks(self.stem(images))
        logits: Tensor = self.output(
            self.dropout(features.mean((2, 3)))
        )  # adaptive pooling has no deterministic gradient on CUDA
        return logits


class LetterFeatures(nn.Module):
    """What a letter judge sees in pictures (B, 3, H, W) in [0, 1] before it names a letter: (B, num_features).

    size: in pixels, to which pictures are scaled first; None for those that have it. lines: whether they are thin lines
    on black, which are made thicker first by what shrinking takes from them.
    """

    def __init__(self, network: LetterCNN, size: int | None = None, lines: bool = False) -> None:
        super().__init__()
        self.network = network.eval().requires_grad_(False)
        self.num_features, self.size, self.lines = network.output.in_features, size, lines

    def forward(self, pictures: Tensor) -> Tensor:
        if self.size is not None and pictures.shape[2:] != (self.size, self.size):
            shape = (self.size, self.size)
            if self.lines and (ratio := -(-pictures.shape[2] // self.size)) > 1:
                around = (ratio // 2, (ratio - 1) // 2) * 2
                pictures = functional.max_pool2d(functional.pad(pictures, around), ratio, stride=1)
            pictures = functional.interpolate(pictures, shape, mode="bilinear", antialias=True).clamp(0, 1)
        features: Tensor = self.network.blocks(self.network.stem(2 * pictures - 1))
        return features.mean((2, 3))


class ResidualBlock(nn.Module):
    """Two convolutions beside a shortcut, which a strided 1 x 1 convolution brings to their shape."""

    def __init__(self, channels: int, out: int, stride: int) -> None:
        super().__init__()
        self.path = nn.Sequential(
            _conv(channels, out, stride), nn.BatchNorm2d(out), nn.ReLU(), _conv(out, out), nn.BatchNorm2d(out)
        )
        self.shortcut = nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, features: Tensor) -> Tensor:
        return torch.relu(self.path(features) + self.shortcut(features))


def _conv(channels: int, out: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(channels, out, 3, stride, padding=1, bias=False)
