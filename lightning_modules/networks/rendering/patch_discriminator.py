"""The discriminator of pix2pix: is each 70 x 70 patch of a pair real? (Isola et al. 2017, sections 3.2.2 and 6.1.2)."""

import torch
from torch import Tensor, nn

from lightning_modules.networks.rendering.unet_generator import initialise


class PatchDiscriminator(nn.Module):
    """A condition and a picture, both (B, 3, S, S), to logits (B, 1, P, P), one a patch: P = S / 8 - 2, 30 for 256.

    width: channels of the first layer (64).
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        widths = [width, 2 * width, 4 * width, 8 * width]
        layers: list[nn.Module] = [nn.Conv2d(6, width, 4, 2, 1), nn.LeakyReLU(0.2)]
        for channels, out, stride in zip(widths, widths[1:], (2, 2, 1), strict=False):
            layers += [nn.Conv2d(channels, out, 4, stride, 1, bias=False), nn.BatchNorm2d(out), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 4, 1, 1))
        self.apply(initialise)

    def forward(self, conditions: Tensor, pictures: Tensor) -> Tensor:
        logits: Tensor = self.layers(torch.cat([conditions, pictures], dim=1))
        return logits
