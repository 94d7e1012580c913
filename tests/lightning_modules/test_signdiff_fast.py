"""SignDiffFast: a student begins as its teacher, the teacher stays as it is, and the loss is what it says."""

from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from test_signdiff import batch_of, built
from tiny_diffusion import tiny_renderer
from torch import Tensor

from datamodules.kinds.paired_frames import PairedFramesBatch
from datamodules.media.conditions.frame_reinforcement import POSE_ONLY, FRNet
from lightning_modules.networks.diffusion.consistency import (
    LCM_STEPS,
    consistent,
    earlier,
    huber,
    solved,
    solved_timesteps,
)
from lightning_modules.networks.diffusion.controlled import Rendering
from lightning_modules.networks.diffusion.two_conditions import TwoConditions, fused
from lightning_modules.signdiff_fast import SignDiffFast


@pytest.fixture(scope="module")
def batch() -> PairedFramesBatch:
    return batch_of()


def made(base_folder: Path, fr_net: FRNet | None = FRNet(), **settings: Any) -> SignDiffFast:  # noqa: B008
    """One that stands on `tiny_renderer`, and whose network is built, outside a training."""
    torch.manual_seed(0)
    module = SignDiffFast("a folder", **{"condition_drop": 0.0, "steps": 2, **settings})
    module.stand_on(tiny_renderer(folder=base_folder, fr_net=fr_net))
    built(module)
    return module.train()


def inputs(module: SignDiffFast, batch: PairedFramesBatch) -> dict[str, Any]:
    """Of `error`, at four of the solver's timesteps."""
    own = torch.Generator().manual_seed(1)
    latents, noise = torch.randn(2, 4, 4, 16, 16, generator=own)
    timesteps = solved_timesteps(module.schedule)[[0, 10, 30, 49]]
    context, shown = module.context(batch.captions), module.conditions(batch)
    return {"latents": latents, "noise": noise, "timesteps": timesteps, "context": context, "conditions": shown}


class TestTheStudent:
    @pytest.mark.parametrize("fr_net", [None, FRNet()])
    def test_it_begins_as_its_teacher(self, fr_net: FRNet | None, base_folder: Path, batch: PairedFramesBatch) -> None:
        module = made(base_folder, fr_net)
        assert isinstance(module.network.controlnet_cond_embedding, TwoConditions) == (fr_net is not None)
        told = inputs(module, batch)
        asked = (told["latents"], told["timesteps"], told["context"], told["conditions"])
        torch.testing.assert_close(module.predict(*asked), module.teach(*asked), atol=1e-5, rtol=1e-5)
        for name, weight in fused(module.network).state_dict().items():
            torch.testing.assert_close(weight, module.teacher.state_dict()[name])

    def test_it_alone_is_trained(self, base_folder: Path, batch: PairedFramesBatch) -> None:
        module = made(base_folder, guidance=2.0)
        module.training_step(batch).backward()  # type: ignore[no-untyped-call]
        own = list(module.network.parameters())
        assert all(weight.grad is not None for weight in own)
        assert any(weight.grad.any() for weight in own if weight.grad is not None)
        assert len(own) == len(module.trained())
        frozen = (module.teacher, module.unet, module.vae, module.text_encoder)
        assert all(weight.grad is None for part in frozen for weight in part.parameters())
        assert {name.partition(".")[0] for name in module.state_dict()} == {"network"}

    def test_it_learns_at_the_timesteps_that_the_solver_goes_through(self, base_folder: Path) -> None:
        module = made(base_folder)
        every = set(solved_timesteps(module.schedule).tolist())
        assert len(every) == LCM_STEPS
        assert set(module.timesteps(2000).tolist()) == every
        held = [module.timesteps(4, torch.Generator().manual_seed(3)) for _ in range(2)]
        assert torch.equal(*held)
        assert set(held[0].tolist()) <= every


class TestTheLoss:
    def expected(self, module: SignDiffFast, told: dict[str, Any], taught: Tensor) -> Tensor:
        """Huber's, place by place, where the teacher predicted this."""
        schedule, timesteps, shown = module.schedule, told["timesteps"], (told["context"], told["conditions"])
        noisy = schedule.noised(told["latents"], told["noise"], timesteps)
        before = earlier(schedule, timesteps)
        stepped = solved(schedule, taught, noisy, timesteps)
        ends = (
            consistent(schedule, module.predict(of, at, *shown), of, at)
            for of, at in ((noisy, timesteps), (stepped, before))
        )
        return huber(*ends)

    @pytest.mark.parametrize("guidance", [1.0, 3.0])
    def test_it_is_what_is_found_before_and_after_the_teacher_s_step(
        self, guidance: float, base_folder: Path, batch: PairedFramesBatch
    ) -> None:
        module = made(base_folder, guidance=guidance)
        told = inputs(module, batch)
        noisy = module.schedule.noised(told["latents"], told["noise"], told["timesteps"])
        asked, free = (
            module.steered_by(module.teacher, noisy, told["timesteps"], context, told["conditions"])
            for context in (told["context"], module.context([""] * 4))
        )
        expected = self.expected(module, told, free + guidance * (asked - free))
        torch.testing.assert_close(module.error(**told), expected.mean(), atol=1e-6, rtol=1e-5)

    def test_hands_count_more(self, base_folder: Path, batch: PairedFramesBatch) -> None:
        module = made(base_folder, hand_weight=3.0)
        told, weights = inputs(module, batch), module.weights(batch)
        noisy = module.schedule.noised(told["latents"], told["noise"], told["timesteps"])
        taught = module.teach(noisy, told["timesteps"], told["context"], told["conditions"])
        expected = (self.expected(module, told, taught) * weights).mean()
        torch.testing.assert_close(module.error(**told, weights=weights), expected, atol=1e-6, rtol=1e-5)

    def test_what_is_found_after_the_step_gets_no_gradient(self, base_folder: Path, batch: PairedFramesBatch) -> None:
        module = made(base_folder)
        told = inputs(module, batch)
        noisy = module.schedule.noised(told["latents"], told["noise"], told["timesteps"])
        with torch.no_grad():
            taught = module.teach(noisy, told["timesteps"], told["context"], told["conditions"])
            stepped = solved(module.schedule, taught, noisy, told["timesteps"])
            before = earlier(module.schedule, told["timesteps"])
            target = module.found(stepped, before, told["context"], told["conditions"])
        found = module.found(noisy, told["timesteps"], told["context"], told["conditions"])
        bias = module.network.controlnet_mid_block.bias
        expected, own = (
            torch.autograd.grad(loss, bias)[0] for loss in (huber(found, target).mean(), module.error(**told))
        )
        assert expected.any()
        torch.testing.assert_close(own, expected)


def test_training_brings_what_is_found_on_one_path_together(base_folder: Path, batch: PairedFramesBatch) -> None:
    module = made(base_folder, learning_rate=1e-3)
    told = inputs(module, batch)
    optimizer = torch.optim.AdamW(module.trained(), lr=1e-3)
    losses = []
    for _ in range(20):
        loss = module.error(**told)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


def test_a_test_renders_as_the_teacher_does_beside_the_student(base_folder: Path, batch: PairedFramesBatch) -> None:
    module = made(base_folder).eval()
    (rival,) = module.rivals().values()
    posed = {POSE_ONLY: batch.further[POSE_ONLY]}
    frames, theirs = (of(batch.conditions, posed, batch.captions) for of in (module.render, rival.render))
    assert (module.rendering.evaluations, rival.evaluations) == (2, 6)
    assert not torch.equal(frames, theirs)
    teacher = tiny_renderer(folder=base_folder)
    shown = torch.cat([batch.conditions, posed[POSE_ONLY]], dim=1)
    alone = teacher._controlled(Rendering(steps=3, guidance=2.0)).draw(shown, batch.captions, [0] * 4)
    torch.testing.assert_close(theirs, alone * 2 - 1, atol=1e-5, rtol=0)


def test_a_teacher_says_where_its_base_is_as_a_spec_does(base_folder: Path) -> None:
    assert made(base_folder).address == str(base_folder)
    for revision, expected in (("0123456", "me/tiny-sd@0123456"), (None, "me/tiny-sd")):
        assert tiny_renderer("me/tiny-sd", revision).base_address == expected


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"guidance": 0.5}, "guidance: found 0.5, expected a number from 1, and below 100"),
        ({"steps": 51}, "steps: found 51, expected a whole number from 1 to 50"),
        ({"learning_rate": 0.0}, "learning_rate: found 0.0, expected more than 0"),
    ],
)
def test_what_no_training_can_use_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SignDiffFast("a folder", **settings)


def test_other_data_are_refused(base_folder: Path) -> None:
    module = made(base_folder)
    with pytest.raises(ValueError, match="SignDiffFast trains on frames beside drawings of their poses"):
        L.Trainer(max_steps=1, logger=False, enable_checkpointing=False, accelerator="cpu").fit(
            module, datamodule=L.LightningDataModule.from_datasets([0])
        )
