"""A ControlNet that is shown two pictures: the drawing of a pose, and what FR-Net makes of a frame or of a pose (Zhang
et al. 2023, arXiv 2302.05543; "SignDiff", Fang et al. 2023, arXiv 2308.16082, section 3.4)."""

from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor, nn

if TYPE_CHECKING:  # diffusers takes seconds to import
    from diffusers import AutoencoderKL, ControlNetModel, UNet2DConditionModel

CHANNELS: Final = (16, 32, 96, 256)
"""Of a ControlNet's embedding, as published; each but the first halves the sides."""
COLOURS: Final = 3
"""Channels of a picture. Two have six; four would be taken for latents by diffusers, and handed on as they are."""
EMBEDDING: Final = "controlnet_cond_embedding"
LAST: Final = "conv_out"
"""The layer of an embedding in which what was apart is superposed."""


class TwoConditions(nn.Module):
    """Embeds two pictures apart and superposes them, e = c + w d, in the place of a ControlNet's one embedding.

    drawing, reinforced: what embeds the first three channels, as c, and the last three, as d. weight: w.
    """

    def __init__(self, drawing: nn.Module, reinforced: nn.Module, weight: float) -> None:
        super().__init__()
        self.drawing, self.reinforced, self.weight = drawing, reinforced, weight

    def forward(self, conditions: Tensor) -> Tensor:
        """e (B, C, h, w), which is added to the features of noisy latents, of conditions (B, 6, S, S) in [0, 1]."""
        drawing, reinforced = conditions.chunk(2, dim=1)
        superposed: Tensor = self.drawing(drawing) + self.weight * self.reinforced(reinforced)
        return superposed


def control_network(
    unet: "UNet2DConditionModel", vae: "AutoencoderKL", superposition: float | None = None
) -> "ControlNetModel":
    """An untrained ControlNet: a copy of a UNet's encoder, behind zero convolutions that change nothing yet.

    It is shown conditions (B, 3, S, S) in [0, 1] or, with a `superposition`, the weight w of the second picture, (B, 6,
    S, S); S as the autoencoder's pictures have it. Whatever works with a ControlNet of diffusers works with either.

    Raises ValueError for an autoencoder that halves the sides more often than Stable Diffusion's.
    """
    from diffusers import ControlNetModel

    halved = len(vae.config.block_out_channels) - 1
    if halved >= len(CHANNELS):
        raise ValueError(f"its autoencoder halves the sides {halved} times, expected at most {len(CHANNELS) - 1}")
    channels = CHANNELS[: halved + 1]
    network = ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=channels)
    if superposition is not None:
        doubled = tuple(2 * width for width in channels)
        network.register_to_config(conditioning_channels=2 * COLOURS, conditioning_embedding_out_channels=doubled)
        _take_apart(network, superposition)
    return network


def fused(network: "ControlNetModel") -> "ControlNetModel":
    """What plain diffusers opens of a network that is shown two pictures, exactly: a copy with one embedding of six
    channels, twice as wide and block-diagonal, and with w in its last convolution. Any other ControlNet, as it is."""
    two = network.controlnet_cond_embedding
    if not isinstance(two, TwoConditions):
        return network
    first, second = two.drawing.state_dict(), two.reinforced.state_dict()
    whole = {f"{EMBEDDING}.{name}": _joined(name, first[name], second[name], two.weight) for name in first}
    return _like(network, whole)


def parted(network: "ControlNetModel", superposition: float) -> "ControlNetModel":
    """What `fused` makes of it is this network of six channels: a copy that embeds two pictures apart, to be trained
    on. Of the last biases only the sum is known, which becomes the drawing's.

    Raises ValueError for a network that mixes two pictures before it superposes them.
    """
    apart = {}
    for name, value in network.controlnet_cond_embedding.state_dict().items():
        for part, half in zip(("drawing", "reinforced"), _halves(name, value, superposition), strict=True):
            apart[f"{EMBEDDING}.{part}.{name}"] = half
    return _like(network, apart, superposition)


def _like(
    network: "ControlNetModel", embedding: dict[str, Tensor], superposition: float | None = None
) -> "ControlNetModel":
    """A copy of a network of six channels with another embedding, whose weights these are."""
    copied: Any = type(network).from_config(network.config)
    if superposition is not None:
        _take_apart(copied, superposition)
    beside = {name: value for name, value in network.state_dict().items() if name.partition(".")[0] != EMBEDDING}
    copied.load_state_dict({**beside, **embedding})
    nn.Module.to(copied, network.device, network.dtype)  # diffusers' own warns of layers that it does not have
    copied.train(network.training)
    return copied


def _take_apart(network: "ControlNetModel", superposition: float) -> None:
    """Give a network of six channels two new embeddings, of half the width each."""
    from diffusers.models.controlnets.controlnet import ControlNetConditioningEmbedding

    config = network.config
    widths = [width // 2 for width in config.conditioning_embedding_out_channels]
    first, second = (ControlNetConditioningEmbedding(config.block_out_channels[0], COLOURS, widths) for _ in range(2))
    network.controlnet_cond_embedding = TwoConditions(first, second, superposition)


def _joined(name: str, first: Tensor, second: Tensor, weight: float) -> Tensor:
    """A tensor of the embedding of six channels, out of those of two of three."""
    if name.startswith(LAST):
        return first + weight * second if first.ndim == 1 else torch.cat([first, weight * second], dim=1)
    if first.ndim == 1:
        return torch.cat([first, second])
    none = torch.zeros_like(first)
    return torch.cat([torch.cat([first, none], dim=1), torch.cat([none, second], dim=1)])


def _halves(name: str, value: Tensor, weight: float) -> tuple[Tensor, Tensor]:
    """The other way round."""
    if name.startswith(LAST):
        if value.ndim == 1:
            return value, torch.zeros_like(value)
        first, second = value.chunk(2, dim=1)
        return first, second / weight
    first, second = value.chunk(2)
    if value.ndim == 1:
        return first, second
    (first, mixed), (mixing, second) = first.chunk(2, dim=1), second.chunk(2, dim=1)
    if mixed.any() or mixing.any():
        raise ValueError(f"{EMBEDDING}.{name}: mixes two pictures, expected a block for each and 0 beside them")
    return first, second
