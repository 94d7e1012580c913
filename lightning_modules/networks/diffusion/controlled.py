"""Frames under a ControlNet by the parts of a Stable Diffusion, as diffusers' own pipelines generate them, and films
that stay steady (Zhang et al. 2023, arXiv 2302.05543)."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import torch
from torch import Tensor, nn

from lightning_modules.networks.diffusion.consistency import LCM_STEPS
from lightning_modules.networks.diffusion.latents import embedded
from lightning_modules.networks.diffusion.noise import draw, generators
from lightning_modules.networks.diffusion.reference import ReferencedUNet, anchored_unet, sharing
from lightning_modules.networks.diffusion.schedule import Schedule

if TYPE_CHECKING:
    from diffusers import ControlNetModel

Sampler = Literal["ddim", "unipc", "dpm", "lcm"]
AT_ONCE: Final = 8
"""Frames that are generated together."""
UNGUIDED: Final = 1.0
SOLVERS: Final[dict[str, str]] = {
    "ddim": "DDIMScheduler",
    "unipc": "UniPCMultistepScheduler",
    "dpm": "DPMSolverMultistepScheduler",
    "lcm": "LCMScheduler",
}
"""By sampler, the class of diffusers that takes its steps."""


@dataclass(frozen=True)
class Rendering:
    """How frames are generated, and what keeps those of a film alike.

    steps: from noise to frame; `lcm` takes 50 at most.
    guidance: above 1, closer to the prompt, at twice the time.
    conditioning_scale: what the ControlNet adds to the UNet is multiplied by this.
    sampler: `ddim` (Song et al. 2021, arXiv 2010.02502), `unipc` (Zhao et al. 2023, arXiv 2302.04867), `dpm`, which is
        DPM-Solver++ of second order (Lu et al. 2022, arXiv 2211.01095), or `lcm`, for networks that were distilled into
        consistency models (Luo et al. 2023, arXiv 2310.04378).
    shared_noise: all frames begin with the same noise; otherwise each has its own.
    anchor: within the UNet, each frame attends to the first one beside itself, or to a reference where there is one.
    from_before: how much of a frame is taken over from the one before, from 0 to below 1: of that share of the steps
        nothing is generated anew. This is image to image of strength 1 - from_before, frame after frame.

    Raises ValueError for what is no way of generating frames.
    """

    steps: int = 20
    guidance: float = UNGUIDED
    conditioning_scale: float = 1.0
    sampler: Sampler = "dpm"
    shared_noise: bool = True
    anchor: bool = False
    from_before: float = 0.0

    def __post_init__(self) -> None:
        if self.sampler not in get_args(Sampler):
            raise ValueError(f"sampler: found {self.sampler!r}, expected one of {', '.join(get_args(Sampler))}")
        most = LCM_STEPS if self.sampler == "lcm" else 1_000
        if isinstance(self.steps, bool) or not isinstance(self.steps, int) or not 1 <= self.steps <= most:
            raise ValueError(f"steps: found {self.steps!r}, expected a whole number from 1 to {most:,}")
        if not _is_number(self.guidance) or not UNGUIDED <= self.guidance < 100:
            raise ValueError(f"guidance: found {self.guidance!r}, expected a number from 1, and below 100")
        if not _is_number(self.conditioning_scale) or not 0 <= self.conditioning_scale < math.inf:
            raise ValueError(f"conditioning_scale: found {self.conditioning_scale!r}, expected a number from 0")
        for name in ("shared_noise", "anchor"):
            if not isinstance(value := getattr(self, name), bool):
                raise ValueError(f"{name}: found {value!r}, expected True or False")
        if not _is_number(self.from_before) or not 0 <= self.from_before < 1 or self.taken_over == self.steps:
            raise ValueError(
                f"from_before: found {self.from_before!r}, expected a number from 0, and below 1, which leaves one of "
                f"the {self.steps} steps"
            )

    @property
    def taken_over(self) -> int:
        """Steps that a frame does not take which is generated from the one before."""
        return round(self.steps * self.from_before)

    @property
    def evaluations(self) -> int:
        """How often UNet and ControlNet are computed for a frame."""
        return (self.steps - self.taken_over) * (2 if self.guidance > UNGUIDED else 1)


class Controlled:
    """A Stable Diffusion and a ControlNet that is steered by conditions, ready to generate frames of S x S pixels.

    Neither is changed: several threads may generate with the same two. What does not change from step to step, what the
    ControlNet makes of a condition, is computed once a frame, which diffusers' pipelines do in every step.

    pipeline: a StableDiffusionPipeline, or what else has its parts. how: see `Rendering`.
    """

    def __init__(self, pipeline: Any, controlnet: "ControlNetModel", how: Rendering) -> None:
        self.how, self.guided = how, how.guidance > UNGUIDED
        self.unet, self.vae = pipeline.unet, pipeline.vae
        self.config = pipeline.scheduler.config
        self.groups = 2 if self.guided else 1
        self.embedding: nn.Module = controlnet.controlnet_cond_embedding
        self.steering: Any = sharing(controlnet)
        self.steering.controlnet_cond_embedding = nn.Identity()

        @cache
        def context(prompt: str) -> Tensor:
            return embedded(pipeline.tokenizer, pipeline.text_encoder, [prompt])

        self.context = context

    def draw(self, conditions: Tensor, prompts: Sequence[str], seeds: Sequence[int]) -> Tensor:
        """Frames (N, 3, S, S) in [0, 1] of N conditions (N, C, S, S) in [0, 1] and prompts, each from the noise of its
        own seed, whatever is generated beside it: those of `StableDiffusionControlNetPipeline` with the same generator.
        """
        frames = []
        for first in range(0, len(conditions), AT_ONCE):
            part = slice(first, first + AT_ONCE)
            frames.append(self.decode(self._latents(self.unet, conditions[part], prompts[part], seeds[part])))
        return torch.cat(frames)

    def film(
        self, conditions: Iterable[Tensor], prompt: str, seed: int = 0, reference: Tensor | None = None
    ) -> Iterator[Tensor]:
        """Frames (3, S, S) in [0, 1] one by one of conditions that come in any number of pieces (N, C, S, S): no more
        than a few are held at a time.

        reference: latents (1, C, h, w) of a picture that frames attend to, in the place of the first of them.
        """
        anchored, unet = self.how.anchor and reference is None, self.unet
        if anchored:
            unet = anchored_unet(self.unet, self.groups)
        elif reference is not None:
            noise = draw(generators([seed]), reference.shape[1:], self.unet.device)
            unet = ReferencedUNet(self.unet, self.groups, reference, noise, Schedule.of(self.config))
        first: tuple[Tensor, Tensor] | None = None  # condition and latents
        before: Tensor | None = None
        number = 0
        size = 1 if self.how.taken_over else AT_ONCE
        for part in (part for piece in conditions for part in torch.split(piece, size)):
            seeds = [seed if self.how.shared_noise else seed + number + index for index in range(len(part))]
            count, told, start = len(part), part, before
            if first is not None and anchored:
                told, seeds = torch.cat([first[0], part]), [seed, *seeds]
                start = None if before is None else torch.cat([first[1], before])
            latents = self._latents(unet, told, [prompt] * len(told), seeds, start)[-count:]
            first = first or (part[:1], latents[:1])
            before = latents[-1:] if self.how.taken_over else None
            number += count
            yield from self.decode(latents)

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Frames (N, 3, S, S) in [0, 1], on the CPU, of latents (N, C, h, w)."""
        found: Tensor = self.vae.decode(latents.to(self.vae.dtype) / self.vae.config.scaling_factor).sample
        return (found.float() / 2 + 0.5).clamp(0, 1).cpu()

    @torch.no_grad()
    def _latents(
        self, unet: Any, conditions: Tensor, prompts: Sequence[str], seeds: Sequence[int], start: Tensor | None = None
    ) -> Tensor:
        """Latents (N, C, h, w); from `start`, latents of the same shape, as `from_before` says."""
        how, own = self.how, generators(seeds)
        scheduler: Any = solver(how.sampler, self.config)  # it counts the steps of one drawing
        scheduler.set_timesteps(how.steps, device=unet.device)
        condition = self.embedding(conditions.to(unet.device, unet.dtype))
        context = torch.cat([self.context(prompt) for prompt in prompts])
        if self.guided:
            condition = torch.cat([condition] * 2)
            context = torch.cat([self.context("").expand_as(context), context])
        noise = draw(own, (unet.config.in_channels, *condition.shape[-2:]), unet.device).to(context.dtype)
        latents: Tensor = noise * scheduler.init_noise_sigma
        timesteps = scheduler.timesteps
        if start is not None:
            timesteps = timesteps[how.taken_over :]
            if hasattr(scheduler, "set_begin_index"):  # DDIM's keeps no count
                scheduler.set_begin_index(how.taken_over)
            latents = scheduler.add_noise(start, noise, timesteps[:1].expand(len(noise)))
        random = {"generator": own} if how.sampler == "lcm" else {}  # no other adds noise on its way
        for timestep in timesteps:
            noisy = scheduler.scale_model_input(torch.cat([latents] * self.groups), timestep)
            told = {"timestep": timestep, "encoder_hidden_states": context, "return_dict": False}
            down, mid = self.steering(
                noisy, controlnet_cond=condition, conditioning_scale=how.conditioning_scale, **told
            )
            steered = {"down_block_additional_residuals": down, "mid_block_additional_residual": mid}
            found = unet(noisy, **told, **steered)[0]
            if self.guided:
                free, asked = found.chunk(2)
                found = free + how.guidance * (asked - free)
            latents = scheduler.step(found, timestep, latents, **random).prev_sample
        return latents


def solver(sampler: Sampler, config: Any) -> Any:
    """The scheduler of diffusers that takes the steps of a sampler through the noise of another scheduler's
    configuration. None of them clips latents, which are no pictures."""
    import diffusers

    unclipped = {"clip_sample": False} if sampler in ("ddim", "lcm") else {}
    return getattr(diffusers, SOLVERS[sampler]).from_config(config, **unclipped)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
