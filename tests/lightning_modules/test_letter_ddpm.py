"""The letter DDPM: what training does to its two networks, and what its reader draws and keeps in diffusers' files."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import lightning as L
import numpy as np
import pytest
import torch
import yaml
from diffusers import UNet2DModel
from every_spec import starter

from datamodules.asl_alphabet import CLASSES, Letters
from lightning_modules.letter_ddpm import LetterDDPM
from lightning_modules.networks.diffusion.schedule import Sampling, Schedule
from lightning_modules.networks.letters.letter_unet import letter_unet
from zoo.artefacts.artefact import open_artefact
from zoo.cli import main
from zoo.loaders.letters.letter_diffusion import LetterDiffusion

NAME = "letter-ddpm"


@pytest.fixture(scope="module")
def twin(twin_root) -> Path:
    return twin_root(NAME)


@pytest.fixture(scope="module")
def runs(twin, tmp_path_factory) -> tuple[Path, Path]:
    """A run of four epochs, and one of the first two of them."""
    base = tmp_path_factory.mktemp("ddpm")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_RUNS", str(base))
        assert main([*command(twin), "--trainer.max_epochs=4"]) == 0
        (whole,) = (base / NAME).iterdir()
        assert main([*command(twin), "--trainer.max_epochs=2"]) == 0
        half = next(run for run in (base / NAME).iterdir() if run != whole)
        yield whole, half


def command(twin: Path) -> list[str]:
    few = ("--trainer.limit_train_batches=3", "--trainer.limit_val_batches=1", "--model.cooldown=0")
    return ["fit", NAME, *starter(NAME, twin), *few]


@pytest.fixture
def loader() -> LetterDiffusion:
    torch.manual_seed(0)
    network = letter_unet(29, 16, channels=(8, 8), layers=1, attention=(), groups=4)
    return LetterDiffusion(network, CLASSES, "ase", Schedule(), Sampling(steps=3))


class TestTraining:
    def test_the_average_and_the_learner_are_both_kept(self, runs):
        state = torch.load(runs[0] / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
        learner, average = ({name.partition(".")[2]: value for name, value in state.items() if name.startswith(own)}
                            for own in ("learner.", "network."))  # fmt: skip
        assert learner.keys() == average.keys()
        assert any(not torch.equal(learner[name], average[name]) for name in learner)

    def test_the_average_goes_its_way_from_the_first_step_on(self, runs, twin):
        """Of a learner that a step has changed by about 0.1: 9/11 of the way; see `update_average`."""
        data = Letters(str(twin), image_size=16, batch_size=8)
        model = LetterDDPM((8, 8), layers=1, attention=(), groups=4, learning_rate=0.1)
        quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
        trainer = L.Trainer(max_steps=1, limit_val_batches=0, accelerator="cpu", enable_model_summary=False, **quiet)
        before = []

        class Begin(L.Callback):
            def on_train_start(self, trainer, pl_module):
                before.extend(value.detach().clone() for value in pl_module.learner.parameters())

        trainer.callbacks.append(Begin())
        trainer.fit(model, datamodule=data)
        for start, learner, average in zip(before, model.learner.parameters(), model.network.parameters(), strict=True):
            torch.testing.assert_close(average, start.lerp(learner, 9 / 11))

    def test_the_average_is_what_is_published(self, runs):
        state = torch.load(runs[0] / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
        for name, value in open_artefact(runs[0]).network.state_dict().items():
            assert torch.equal(value, state[f"network.{name}"])

    def test_a_resumed_training_equals_an_uninterrupted_one(self, runs, twin, monkeypatch):
        whole, half = runs
        monkeypatch.setenv("ZOO_RUNS", str(whole.parents[1]))
        weights = (whole / "unet" / "diffusion_pytorch_model.safetensors").read_bytes()
        assert (half / "unet" / "diffusion_pytorch_model.safetensors").read_bytes() != weights
        (whole / "config.json").unlink()
        shutil.copyfile(half / "checkpoints" / "last.ckpt", whole / "checkpoints" / "last.ckpt")
        assert main([*command(twin), "--trainer.max_epochs=4"]) == 0
        assert (whole / "unet" / "diffusion_pytorch_model.safetensors").read_bytes() == weights

    def test_the_class_is_withheld_from_the_share_that_is_asked_for(self):
        model = LetterDDPM((8, 8), layers=1, attention=(), groups=4, class_dropout=0.25)
        model.learner = letter_unet(29, 8, channels=(8, 8), layers=1, attention=(), groups=4)
        labels = torch.randint(0, 29, (2000,))
        told = model.told(labels)
        withheld = told == 29
        assert withheld.float().mean() == pytest.approx(0.25, abs=0.04)
        assert torch.equal(told[~withheld], labels[~withheld])

    def test_the_learning_rate_falls_to_nothing_in_the_cooldown(self):
        model = LetterDDPM((8, 8), layers=1, attention=(), groups=4, learning_rate=0.01, cooldown=0.25)
        model.learner = letter_unet(29, 8, channels=(8, 8), layers=1, attention=(), groups=4)
        model._trainer = SimpleNamespace(estimated_stepping_batches=100)
        schedule = model.configure_optimizers()["lr_scheduler"]["scheduler"]
        rates = []
        for _ in range(100):
            rates += schedule.get_last_lr()
            schedule.optimizer.step()
            schedule.step()
        assert rates[:75] == [0.01] * 75
        assert rates[75:] == pytest.approx([0.01 * (100 - step) / 25 for step in range(75, 100)])
        assert schedule.get_last_lr() == [0.0]

    @pytest.mark.parametrize(("setting", "message"), [
        ({"class_dropout": 1.5}, "class_dropout: found 1.5, expected 0 to 1"),
        ({"cooldown": -1.0}, "cooldown: found -1.0, expected 0 to 1"),
        ({"steps": 501}, "steps: found 501, expected at most the 500 of training"),
            ({"guidance": 2.0, "class_dropout": 0.0}, "guidance: found 2.0 where class_dropout is 0, expected 1"),
    ])  # fmt: skip
    def test_settings_that_make_no_sense_are_refused(self, setting, message):
        with pytest.raises(ValueError, match=message):
            LetterDDPM(**setting)


class TestLoader:
    def test_a_picture_is_that_of_its_seed(self, loader):
        four = loader.sample("A", n=4, seed=10)
        assert four.shape == (4, 16, 16, 3)
        assert four.dtype == np.uint8
        np.testing.assert_array_equal(loader.sample("a", seed=12)[0], four[2])
        assert (four[0] != four[1]).any()

    @pytest.mark.parametrize("how", [{"steps": 5}, {"sampler": "ddim"}, {"sampler": "ancestral"}, {"guidance": 4.0}])
    def test_pictures_are_generated_as_is_asked_for_and_as_before_after_that(self, loader, how):
        usual = loader.sample("B")
        assert (loader.sample("B", **how) != usual).any()
        assert (loader.spell("b", **how) == loader.sample("B", **how)).all()
        np.testing.assert_array_equal(loader.sample("B"), usual)

    def test_a_video_spells_in_the_same_way(self, loader):
        first = next(iter(loader.stream("hi", steps=5)))
        scale = len(first) // 16
        np.testing.assert_array_equal(first[::scale, ::scale], loader.spell("hi", steps=5)[0])

    @pytest.mark.parametrize(("how", "message"), [
        ({"steps": 0}, "steps: found 0, expected a whole number of at least 1"),
        ({"steps": 501}, "steps: found 501, expected at most the 500 of training"),
        ({"sampler": "euler"}, "sampler: found 'euler', expected one of ancestral, ddim"),
        ({"guidance": -0.5}, "guidance: found -0.5"),
    ])  # fmt: skip
    def test_what_is_no_way_of_sampling_is_refused(self, loader, how, message):
        with pytest.raises(ValueError, match=message):
            loader.sample("A", **how)

    def test_what_is_saved_generates_alike_and_is_diffusers_own(self, loader, tmp_path):
        loader.save(tmp_path)
        again = open_artefact(tmp_path)
        np.testing.assert_array_equal(again.sample("Z", seed=3), loader.sample("Z", seed=3))
        assert again.schedule == loader.schedule
        assert again.sampling == loader.sampling
        plain = UNet2DModel.from_pretrained(tmp_path, subfolder="unet")
        picture, label = torch.randn(1, 3, 16, 16), torch.tensor([25])
        torch.testing.assert_close(plain(picture, 7, label).sample, loader.network(picture, 7, label).sample)

    @pytest.mark.parametrize(("file", "key", "value", "message"), [
        ("scheduler/scheduler_config.json", "beta_schedule", "cosine", "beta_schedule is 'cosine', expected 'linear'"),
        ("scheduler/scheduler_config.json", "prediction_type", "sample", "prediction: found 'sample'"),
        ("scheduler/scheduler_config.json", "_class_name", "EulerScheduler", "expected 'DDPMScheduler'"),
        ("scheduler/scheduler_config.json", "num_train_timesteps", 10**12, "timesteps: found 1000000000000,"),
        ("unet/config.json", "_class_name", "UNet1DModel", "expected 'UNet2DModel'"),
        ("unet/config.json", "act_fn", "gelu", "act_fn is 'gelu', expected 'silu', as for a U-Net of letters"),
        ("unet/config.json", "num_class_embeds", 31, "unet"),
        ("unet/config.json", "sample_size", 1_000_000, "sample_size"),
        ("config.json", "classes", ["A", "B"], "found 2 classes for a network of 30"),
        ("config.json", "sampling", {"steps": 10**9}, "steps"),
    ])  # fmt: skip
    def test_files_that_do_not_belong_together_are_refused(self, loader, tmp_path, file, key, value, message):
        loader.save(tmp_path)
        path = tmp_path / file
        path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
        with pytest.raises(ValueError, match=message) as error:
            open_artefact(tmp_path)
        assert str(tmp_path) in str(error.value)


def test_the_recipe_is_the_sources():
    """Source document, 4.1; what it leaves open is ours."""
    spec = yaml.safe_load((Path(__file__).parents[2] / "specs" / f"{NAME}.yaml").read_text())
    model, trainer = spec["model"]["init_args"], spec["trainer"]
    assert (model["timesteps"], model["beta_start"], model["beta_end"]) == (500, 1e-4, 0.02)
    assert (model["learning_rate"], trainer["max_epochs"]) == (2e-4, 200)
    assert model["prediction"] == "epsilon"
    assert trainer["gradient_clip_val"]
    assert len(CLASSES) == 29
