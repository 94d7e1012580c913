"""SignDiff: its step is that of a plain ControlNet where nothing is added to it, and each addition is what it says."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import pytest
import torch
from every_spec import TINY
from tiny_diffusion import tiny_pipeline
from torch import Tensor, nn
from torch.nn import functional

from datamodules.avatar.perform import perform
from datamodules.avatar.renderer.frames import Camera, render
from datamodules.avatar.renderer.openpose import openpose_keypoints
from datamodules.avatar.signer import Signer
from datamodules.how2sign.frames import How2SignFrames
from datamodules.kinds.paired_frames import CachedFramesBatch, PairedFrame, PairedFrames, PairedFramesBatch
from datamodules.media.conditions.frame_reinforcement import PAPER, POSE_ONLY, FRNet
from datamodules.media.conditions.openpose_drawing import draw_openpose
from datamodules.rwth_boston50 import Boston50
from datamodules.twins import Twin
from lightning_modules.networks.diffusion.latents import moments
from lightning_modules.networks.diffusion.two_conditions import TwoConditions, fused
from lightning_modules.signdiff import SignDiff
from zoo.loaders.diffusion.pose_renderer import PoseRenderer
from zoo.loaders.diffusion.stable_diffusion import open_pipeline

SIDE = 32
PLAIN: dict[str, Any] = {"fr_net": False, "hand_weight": 0.0, "steps": 2}
CAPTION = "signer {signer} in the studio"


def batch_of(count: int = 4) -> PairedFramesBatch:
    """Frames of the avatar's HELLO and their conditions; the right half of each picture is a hand for certain."""
    joints, fr_net = perform(["HELLO"]).joints[: 4 * count : 4], FRNet()
    keypoints = openpose_keypoints(joints, Camera.square(SIDE))
    hands = np.zeros((SIDE, SIDE), np.uint8)
    hands[:, SIDE // 2 :] = 255
    items = [
        PairedFrame(
            f"hello/{number}",
            draw_openpose(person, SIDE, SIDE),
            frame,
            further={PAPER: fr_net.of_frame(frame), POSE_ONLY: fr_net.of_pose(person, SIDE, SIDE)},
            caption=CAPTION.replace("{signer}", str(1 + number % 2)),
            hands=hands,
        )
        for number, (person, frame) in enumerate(zip(keypoints, render(joints, Signer().look, SIDE), strict=True))
    ]
    return PairedFrames.collate(items)


@pytest.fixture(scope="module")
def batch() -> PairedFramesBatch:
    return batch_of()


def made(**settings: Any) -> SignDiff:
    """One whose network is built, outside a training, and in which nothing is zero any more."""
    torch.manual_seed(0)
    module = SignDiff("a folder", **{"condition_drop": 0.0, "steps": 2, **settings})
    module.stand_on(tiny_pipeline())
    built(module)
    with torch.no_grad():
        for weight in module.trained():
            weight.add_(0.05 * torch.randn_like(weight))
    return module.train()


def built(module: SignDiff) -> SignDiff:
    """With its network, as a trainer has it built that trains nothing."""
    module.trainer = L.Trainer(logger=False, enable_checkpointing=False, accelerator="cpu")
    module.configure_model()
    module.trainer = None
    return module


def plain_step(base: Any, controlnet: nn.Module, batch: PairedFramesBatch) -> Tensor:
    """A training step as diffusers' own example of a ControlNet has it (`train_controlnet.py`)."""
    from diffusers import DDPMScheduler

    scheduler: Any = DDPMScheduler.from_config(base.scheduler.config)
    latents = base.vae.encode(batch.frames).latent_dist.sample() * base.vae.config.scaling_factor
    noise = torch.randn_like(latents, memory_format=torch.contiguous_format)  # ours, too, follows the shape alone
    timesteps = torch.randint(0, scheduler.config.num_train_timesteps, (len(latents),)).long()
    noisy = scheduler.add_noise(latents, noise, timesteps)
    length = base.tokenizer.model_max_length
    told = base.tokenizer(batch.captions, max_length=length, padding="max_length", truncation=True, return_tensors="pt")
    states = base.text_encoder(told.input_ids, return_dict=False)[0]
    down, mid = controlnet(
        noisy, timesteps, encoder_hidden_states=states, controlnet_cond=batch.conditions, return_dict=False
    )
    found = base.unet(
        noisy,
        timesteps,
        encoder_hidden_states=states,
        down_block_additional_residuals=down,
        mid_block_additional_residual=mid,
        return_dict=False,
    )[0]
    target = (
        noise if scheduler.config.prediction_type == "epsilon" else scheduler.get_velocity(latents, noise, timesteps)
    )
    return functional.mse_loss(found.float(), target.float(), reduction="mean")


def gradients(network: nn.Module, loss: Tensor) -> dict[str, Tensor]:
    network.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    return {name: weight.grad.clone() for name, weight in network.named_parameters() if weight.grad is not None}


class TestThePlainStep:
    def test_loss_and_gradients_are_those_of_a_plain_controlnet(self, batch: PairedFramesBatch) -> None:
        module = made(**PLAIN)
        network, base = copy.deepcopy(module.network), tiny_pipeline()
        torch.manual_seed(3)
        ours = module.training_step(batch)
        torch.manual_seed(3)
        theirs = plain_step(base, network, batch)
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)
        found, expected = gradients(module.network, ours), gradients(network, theirs)
        assert found.keys() == expected.keys() == dict(network.named_parameters()).keys()
        assert max(float(value.abs().max()) for value in expected.values()) > 1e-3
        for name, value in expected.items():
            torch.testing.assert_close(found[name], value, atol=1e-5, rtol=1e-5, msg=name)

    def test_before_the_first_step_the_base_finds_what_it_found(self, batch: PairedFramesBatch) -> None:
        for fr_net in (False, True):
            module = SignDiff("a folder", fr_net=fr_net)
            module.stand_on(tiny_pipeline())
            built(module)
            noisy, timesteps = torch.randn(4, 4, 16, 16), torch.tensor([1, 300, 600, 999])
            context = module.context(batch.captions)
            unet = tiny_pipeline().unet.to(memory_format=torch.channels_last)  # sums in the same order
            with torch.no_grad():
                steered = module.predict(noisy, timesteps, context, module.conditions(batch))
                alone = unet(noisy, timesteps, encoder_hidden_states=context).sample
            assert torch.equal(steered, alone)

    def test_both_networks_lie_channels_last(self) -> None:
        module = made()
        for network in (module.network, module.unet):
            assert network.conv_in.weight.is_contiguous(memory_format=torch.channels_last)

    def test_the_controlnet_alone_is_trained(self, batch: PairedFramesBatch) -> None:
        module = made()
        module.training_step(batch).backward()  # type: ignore[no-untyped-call]
        own = list(module.network.parameters())
        assert all(weight.grad is not None for weight in own)
        assert len(own) == len(module.trained())
        assert all(weight.grad is None for part in (module.unet, module.vae) for weight in part.parameters())
        assert {name.partition(".")[0] for name in module.state_dict()} == {"network"}


class TestTheSecondCondition:
    def test_training_sees_the_frame_or_the_pose_or_nothing(self, batch: PairedFramesBatch) -> None:
        module = made(condition_drop=0.25, paper_share=0.4)
        torch.manual_seed(0)
        seen = {PAPER: 0, POSE_ONLY: 0, "nothing": 0}
        for _ in range(500):
            conditions = module.conditions(batch)
            assert conditions is not None
            assert torch.equal(conditions[:, :3], batch.conditions)
            for number, shown in enumerate(conditions[:, 3:]):
                kinds = {**{name: of[number] for name, of in batch.further.items()}, "nothing": torch.zeros(3, 32, 32)}
                (kind,) = [name for name, picture in kinds.items() if torch.equal(shown, picture)]
                seen[kind] += 1
        assert seen["nothing"] / 2000 == pytest.approx(0.25, abs=0.03)
        assert seen[PAPER] / (seen[PAPER] + seen[POSE_ONLY]) == pytest.approx(0.4, abs=0.04)

    def test_validation_sees_the_pose_alone(self, batch: PairedFramesBatch) -> None:
        module = made(condition_drop=0.5).eval()
        conditions = module.conditions(batch)
        assert conditions is not None
        assert torch.equal(conditions[:, 3:], batch.further[POSE_ONLY])

    def test_dropping_prompts_drops_no_picture(self, batch: PairedFramesBatch) -> None:
        module = made(prompt_drop=1.0)
        assert module.told(batch.captions) == [""] * 4
        conditions = module.conditions(batch)
        assert conditions is not None
        assert all(shown.any() for shown in conditions[:, 3:])

    def test_without_it_the_network_is_a_plain_controlnet(self, batch: PairedFramesBatch) -> None:
        module = made(fr_net=False)
        assert module.conditions(batch) is batch.conditions
        assert not isinstance(module.network.controlnet_cond_embedding, TwoConditions)


class TestHands:
    def test_errors_count_more_where_hands_are_and_pictures_all_alike(self, batch: PairedFramesBatch) -> None:
        weights = made(hand_weight=3.0).weights(batch)
        assert weights is not None
        assert weights.shape == (4, 1, 16, 16)  # of the latents
        torch.testing.assert_close(weights.mean(dim=(1, 2, 3)), torch.ones(4))
        torch.testing.assert_close(weights[..., 8:] / weights[..., :8].flip(-1), torch.full((4, 1, 16, 8), 4.0))

    def test_the_loss_is_the_weighted_mean_of_squares(self, batch: PairedFramesBatch) -> None:
        module = made(fr_net=False, hand_weight=3.0).eval()
        weights, timesteps = module.weights(batch), torch.tensor([10, 400, 700, 999])
        latents, noise = torch.randn(2, 4, 4, 16, 16)
        context, shown = module.context(batch.captions), module.conditions(batch)
        found = module.predict(module.schedule.noised(latents, noise, timesteps), timesteps, context, shown)
        squares = (found - noise).square()
        expected = (squares[..., :8].mean() + 4 * squares[..., 8:].mean()) / 5
        torch.testing.assert_close(module.error(latents, noise, timesteps, context, shown, weights), expected)

    def test_half_a_hand_counts_half(self, batch: PairedFramesBatch) -> None:
        """Where keypoints are half as sure, and where half of a latent's pixels are a hand's."""
        module, unsure = made(hand_weight=3.0), copy.copy(batch)
        unsure.hands = torch.zeros(1, 1, SIDE, SIDE)
        unsure.hands[..., :2, :2], unsure.hands[..., 0, 4:6] = 0.5, 1.0
        weights = module.weights(unsure)
        assert weights is not None
        own = weights / weights[..., -1, -1]
        assert own[0, 0, 0, :4].tolist() == pytest.approx([2.5, 1.0, 2.5, 1.0])

    def test_without_a_weight_and_without_hands_all_count_alike(self, batch: PairedFramesBatch) -> None:
        assert made(hand_weight=0.0).weights(batch) is None
        handless = copy.copy(batch)
        handless.hands = torch.zeros_like(batch.hands)
        weights = made(hand_weight=3.0).weights(handless)
        assert weights is not None
        assert torch.equal(weights, torch.ones_like(weights))


def test_latents_in_the_frames_place_change_no_loss(batch: PairedFramesBatch) -> None:
    module = made(prompt_drop=0.3, condition_drop=0.3, hand_weight=2.0)
    shared = {name: getattr(batch, name) for name in ("conditions", "names", "captions", "hands", "further")}
    cached, losses = CachedFramesBatch(**shared, moments=moments(module.vae, batch.frames)), []
    for served in (batch, cached):
        torch.manual_seed(5)
        losses.append(module.training_step(served))
    torch.testing.assert_close(*losses)


@pytest.mark.parametrize("superposition", [0.5, 1.0])
def test_a_training_begins_with_a_published_network_as_it_is(superposition: float) -> None:
    module = made(superposition=0.7)
    published = fused(module.network)
    begun = made(superposition=superposition).as_trained(published)
    assert begun.state_dict().keys() == module.network.state_dict().keys()
    assert begun.controlnet_cond_embedding.weight == superposition
    conditions = torch.rand(2, 6, SIDE, SIDE)
    for network in (begun, published):
        found = network.controlnet_cond_embedding(conditions)
        torch.testing.assert_close(found, module.network.controlnet_cond_embedding(conditions), atol=1e-5, rtol=0)


@pytest.mark.parametrize("fr_net", [False, True])
def test_what_is_rendered_follows_pose_and_signer_and_no_neighbour(batch: PairedFramesBatch, fr_net: bool) -> None:
    module = made(fr_net=fr_net).eval()
    posed = {POSE_ONLY: batch.further[POSE_ONLY]}
    frames = module.render(batch.conditions, posed, batch.captions)
    assert frames.shape == batch.frames.shape
    assert frames.min() >= -1
    assert frames.max() <= 1
    alone = module.render(batch.conditions[2:3], {POSE_ONLY: posed[POSE_ONLY][2:3]}, batch.captions[2:3])
    torch.testing.assert_close(alone, frames[2:3], atol=1e-4, rtol=0)
    assert not torch.equal(module.render(batch.conditions, posed, ["somebody else"] * 4), frames)
    assert not torch.equal(module.render(batch.conditions.flip(0), posed, batch.captions), frames)
    of_frames = module.render(batch.conditions, {PAPER: batch.further[PAPER]}, batch.captions)
    assert torch.equal(of_frames, frames) == (not fr_net)


def frames_of(root: Path, **settings: Any) -> How2SignFrames:
    """Those of the twin of `every_spec`."""
    small = {"image_size": SIDE, "every": 20, "together": 1, "batch_size": 4, "fr_net": FRNet(), "caption": CAPTION}
    data = How2SignFrames(str(root), **{**small, **settings}, twin=Twin(size=3, seed=0, signers=2))
    assert {"--data.twin.size=3", "--data.twin.signers=2"} <= set(TINY["signdiff"])
    data.prepare_data()
    return data


def fitted(
    base_folder: Path, data: Any, steps: int = 3, batches: float = 3, **settings: Any
) -> tuple[SignDiff, L.Trainer]:
    """Trained for some steps, in epochs of some batches."""
    L.seed_everything(0, verbose=False)
    module = SignDiff(str(base_folder), **{"steps": 2, "learning_rate": 1e-2, **settings})
    module.stand_on(open_pipeline(base_folder))
    trainer = L.Trainer(
        max_steps=steps,
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
        limit_train_batches=batches,
        limit_val_batches=1,
        limit_test_batches=1,
    )
    trainer.fit(module, datamodule=data)
    return module.eval(), trainer


class TestTraining:
    """On How2Sign's twin, in its own files."""

    @pytest.fixture(scope="class")
    def root(self, twin_root: Callable[[str], Path]) -> Path:
        return twin_root("signdiff")

    def test_it_moves_the_network_and_leaves_the_base_to_the_bit(self, root: Path, base_folder: Path) -> None:
        module, trainer = fitted(base_folder, frames_of(root), hand_weight=2.0, ema_decay=0.5)
        before = tiny_pipeline()
        for name, part in (("vae", module.vae), ("text_encoder", module.text_encoder), ("unet", module.unet)):
            theirs = part.state_dict()
            assert all(torch.equal(value, theirs[key]) for key, value in getattr(before, name).state_dict().items())
        assert all(weight.any() for name, weight in module.network.named_parameters() if "controlnet_" in name)
        assert {name.partition(".")[0] for name in module.state_dict()} == {"network", "average"}
        assert {"train/loss", "val/loss"} <= trainer.callback_metrics.keys()

    def test_what_is_cached_changes_no_loss(
        self, root: Path, base_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Of validation: training has another order where no video is read."""
        monkeypatch.setenv("ZOO_CACHE", str(tmp_path))
        still = {"hand_weight": 2.0, "learning_rate": 1e-12}
        plain, cached = (
            fitted(base_folder, frames_of(root), cache=cache, **still)[1].callback_metrics["val/loss"]
            for cache in (False, True)
        )
        torch.testing.assert_close(cached, plain, atol=1e-6, rtol=1e-5)
        assert {path.name for path in tmp_path.iterdir()} >= {"latents", "captions"}

    @pytest.mark.parametrize("switch", [{"min_snr": 1e-4}, {"offset_noise": 0.1}, {"checkpointing": True}])
    def test_each_switch_trains(self, switch: dict[str, Any], root: Path, base_folder: Path) -> None:
        losses = [
            fitted(base_folder, frames_of(root), fr_net=False, **more)[1].callback_metrics["train/loss"]
            for more in ({}, switch)
        ]
        assert bool(torch.isclose(*losses, atol=1e-6)) == ("checkpointing" in switch)

    def test_what_is_published_renders_what_the_module_renders(self, root: Path, base_folder: Path) -> None:
        data = frames_of(root)
        module, _ = fitted(base_folder, data, ema_decay=0.5)
        shown = data.collate([data.examples("test")[0]])
        renderer = PoseRenderer.from_training(module, data)
        fresh = SignDiff(str(base_folder), steps=2)
        fresh.stand_on(open_pipeline(base_folder))
        fresh.network = renderer.network  # as a test has it: fused, and the average
        posed = {POSE_ONLY: shown.further[POSE_ONLY]}
        frames, theirs = (one.eval().render(shown.conditions, posed, shown.captions) for one in (module, fresh))
        torch.testing.assert_close(frames, theirs, atol=1e-4, rtol=0)

    def test_a_test_is_of_poses_and_under_the_papers_protocol(self, root: Path, base_folder: Path) -> None:
        module, trainer = fitted(base_folder, frames_of(root, batch_size=2))
        trainer.test(module, datamodule=trainer.datamodule, verbose=False)  # type: ignore[attr-defined]
        rows = module.test_scores.results()
        assert (rows["ssim"]["protocol"], rows["ssim@paper"]["protocol"]) == ("pose-only", "paper")
        for row in (rows["ssim"], rows["ssim@paper"]):
            assert {"ground_truth", "copy_condition", "mean_frame", "reconstruction"} <= row.keys()
        assert {"fid_autoencoder", "fid_pixels", "condition_response", "flicker"} <= rows.keys()

    def test_data_without_fr_net_are_refused_unless_it_is_switched_off(self, root: Path, base_folder: Path) -> None:
        data = frames_of(root, fr_net=None)
        with pytest.raises(ValueError, match=r"fr_net: found true, and How2SignFrames makes no pictures by FR-Net"):
            fitted(base_folder, data)
        fitted(base_folder, frames_of(root, fr_net=None), fr_net=False)

    def test_pictures_that_latents_do_not_come_in_are_refused(self, root: Path, base_folder: Path) -> None:
        with pytest.raises(ValueError, match=r"image_size: found 30, expected a multiple of 4, as the base needs"):
            fitted(base_folder, frames_of(root, image_size=30))

    def test_other_data_are_refused(self, base_folder: Path) -> None:
        with pytest.raises(ValueError, match="SignDiff trains on frames beside drawings of their poses"):
            fitted(base_folder, L.LightningDataModule.from_datasets([0]))


def test_the_345_real_pairs_train_a_plain_controlnet(base_folder: Path, shared: Path) -> None:
    """RWTH-BOSTON-50, which has neither captions nor FR-Net's pictures."""
    data = Boston50(str(shared / "data" / "rwth_boston50"), image_size=SIDE, batch_size=4)
    _, trainer = fitted(base_folder, data, steps=100, batches=1.0, fr_net=False)
    assert trainer.global_step == 100
    assert trainer.callback_metrics["train/loss"].isfinite()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"superposition": 0.0}, "superposition: found 0.0, expected more than 0"),
        ({"condition_drop": 1.5}, "condition_drop: found 1.5, expected 0 to 1"),
        ({"paper_share": -0.1}, "paper_share: found -0.1, expected 0 to 1"),
        ({"hand_weight": -1.0}, "hand_weight: found -1.0, expected 0 or more"),
        ({"guidance": 0.5}, "guidance: found 0.5, expected a number from 1"),
        ({"sampler": "euler"}, "sampler: found 'euler', expected one of ddim, unipc, dpm, lcm"),
    ],
)
def test_what_no_training_can_use_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SignDiff("a folder", **settings)
