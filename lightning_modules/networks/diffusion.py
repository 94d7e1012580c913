"""Denoising diffusion of pictures of a class: the forward process, and ways back (Ho et al. 2020, arXiv 2006.11239)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import torch
from torch import Tensor

from lightning_modules.networks.noise import draw, generators

if TYPE_CHECKING:  # diffusers takes seconds to import
    from diffusers import DDIMScheduler, DDPMScheduler, DPMSolverMultistepScheduler, UNet2DModel

Sampler = Literal["ancestral", "ddim", "dpm-solver++"]
SAMPLERS: Final = get_args(Sampler)
Prediction = Literal["epsilon", "v_prediction"]
UNGUIDED: Final = 1.0
MOST_TIMESTEPS: Final = 10_000
"""Ten times the usual thousand: a schedule is kept in memory, step by step."""


@dataclass(frozen=True)
class Sampling:
    """How pictures are drawn.

    steps: from noise to picture, at most T. sampler: see `Schedule.scheduler`.
    guidance: by which factor the class is followed beyond what was learnt; 1 leaves it as it is (Ho and Salimans 2022,
        arXiv 2207.12598, there w + 1). Others need a second pass of the network, without a class.
    eta: of `ddim`, how much noise a step adds: 0 none, 1 as much as `ancestral`.

    Raises ValueError for what is no way of sampling.
    """

    steps: int = 20
    sampler: Sampler = "dpm-solver++"
    guidance: float = UNGUIDED
    eta: float = 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.steps, int) or self.steps < 1:
            raise ValueError(f"steps: found {self.steps!r}, expected a whole number of at least 1")
        if self.sampler not in SAMPLERS:
            raise ValueError(f"sampler: found {self.sampler!r}, expected one of {', '.join(SAMPLERS)}")
        if not 0 <= self.guidance < math.inf:
            raise ValueError(f"guidance: found {self.guidance}, expected a number of at least 0")
        if not 0 <= self.eta <= 1:
            raise ValueError(f"eta: found {self.eta}, expected 0 to 1")


@dataclass(frozen=True)
class Schedule:
    """How much noise each of T timesteps adds: variances that rise linearly.

    timesteps: T. beta_start, beta_end: the first and the last variance.
    prediction: what a network finds in a noisy picture, in diffusers' words: the noise, as published, or the velocity
        sqrt(a) noise - sqrt(1 - a) x (Salimans and Ho 2022, arXiv 2202.00512, section 4), of which a picture can be
        told better where it is nearly all noise.

    Raises ValueError for what is no schedule.
    """

    timesteps: int = 500
    beta_start: float = 1e-4
    beta_end: float = 0.02
    prediction: Prediction = "epsilon"

    def __post_init__(self) -> None:
        if not 2 <= self.timesteps <= MOST_TIMESTEPS:
            raise ValueError(f"timesteps: found {self.timesteps}, expected 2 to {MOST_TIMESTEPS}")
        if not 0 < self.beta_start <= self.beta_end < 1:
            raise ValueError(
                f"beta_start and beta_end: found {self.beta_start} and {self.beta_end}, expected 0 < first <= last < 1"
            )
        if self.prediction not in get_args(Prediction):
            raise ValueError(
                f"prediction: found {self.prediction!r}, expected one of {', '.join(get_args(Prediction))}"
            )

    def config(self) -> dict[str, Any]:
        """What diffusers' schedulers are made from."""
        return {
            "num_train_timesteps": self.timesteps,
            "beta_start": self.beta_start,
            "beta_end": self.beta_end,
            "beta_schedule": "linear",
            "prediction_type": self.prediction,
        }

    def noised(self, pictures: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """What pictures (B, C, H, W) have become at timesteps (B,) from 0 to T - 1: sqrt(a) x + sqrt(1 - a) noise, with
        a the product of 1 - beta up to that step (equation 4)."""
        kept = self._kept_at(timesteps)
        return kept.sqrt() * pictures + (1 - kept).sqrt() * noise

    def noise_of(self, found: Tensor, noised: Tensor, timesteps: Tensor) -> Tensor:
        """The noise in `noised` according to what a network found there, all (B, C, H, W); see `prediction`."""
        if self.prediction == "epsilon":
            return found
        kept = self._kept_at(timesteps)
        return kept.sqrt() * found + (1 - kept).sqrt() * noised

    @cached_property
    def kept(self) -> Tensor:
        """a, (T,): the product of 1 - beta up to each step, which is the share of a picture's variance that is left."""
        return torch.cumprod(1 - torch.linspace(self.beta_start, self.beta_end, self.timesteps), dim=0)

    def _kept_at(self, timesteps: Tensor) -> Tensor:
        """(B, 1, 1, 1), on the timesteps' device."""
        return self.kept.to(timesteps.device)[timesteps].view(-1, 1, 1, 1)

    def refuse(self, sampling: Sampling) -> None:
        """Raise ValueError for more steps than this schedule has."""
        if sampling.steps > self.timesteps:
            raise ValueError(f"steps: found {sampling.steps}, expected at most the {self.timesteps} of training")

    def scheduler(self, sampler: Sampler) -> "DDPMScheduler | DDIMScheduler | DPMSolverMultistepScheduler":
        """What takes a step back: `ancestral` as published (variance of the posterior), `ddim` (Song et al. 2021, arXiv
        2010.02502), both in even steps of time; or `dpm-solver++` of second order (Lu et al. 2022, arXiv 2211.01095),
        in even steps of the logarithm of signal to noise: so ten steps do fine detail justice, where even steps of time
        lose most of it. Raises ValueError for another sampler.
        """
        from diffusers import DDIMScheduler, DDPMScheduler, DPMSolverMultistepScheduler

        if sampler == "ancestral":
            return DDPMScheduler(**self.config())
        if sampler == "ddim":
            return DDIMScheduler(**self.config())
        if sampler == "dpm-solver++":
            return DPMSolverMultistepScheduler(**self.config(), use_lu_lambdas=True)
        raise ValueError(f"sampler: found {sampler!r}, expected one of {', '.join(SAMPLERS)}")


@torch.no_grad()
def sample(
    network: "UNet2DModel", schedule: Schedule, sampling: Sampling, labels: Tensor, seeds: Sequence[int]
) -> Tensor:
    """Pictures (N, C, S, S) in [-1, 1] of classes (N,) from noise of their own seeds.

    The network's last class stands for none. Raises ValueError for more steps than the schedule has.
    """
    schedule.refuse(sampling)
    config, own = network.config, generators(seeds)
    labels = labels.to(network.device)
    none = torch.full_like(labels, config.num_class_embeds - 1)
    pictures = draw(own, (config.in_channels, config.sample_size, config.sample_size), network.device)
    scheduler = schedule.scheduler(sampling.sampler)
    scheduler.set_timesteps(sampling.steps, device=network.device)
    more: dict[str, Any] = {"eta": sampling.eta, "use_clipped_model_output": True} if sampling.sampler == "ddim" else {}
    for timestep in scheduler.timesteps:
        found = network(pictures, timestep, class_labels=labels).sample
        if sampling.guidance != UNGUIDED:
            free = network(pictures, timestep, class_labels=none).sample
            found = free + sampling.guidance * (found - free)
        pictures = scheduler.step(found, timestep, pictures, generator=own, **more).prev_sample
    return pictures.float().clamp(-1, 1)
