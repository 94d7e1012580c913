"""A V-JEPA 2 that is small enough for tests, with random weights."""

from typing import Any

import torch
from transformers import VJEPA2Config, VJEPA2Model

SIZES: dict[str, Any] = {
    "crop_size": 16,
    "patch_size": 8,
    "frames_per_clip": 4,
    "hidden_size": 32,
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "mlp_ratio": 2.0,
    "initializer_range": 0.05,
    "pred_hidden_size": 12,
    "pred_num_attention_heads": 1,
    "pred_num_hidden_layers": 1,
    "pred_num_mask_tokens": 1,
}


def tiny_encoder(seed: int = 0, **sizes: Any) -> VJEPA2Model:
    """Always the same for the same seed and sizes."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return VJEPA2Model(VJEPA2Config(**{**SIZES, **sizes}))
