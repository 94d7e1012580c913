"""The parts of SignDiff's objective for text to pose (Fang et al. 2023, section 3.3), each a switch of asl-slp."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WEIGHT_NORM_SCALE = 0.01
"""LV lambda of SignDiff, section 3.3."""


def future_windows(features: Tensor, lengths: Tensor, frames: int) -> tuple[Tensor, Tensor]:
    """Targets and mask of `frames` frames from each frame on, by tensor operations ("batch optimisation").

    features: (B, T, D), lengths: (B,). Returns (B, T, frames, D) and a mask (B, T, frames, 1), true where there is a
    frame to predict.
    """
    time = features.shape[1]
    padded = F.pad(features, (0, 0, 0, frames - 1))
    targets = padded.unfold(1, frames, 1).transpose(-1, -2)
    places = torch.arange(time, device=features.device)[:, None] + torch.arange(frames, device=features.device)
    return targets, (places < lengths[:, None, None])[..., None]


def future_windows_looped(features: Tensor, lengths: Tensor, frames: int) -> tuple[Tensor, Tensor]:
    """The same as `future_windows`, a sequence and a frame at a time, as before batch optimisation."""
    batch, time, width = features.shape
    targets = features.new_zeros(batch, time, frames, width)
    mask = torch.zeros(batch, time, frames, 1, dtype=torch.bool, device=features.device)
    for sentence in range(batch):
        for frame in range(time):
            known = features[sentence, frame : frame + frames]
            targets[sentence, frame, : len(known)] = known
            mask[sentence, frame, : max(0, int(lengths[sentence]) - frame)] = True
    return targets, mask


def unmasked_mse(predictions: Tensor, targets: Tensor, mask: Tensor) -> Tensor:
    """Mean squared error over unmasked elements only ("computational optimisation")."""
    squared = (predictions - targets).square() * mask
    return squared.sum() / mask.expand_as(squared).sum().clamp(min=1)


def padded_mse(predictions: Tensor, targets: Tensor, mask: Tensor) -> Tensor:
    """Mean squared error of masked tensors over all elements: padding counts as perfect, as in the published base."""
    return F.mse_loss(predictions * mask, targets * mask)


def long_video_loss(loss: Tensor, network: nn.Module, scale: float) -> Tensor:
    """`scale` x loss + 0.01 x the sum of the norms of every parameter that has "weight" in its name."""
    norms = [parameter.norm() for name, parameter in network.named_parameters() if "weight" in name]
    return scale * loss + WEIGHT_NORM_SCALE * torch.stack(norms).sum()
