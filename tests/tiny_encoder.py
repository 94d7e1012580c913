"""A V-JEPA 2 that is small enough for tests, with random weights."""

from typing import Any

import torch
from transformers import VJEPA2Config, VJEPA2Model

from lightning_modules.evaluation.frozen_features import UNTRAINED

SIZES: dict[str, Any] = {**UNTRAINED, "crop_size": 16, "patch_size": 8, "frames_per_clip": 4, "hidden_size": 32}


def tiny_encoder(seed: int = 0, **sizes: Any) -> VJEPA2Model:
    """Always the same for the same seed and sizes."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return VJEPA2Model(VJEPA2Config(**{**SIZES, **sizes}))
