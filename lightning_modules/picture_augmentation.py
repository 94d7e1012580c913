"""What a critic that has few pictures to learn from is shown: each in other colours and moved, real and drawn alike.

By operations that gradients pass, with the policy "color, translation" (Zhao et al. 2020, "Differentiable Augmentation
for Data-Efficient GAN Training", arXiv 2006.10738).
"""

from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

REACH: Final = 1 / 8
"""How far a picture is moved at most, for its side."""


def augment(pictures: Tensor) -> Tensor:
    """Pictures (B, 3, S, S) in [-1, 1], each changed by lot of its own: `recolour`, then `translate`.

    As both kinds are changed, the generator has nothing from drawing what they look like afterwards.
    """
    return translate(recolour(pictures))


def recolour(pictures: Tensor) -> Tensor:
    """Brightness plus -0.5 to 0.5, then saturation times 0 to 2, then contrast times 0.5 to 1.5; not clipped."""
    brightness, saturation, contrast = torch.rand(3, len(pictures), 1, 1, 1, device=pictures.device)
    pictures = pictures + brightness - 0.5
    grey = pictures.mean(1, keepdim=True)
    pictures = torch.lerp(grey, pictures, 2 * saturation)
    mean = pictures.mean((1, 2, 3), keepdim=True)
    return torch.lerp(mean, pictures, contrast + 0.5)


def translate(pictures: Tensor) -> Tensor:
    """Moved by whole pixels, at most an eighth of the side each way. What comes into view is 0, a middle grey."""
    count, side = len(pictures), pictures.shape[-1]
    reach = round(side * REACH)
    padded = functional.pad(pictures, [reach] * 4)
    corners = torch.randint(2 * reach + 1, (2, count, 1), device=pictures.device)
    rows, columns = corners + torch.arange(side, device=pictures.device)
    own = torch.arange(count, device=pictures.device)[:, None, None]
    return padded[own, :, rows[:, :, None], columns[:, None, :]].movedim(-1, 1)
