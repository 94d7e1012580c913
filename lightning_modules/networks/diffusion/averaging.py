"""Exponential moving averages of weights: what is published of a network whose training wavers."""

import torch
from torch import nn


@torch.no_grad()
def update_average(average: nn.Module, learner: nn.Module, step: int, decay: float) -> None:
    """Draw an average towards what a training step, counted from 1, has made of the learner; buffers are copied.

    average <- d average + (1 - d) learner, with d = min(decay, (1 + step) / (10 + step)), so that where the average
    began is soon forgotten (Ho et al. 2020, section 4; the warm-up is TensorFlow's `num_updates`).
    """
    weight = 1 - min(decay, (1 + step) / (10 + step))
    torch._foreach_lerp_(list(average.parameters()), list(learner.parameters()), weight)
    for own, theirs in zip(average.buffers(), learner.buffers(), strict=True):
        own.copy_(theirs)
