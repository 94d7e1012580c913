"""A ControlNet of two pictures: what it embeds, and that it is one of six channels in plain diffusers."""

from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_diffusion import tiny_pipeline
from torch import Tensor

from lightning_modules.networks.diffusion.autoencoder import autoencoder
from lightning_modules.networks.diffusion.two_conditions import TwoConditions, control_network, fused, parted

CONDITIONS = torch.rand(2, 6, 32, 32, generator=torch.Generator().manual_seed(0))


def trained(superposition: float | None = 0.7) -> Any:
    """As if it had been trained: nothing in it is zero any more."""
    pipeline = tiny_pipeline()
    torch.manual_seed(1)
    network = control_network(pipeline.unet, pipeline.vae, superposition).eval()
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    return network


@torch.no_grad()
def steered(network: Any, conditions: Tensor) -> list[Tensor]:
    """What it adds to the blocks of a UNet."""
    noise = torch.Generator().manual_seed(1)
    noisy, states = torch.randn(2, 4, 16, 16, generator=noise), torch.randn(2, 5, 8, generator=noise)
    down, mid = network(noisy, torch.tensor([3, 700]), states, conditions, return_dict=False)
    return [*down, mid]


def test_before_training_it_adds_nothing() -> None:
    pipeline = tiny_pipeline()
    for superposition, channels in ((None, 3), (1.0, 6)):
        network = control_network(pipeline.unet, pipeline.vae, superposition)
        assert all(not added.any() for added in steered(network, CONDITIONS[:, :channels]))


def test_it_begins_as_the_encoder_of_the_unet() -> None:
    pipeline = tiny_pipeline()
    network, theirs = control_network(pipeline.unet, pipeline.vae, 1.0), pipeline.unet.state_dict()
    copied = {name: value for name, value in network.state_dict().items() if not name.startswith("controlnet_")}
    assert all(torch.equal(value, theirs[name]) for name, value in copied.items())
    assert any(name.startswith("mid_block") for name in copied)


def test_two_pictures_are_embedded_apart_and_superposed() -> None:
    two = trained(0.7).controlnet_cond_embedding
    drawing, reinforced = CONDITIONS[:, :3], CONDITIONS[:, 3:]
    with torch.no_grad():
        torch.testing.assert_close(two(CONDITIONS), two.drawing(drawing) + 0.7 * two.reinforced(reinforced))
    assert two(CONDITIONS).shape == (2, 4, 16, 16)  # the channels and the side of the UNet's first features


@pytest.mark.parametrize("superposition", [0.3, 1.0, 2.5])
def test_fused_it_is_one_controlnet_of_six_channels(superposition: float) -> None:
    network = trained(superposition)
    whole = fused(network)
    assert type(whole) is type(network)
    assert not isinstance(whole.controlnet_cond_embedding, TwoConditions)
    assert (whole.config.conditioning_channels, whole.config.conditioning_embedding_out_channels) == (6, (32, 64))
    for ours, theirs in zip(steered(network, CONDITIONS), steered(whole, CONDITIONS), strict=True):
        assert theirs.abs().max() > 0.1
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)


def test_plain_diffusers_opens_what_is_fused(tmp_path: Path) -> None:
    from diffusers import ControlNetModel

    network = trained()
    fused(network).save_pretrained(tmp_path)
    opened = ControlNetModel.from_pretrained(tmp_path)
    for ours, theirs in zip(steered(network, CONDITIONS), steered(opened, CONDITIONS), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)


def test_fusing_leaves_the_network_as_it_was() -> None:
    network = trained()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with torch.no_grad():
        for weight in fused(network).parameters():
            weight.zero_()
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_parted_it_is_trained_on_where_it_was() -> None:
    network = trained(0.7)
    apart = parted(fused(network), 0.7)
    for ours, theirs in zip(steered(network, CONDITIONS), steered(apart, CONDITIONS), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)
    assert apart.state_dict().keys() == network.state_dict().keys()


def test_one_that_mixes_its_pictures_is_not_parted() -> None:
    whole = fused(trained())
    with torch.no_grad():
        whole.controlnet_cond_embedding.blocks[0].weight[0, -1] = 1e-3
    with pytest.raises(ValueError, match=r"blocks.0.weight: mixes two pictures"):
        parted(whole, 0.7)


def test_of_one_picture_it_is_a_plain_controlnet() -> None:
    from diffusers import ControlNetModel

    network = trained(None)
    assert type(network) is ControlNetModel
    assert network.config.conditioning_channels == 3
    assert fused(network) is network


@pytest.mark.parametrize(("levels", "widths"), [(1, (16,)), (3, (16, 32, 96)), (4, (16, 32, 96, 256))])
def test_conditions_become_as_small_as_latents(levels: int, widths: tuple[int, ...]) -> None:
    """That of Stable Diffusion 1 halves the sides three times, and the starter's twice."""
    vae = autoencoder(32, (8,) * levels, layers=1, groups=8)
    network = control_network(tiny_pipeline().unet, vae)
    assert network.config.conditioning_embedding_out_channels == widths
    side = 16 * 2 ** (levels - 1)
    assert len(steered(network, torch.rand(2, 3, side, side))) == 5


def test_an_autoencoder_that_halves_too_often_is_refused() -> None:
    vae = autoencoder(32, (8,) * 5, layers=1, groups=8)
    with pytest.raises(ValueError, match="its autoencoder halves the sides 4 times, expected at most 3"):
        control_network(tiny_pipeline().unet, vae)
