"""Denoising diffusion: the forward process, and ways back to pictures of a class (Ho et al. 2020, arXiv 2006.11239)."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Final, Literal, Self, get_args

import torch
from torch import Tensor
from torch.nn.functional import pixel_shuffle

from lightning_modules.networks.diffusion.noise import draw, generators

if TYPE_CHECKING:  # diffusers takes seconds to import
    from diffusers import DDPMScheduler, DPMSolverMultistepScheduler, UNet2DModel

Sampler = Literal["ancestral", "ddim", "dpm-solver++"]
SAMPLERS: Final = get_args(Sampler)
Prediction = Literal["epsilon", "v_prediction"]
Curve = Literal["linear", "scaled_linear"]
UNGUIDED: Final = 1.0
MOST_TIMESTEPS: Final = 10_000
"""Ten times the usual thousand: a schedule is kept in memory, step by step."""


@dataclass(frozen=True)
class Sampling:
    """How pictures are generated.

    steps: from noise to picture, at most T.
    sampler: `ancestral` as published, in even steps of time; `ddim`, the same without noise on the way (Song et al.
        2021, arXiv 2010.02502); or `dpm-solver++` of second order (Lu et al. 2022, arXiv 2211.01095), in even steps of
        the logarithm of signal to noise: so ten steps do fine detail justice, where even steps of time lose most of it.
    guidance: by which factor the class is followed beyond what was learnt; 1 leaves it as it is (Ho and Salimans 2022,
        arXiv 2207.12598, there w + 1). Others need a second pass of the network, without a class.

    Raises ValueError for what is no way of sampling.
    """

    steps: int = 20
    sampler: Sampler = "dpm-solver++"
    guidance: float = UNGUIDED

    def __post_init__(self) -> None:
        if not isinstance(self.steps, Integral) or self.steps < 1:
            raise ValueError(f"steps: found {self.steps!r}, expected a whole number of at least 1")
        if self.sampler not in SAMPLERS:
            raise ValueError(f"sampler: found {self.sampler!r}, expected one of {', '.join(SAMPLERS)}")
        if not isinstance(self.guidance, Real) or not 0 <= self.guidance < math.inf:
            raise ValueError(f"guidance: found {self.guidance!r}, expected a number of at least 0")


@dataclass(frozen=True)
class Schedule:
    """How much noise each of T timesteps adds: variances that rise.

    timesteps: T. beta_start, beta_end: the first and the last variance.
    prediction: what a network finds in a noisy picture, in diffusers' words: the noise, as published, or the velocity
        sqrt(a) noise - sqrt(1 - a) x (Salimans and Ho 2022, arXiv 2202.00512, section 4), of which a picture can be
        told better where it is nearly all noise.
    curve: what rises linearly, in diffusers' words: the variance, as published, or its root, as in Stable Diffusion.

    Raises ValueError for what is no schedule.
    """

    timesteps: int = 500
    beta_start: float = 1e-4
    beta_end: float = 0.02
    prediction: Prediction = "epsilon"
    curve: Curve = "linear"

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
        if self.curve not in get_args(Curve):
            raise ValueError(f"beta_schedule: found {self.curve!r}, expected one of {', '.join(get_args(Curve))}")

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Self:
        """That of a scheduler of diffusers, by its configuration. Raises ValueError for one that is of another kind."""
        for name in ("trained_betas", "rescale_betas_zero_snr"):
            if config.get(name):
                raise ValueError(f"{name}: found {config[name]!r}, expected none, as in Stable Diffusion 1 and 2.0")
        names = ("num_train_timesteps", "beta_start", "beta_end", "prediction_type", "beta_schedule")
        return cls(*(config[name] for name in names))

    def config(self) -> dict[str, Any]:
        """What diffusers' schedulers are made from."""
        return {
            "num_train_timesteps": self.timesteps,
            "beta_start": self.beta_start,
            "beta_end": self.beta_end,
            "beta_schedule": self.curve,
            "prediction_type": self.prediction,
        }

    def noised(self, pictures: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """What pictures (B, C, H, W) have become at timesteps (B,) from 0 to T - 1: sqrt(a) x + sqrt(1 - a) noise, with
        a the product of 1 - beta up to that step (equation 4)."""
        kept = self._kept_at(timesteps)
        return kept.sqrt() * pictures + (1 - kept).sqrt() * noise

    def target(self, pictures: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """What a network should find where this noise was added to these pictures, all (B, C, H, W)."""
        if self.prediction == "epsilon":
            return noise
        kept = self._kept_at(timesteps)
        return kept.sqrt() * noise - (1 - kept).sqrt() * pictures

    def noise_of(self, found: Tensor, noised: Tensor, timesteps: Tensor) -> Tensor:
        """The noise in `noised` according to what a network found there, all (B, C, H, W); see `prediction`."""
        if self.prediction == "epsilon":
            return found
        kept = self._kept_at(timesteps)
        return kept.sqrt() * found + (1 - kept).sqrt() * noised

    def picture_of(self, found: Tensor, noised: Tensor, timesteps: Tensor) -> Tensor:
        """The picture in `noised` according to what a network found there, all (B, C, H, W); see `prediction`."""
        kept = self._kept_at(timesteps)
        if self.prediction == "epsilon":
            return (noised - (1 - kept).sqrt() * found) / kept.sqrt()
        return kept.sqrt() * noised - (1 - kept).sqrt() * found

    def min_snr(self, timesteps: Tensor, gamma: float) -> Tensor:
        """Weights (B,) of the squared errors at timesteps (B,), so that those with little noise do not outweigh all
        others: min(snr, gamma) / snr of the noise, / (snr + 1) of the velocity (Hang et al. 2023, arXiv 2303.09556)."""
        kept = self._kept_at(timesteps).flatten()
        snr = kept / (1 - kept)
        return snr.clamp(max=gamma) / (snr if self.prediction == "epsilon" else snr + 1)

    @cached_property
    def kept(self) -> Tensor:
        """a, (T,): the product of 1 - beta up to each step, which is the share of a picture's variance that is left."""
        power = 1 if self.curve == "linear" else 0.5
        betas = torch.linspace(self.beta_start**power, self.beta_end**power, self.timesteps) ** (1 / power)
        return torch.cumprod(1 - betas, dim=0)

    def _kept_at(self, timesteps: Tensor) -> Tensor:
        """(B, 1, 1, 1), on the timesteps' device."""
        return self.kept.to(timesteps.device)[timesteps].view(-1, 1, 1, 1)

    def refuse(self, sampling: Sampling) -> None:
        """Raise ValueError for more steps than this schedule has."""
        if sampling.steps > self.timesteps:
            raise ValueError(f"steps: found {sampling.steps}, expected at most the {self.timesteps} of training")

    def even(self, steps: int) -> list[int]:
        """So many timesteps, from the last, which is all noise, to the first, as even as whole numbers are."""
        return [round(at) for at in torch.linspace(self.timesteps - 1, 0, steps, dtype=torch.float64).tolist()]

    def back(self, found: Tensor, noised: Tensor, now: int, to: int, fresh: Tensor | None = None) -> Tensor:
        """Noisy pictures (B, C, H, W) of timestep `now` at the earlier `to`, or without noise where that is -1 (Song et
        al. 2021, equation 12).

        found: by the network. What it takes for the picture is kept within [-1, 1].
        fresh: normal noise, (B, C, H, W), a part of what comes back; it is as large as the ancestral way has it: from a
            timestep to the one before, the mean and the variance are those of Ho et al. 2020, equation 7.
        """
        kept, left = self.kept[now], self.kept[to] if to >= 0 else torch.ones(())
        noise = self.noise_of(found, noised, torch.tensor(now, device=noised.device))
        pictures = ((noised - (1 - kept).sqrt() * noise) / kept.sqrt()).clamp(-1, 1)
        noise = (noised - kept.sqrt() * pictures) / (1 - kept).sqrt()
        if fresh is None:
            return left.sqrt() * pictures + (1 - left).sqrt() * noise
        variance = (1 - left) / (1 - kept) * (1 - kept / left)
        return left.sqrt() * pictures + (1 - left - variance).sqrt() * noise + variance.sqrt() * fresh

    def published(self) -> "DDPMScheduler":
        """This schedule as diffusers has it."""
        from diffusers import DDPMScheduler

        return DDPMScheduler(**self.config())

    def solver(self) -> "DPMSolverMultistepScheduler":
        """What takes the steps of `dpm-solver++`."""
        from diffusers import DPMSolverMultistepScheduler

        return DPMSolverMultistepScheduler(**self.config(), use_lu_lambdas=True)


def patch_of(network: "UNet2DModel") -> int:
    """Pixels a side of what a network of letters sees as one position; see `letter_unet`.

    Raises ValueError for a network whose channels are not the colours of such a square.
    """
    channels = network.config.in_channels
    patch = math.isqrt(channels // 3)
    if not patch or channels != 3 * patch**2 or network.config.out_channels != channels:
        raise ValueError(
            f"in_channels and out_channels: found {channels} and {network.config.out_channels}, expected both 3 x a "
            "square number: the colours of the pixels of a patch"
        )
    return patch


@torch.no_grad()
def sample(
    network: "UNet2DModel", schedule: Schedule, sampling: Sampling, labels: Tensor, seeds: Sequence[int]
) -> Tensor:
    """Pictures (N, C, S, S) in [-1, 1] of classes (N,) from noise of their own seeds.

    The network's last class stands for none. Raises ValueError for more steps than the schedule has.
    """
    schedule.refuse(sampling)
    config, own, patch = network.config, generators(seeds), patch_of(network)
    labels = labels.to(network.device)
    none = torch.full_like(labels, config.num_class_embeds - 1)

    def fresh() -> Tensor:
        return draw(own, (config.in_channels, config.sample_size, config.sample_size), network.device)

    def found(pictures: Tensor, timestep: int | Tensor) -> Tensor:
        told: Tensor = network(pictures, timestep, class_labels=labels).sample.float()
        if sampling.guidance == UNGUIDED:
            return told
        free: Tensor = network(pictures, timestep, class_labels=none).sample.float()
        return free + sampling.guidance * (told - free)

    if sampling.sampler == "dpm-solver++":
        solved = _solved(schedule.solver(), sampling.steps, fresh(), found)
        return pixel_shuffle(solved.clamp(-1, 1), patch)
    pictures = fresh()
    for now, to in pairwise([*schedule.even(sampling.steps), -1]):
        new = fresh() if sampling.sampler == "ancestral" and to >= 0 else None
        pictures = schedule.back(found(pictures, now), pictures, now, to, new)
    return pixel_shuffle(pictures, patch)


def _solved(
    solver: "DPMSolverMultistepScheduler", steps: int, pictures: Tensor, found: Callable[[Tensor, Tensor], Tensor]
) -> Tensor:
    solver.set_timesteps(steps, device=pictures.device)
    for timestep in solver.timesteps:
        pictures = solver.step(found(pictures, timestep), timestep, pictures).prev_sample
    return pictures
