"""Text to pose: encoder-decoder transformer whose frames carry a progress counter.

Saunders et al. 2020, "Progressive Transformers for End-to-End Sign Language Production"; Fang et al. 2023, "SignDiff",
sections 3.2-3.3. One addition is ours: `TokenDurations`, which lets the text set the pace of free decoding.
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


@dataclass(frozen=True)
class ProgressiveTransformerConfig(TransformerConfig):
    """Sizes and switches of the network; the defaults are the published base (15.4 M parameters with its vocabulary).

    future_prediction: frames predicted at each step, the current one first; 1 predicts the current frame alone.
    just_counter: the decoder sees the counter and no pose ("Just Counter").
    token_durations: each token's duration in frames is predicted, their sum is the length, and each frame is told
        which tokens it falls on. Without it the decoder's own counter output drives decoding, as published.
    """

    future_prediction: int = 1
    just_counter: bool = False
    token_durations: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.future_prediction < 1:
            raise ValueError(f"future_prediction: found {self.future_prediction}, expected at least 1")


class TokenDurations(nn.Module):
    """How many frames each token takes, and so which tokens a frame falls on.

    Gaussian upsampling (Shen et al. 2020, "Non-Attentive Tacotron", section 3) without duration labels: the sum is
    fitted to the length of the reference, the shares are learnt through the poses.
    """

    phases = 8

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gain = 2.0 / math.sqrt(width)
        self.duration = nn.Linear(width, 1)
        self.spread = nn.Parameter(torch.tensor(1.5))
        self.output = nn.Linear(width + self.phases, width)

    def forward(self, memory: Tensor, mask: Tensor) -> Tensor:
        """Durations (B, N) in frames, at least a tenth of a frame each, 0 for padding."""
        return (F.softplus(self.duration(memory).squeeze(-1) * self.gain) * 5.0 + 0.1) * mask

    def align(self, frames: Tensor, durations: Tensor, memory: Tensor) -> Tensor:
        """What frames (indices, (T,)) are about: their tokens and how far through them they are, (B, T, width)."""
        centres = durations.cumsum(-1) - durations / 2
        phase = (frames[:, None] + 0.5 - centres[:, None]) / durations.clamp(min=0.1)[:, None]
        distance = (frames[:, None] + 0.5 - centres[:, None]) / (durations[:, None] / 2 + 1.0)
        scores = -distance.square() * self.spread.exp()
        weights = scores.masked_fill(durations[:, None] == 0, -torch.inf).softmax(-1)
        through = (weights * phase.clamp(-2, 2)).sum(-1)
        return self.output(torch.cat((weights @ memory, sinusoids(through * 10, self.phases)), -1))  # type: ignore[no-any-return]


@dataclass
class Source:
    """An encoded batch of sentences: memory (B, N, width), mask (B, N) true on tokens, durations (B, N) in frames."""

    memory: Tensor
    mask: Tensor
    durations: Tensor | None
    keys_values: list[tuple[Tensor, Tensor]]

    def paced(self, frames: Tensor) -> "Source":
        """The same sentences stretched to last `frames` (B,)."""
        if self.durations is None:
            return self
        scale = frames / self.durations.sum(-1)
        return Source(self.memory, self.mask, self.durations * scale[:, None], self.keys_values)


class ProgressiveTransformer(nn.Module):
    """Words in, 50 joints and a counter a frame out."""

    def __init__(self, config: ProgressiveTransformerConfig) -> None:
        super().__init__()
        self.config = config
        self.features = PoseFeatures()
        self.embedding = nn.Embedding(config.vocabulary, config.width, padding_idx=PAD)
        self.encoder = nn.ModuleList(EncoderLayer(config) for _ in range(config.layers))
        self.encoder_norm = nn.LayerNorm(config.width)
        self.durations = TokenDurations(config.width) if config.token_durations else None
        self.frame = nn.Linear(POSE_FEATURES + 1, config.width)
        self.decoder = nn.ModuleList(DecoderLayer(config) for _ in range(config.layers))
        self.decoder_norm = nn.LayerNorm(config.width)
        self.output = nn.Linear(config.width, config.future_prediction * POSE_FEATURES + 1)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.xavier_uniform_(parameter)
        with torch.no_grad():
            self.embedding.weight[PAD] = 0

    def encode(self, tokens: Tensor) -> Source:
        """Token ids (B, N), padded with 0."""
        mask = tokens != PAD
        places = torch.arange(tokens.shape[1], device=tokens.device)
        x = self.embedding(tokens) * math.sqrt(self.config.width) + sinusoids(places, self.config.width)
        for layer in self.encoder:
            x = layer(x, mask[:, None, None])
        memory = self.encoder_norm(x)
        durations = None if self.durations is None else self.durations(memory, mask)
        keys_values = [layer.source_attention.keys_values(memory) for layer in self.decoder]  # type: ignore[union-attr,operator]
        return Source(memory, mask, durations, keys_values)

    def places(self, frames: Tensor, source: Source) -> Tensor:
        """Where frames (indices, (T,)) stand in time and, with token durations, in the text; (1 or B, T, width)."""
        places = sinusoids(frames, self.config.width)[None]
        if self.durations is not None and source.durations is not None:
            places = places + self.durations.align(frames, source.durations, source.memory)
        return places

    def decode(
        self,
        poses: Tensor,
        counters: Tensor,
        places: Tensor,
        source: Source,
        caches: list[KeyValues] | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Predict frames from those before them.

        poses: pose features of the frame before each, (B, T, 150); zeros before the first.
        counters: progress of the frame before each, (B, T), 0 before the first.
        places: those of the T frames, (1 or B, T, width).
        caches: hold the frames before the first of the T, if there are any.

        Returns features of each frame and those that follow, (B, T, future_prediction, 150), and counters (B, T).
        """
        if self.config.just_counter:
            poses = torch.zeros_like(poses)
        x = self.frame(torch.cat((poses, counters[..., None]), -1)) + places
        mask = source.mask[:, None, None]
        for number, layer in enumerate(self.decoder):
            x = layer(x, source.keys_values[number], mask, None if caches is None else caches[number])
        out = self.output(self.decoder_norm(x))
        predictions = out[..., :-1].unflatten(-1, (self.config.future_prediction, POSE_FEATURES))
        return predictions, out[..., -1]

    def new_caches(self, batch: int, frames: int) -> list[KeyValues]:
        """Empty caches for decoding up to `frames` frames one after another."""
        size = self.config.width // self.config.heads
        like = self.output.weight
        return [KeyValues(batch, self.config.heads, frames, size, like) for _ in self.decoder]
