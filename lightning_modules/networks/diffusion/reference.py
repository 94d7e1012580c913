"""One picture that frames are to be like: attention to the first frame of a film, or to a picture from elsewhere, as in
diffusers' community pipelines of "reference only"; and which text describes such a picture best (Li et al. 2023, "Your
Diffusion Model is Secretly a Zero-Shot Classifier", arXiv 2303.16203)."""

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

import torch
from torch import Tensor, nn

from lightning_modules.networks.diffusion.latents import embedded, moments
from lightning_modules.networks.diffusion.noise import draw, generators
from lightning_modules.networks.diffusion.schedule import Schedule

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, UNet2DConditionModel

TIMESTEPS: Final = 4
"""At which texts are tried, the middles of equal parts of the schedule."""
SEEDS: Final = (0, 1)
"""Of the noise at each: all texts are tried with the same noise, or chance would outweigh what they say."""

Network = TypeVar("Network", bound=nn.Module)


class AnchoredAttention:
    """Self-attention of frames to themselves and to the first of them; what that one attends to is the same as without.

    groups: how often the frames come in a batch, one after another: twice where they are guided.
    """

    def __init__(self, groups: int) -> None:
        from diffusers.models.attention_processor import AttnProcessor2_0

        self.groups, self.plain = groups, AttnProcessor2_0()

    def __call__(self, attention: Any, states: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        frames = states.reshape(self.groups, -1, *states.shape[1:])
        first = frames[:, :1].expand_as(frames).flatten(0, 1)
        found: Tensor = self.plain(attention, states, torch.cat([states, first], dim=1))
        return found


class ReferencedUNet:
    """A UNet in which frames attend to a reference: a picture as noisy as they are, and steered by no ControlNet.

    It is called as the UNet is, which it leaves as it was, and for the frames alone.

    groups: see `AnchoredAttention`. latents, noise: of the reference, (1, C, h, w). schedule: adds one to the other.
    """

    def __init__(
        self, unet: "UNet2DConditionModel", groups: int, latents: Tensor, noise: Tensor, schedule: Schedule
    ) -> None:
        self.unet, self.groups = anchored_unet(unet, groups), groups
        self.latents, self.noise, self.schedule = latents, noise, schedule
        self.config, self.device, self.dtype = unet.config, unet.device, unet.dtype

    def __call__(
        self,
        noisy: Tensor,
        timestep: Tensor,
        encoder_hidden_states: Tensor,
        down_block_additional_residuals: list[Tensor],
        mid_block_additional_residual: Tensor,
        return_dict: bool,
    ) -> tuple[Tensor]:
        seen = self.schedule.noised(self.latents, self.noise, timestep.reshape(1)).to(noisy.dtype)
        first_context = self._grouped(encoder_hidden_states)[:, :1]
        unsteered = noisy.new_zeros(())
        (found,) = self.unet(
            self._led(seen, noisy),
            timestep,
            encoder_hidden_states=self._led(first_context, encoder_hidden_states),
            down_block_additional_residuals=[self._led(unsteered, of) for of in down_block_additional_residuals],
            mid_block_additional_residual=self._led(unsteered, mid_block_additional_residual),
            return_dict=return_dict,
        )
        return (self._grouped(found)[:, 1:].flatten(0, 1),)

    def _led(self, leader: Tensor, frames: Tensor) -> Tensor:
        """Frames (groups x N, ...) with one more item before each group, (groups x (N + 1), ...)."""
        parts = self._grouped(frames)
        return torch.cat([leader.expand_as(parts[:, :1]), parts], dim=1).flatten(0, 1)

    def _grouped(self, frames: Tensor) -> Tensor:
        return frames.reshape(self.groups, -1, *frames.shape[1:])


def anchored_unet(unet: "UNet2DConditionModel", groups: int) -> "UNet2DConditionModel":
    """A UNet of the same weights in which frames attend to the first of them."""
    found = sharing(unet)
    for name, part in found.named_modules():
        if name.endswith(".attn1"):
            part.set_processor(AnchoredAttention(groups))
    return found


def sharing(network: Network) -> Network:
    """A network of other modules with the same weights: what is exchanged in it stays as it was in the first."""
    return copy.deepcopy(network, {id(weights): weights for weights in (*network.parameters(), *network.buffers())})


@torch.no_grad()
def mean_latents(vae: "AutoencoderKL", pictures: Tensor) -> Tensor:
    """The means (B, C, h, w) of the latents of pictures (B, 3, S, S) in [-1, 1], scaled as the UNet sees them."""
    mean, _ = moments(vae, pictures.to(vae.device)).chunk(2, dim=1)
    return mean * float(vae.config.scaling_factor)


@torch.no_grad()
def text_errors(pipeline: Any, latents: Tensor, texts: Sequence[str]) -> Tensor:
    """How badly the UNet of a Stable Diffusion finds what was added to a picture under each of N texts, (N,): mean
    squared errors, the least of which is that of the text that describes the picture best.

    latents: of the picture, (1, C, h, w), scaled; the same ones always have the same errors.
    """
    unet, schedule = pipeline.unet, Schedule.of(pipeline.scheduler.config)
    middles = [(2 * part + 1) * schedule.timesteps // (2 * TIMESTEPS) for part in range(TIMESTEPS)]
    timesteps = torch.tensor(middles, device=unet.device).repeat_interleave(len(SEEDS))
    noise = draw(generators(SEEDS), latents.shape[1:], unet.device).repeat(TIMESTEPS, 1, 1, 1)
    noisy, wanted = schedule.noised(latents, noise, timesteps), schedule.target(latents, noise, timesteps)
    errors = []
    for text in texts:
        context = embedded(pipeline.tokenizer, pipeline.text_encoder, [text]).expand(len(timesteps), -1, -1)
        found = unet(noisy.to(unet.dtype), timesteps, encoder_hidden_states=context).sample
        errors.append((found.float() - wanted).square().mean())
    return torch.stack(errors)
