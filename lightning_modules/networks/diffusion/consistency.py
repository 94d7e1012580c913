"""Consistency models of latents: from any noise on a solver's path to its end in one step (Luo et al. 2023, arXiv
2310.04378, "Latent Consistency Models"; Song et al. 2023, arXiv 2303.01469).

They end as diffusers' `LCMScheduler` has it, so that it samples from what is trained here.
"""

from typing import Final

import torch
from torch import Tensor

from lightning_modules.networks.diffusion.schedule import Schedule

LCM_STEPS: Final = 50
"""Steps of the solver that consistency models are distilled from; sampling skips most of them."""
SIGMA_DATA: Final = 0.5
TIMESTEP_SCALING: Final = 10.0
"""Of the boundary condition, as `LCMScheduler` has them: how soon, from timestep 0 on, what is found takes over."""
HUBER: Final = 0.001
"""Differences well above it count as such, those below by their squares; that of the published trainings."""


def stride(schedule: Schedule) -> int:
    """Timesteps that the solver passes over at once: k of `LCM_STEPS` even ones. Raises ValueError for fewer."""
    if schedule.timesteps < LCM_STEPS:
        raise ValueError(f"found a noise schedule of {schedule.timesteps} timesteps, expected at least {LCM_STEPS}")
    return schedule.timesteps // LCM_STEPS


def solved_timesteps(schedule: Schedule) -> Tensor:
    """Those (LCM_STEPS,), ascending, from which the solver takes a step, and at which `LCMScheduler` samples."""
    return torch.arange(1, LCM_STEPS + 1) * stride(schedule) - 1


def earlier(schedule: Schedule, timesteps: Tensor) -> Tensor:
    """Where the solver's step from each timestep (B,) ends; from the first, at 0, which is nearly without noise."""
    return (timesteps - stride(schedule)).clamp(min=0)


def scalings(timesteps: Tensor) -> tuple[Tensor, Tensor]:
    """c_skip and c_out, (B,) each: 1 and 0 at timestep 0, where nothing is left to find."""
    scaled = timesteps * TIMESTEP_SCALING
    divisor = scaled**2 + SIGMA_DATA**2
    return SIGMA_DATA**2 / divisor, scaled / divisor**0.5


def consistent(schedule: Schedule, found: Tensor, noisy: Tensor, timesteps: Tensor) -> Tensor:
    """f(z, t) = c_skip z + c_out z0 of noisy latents z (B, C, h, w) at timesteps (B,), in which a network `found` noise
    or velocity (B, C, h, w), and so z0."""
    skip, out = (of.view(-1, 1, 1, 1) for of in scalings(timesteps))
    return skip * noisy + out * schedule.picture_of(found, noisy, timesteps)


def solved(schedule: Schedule, found: Tensor, noisy: Tensor, timesteps: Tensor) -> Tensor:
    """Latents (B, C, h, w) after a step of DDIM without noise of its own (Song et al. 2021, arXiv 2010.02502) from each
    timestep (B,) to the `earlier` one."""
    pictures, noise = (of(found, noisy, timesteps) for of in (schedule.picture_of, schedule.noise_of))
    return schedule.noised(pictures, noise, earlier(schedule, timesteps))


def huber(one: Tensor, other: Tensor) -> Tensor:
    """sqrt(d^2 + c^2) - c of the differences d of two tensors, place by place (Song and Dhariwal 2023, arXiv
    2310.14189, section 3.3)."""
    return ((one - other).square() + HUBER**2).sqrt() - HUBER
