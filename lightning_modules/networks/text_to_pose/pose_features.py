"""Joints as the numbers a network predicts."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from datamodules.poses.skeletons import BODY, LEFT_HAND, LEFT_WRIST, RIGHT_HAND, RIGHT_WRIST, SLP_50

POSE_FEATURES = 3 * SLP_50.joints


class PoseFeatures(nn.Module):
    """SLP-50 joints <-> standardised features, each hand told relative to its wrist.

    In absolute coordinates the squared error is about where the arms are; a finger weighs next to nothing, and
    handshape is what tells letters apart. The mean and deviation travel with the weights.
    """

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(POSE_FEATURES))
        self.register_buffer("std", torch.ones(POSE_FEATURES))

    def fit(self, sequences: Iterable[Tensor]) -> None:
        """Take mean and deviation from the frames of training sequences, each (T, 50, 3), the deviation with a floor
        per joint group so that noise in a coordinate that hardly moves is not blown up.

        Sequences are gone through once and none is kept: those of a large data set do not fit into memory.
        """
        frames = 0
        total, squares = torch.zeros(2, SLP_50.joints, 3, dtype=torch.float64)
        for joints in sequences:
            relative = self._relative(joints).double()
            frames += len(relative)
            total += relative.sum(0)
            squares += relative.square().sum(0)
        self.mean.copy_((total / frames).flatten())
        spread = ((squares - total.square() / frames) / max(1, frames - 1)).clamp(min=0).sqrt()
        floor = torch.empty_like(spread)
        floor[BODY], floor[RIGHT_HAND], floor[LEFT_HAND] = 0.02, 0.01, 0.01
        self.std.copy_(torch.maximum(spread, floor).flatten())

    def forward(self, joints: Tensor) -> Tensor:
        """Joints (..., 50, 3) in SLP units to features (..., 150)."""
        return (self._relative(joints).flatten(-2) - self.mean) / self.std

    def invert(self, features: Tensor) -> Tensor:
        """Features (..., 150) to joints (..., 50, 3)."""
        joints = (features * self.std + self.mean).reshape(*features.shape[:-1], -1, 3)
        for hand, wrist in ((RIGHT_HAND, RIGHT_WRIST), (LEFT_HAND, LEFT_WRIST)):
            joints[..., hand, :] += joints[..., wrist : wrist + 1, :]
        return joints

    @staticmethod
    def _relative(joints: Tensor) -> Tensor:
        relative = joints.clone()
        for hand, wrist in ((RIGHT_HAND, RIGHT_WRIST), (LEFT_HAND, LEFT_WRIST)):
            relative[..., hand, :] -= joints[..., wrist : wrist + 1, :]
        return relative
