"""Pose to text: convolutions that shorten time, then an encoder-decoder transformer over words and spelled letters.

After Camgöz et al. 2020, "Sign Language Transformers", whose input are features of video frames; here they are joints.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lightning_modules.networks.text_to_pose.pose_features import POSE_FEATURES, PoseFeatures
from lightning_modules.networks.text_to_pose.transformer import (
    PAD,
    DecoderLayer,
    EncoderLayer,
    KeyValues,
    TransformerConfig,
    sinusoids,
)

KERNEL = 5
START, END = 2, 3
"""Token ids, as `datamodules.text.SPECIAL` has them."""


@dataclass(frozen=True)
class PoseToTextConfig(TransformerConfig):
    """Sizes of the network; the defaults are those of Sign Language Transformers: 3 layers, 8 heads, 512 wide.

    shorten: frames that become one step of the encoder: 1, 2 or 4.
    """

    heads: int = 8
    layers: int = 3
    dropout: float = 0.1
    shorten: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.shorten not in (1, 2, 4):
            raise ValueError(f"shorten: found {self.shorten}, expected 1, 2 or 4 frames a step")


class Shortening(nn.Module):
    """Two convolutions over time, each of stride 1 or 2, so that a step sees the motion around it."""

    def __init__(self, config: PoseToTextConfig) -> None:
        super().__init__()
        self.strides = (2 if config.shorten == 4 else 1, 2 if config.shorten > 1 else 1)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(inputs, config.width, KERNEL, stride, KERNEL // 2)
            for inputs, stride in zip((2 * POSE_FEATURES, config.width), self.strides, strict=True)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(config.width) for _ in self.strides)
        self.drop = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T, 300) and lengths (B,) to steps (B, S, width) and a mask (B, S), true where there is a step."""
        mask = _mask(lengths, x.shape[1])
        for convolution, norm, stride in zip(self.convolutions, self.norms, self.strides, strict=True):
            x = convolution((x * mask[..., None]).transpose(1, 2)).transpose(1, 2)
            x = self.drop(F.gelu(norm(x)))
            lengths = (lengths + stride - 1) // stride
            mask = _mask(lengths, x.shape[1])
        return x, mask


class PoseToTextTransformer(nn.Module):
    """SLP-50 joints in, tokens out."""

    def __init__(self, config: PoseToTextConfig) -> None:
        super().__init__()
        self.config = config
        self.pose = PoseFeatures()
        self.shortening = Shortening(config)
        self.encoder = nn.ModuleList(EncoderLayer(config) for _ in range(config.layers))
        self.encoder_norm = nn.LayerNorm(config.width)
        self.embedding = nn.Embedding(config.vocabulary, config.width, padding_idx=PAD)
        self.decoder = nn.ModuleList(DecoderLayer(config) for _ in range(config.layers))
        self.decoder_norm = nn.LayerNorm(config.width)
        self.output = nn.Linear(config.width, config.vocabulary)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.xavier_uniform_(parameter)
        with torch.no_grad():
            self.embedding.weight[PAD] = 0

    def encode(self, joints: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Joints (B, T, 50, 3) in SLP units and lengths (B,) in frames to memory (B, S, width) and its mask (B, S)."""
        pose = self.pose(joints)
        speed = F.pad(pose[:, 1:] - pose[:, :-1], (0, 0, 1, 0))
        x, mask = self.shortening(torch.cat((pose, speed), -1), lengths)
        x = x + sinusoids(torch.arange(x.shape[1], device=x.device), self.config.width)
        for layer in self.encoder:
            x = layer(x, mask[:, None, None])
        return self.encoder_norm(x), mask

    def features(self, joints: Tensor, lengths: Tensor) -> Tensor:
        """What the encoder makes of motions, averaged over time: (B, width)."""
        memory, mask = self.encode(joints, lengths)
        return (memory * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)

    def sources(self, memory: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Keys and values of the memory for each layer of the decoder."""
        return [layer.source_attention.keys_values(memory) for layer in self.decoder]  # type: ignore[union-attr,operator]

    def decode(
        self,
        tokens: Tensor,
        sources: list[tuple[Tensor, Tensor]],
        mask: Tensor,
        first: int = 0,
        caches: list[KeyValues] | None = None,
    ) -> Tensor:
        """Scores (B, N, vocabulary) of the token after each of `tokens` (B, N), whose first is number `first`."""
        places = torch.arange(first, first + tokens.shape[1], device=tokens.device)
        x = self.embedding(tokens) * math.sqrt(self.config.width) + sinusoids(places, self.config.width)
        for number, layer in enumerate(self.decoder):
            x = layer(x, sources[number], mask[:, None, None], None if caches is None else caches[number])
        scores: Tensor = self.output(self.decoder_norm(x))
        return scores

    def forward(self, joints: Tensor, lengths: Tensor, tokens: Tensor) -> Tensor:
        """Scores (B, N, vocabulary) of the token after each of `tokens` (B, N), given the motion and those before."""
        memory, mask = self.encode(joints, lengths)
        return self.decode(tokens, self.sources(memory), mask)


def token_limits(lengths: Tensor) -> Tensor:
    """The most tokens that motions of `lengths` frames may be read as: one every two frames, and some to begin with."""
    return 16 + lengths // 2


@torch.inference_mode()
def read(network: PoseToTextTransformer, joints: Tensor, lengths: Tensor) -> list[list[int]]:
    """The likeliest token after each token, for motions (B, T, 50, 3) of `lengths` (B,): ids without start and end."""
    memory, mask = network.encode(joints, lengths)
    sources, limits = network.sources(memory), token_limits(lengths)
    most, size = int(limits.max()), network.config.width // network.config.heads
    caches = [KeyValues(len(joints), network.config.heads, most, size, memory) for _ in network.decoder]
    token = lengths.new_full((len(joints), 1), START)
    ended = torch.zeros_like(lengths, dtype=torch.bool)
    found: list[Tensor] = []
    for place in range(most):
        token = network.decode(token, sources, mask, place, caches).argmax(-1)
        ended = ended | (token[:, 0] == END) | (limits <= place)
        token = token.masked_fill(ended[:, None], END)
        found.append(token[:, 0])
        if bool(ended.all()):
            break
    ids = torch.stack(found, 1).tolist()
    return [row[: row.index(END)] if END in row else row for row in ids]


def _mask(lengths: Tensor, frames: int) -> Tensor:
    return torch.arange(frames, device=lengths.device) < lengths[:, None]
