"""pix2pix: its two objectives, that training is what they say, and that a pose is drawn as the training pairs are."""

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import lightning as L
import numpy as np
import pytest
import torch

from datamodules.avatar.perform import perform
from datamodules.avatar.phonology.grammar import sentences
from datamodules.how2sign.frames import How2SignFrames
from datamodules.kinds.paired_frames import PairedFramesBatch
from datamodules.media.framing import RWTH_BOSTON50
from datamodules.media.images import read_image
from datamodules.media.video import read_video
from datamodules.poses.conversion import to_pose
from datamodules.poses.formats import write_pose, write_skels
from datamodules.rwth_boston50 import Boston50, read_pair
from datamodules.twins import Twin, ensure_twin, how2sign
from lightning_modules.evaluation.rendering.contenders import as_share
from lightning_modules.networks.rendering.pix2pix import UNetConfig, UNetGenerator
from lightning_modules.pix2pix import Pix2Pix, cross_entropy, signed
from zoo.artefacts.artefact import open_artefact
from zoo.cli import main
from zoo.loaders.rendering.pose_to_video import PoseToVideo

TINY = {"width": 4, "depth": 4, "discriminator_width": 4}
JOINTS = np.stack([perform(("HELLO", "NAME")).joints[k] for k in range(0, 36, 2)])
COMMAND = [
    *("fit", "pix2pix", "--starter", "--data.image_size=32", "--data.batch_size=8", "--trainer.max_epochs=4"),
    "--trainer.limit_train_batches=3",
    *(f"--model.{name}={value}" for name, value in TINY.items()),
]


@pytest.fixture(scope="module")
def twin(twin_root: Callable[[str], Path]) -> Path:
    root = twin_root("pix2pix")
    ensure_twin("rwth-boston50", root, Twin(size=64, signers=1))
    return root


@pytest.fixture
def model() -> Pix2Pix:
    torch.manual_seed(0)
    return Pix2Pix(**TINY)


@pytest.fixture
def batch() -> PairedFramesBatch:
    generator = torch.Generator().manual_seed(1)
    conditions, frames = torch.rand(2, 3, 3, 32, 32, generator=generator)
    return PairedFramesBatch(
        conditions=conditions,
        frames=2 * frames - 1,
        names=["a", "b", "c"],
        captions=[""] * 3,
        hands=torch.zeros(3, 1, 32, 32),
        further={},
    )


@pytest.fixture
def skeletons(batch: PairedFramesBatch) -> torch.Tensor:
    """The conditions as the networks see them."""
    return signed(batch.conditions)


@pytest.fixture
def loader() -> PoseToVideo:
    torch.manual_seed(0)
    return PoseToVideo(UNetGenerator(UNetConfig(width=4, depth=4)), 32, RWTH_BOSTON50)


class TestObjective:
    def test_a_discriminator_that_knows_nothing_loses_log_two_a_term(self, model, batch, skeletons):
        torch.nn.init.zeros_(model.discriminator.layers[-1].weight)
        torch.nn.init.zeros_(model.discriminator.layers[-1].bias)
        drawn = model.network(skeletons)
        real, fake = model.discriminator_losses(skeletons, batch.frames, drawn)
        adversarial, _ = model.generator_losses(skeletons, batch.frames, drawn)
        for loss in (real, fake, adversarial):
            assert loss.item() == pytest.approx(np.log(2))

    def test_sigmoid_cross_entropy_in_single_precision(self):
        logits = torch.tensor([[2.0, -1.0]]).bfloat16()
        assert cross_entropy(logits, real=True).item() == pytest.approx(np.log1p(np.exp([-2.0, 1.0])).mean(), abs=1e-6)
        assert cross_entropy(logits, real=False).item() == pytest.approx(np.log1p(np.exp([2.0, -1.0])).mean(), abs=1e-6)
        assert cross_entropy(logits, real=True).dtype == torch.float32

    def test_the_generator_is_drawn_to_what_the_discriminator_takes_for_real(self, model, batch, skeletons):
        """Its gradient is that of the sum, and none reaches it through the discriminator's own terms."""
        drawn = model.network(skeletons)
        real, fake = model.discriminator_losses(skeletons, batch.frames, drawn.detach())
        (real + fake).backward()
        assert all(parameter.grad is None for parameter in model.network.parameters())
        adversarial, error = model.generator_losses(skeletons, batch.frames, drawn)
        torch.testing.assert_close(error, (drawn - batch.frames).abs().mean())
        (adversarial + model.l1_weight * error).backward()
        assert all(parameter.grad.abs().sum() > 0 for parameter in model.network.parameters())

    def test_one_backward_pass_gives_each_network_its_own_gradient(self, model, batch, skeletons, monkeypatch):
        """Several devices gather gradients once a pass; the generator's terms add nothing to the discriminator's."""
        assert model.automatic_optimization
        monkeypatch.setattr(model, "log_dict", lambda *_, **__: None)
        twin = copy.deepcopy(model)
        torch.manual_seed(0)  # of dropout
        drawn = twin.network(skeletons).detach()
        sum(twin.discriminator_losses(skeletons, batch.frames, drawn)).backward()
        torch.manual_seed(0)
        model.training_step(batch).backward()
        assert all(parameter.grad.abs().sum() > 0 for parameter in model.parameters())
        for ours, alone in zip(model.discriminator.parameters(), twin.discriminator.parameters(), strict=True):
            torch.testing.assert_close(ours.grad, alone.grad)

    def test_the_optimiser_holds_both_networks(self, model):
        (group,) = model.configure_optimizers().param_groups
        assert len(group["params"]) == len(list(model.network.parameters())) + len(
            list(model.discriminator.parameters())
        )
        assert (group["lr"], group["betas"]) == (2e-4, (0.5, 0.999))


class TestTraining:
    @pytest.fixture
    def trained(self, twin, tmp_path):
        """A model before and after a training of two epochs, with what was logged."""

        def train(**trainer):
            torch.manual_seed(0)
            module, data = Pix2Pix(**TINY, learning_rate=2e-3), Boston50(str(twin), image_size=32, batch_size=8)
            before = {name: value.clone() for name, value in module.state_dict().items()}
            fitting = L.Trainer(
                accelerator="cpu",
                deterministic=True,
                logger=False,
                enable_checkpointing=False,
                enable_progress_bar=False,
                enable_model_summary=False,
                default_root_dir=tmp_path,
                **({"max_epochs": 2, "limit_train_batches": 3} | trainer),
            )
            fitting.fit(module, datamodule=data)
            return before, module, fitting

        return train

    def test_both_networks_learn_and_every_term_is_logged_apart(self, trained):
        before, module, trainer = trained()
        changed = {
            name.partition(".")[0] for name, value in module.state_dict().items() if (value != before[name]).any()
        }
        assert changed == {"network", "discriminator"}
        assert {"g/adversarial", "g/l1", "d/real", "d/fake", "val/l1"} <= set(trainer.callback_metrics)
        assert trainer.global_step == 2 * 3  # one step a batch, three batches an epoch

    def test_the_error_falls(self, trained):
        first, last = (float(trained(max_epochs=epochs)[2].callback_metrics["val/l1"]) for epochs in (1, 6))
        assert last < 0.8 * first

    def test_half_precision_trains_alike(self, trained):
        """The losses are taken in single precision; what bfloat16 costs is the rounding of the networks."""
        single, half = (
            trained(max_steps=2, precision=precision, limit_val_batches=0)[2].callback_metrics
            for precision in ("32-true", "bf16-mixed")
        )
        for name in ("g/adversarial", "g/l1", "d/real", "d/fake"):
            assert half[name].dtype == torch.float32
            assert float(half[name]) == pytest.approx(float(single[name]), rel=0.05)

    @pytest.mark.parametrize(
        ("size", "depth", "message"),
        [(40, 4, r"found 40, expected at least 24 and a multiple of 16"), (16, 4, "found 16, expected at least 24")],
    )
    def test_pictures_that_cannot_be_halved_are_refused(self, twin, size, depth, message):
        trainer = L.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
        with pytest.raises(ValueError, match=message):
            trainer.fit(Pix2Pix(depth=depth, width=4), datamodule=Boston50(str(twin), image_size=size))


def test_any_data_of_paired_frames_will_do(tmp_path, monkeypatch):
    """How2Sign's frames, whose poses are keypoints beside videos: two steps, then a test that knows where hands are."""
    monkeypatch.setattr(how2sign, "FPS", how2sign.FPS / 12)  # few frames to draw
    ensure_twin("how2sign", tmp_path / "how2sign", Twin(size=1, signers=1))
    data = How2SignFrames(str(tmp_path / "how2sign"), image_size=32, batch_size=2, every=3)
    trainer = L.Trainer(
        max_steps=2,
        limit_val_batches=1,
        limit_test_batches=2,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=tmp_path,
    )
    module = Pix2Pix(**TINY)
    trainer.fit(module, datamodule=data)
    assert trainer.global_step == 2
    trainer.test(module, datamodule=data, verbose=False)
    results = module.test_scores.results()
    assert results.keys() >= {"ssim", "psnr", "l1", "hand_ssim"}
    assert results["hand_ssim"]["ground_truth"] == pytest.approx(1)

    loader = PoseToVideo.from_training(module, data)
    saved = tmp_path / "saved"
    saved.mkdir()
    loader.save(saved)
    again = open_artefact(saved)
    np.testing.assert_array_equal(again.draw(JOINTS), loader.draw(JOINTS))
    assert loader.render(to_pose(JOINTS[:2], 25)).shape == (2, 32, 32, 3)
    assert loader.preview(data, tmp_path)[0].is_file()


def test_other_data_is_refused_by_what_it_is(tmp_path):
    trainer = L.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    message = "Pix2Pix trains on frames beside drawings of their poses, found LightningDataModule as data.class_path"
    with pytest.raises(ValueError, match=message):
        trainer.fit(Pix2Pix(**TINY), datamodule=L.LightningDataModule.from_datasets([0]))


def test_a_resumed_training_equals_an_uninterrupted_one(twin, tmp_path, monkeypatch):
    """Stopped after two of four epochs by dropping what came later; Adam, batch norms and dropout go on."""
    monkeypatch.setenv("ZOO_RUNS", str(tmp_path / "runs"))
    command = [*COMMAND, "--data.twin=null", f"--data.root={twin}"]
    assert main(command) == 0
    (run,) = (tmp_path / "runs").glob("*/*")
    whole = (run / "model.safetensors").read_bytes()
    assert main([*command, "--trainer.max_epochs=2"]) == 0
    half = next(folder for folder in (tmp_path / "runs").glob("*/*") if folder != run)
    assert (half / "model.safetensors").read_bytes() != whole
    (run / "config.json").unlink()
    shutil.copyfile(half / "checkpoints" / "last.ckpt", run / "checkpoints" / "last.ckpt")
    assert main(command) == 0
    assert (run / "model.safetensors").read_bytes() == whole

    assert main(["test", str(run)]) == 0
    results = json.loads((run / "results.json").read_text())
    data = Boston50(str(twin), image_size=32)
    seen, unseen = (np.stack([pair.frame for pair in data.examples(split)]) / 255 for split in ("train", "test"))
    beside = {"value", "interval", "ground_truth", "copy_condition", "mean_frame", "protocol", "variant", "n"}
    for key in ("ssim", "psnr", "l1", "hand_ssim"):
        assert beside | {"split", "data"} == set(results[key])
        assert results[key]["protocol"] == "pose-only"
    assert read_image(run / "plots" / "samples.png").shape[2] == 3
    assert results["l1"]["n"] == len(unseen)
    assert results["l1"]["mean_frame"] == pytest.approx(abs(unseen - seen.mean(0)).mean(), abs=1e-5)
    assert results["l1"]["mean_frame"] < results["l1"]["copy_condition"]

    assert main(["test", str(half)]) == 0
    assert main(["test", str(run), "--beside", str(half)]) == 0
    beside, alone = (json.loads((folder / "results.json").read_text()) for folder in (run, half))
    for key, row in results.items():
        assert beside[key]["pix2pix"] == pytest.approx(alone[key]["value"], rel=5e-3)  # its pixels are bytes
        assert row.items() <= beside[key].items()
        assert beside[key]["beside"].startswith("pix2pix (run ")


class TestLoader:
    def test_a_pose_is_drawn_as_the_training_pairs_are(self, twin):
        """The avatar's joints are known: its drawing in the twin is the loader's, but for compression and lost
        hands."""
        (sentence,) = sentences("train", 1, seed=0)
        whole = perform(sentence.glosses, fps=30.0, seed=0).joints
        joints = np.concatenate([whole, whole[::-1]])[:30] if len(whole) < 30 else whole[(len(whole) - 30) // 2 :][:30]
        ours = PoseToVideo(UNetGenerator(UNetConfig(width=1, depth=2)), 240, RWTH_BOSTON50).draw(joints)
        theirs = np.stack([read_pair(twin / "train" / f"image{65 + k}.jpg")[0] for k in range(30)])
        assert ours.shape == theirs.shape
        differences = np.abs(ours.astype(int) - theirs).mean((1, 2, 3))
        unlike = np.abs(ours[15:].astype(int) - theirs[:15]).mean((1, 2, 3))
        assert differences.max() < 3
        assert np.median(differences) < 0.5 * np.median(unlike)

    def test_a_pose_becomes_frames(self, loader):
        frames = loader.render(to_pose(JOINTS, 12.5))
        assert frames.shape == (len(JOINTS), 32, 32, 3)
        assert frames.dtype == np.uint8
        np.testing.assert_array_equal(frames, loader.render(to_pose(JOINTS, 12.5)))

    def test_streamed_frames_are_the_rendered_ones(self, loader):
        stream = loader.stream(to_pose(JOINTS, 12.5))
        np.testing.assert_array_equal(next(stream), loader.render(to_pose(JOINTS, 12.5))[0])
        assert len(list(stream)) == len(JOINTS) - 1

    def test_absent_joints_are_left_out(self, loader):
        gone = JOINTS[:1].copy()
        gone[:, 29:] = np.nan  # the left hand
        lost, found = loader.draw(gone), loader.draw(JOINTS[:1])
        assert np.count_nonzero(lost) < np.count_nonzero(found)
        assert loader.render(to_pose(gone, 25)).shape == (1, 32, 32, 3)
        assert not loader.draw(np.full((1, 50, 3), np.nan, np.float32)).any()

    def test_what_is_painted_is_what_the_network_gives(self, loader, batch):
        skeletons = (batch.conditions * 255).round().byte()
        with torch.no_grad():
            wanted = as_share(loader.network(skeletons.float() / 127.5 - 1)) * 255
        painted = loader.paint(skeletons.permute(0, 2, 3, 1).numpy())
        np.testing.assert_allclose(painted, wanted.permute(0, 2, 3, 1).numpy(), atol=0.51)

    @pytest.mark.parametrize("thing", ["hello.pose", None, [], JOINTS])
    def test_what_is_no_pose_is_refused_before_the_first_frame(self, loader, thing):
        for verb in (loader.render, loader.stream):
            with pytest.raises(ValueError, match=f"found {type(thing).__name__}, expected a pose_format.Pose"):
                verb(thing)

    def test_another_layout_is_refused_before_the_first_frame(self, loader):
        pose = to_pose(JOINTS, 25).get_components(["BODY"])
        with pytest.raises(ValueError, match="expected a pose of one of the layouts"):
            loader.stream(pose)

    def test_what_is_saved_renders_alike_and_holds_the_generator_alone(self, loader, tmp_path):
        loader.save(tmp_path)
        assert {path.name for path in tmp_path.iterdir()} == {"config.json", "model.safetensors"}
        again = open_artefact(tmp_path)
        pose = to_pose(JOINTS[:3], 25)
        np.testing.assert_array_equal(again.render(pose), loader.render(pose))
        config = json.loads((tmp_path / "config.json").read_text())
        config["network"]["width"] = 8
        (tmp_path / "config.json").write_text(json.dumps(config))
        with pytest.raises(ValueError, match=r"does not fit config\.json"):
            open_artefact(tmp_path)

    def test_what_was_saved_before_other_data_was_possible_is_framed_as_its_pairs_were(self, loader, tmp_path):
        loader.save(tmp_path)
        config = json.loads((tmp_path / "config.json").read_text())
        assert config.pop("framing")["window"] == [0, 240, 48, 288]
        for crop, window in ((True, (0, 240, 48, 288)), (False, (0, 312, 0, 336))):
            (tmp_path / "config.json").write_text(json.dumps({**config, "crop": crop}))
            assert open_artefact(tmp_path).framing.window == window

    @pytest.mark.parametrize(
        ("changed", "message"),
        [
            ({"width": 10_000}, "width: found 10000, expected 1 to 4096"),
            ({"window": [0, 400, 0, 10]}, r"window: found \[0, 400, 0, 10\] in 336 x 312"),
            ({"unit": 0}, "unit and neck: found 0"),
            ({"neck": "nowhere"}, "of another kind"),
        ],
    )
    def test_a_framing_that_no_camera_has_is_refused(self, loader, changed, message, tmp_path):
        loader.save(tmp_path)
        config = json.loads((tmp_path / "config.json").read_text())
        config["framing"] |= changed
        (tmp_path / "config.json").write_text(json.dumps(config))
        with pytest.raises(ValueError, match=message):
            open_artefact(tmp_path)

    @pytest.mark.parametrize("suffix", ["pose", "skels"])
    def test_the_suffix_says_what_is_written(self, loader, suffix, tmp_path):
        source, outputs = tmp_path / f"in.{suffix}", [tmp_path / "out" / "signer.mp4", tmp_path / "out" / "signer.png"]
        if suffix == "pose":
            write_pose(source, to_pose(JOINTS, 12.5))
        else:
            write_skels(source, [JOINTS[:10], JOINTS[10:]])
        assert loader.run(str(source), outputs) == outputs
        frames, fps = read_video(outputs[0])
        assert len(list(frames)) == len(JOINTS)
        assert fps == pytest.approx(12.5 if suffix == "pose" else 25)
        assert cv2.imread(str(outputs[1])) is not None

    @pytest.mark.parametrize(
        ("name", "output", "message"),
        [
            ("in.mp4", "out.mp4", r"in\.mp4: found \.mp4, expected a \.pose or \.skels file"),
            ("in.pose", "out.gif", r"out\.gif: cannot write \.gif; use \.mp4, \.png"),
            ("empty.skels", "out.mp4", r"empty\.skels: no sequence"),
            ("body.pose", "out.mp4", r"body\.pose: expected a pose of one of the layouts"),
        ],
    )
    def test_what_cannot_be_read_or_written_is_refused(self, loader, name, output, message, tmp_path):
        write_pose(tmp_path / "body.pose", to_pose(JOINTS, 25).get_components(["BODY"]))
        (tmp_path / "empty.skels").touch()
        with pytest.raises(ValueError, match=message):
            loader.run(str(tmp_path / name), [tmp_path / output])
        assert not (tmp_path / output).exists()
