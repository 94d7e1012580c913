"""Consistency models: their boundary condition is LCMScheduler's, and the solver's step DDIMScheduler's."""

from typing import Any, get_args

import pytest
import torch
from diffusers import DDIMScheduler, LCMScheduler
from torch import Tensor

from lightning_modules.networks.diffusion.consistency import (
    HUBER,
    consistent,
    earlier,
    huber,
    scalings,
    solved,
    solved_timesteps,
    stride,
)
from lightning_modules.networks.diffusion.schedule import Prediction, Schedule
from lightning_modules.networks.diffusion.text_to_latents import stable_diffusion_schedule

predictions = pytest.mark.parametrize("prediction", get_args(Prediction))


@pytest.fixture(scope="module")
def latents() -> tuple[Tensor, Tensor]:
    """Noisy ones, and what a network found in them, at each of the solver's timesteps."""
    own = torch.Generator().manual_seed(0)
    noisy, found = torch.randn(2, 50, 4, 4, 4, generator=own)
    return noisy, found


def test_the_solver_goes_through_the_timesteps_that_are_sampled_at() -> None:
    schedule = stable_diffusion_schedule("epsilon")
    scheduler: Any = LCMScheduler(**schedule.config())
    scheduler.set_timesteps(50)
    timesteps = solved_timesteps(schedule)
    assert timesteps.flip(0).tolist() == scheduler.timesteps.tolist()
    assert earlier(schedule, timesteps).tolist() == [0, *timesteps[:-1].tolist()]


def test_at_timestep_0_nothing_is_found_that_was_not_there(latents: tuple[Tensor, Tensor]) -> None:
    noisy, found = latents
    for prediction in get_args(Prediction):
        ended = consistent(stable_diffusion_schedule(prediction), found, noisy, torch.zeros(50, dtype=torch.long))
        assert torch.equal(ended, noisy)


def test_the_scalings_are_to_the_bit_those_of_lcmscheduler() -> None:
    timesteps = torch.arange(1000)
    theirs = LCMScheduler().get_scalings_for_boundary_condition_discrete(timesteps)  # type: ignore[arg-type]
    for own, other in zip(scalings(timesteps), theirs, strict=True):
        assert torch.equal(own, other)


@predictions
def test_what_is_found_is_what_lcmscheduler_finds(prediction: Prediction, latents: tuple[Tensor, Tensor]) -> None:
    schedule, (noisy, found) = stable_diffusion_schedule(prediction), latents
    timesteps = solved_timesteps(schedule)
    own = consistent(schedule, found, noisy, timesteps)
    for place in (0, 1, 25, 49):
        scheduler: Any = LCMScheduler(**schedule.config())
        scheduler.set_timesteps(50)
        ended = scheduler.step(found[place], timesteps[place], noisy[place]).denoised
        torch.testing.assert_close(own[place], ended, atol=1e-5, rtol=1e-5)


@predictions
def test_a_step_of_the_solver_is_ddim_s(prediction: Prediction, latents: tuple[Tensor, Tensor]) -> None:
    """Between the same timesteps; the last ends at timestep 0, which has its noise, as `set_alpha_to_one` says."""
    schedule, (noisy, found) = stable_diffusion_schedule(prediction), latents
    scheduler: Any = DDIMScheduler(**schedule.config(), clip_sample=False, set_alpha_to_one=False)
    scheduler.set_timesteps(50)
    timesteps = solved_timesteps(schedule)
    own = solved(schedule, found, noisy, timesteps)
    for place, timestep in enumerate(timesteps):
        stepped = scheduler.step(found[place], timestep, noisy[place]).prev_sample
        torch.testing.assert_close(own[place], stepped, atol=1e-5, rtol=1e-5)


@predictions
def test_the_true_noise_leads_to_the_true_picture(prediction: Prediction, latents: tuple[Tensor, Tensor]) -> None:
    schedule, (pictures, noise) = stable_diffusion_schedule(prediction), latents
    timesteps = solved_timesteps(schedule)
    noisy = schedule.noised(pictures, noise, timesteps)
    target = schedule.target(pictures, noise, timesteps)
    torch.testing.assert_close(schedule.picture_of(target, noisy, timesteps), pictures, atol=1e-4, rtol=0)
    stepped = solved(schedule, target, noisy, timesteps)
    expected = schedule.noised(pictures, noise, earlier(schedule, timesteps))
    torch.testing.assert_close(stepped, expected, atol=1e-4, rtol=0)


def test_large_differences_count_as_such_and_small_ones_by_their_squares() -> None:
    differences = torch.tensor([0.0, HUBER / 100, 1.0, -1.0])
    found = huber(differences, torch.zeros(4))
    expected = torch.tensor([0.0, (HUBER / 100) ** 2 / (2 * HUBER), 1.0, 1.0])
    torch.testing.assert_close(found, expected, atol=HUBER, rtol=0)
    torch.testing.assert_close(found[1], expected[1], atol=0, rtol=0.05)


def test_a_schedule_of_fewer_timesteps_than_the_solver_takes_steps_is_refused() -> None:
    with pytest.raises(ValueError, match="found a noise schedule of 49 timesteps, expected at least 50"):
        stride(Schedule(timesteps=49))
