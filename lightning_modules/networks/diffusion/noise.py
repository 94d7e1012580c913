"""Noise from a seed for each picture: what a picture becomes depends on neither its neighbours nor the device."""

from collections.abc import Sequence

import torch
from torch import Tensor


def generators(seeds: Sequence[int]) -> list[torch.Generator]:
    """One for each picture. They stay on the CPU, whose numbers are the same on every machine."""
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def draw(own: Sequence[torch.Generator], shape: Sequence[int], device: torch.device) -> Tensor:
    """Standard normal noise (N, *shape), one item of each generator."""
    return torch.stack([torch.randn(*shape, generator=generator) for generator in own]).to(device)
