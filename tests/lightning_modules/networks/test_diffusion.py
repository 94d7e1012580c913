"""Denoising diffusion: the forward process against its closed form, and ways back on data whose noise is known."""

from itertools import pairwise
from types import SimpleNamespace

import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from lightning_modules.networks.diffusion.averaging import update_average
from lightning_modules.networks.diffusion.noise import draw, generators
from lightning_modules.networks.diffusion.schedule import SAMPLERS, Sampling, Schedule, patch_of, sample
from lightning_modules.networks.letters.letter_unet import letter_unet

T = 500
MEAN, DEVIATION = (-0.4, 0.3), 0.1
"""Of the pixels of each of two classes, normally distributed."""


class Known(nn.Module):
    """What a network would see that has learnt everything: the expected noise in pixels of the two classes.

    In x = sqrt(a) y + sqrt(1 - a) e with y of this mean and deviation, the expectation of e given x is linear in x.
    """

    def __init__(self, prediction: str = "epsilon", channels: int = 3) -> None:
        super().__init__()
        self.prediction = prediction
        self.config = SimpleNamespace(num_class_embeds=3, in_channels=channels, out_channels=channels, sample_size=4)
        self.device, self.calls = torch.device("cpu"), list[Tensor]()
        self.kept = torch.cumprod(1 - torch.linspace(1e-4, 0.02, T, dtype=torch.float64), 0)

    def forward(self, pictures: Tensor, timestep: Tensor, class_labels: Tensor) -> SimpleNamespace:
        self.calls.append(class_labels)
        kept = self.kept[timestep]
        mean = torch.tensor([*MEAN, sum(MEAN) / 2])[class_labels].view(-1, 1, 1, 1)
        apart = pictures - kept.sqrt() * mean
        noise = (1 - kept).sqrt() * apart / (kept * DEVIATION**2 + 1 - kept)
        if self.prediction == "v_prediction":
            noise = (noise - (1 - kept).sqrt() * pictures) / kept.sqrt()
        return SimpleNamespace(sample=noise.float())


@pytest.fixture
def known() -> Known:
    return Known()


@pytest.fixture(scope="module")
def tiny() -> nn.Module:
    torch.manual_seed(0)
    return letter_unet(2, 8, channels=(8, 8), layers=1, attention=(), groups=4).eval()


def drawn(network: nn.Module, count: int = 200, **how: object) -> Tensor:
    labels = torch.arange(count) % 2
    return sample(network, Schedule(), Sampling(**how), labels, range(count))  # type: ignore[arg-type]


class TestForwardProcess:
    def test_it_is_the_sources(self):
        """The source document's four lines, 4.1."""
        betas = torch.linspace(1e-4, 0.02, T)
        kept = torch.cumprod(1 - betas, dim=0)
        pictures, noise = torch.randn(2, T, 3, 2, 2, generator=torch.Generator().manual_seed(0))
        timesteps = torch.arange(T)
        expected = kept.sqrt().view(-1, 1, 1, 1) * pictures + (1 - kept).sqrt().view(-1, 1, 1, 1) * noise
        torch.testing.assert_close(Schedule().noised(pictures, noise, timesteps), expected, rtol=1e-5, atol=1e-6)

    @pytest.mark.parametrize("timestep", [0, 49, 499])
    def test_the_closed_form_is_what_noise_step_by_step_comes_to(self, timestep):
        generator = torch.Generator().manual_seed(0)
        steps = torch.full((20_000, 1, 1, 1), 0.7)
        for beta in torch.linspace(1e-4, 0.02, T)[: timestep + 1].tolist():
            steps = (1 - beta) ** 0.5 * steps + beta**0.5 * torch.randn(steps.shape, generator=generator)
        start = torch.full_like(steps, 0.7)
        at_once = Schedule().noised(
            start, torch.randn(start.shape, generator=generator), torch.full((len(start),), timestep)
        )
        assert float(steps.mean()) == pytest.approx(float(at_once.mean()), abs=0.03)
        assert float(steps.std()) == pytest.approx(float(at_once.std()), rel=0.03)

    def test_each_picture_of_a_batch_is_at_its_own_timestep(self):
        pictures, noise = torch.ones(2, 3, 4, 4), torch.zeros(2, 3, 4, 4)
        first, last = Schedule().noised(pictures, noise, torch.tensor([0, T - 1]))
        assert first.mean() > 0.99
        assert last.mean() < 0.1

    def test_noise_is_told_from_itself_or_from_the_velocity(self):
        pictures, noise = torch.randn(2, T, 3, 2, 2, generator=torch.Generator().manual_seed(0))
        timesteps = torch.arange(T)
        kept = torch.cumprod(1 - torch.linspace(1e-4, 0.02, T), dim=0).view(-1, 1, 1, 1)
        velocity, noised = (
            kept.sqrt() * noise - (1 - kept).sqrt() * pictures,
            Schedule().noised(pictures, noise, timesteps),
        )
        assert torch.equal(Schedule().noise_of(noise, noised, timesteps), noise)
        assert torch.equal(Schedule().target(pictures, noise, timesteps), noise)
        by_velocity = Schedule(prediction="v_prediction")
        torch.testing.assert_close(by_velocity.target(pictures, noise, timesteps), velocity)
        told = by_velocity.noise_of(velocity, noised, timesteps)
        torch.testing.assert_close(told, noise, rtol=1e-5, atol=1e-5)


class TestSampling:
    @pytest.mark.parametrize(
        "how", [{"sampler": "ancestral", "steps": T}, {"steps": 10}, {"steps": 50}, {"steps": 250}], ids=str
    )
    def test_what_is_drawn_is_distributed_as_the_data_are(self, known, how):
        pictures = drawn(known, **how)
        for label in (0, 1):
            of = pictures[label::2]
            assert float(of.mean()) == pytest.approx(MEAN[label], abs=0.02)
            assert float(of.std()) == pytest.approx(DEVIATION, rel=0.1)

    @pytest.mark.parametrize("how", [{"sampler": "ancestral", "steps": T}, {"sampler": "ddim"}, {"steps": 20}], ids=str)
    def test_a_network_that_finds_the_velocity_draws_what_one_that_finds_the_noise_does(self, known, how):
        labels, sampling = torch.arange(4) % 2, Sampling(**how)
        velocity = sample(Known("v_prediction"), Schedule(prediction="v_prediction"), sampling, labels, range(4))
        torch.testing.assert_close(velocity, drawn(known, 4, **how), rtol=0, atol=1e-3)

    def test_patches_come_back_as_squares_of_pixels(self):
        labels = torch.arange(200) % 2
        pictures = sample(Known(channels=12), Schedule(), Sampling(), labels, range(200))
        assert pictures.shape == (200, 3, 8, 8)
        for label in (0, 1):
            assert float(pictures[label::2].mean()) == pytest.approx(MEAN[label], abs=0.02)
            assert float(pictures[label::2].std()) == pytest.approx(DEVIATION, rel=0.1)

    @pytest.mark.parametrize("channels", [1, 4, 6])
    def test_channels_that_are_no_patches_are_refused(self, channels):
        with pytest.raises(ValueError, match=f"found {channels} and {channels}, expected both 3 x a square number"):
            patch_of(Known(channels=channels))

    @pytest.mark.parametrize("sampler", ["ancestral", "ddim"])
    def test_few_even_steps_of_time_keep_the_mean_and_lose_the_detail(self, known, sampler):
        classes = [drawn(known, sampler=sampler, steps=steps)[::2] for steps in (10, 50, T)]
        assert all(float(of.mean()) == pytest.approx(MEAN[0], abs=0.02) for of in classes)
        lost = [1 - float(of.std()) / DEVIATION for of in classes]
        assert lost == sorted(lost, reverse=True)
        assert lost[0] > 0.4
        assert lost[-1] < 0.1

    @pytest.mark.parametrize("sampler", ["ancestral", "ddim"])
    @pytest.mark.parametrize("steps", [180, 251, 300, 499])
    def test_a_number_of_steps_that_does_not_divide_time_starts_from_noise_all_the_same(self, known, sampler, steps):
        of = drawn(known, sampler=sampler, steps=steps)[::2]
        assert float(of.mean()) == pytest.approx(MEAN[0], abs=0.02)
        assert float(of.std()) == pytest.approx(DEVIATION, rel=0.12)

    @given(st.integers(2, 1000), st.data())
    def test_even_steps_fall_from_the_last_timestep_to_the_first(self, timesteps, data):
        steps = data.draw(st.integers(2, timesteps))
        even = Schedule(timesteps).even(steps)
        apart = [now - to for now, to in pairwise(even)]
        assert (len(even), even[0], even[-1]) == (steps, timesteps - 1, 0)
        assert max(apart) - min(apart) <= 1
        assert min(apart) >= 1

    @pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
    @pytest.mark.parametrize("steps", [10, 50, T])
    def test_a_step_without_noise_is_that_of_diffusers_ddim(self, prediction, steps):
        schedule = Schedule(prediction=prediction)
        reference = DDIMScheduler(**schedule.config())
        reference.set_timesteps(steps)
        found, noised = torch.randn(2, 4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
        for now in reference.timesteps.tolist():
            theirs = reference.step(found, now, noised, use_clipped_model_output=True).prev_sample
            if now >= T // steps:  # the last goes to the first timestep there, and to no noise here
                torch.testing.assert_close(schedule.back(found, noised, now, now - T // steps), theirs)

    def test_with_every_step_the_ancestral_way_is_that_of_diffusers_ddpm_and_of_ddim_with_full_noise(self, tiny):
        """With the same noise, in every pixel, also where a network is wrong."""
        short, labels = Schedule(50), torch.tensor([0, 1])
        ours = sample(tiny, short, Sampling(50, "ancestral"), labels, [0, 1])
        for reference, more in ((DDPMScheduler, {}), (DDIMScheduler, {"eta": 1.0, "use_clipped_model_output": True})):
            own = generators([0, 1])
            pictures = draw(own, (3, 8, 8), torch.device("cpu"))
            scheduler = reference(**short.config())
            scheduler.set_timesteps(50)
            for timestep in scheduler.timesteps:
                with torch.no_grad():
                    found = tiny(pictures, timestep, class_labels=labels).sample
                pictures = scheduler.step(found, timestep, pictures, generator=own, **more).prev_sample
            torch.testing.assert_close(ours, pictures, rtol=0, atol=1e-4)
        plain = sample(tiny, short, Sampling(50, "ddim"), labels, [0, 1])
        assert (plain - ours).abs().mean() > 0.05

    def test_ddim_and_the_ancestral_way_agree_in_their_statistics(self, known):
        one, other = drawn(known, sampler="ancestral", steps=T), drawn(known, sampler="ddim", steps=T)
        assert float(one.mean()) == pytest.approx(float(other.mean()), abs=0.01)
        assert float(one.std()) == pytest.approx(float(other.std()), rel=0.05)

    @pytest.mark.parametrize("sampler", SAMPLERS)
    def test_a_picture_is_that_of_its_seed_whatever_is_drawn_beside_it(self, tiny, sampler):
        labels = torch.zeros(3, dtype=torch.long)
        how = Sampling(5, sampler, guidance=2.0)
        together = sample(tiny, Schedule(), how, labels, [7, 8, 9])
        alone = sample(tiny, Schedule(), how, labels[:1], [8])
        torch.testing.assert_close(together[1], alone[0], rtol=0, atol=1e-5)
        assert not torch.allclose(together[0], together[1], atol=1e-2)

    def test_guidance_goes_beyond_the_class_and_costs_a_second_pass(self, known):
        plain = drawn(known, steps=20)
        assert len(known.calls) == 20
        guided = drawn(known, steps=20, guidance=3.0)
        assert len(known.calls) == 60
        assert guided[::2].mean() < plain[::2].mean() - 0.1
        assert guided[1::2].mean() > plain[1::2].mean() + 0.1

    def test_without_any_guidance_the_class_is_not_seen(self, known):
        pictures = drawn(known, steps=20, guidance=0.0)
        assert float(pictures[::2].mean()) == pytest.approx(sum(MEAN) / 2, abs=0.02)

    @pytest.mark.parametrize(("how", "message"), [
        ({"steps": 0}, "steps: found 0, expected a whole number of at least 1"),
        ({"steps": 2.5}, "steps: found 2.5, expected a whole number"),
            ({"steps": T + 1}, f"steps: found {T + 1}, expected at most the {T} of training"),
        ({"sampler": "dpm"}, "sampler: found 'dpm', expected one of ancestral, ddim, dpm-solver"),
        ({"guidance": -1.0}, "guidance: found -1.0, expected a number of at least 0"),
        ({"guidance": float("nan")}, "guidance: found nan, expected a number of at least 0"),
    ])  # fmt: skip
    def test_what_is_no_way_of_sampling_is_refused(self, known, how, message):
        with pytest.raises(ValueError, match=message.replace("+", r"\+")):
            drawn(known, 2, **how)


@pytest.mark.parametrize(("schedule", "message"), [
    ({"timesteps": 1}, "timesteps: found 1, expected 2 to 10000"),
    ({"timesteps": 10**9}, "timesteps: found 1000000000, expected 2 to 10000"),
    ({"beta_start": 0.0}, "beta_start and beta_end: found 0.0 and 0.02"),
    ({"prediction": "sample"}, "prediction: found 'sample', expected one of epsilon, v_prediction"),
    ({"beta_start": 0.1, "beta_end": 0.05}, "beta_start and beta_end: found 0.1 and 0.05"),
])  # fmt: skip
def test_what_is_no_schedule_is_refused(schedule, message):
    with pytest.raises(ValueError, match=message):
        Schedule(**schedule)


class TestUNet:
    def test_the_recipes_sizes_have_58_million_parameters(self):
        with torch.device("meta"):
            assert sum(p.numel() for p in letter_unet(29, 64).parameters()) == pytest.approx(57.9e6, rel=1e-3)

    def test_time_and_class_change_what_is_seen(self, tiny):
        picture, label = torch.randn(1, 3, 8, 8), torch.tensor([0])
        seen = [tiny(picture, t, class_labels=y).sample for t, y in ((5, label), (400, label), (5, label + 1))]
        assert not torch.allclose(seen[0], seen[1])
        assert not torch.allclose(seen[0], seen[2])

    @pytest.mark.parametrize(("sizes", "message"), [
        ({"size": 30}, "image_size: found 30, expected a multiple of 8"),
        ({"channels": (48, 64)}, "channels: found 48, expected multiples of groups, 32"),
        ({"attention": (4,)}, "attention: found level 4, expected 0 to 3"),
        ({"layers": 0}, "expected at least 1"),
        ({"patch": 0}, "patch: found 0, expected at least 1"),
        ({"patch": 3}, "image_size: found 64, expected a multiple of 24"),
    ])  # fmt: skip
    def test_sizes_that_make_no_network_are_refused(self, sizes, message):
        with pytest.raises(ValueError, match=message):
            letter_unet(**{"classes": 29, "size": 64, **sizes})

    def test_a_patch_is_one_position(self):
        network = letter_unet(29, 64, channels=(8, 8), layers=1, attention=(), groups=4, patch=2)
        assert patch_of(network) == 2
        assert (network.config.sample_size, network.config.in_channels, network.config.out_channels) == (32, 12, 12)


class TestAverage:
    def test_it_follows_the_learner_at_once_and_more_slowly_later(self):
        average, learner = nn.Linear(1, 1), nn.Linear(1, 1)
        for network, value in ((average, 0.0), (learner, 1.0)):
            nn.init.constant_(network.weight, value)
        update_average(average, learner, step=1, decay=0.999)
        assert average.weight.item() == pytest.approx(1 - 2 / 11)
        nn.init.zeros_(average.weight)
        update_average(average, learner, step=100_000, decay=0.999)
        assert average.weight.item() == pytest.approx(0.001, rel=1e-3)
