"""What the transformers here are made of: pre-norm layers, attention whose keys and values are kept, positions."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lightning_modules.networks.text_to_pose.linear import Linear

PAD = 0


@dataclass(frozen=True)
class TransformerConfig:
    """Sizes of an encoder and a decoder of `layers` layers each.

    vocabulary: number of token ids; id 0 is padding.
    """

    vocabulary: int
    width: int = 512
    heads: int = 4
    layers: int = 2
    feedforward: int = 2048
    dropout: float = 0.0

    def __post_init__(self) -> None:
        for name in ("width", "heads", "layers", "feedforward"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: found {getattr(self, name)}, expected at least 1")
        if self.width % (2 * self.heads):
            raise ValueError(f"width {self.width} and heads {self.heads}: expected width to be a multiple of 2 x heads")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout: found {self.dropout}, expected 0 or more and less than 1")


def sinusoids(positions: Tensor, width: int) -> Tensor:
    """Sinusoidal encoding of real-valued `positions` (...), giving (..., width) (Vaswani et al. 2017, section 3.5)."""
    rates = torch.exp(torch.arange(0, width, 2, device=positions.device) * (-math.log(10000.0) / width))
    angles = positions[..., None].float() * rates
    return torch.stack((angles.sin(), angles.cos()), -1).flatten(-2)


class KeyValues:
    """Keys and values of one attention over the frames decoded so far, (B, heads, frames, width / heads)."""

    def __init__(self, batch: int, heads: int, frames: int, size: int, like: Tensor) -> None:
        self._store = like.new_empty(2, batch, heads, frames, size)
        self._frames = 0

    def append(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Add new frames and return all keys and values."""
        start, self._frames = self._frames, self._frames + keys.shape[2]
        self._store[0, :, :, start : self._frames] = keys
        self._store[1, :, :, start : self._frames] = values
        return self._store[0, :, :, : self._frames], self._store[1, :, :, : self._frames]


class SelfAttention(nn.Module):
    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.query_key_value = Linear(width, 3 * width)
        self.output = Linear(width, width)

    def forward(
        self, x: Tensor, mask: Tensor | None = None, causal: bool = False, cache: KeyValues | None = None
    ) -> Tensor:
        batch, length, width = x.shape
        q, k, v = self.query_key_value(x).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        if cache is not None:
            k, v = cache.append(k, v)
        dropout = self.dropout if self.training else 0.0
        attended = F.scaled_dot_product_attention(q, k, v, mask, dropout, is_causal=causal)
        out: Tensor = self.output(attended.transpose(1, 2).reshape(batch, length, width))
        return out


class CrossAttention(nn.Module):
    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.query = Linear(width, width)
        self.key_value = Linear(width, 2 * width)
        self.output = Linear(width, width)

    def keys_values(self, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Project the source once; every frame attends to the result."""
        batch, length, _ = memory.shape
        k, v = self.key_value(memory).view(batch, length, 2, self.heads, -1).permute(2, 0, 3, 1, 4)
        return k, v

    def forward(self, x: Tensor, keys_values: tuple[Tensor, Tensor], mask: Tensor) -> Tensor:
        batch, length, width = x.shape
        q = self.query(x).view(batch, length, self.heads, -1).transpose(1, 2)
        dropout = self.dropout if self.training else 0.0
        attended = F.scaled_dot_product_attention(q, *keys_values, mask, dropout)
        out: Tensor = self.output(attended.transpose(1, 2).reshape(batch, length, width))
        return out


def _feedforward(config: TransformerConfig) -> nn.Sequential:
    return nn.Sequential(Linear(config.width, config.feedforward), nn.ReLU(), Linear(config.feedforward, config.width))


class EncoderLayer(nn.Module):
    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(config.width) for _ in range(2))
        self.attention = SelfAttention(config.width, config.heads, config.dropout)
        self.feedforward = _feedforward(config)
        self.drop = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        x = x + self.drop(self.attention(self.norms[0](x), mask))
        out: Tensor = x + self.drop(self.feedforward(self.norms[1](x)))
        return out


class DecoderLayer(nn.Module):
    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(config.width) for _ in range(3))
        self.attention = SelfAttention(config.width, config.heads, config.dropout)
        self.source_attention = CrossAttention(config.width, config.heads, config.dropout)
        self.feedforward = _feedforward(config)
        self.drop = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, source: tuple[Tensor, Tensor], source_mask: Tensor, cache: KeyValues | None) -> Tensor:
        x = x + self.drop(self.attention(self.norms[0](x), causal=cache is None, cache=cache))
        x = x + self.drop(self.source_attention(self.norms[1](x), source, source_mask))
        out: Tensor = x + self.drop(self.feedforward(self.norms[2](x)))
        return out
