"""A reader of signs from the points of body and hands: convolutions and attention over time, then attention pools it.

The order of layers, convolutions for what is near in time and then attention for what is far, is that of the first
place of Google's challenge on isolated signs (Sohn 2023, "1D CNN combined with Transformer"); this is a new and smaller
network.
"""

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from datamodules.features.signing_points import HANDS, POINTS

HAND_SCALE: Final = 4.0
"""A hand is about a quarter of a shoulder width: within it, coordinates are brought to the size of the others."""
SPEED_SCALE: Final = 4.0
"""The same for what a point moves in a frame."""
KERNEL: Final = 9
"""Frames that a convolution sees at once: half a second."""


@dataclass(frozen=True)
class LandmarkTransformerConfig:
    """classes: glosses. width: of every layer. stages: times three convolutions and one attention. heads: of that.
    dropout: share of numbers that training leaves out, twice as many before the last layer.

    Raises ValueError for a width that is no multiple of heads."""

    classes: int
    width: int = 128
    stages: int = 2
    heads: int = 4
    dropout: float = 0.2

    def __post_init__(self) -> None:
        if self.heads < 1 or self.width % self.heads:
            raise ValueError(f"width: found {self.width}, expected a multiple of the {self.heads} heads")


class LandmarkTransformer(nn.Module):
    """Points of a clip to the scores of glosses. How long the clip is changes what is looked at, never how."""

    def __init__(self, config: LandmarkTransformerConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        fingers = sum(hand.stop - hand.start for hand in HANDS)
        self.enter = nn.Linear(5 * len(POINTS) + 2 * fingers, width)
        self.enter_norm = nn.LayerNorm(width)
        layers: list[nn.Module] = []
        for _ in range(config.stages):
            layers += [Convolution(width, config.dropout) for _ in range(3)]
            layers.append(Attention(width, config.heads, config.dropout))
        self.layers = nn.ModuleList(layers)
        self.leave_norm = nn.LayerNorm(width)
        self.attention = nn.Linear(width, 1)
        self.dropout = nn.Dropout(2 * config.dropout)
        self.head = nn.Linear(width, config.classes)

    def forward(self, points: Tensor, lengths: Tensor) -> Tensor:
        """Points (B, T, 49, 3), see `datamodules.features.signing_points`, of which the first `lengths` (B,) frames
        count, to logits (B, classes)."""
        logits, _ = self.explained(points, lengths)
        return logits

    def explained(self, points: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """The logits (B, classes), and how much each frame counts for them, (B, T); those of a clip sum to 1."""
        real = torch.arange(points.shape[1], device=points.device) < lengths[:, None]
        hidden = self.enter_norm(self.enter(features(points, real)))
        for layer in self.layers:
            hidden = layer(hidden, real)
        hidden = self.leave_norm(hidden)
        scores = self.attention(hidden).squeeze(-1).float()
        weights = scores.masked_fill(~real, float("-inf")).softmax(1)
        pooled = (weights.to(hidden.dtype)[:, :, None] * hidden).sum(1)
        logits: Tensor = self.head(self.dropout(pooled))
        return logits, weights


def features(points: Tensor, real: Tensor) -> Tensor:
    """What the first layer sees of points (B, T, 49, 3) in the frames that are `real` (B, T), (B, T, 329): places,
    fingers from their wrists, steps since the frame before, and which points are seen."""
    seen = points[..., 2:] * real[:, :, None, None]
    places = points[..., :2] * seen
    hands = [HAND_SCALE * (places[:, :, hand] - places[:, :, hand.start, None]) * seen[:, :, hand] for hand in HANDS]
    steps = SPEED_SCALE * (places[:, 1:] - places[:, :-1]) * seen[:, 1:] * seen[:, :-1]
    moved = functional.pad(steps, (0, 0, 0, 0, 1, 0))
    return torch.cat([part.flatten(2) for part in (places, *hands, moved, seen)], dim=-1)


class Convolution(nn.Module):
    """A depthwise convolution over time, then a layer for each frame by itself; padding is zero for its neighbours."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.along = nn.Conv1d(width, width, KERNEL, padding=KERNEL // 2, groups=width)
        self.each = nn.Sequential(nn.Linear(width, 2 * width), nn.SiLU(), nn.Linear(2 * width, width))
        self.dropout = nn.Dropout(dropout)

    def forward(self, hidden: Tensor, real: Tensor) -> Tensor:
        """(B, T, width) with the frames that are `real` (B, T) to the same."""
        along = self.along((self.norm(hidden) * real[:, :, None]).mT).mT
        out: Tensor = hidden + self.dropout(self.each(along))
        return out


class Attention(nn.Module):
    """Every real frame to every other, then a layer for each by itself."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norm, self.second_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.ask = nn.Linear(width, 3 * width)
        self.answer = nn.Linear(width, width)
        self.each = nn.Sequential(nn.Linear(width, 2 * width), nn.SiLU(), nn.Linear(2 * width, width))
        self.dropout = nn.Dropout(dropout)

    def forward(self, hidden: Tensor, real: Tensor) -> Tensor:
        """(B, T, width) with the frames that are `real` (B, T) to the same."""
        asked = self.ask(self.norm(hidden)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        queries, keys, values = asked.unbind(0)
        found = functional.scaled_dot_product_attention(queries, keys, values, attn_mask=real[:, None, None])
        hidden = hidden + self.dropout(self.answer(found.transpose(1, 2).flatten(2)))
        out: Tensor = hidden + self.dropout(self.each(self.second_norm(hidden)))
        return out
