"""The avatar's frames with their drawings, and what spoils a picture: for tests of what measures how like one is."""

from pathlib import Path

import cv2
import numpy as np
import torch

from datamodules.media.hand_boxes import Box, hand_boxes
from datamodules.rwth_boston50 import read_pair
from datamodules.twins import Twin, ensure_twin
from lightning_modules.evaluation.sample_strips import as_images

Pair = tuple[np.ndarray, np.ndarray]


def avatar_pairs(root: Path) -> list[Pair]:
    """Drawings and frames of the avatar, 240 x 240."""
    ensure_twin("rwth-boston50", root, Twin(size=64, signers=1))
    return [read_pair(path) for path in sorted((root / "train").iterdir())[::10]]


def frames_of(pairs: list[Pair]) -> torch.Tensor:
    return torch.stack([torch.from_numpy(frame).permute(2, 0, 1) / 255 for _, frame in pairs])


def boxes_of(pairs: list[Pair]) -> list[list[Box]]:
    return [[box for box in hand_boxes(drawing) if box] for drawing, _ in pairs]


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def noisy(pictures: torch.Tensor, deviation: float = 0.1) -> torch.Tensor:
    noise = torch.randn(pictures.shape, generator=torch.Generator().manual_seed(1))
    return (pictures + deviation * noise).clamp(0, 1)


def blurred(frames):
    return torch.stack(
        [torch.from_numpy(cv2.GaussianBlur(frame, (0, 0), 3)).permute(2, 0, 1) / 255 for frame in as_images(frames)]
    )


SPOILT = {
    "blurred": blurred,
    "shifted": lambda frames: frames.roll(6, 3),
    "noised": noisy,
    "another": lambda frames: frames.roll(len(frames) // 2, 0),
    "mirrored": lambda frames: frames.flip(3),
    "grey": lambda frames: torch.full_like(frames, 0.5),
}


def without_hands(frames, boxes):
    gone = frames.clone()
    for at, hands in enumerate(boxes):
        for left, top, right, bottom in hands:
            gone[at, :, top:bottom, left:right] = 0.2
    return gone
