"""Frames under a ControlNet: those of diffusers' own pipelines, and films that stay steady."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from diffusers import ControlNetModel, StableDiffusionControlNetImg2ImgPipeline, StableDiffusionControlNetPipeline
from diffusers import StableDiffusionPipeline as Pipeline
from tiny_diffusion import tiny_pipeline, tiny_steering
from torch import Tensor

from lightning_modules.networks.diffusion.controlled import AT_ONCE, Controlled, Rendering, Sampler, solver
from lightning_modules.networks.diffusion.schedule import Schedule
from lightning_modules.networks.diffusion.two_conditions import fused

SAMPLERS: tuple[Sampler, ...] = ("ddim", "unipc", "dpm", "lcm")
PROMPTS = ["hello", "stop", "a person signing"]
SEEDS = [3, 4, 5]


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return tiny_pipeline()


@pytest.fixture(scope="module")
def attentive() -> Pipeline:
    """Its frames make more of what they attend to than untrained ones do, and of rounding too."""
    found = tiny_pipeline()
    with torch.no_grad():
        for name, weight in found.unet.named_parameters():
            if ".attn1." in name:
                weight.mul_(12)
    return found


@pytest.fixture(scope="module")
def network(pipeline: Pipeline) -> ControlNetModel:
    """Of six channels."""
    return fused(tiny_steering(pipeline))


@pytest.fixture(scope="module")
def conditions() -> Tensor:
    """Of twelve frames: more than are generated at once."""
    return torch.rand(12, 6, 32, 32, generator=torch.Generator().manual_seed(0))


def film(pipeline: Pipeline, network: ControlNetModel, conditions: Tensor, **how: Any) -> Tensor:
    return torch.stack(list(Controlled(pipeline, network, Rendering(steps=4, **how)).film([conditions], "hello", 7)))


def plain(kind: Any, pipeline: Pipeline, network: ControlNetModel, sampler: Sampler) -> Any:
    """A pipeline of diffusers."""
    parts = {**pipeline.components, "scheduler": solver(sampler, pipeline.scheduler.config)}
    opened = kind(**parts, controlnet=network, requires_safety_checker=False)
    opened.set_progress_bar_config(disable=True)
    return opened


def generators(seeds: list[int]) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in seeds]


class TestDraw:
    @pytest.mark.parametrize("guidance", [1.0, 3.0])
    @pytest.mark.parametrize("sampler", SAMPLERS)
    def test_frames_are_those_of_diffusers(self, sampler, guidance, pipeline, network, conditions):
        how = Rendering(steps=4, guidance=guidance, conditioning_scale=0.7, sampler=sampler)
        ours = Controlled(pipeline, network, how).draw(conditions[:3], PROMPTS, SEEDS)
        theirs = plain(StableDiffusionControlNetPipeline, pipeline, network, sampler)(
            PROMPTS,
            image=conditions[:3],
            num_inference_steps=4,
            guidance_scale=guidance,
            controlnet_conditioning_scale=0.7,
            generator=generators(SEEDS),
            output_type="pt",
        )
        assert (ours.shape, ours.dtype) == ((3, 3, 32, 32), torch.float32)
        torch.testing.assert_close(ours, theirs.images, atol=1e-5, rtol=0)

    def test_the_condition_decides_them(self, pipeline, network, conditions):
        drawn = Controlled(pipeline, network, Rendering(steps=4)).draw(conditions[:2], ["hello"] * 2, [3, 3])
        assert (drawn[0] - drawn[1]).abs().mean() > 0.005
        free = Rendering(steps=4, conditioning_scale=0.0)
        drawn = Controlled(pipeline, network, free).draw(conditions[:2], ["hello"] * 2, [3, 3])
        torch.testing.assert_close(drawn[0], drawn[1], atol=1e-5, rtol=0)

    def test_a_frame_is_the_same_whatever_is_generated_beside_it(self, pipeline, network, conditions):
        controlled = Controlled(pipeline, network, Rendering(steps=4, guidance=3.0, sampler="lcm", anchor=True))
        together = controlled.draw(conditions, ["hello"] * 12, list(range(12)))
        alone = controlled.draw(conditions[10:11], ["hello"], [10])
        torch.testing.assert_close(together[10:11], alone, atol=1e-5, rtol=0)

    def test_two_pictures_that_are_embedded_apart_are_those_of_the_fused_network(self, pipeline, conditions):
        apart = tiny_steering(pipeline)
        one, other = (
            Controlled(pipeline, steering, Rendering(steps=4)).draw(conditions[:3], PROMPTS, SEEDS)
            for steering in (apart, fused(apart))
        )
        torch.testing.assert_close(one, other, atol=1e-5, rtol=0)

    def test_a_condition_is_embedded_once_for_all_steps(self, pipeline, network, conditions):
        shown: list[Any] = []
        handle = network.controlnet_cond_embedding.register_forward_hook(lambda *told: shown.append(told))
        Controlled(pipeline, network, Rendering(steps=4, guidance=3.0)).draw(conditions[:3], PROMPTS, SEEDS)
        handle.remove()
        assert len(shown) == 1

    def test_pipeline_and_network_stay_as_they_were(self, pipeline, network, conditions):
        kinds = {name: type(part) for name, part in pipeline.unet.attn_processors.items()}
        scheduler, embedding = pipeline.scheduler, network.controlnet_cond_embedding
        film(pipeline, network, conditions[:2], anchor=True)
        assert {name: type(part) for name, part in pipeline.unet.attn_processors.items()} == kinds
        assert (pipeline.scheduler, network.controlnet_cond_embedding) == (scheduler, embedding)


class TestFilm:
    def test_each_frame_is_as_it_would_be_drawn(self, pipeline, network, conditions):
        frames = film(pipeline, network, conditions)
        drawn = Controlled(pipeline, network, Rendering(steps=4)).draw(conditions, ["hello"] * 12, [7] * 12)
        torch.testing.assert_close(frames, drawn, atol=1e-5, rtol=0)

    def test_conditions_may_come_in_any_pieces_and_are_taken_when_they_are_needed(self, pipeline, network, conditions):
        taken = []

        def pieces() -> Iterator[Tensor]:
            for start in range(0, 12, 3):
                taken.append(start)
                yield conditions[start : start + 3]

        frames = Controlled(pipeline, network, Rendering(steps=4)).film(pieces(), "hello", 7)
        first = next(frames)
        assert taken == [0]
        whole = torch.stack([first, *frames])
        torch.testing.assert_close(whole, film(pipeline, network, conditions), atol=1e-5, rtol=0)

    def test_noise_that_is_shared_leaves_nothing_to_chance_between_frames(self, pipeline, network, conditions):
        """A signer who stands still: every frame is the same, unless each has its own noise."""
        still = conditions[:1].expand(12, -1, -1, -1)
        for how in ({}, {"anchor": True}, {"guidance": 3.0}, {"sampler": "lcm"}):
            frames = film(pipeline, network, still, **how)
            torch.testing.assert_close(frames, frames[:1].expand_as(frames), atol=1e-4, rtol=0)
        frames = film(pipeline, network, still, shared_noise=False)
        assert (frames[1:] - frames[:-1]).abs().mean((1, 2, 3)).min() > 0.05
        own = Controlled(pipeline, network, Rendering(steps=4)).draw(still, ["hello"] * 12, list(range(7, 19)))
        torch.testing.assert_close(frames, own, atol=1e-5, rtol=0)

    @pytest.mark.parametrize("guidance", [1.0, 3.0])
    def test_an_anchor_is_what_it_would_be_alone_and_the_same_for_all_frames(
        self, guidance, attentive, network, conditions
    ):
        moving = conditions[[0, 1, 2, 3, 4, 5, 6, 7, 8, 1, 0]]  # the last three come in another batch than the first
        assert len(moving) > AT_ONCE
        anchored, free = (
            film(attentive, network, moving, anchor=anchor, guidance=guidance) for anchor in (True, False)
        )
        torch.testing.assert_close(anchored[0], free[0], atol=2e-3, rtol=0)
        torch.testing.assert_close(anchored[9], anchored[1], atol=2e-3, rtol=0)
        torch.testing.assert_close(anchored[10], anchored[0], atol=2e-3, rtol=0)
        assert (anchored[1] - free[1]).abs().max() > 0.02

    @pytest.mark.parametrize("sampler", SAMPLERS)
    def test_from_the_frame_before_it_is_image_to_image_of_diffusers(self, sampler, pipeline, network, conditions):
        frames = film(pipeline, network, conditions[:2], guidance=3.0, sampler=sampler, from_before=0.25)
        asked = {"guidance_scale": 3.0, "num_inference_steps": 4}
        before = plain(StableDiffusionControlNetPipeline, pipeline, network, sampler)(
            "hello", image=conditions[:1], generator=generators([7]), output_type="latent", **asked
        )
        after = plain(StableDiffusionControlNetImg2ImgPipeline, pipeline, network, sampler)(
            "hello",
            image=before.images,
            control_image=conditions[1:2],
            controlnet_conditioning_scale=1.0,
            strength=0.75,
            generator=generators([7]),
            output_type="pt",
            **asked,
        )
        torch.testing.assert_close(frames[1:], after.images, atol=1e-5, rtol=0)

    def test_the_more_is_taken_over_the_closer_a_frame_is_to_the_one_before(self, pipeline, network, conditions):
        apart = []
        for from_before in (0.0, 0.25, 0.75):
            frames = film(pipeline, network, conditions[:6], shared_noise=False, from_before=from_before)
            apart.append((frames[1:] - frames[:-1]).abs().mean())
        assert apart[0] > apart[1] > apart[2]

    def test_an_anchor_holds_from_frame_to_frame_too(self, attentive, network, conditions):
        both, one = (
            film(attentive, network, conditions[:3], anchor=anchor, from_before=0.25) for anchor in (True, False)
        )
        torch.testing.assert_close(both[0], one[0], atol=2e-3, rtol=0)
        assert (both[2] - one[2]).abs().max() > 1e-3


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"steps": 0}, "steps: found 0, expected a whole number from 1 to 1,000"),
        ({"steps": 51, "sampler": "lcm"}, "steps: found 51, expected a whole number from 1 to 50"),
        ({"guidance": 0.5}, "guidance: found 0.5, expected a number from 1"),
        ({"conditioning_scale": -1}, "conditioning_scale: found -1"),
        ({"sampler": "euler"}, "sampler: found 'euler', expected one of ddim, unipc, dpm, lcm"),
        ({"anchor": "yes"}, "anchor: found 'yes', expected True or False"),
        ({"from_before": 1.0}, "from_before: found 1.0, expected a number from 0, and below 1"),
        ({"from_before": 0.9, "steps": 4}, "which leaves one of the 4 steps"),
    ],
)
def test_no_way_of_rendering_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Rendering(**wrong)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_samplers_go_through_the_noise_of_the_base(sampler: Sampler) -> None:
    """Whichever scheduler it came with; latents are not clipped, which are no pictures."""
    config = solver("dpm", {"prediction_type": "v_prediction", "beta_schedule": "scaled_linear"}).config
    found = solver(sampler, config).config
    assert (found.prediction_type, found.beta_schedule) == ("v_prediction", "scaled_linear")
    assert not found.get("clip_sample")


class TestReference:
    @pytest.fixture(scope="class")
    def reference(self) -> Tensor:
        return torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(1))

    @pytest.mark.parametrize("guidance", [1.0, 3.0])
    def test_it_is_attended_to_as_an_anchor_of_the_same_latents_is(self, guidance, attentive, network, conditions):
        """Where no ControlNet steers either, and in one step, which finds the anchor as its noise has it."""
        how = Rendering(1, guidance, conditioning_scale=0.0, sampler="ddim", shared_noise=False, anchor=True)
        controlled = Controlled(attentive, network, how)
        scheduler = solver("ddim", attentive.scheduler.config)
        scheduler.set_timesteps(1)
        kept = Schedule.of(attentive.scheduler.config).kept[scheduler.timesteps[0]]
        noise = torch.randn(1, 4, 16, 16, generator=generators([7])[0])
        latents = noise * (1 - (1 - kept).sqrt()) / kept.sqrt()  # with that noise, they are that noise
        anchored, referenced = (
            torch.stack(list(controlled.film([conditions[:4]], "hello", 7, of))) for of in (None, latents)
        )
        torch.testing.assert_close(referenced, anchored, atol=1e-3, rtol=0)
        free = film(attentive, network, conditions[:4], guidance=guidance, conditioning_scale=0.0, shared_noise=False)
        assert (referenced[1:] - free[1:]).abs().max() > 0.02

    @pytest.mark.parametrize("sampler", SAMPLERS)
    def test_it_changes_every_frame_and_is_the_same_for_all(self, sampler, attentive, network, conditions, reference):
        moving = conditions[[0, 1, 2, 3, 4, 5, 6, 7, 1, 0]]  # the last two come in another batch than the first
        assert len(moving) > AT_ONCE
        controlled = Controlled(attentive, network, Rendering(2, 3.0, sampler=sampler))
        free = torch.stack(list(controlled.film([moving], "hello", 7)))
        seen = torch.stack(list(controlled.film([moving], "hello", 7, reference)))
        assert seen.shape == free.shape
        assert (seen - free).abs().amax((1, 2, 3)).min() > 0.02
        torch.testing.assert_close(seen[[8, 9]], seen[[1, 0]], atol=2e-3, rtol=0)

    def test_another_one_makes_other_frames(self, attentive, network, conditions, reference):
        controlled = Controlled(attentive, network, Rendering(2))
        one, other = (next(controlled.film([conditions[:1]], "hello", 7, of)) for of in (reference, -reference))
        assert (one - other).abs().max() > 0.02
