"""The GlossClassifier of ASLVideoTranslate: attention pools the rows of an embedding, three layers name the gloss."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class AttentionClassifierConfig:
    """width: numbers a row, 1408 of ViT-g. classes: glosses. hidden: width of the first layer, twice the second's."""

    width: int
    classes: int
    hidden: int = 512


class AttentionClassifier(nn.Module):
    """One learnt query decides how much each moment of a sign counts.

    `mean` and `deviation` standardise the rows; they travel with the weights, and change nothing until `fit`.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, config: AttentionClassifierConfig) -> None:
        super().__init__()
        self.config = config
        first, second = config.hidden, config.hidden // 2
        self.register_buffer("mean", torch.zeros(config.width))
        self.register_buffer("deviation", torch.ones(config.width))
        self.attention = nn.Linear(config.width, 1)
        self.head = nn.Sequential(
            nn.Linear(config.width, first),
            nn.LayerNorm(first),
            nn.GELU(),
            nn.Linear(first, second),
            nn.LayerNorm(second),
            nn.GELU(),
            nn.Linear(second, config.classes),
        )

    def fit(self, mean: Tensor, deviation: Tensor) -> None:
        """Standardise rows by these, (D,) each; what hardly varies is not blown up."""
        self.mean.copy_(mean)
        self.deviation.copy_(deviation.clamp(min=1e-3 * float(deviation.max())))

    def forward(self, rows: Tensor, lengths: Tensor) -> Tensor:
        """Rows (B, T, D), of which the first `lengths` (B,) count, to logits (B, classes)."""
        rows = (rows - self.mean) / self.deviation
        logits: Tensor = self.head((self.weights(rows, lengths)[:, :, None] * rows).sum(1))
        return logits

    def weights(self, rows: Tensor, lengths: Tensor) -> Tensor:
        """How much each standardised row counts, (B, T); those of a sequence sum to 1, and padding counts nothing."""
        padding = torch.arange(rows.shape[1], device=rows.device) >= lengths[:, None]
        scores: Tensor = self.attention(rows).squeeze(-1)
        return scores.float().masked_fill(padding, float("-inf")).softmax(1).to(rows.dtype)
