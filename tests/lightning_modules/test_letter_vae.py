"""letter-vae: the generator that VAE and GAN share, the bound that the VAE trains on, and when its training ends."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import lightning as L
import numpy as np
import pytest
import torch
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint
from safetensors.torch import load_file
from torch.distributions import Normal, kl_divergence

from datamodules.asl_alphabet import CLASSES, Letters
from datamodules.kinds.labelled import LabelledBatch
from datamodules.rwth_boston50 import Boston50
from datamodules.twins import Twin, ensure_twin
from lightning_modules.letter_vae import LetterVAE, divergence
from lightning_modules.networks.letters.letter_generator import LetterEncoder, LetterGenerator, LetterGeneratorConfig
from zoo.artefacts.artefact import open_artefact
from zoo.cli import main
from zoo.loaders.letters.letter_to_image import LetterToImage

TINY = LetterGeneratorConfig(classes=5, size=16, latent=6, width=4)
COMMAND = [
    *("--starter", "--data.twin=null", "--data.image_size=8", "--data.batch_size=16", "--model.width=2"),
    *("--model.latent=4", "--trainer.limit_train_batches=3"),
]
HASTY = ("--model.learning_rate=0.3", "--trainer.max_epochs=60")


@pytest.fixture(scope="session")
def letters_twin(twin_root: Callable[[str], Path]) -> Path:
    root = twin_root("letter-vae")
    ensure_twin("asl-alphabet", root, Twin(size=87, seed=1, signers=1))
    return root


@pytest.fixture
def generator() -> LetterGenerator:
    torch.manual_seed(0)
    return LetterGenerator(TINY).eval()


@pytest.fixture
def batch() -> LabelledBatch:
    own = torch.Generator().manual_seed(1)
    return LabelledBatch(2 * torch.rand(4, 3, 16, 16, generator=own) - 1, torch.tensor([0, 1, 4, 4]), list("abcd"))


class TestGenerator:
    @pytest.mark.parametrize("size", [8, 32, 64, 128])
    def test_a_latent_and_a_label_become_a_picture(self, size):
        generator = LetterGenerator(LetterGeneratorConfig(classes=3, size=size, latent=6, width=2))
        pictures = generator(torch.randn(4, 6), torch.tensor([0, 1, 2, 2]))
        assert pictures.shape == (4, 3, size, size)
        assert pictures.abs().max() <= 1

    def test_widths_double_as_sides_halve_up_to_eight_times(self):
        assert LetterGeneratorConfig(2, size=32, width=64).widths == [512, 256, 128, 64]  # as published
        assert LetterGeneratorConfig(2, size=128, width=64).widths == [512, 512, 512, 256, 128, 64]

    @pytest.mark.parametrize("size", [0, 4, 12, 28, 96])
    def test_other_sizes_are_refused(self, size):
        with pytest.raises(ValueError, match=f"image size: found {size}, expected 4 times a power of two"):
            LetterGeneratorConfig(classes=3, size=size)

    @pytest.mark.parametrize("name", ["classes", "latent", "width"])
    def test_sizes_that_make_no_network_are_refused(self, name):
        with pytest.raises(ValueError, match=f"{name}: found 0, expected at least 1"):
            LetterGeneratorConfig(**{"classes": 3, name: 0})

    def test_the_class_and_the_seed_matter(self, generator):
        pictures = generator.generate(torch.tensor([0, 1, 0]), [7, 7, 8])
        for other in pictures[1:]:
            assert (pictures[0] - other).abs().mean() > 1e-3

    def test_a_picture_depends_on_its_own_seed_alone(self, generator):
        together = generator.generate(torch.tensor([0, 1, 2]), [7, 8, 9])
        torch.testing.assert_close(generator.generate(torch.tensor([1]), [8]), together[1:2])

    def test_classes_learn_gains_and_biases_of_their_own(self, generator, batch):
        generator.train()(torch.randn(4, 6), batch.labels).square().sum().backward()
        for norm in (generator.norm, *(doubling.norm for doubling in generator.doublings)):
            for embedding in (norm.gain, norm.bias):
                assert embedding.weight.grad.abs().sum(1).bool().tolist() == [True, True, False, False, True]
        assert generator.embedding.weight.grad.abs().sum(1).bool().tolist() == [True, True, False, False, True]


class TestBound:
    def test_the_divergence_is_the_sum_of_those_of_each_number(self):
        mean, log_variance = torch.randn(2, 3, 7, generator=torch.Generator().manual_seed(0))
        theirs = kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(torch.zeros(7), torch.ones(7)))
        torch.testing.assert_close(divergence(mean, log_variance), theirs.sum(1))

    def test_the_reconstruction_is_the_likelihood_at_its_best_deviation(self, batch):
        """But for a constant: no other deviation explains the pictures better."""
        model = tiny_model()
        noise = torch.randn(4, 6)
        with torch.no_grad():
            reconstruction, _ = model.terms(batch, noise)
            mean, log_variance = model.encoder(batch.images, batch.labels)
            drawn = model.network(mean + (log_variance / 2).exp() * noise, batch.labels)
        deviations = torch.linspace(0.1, 2, 200)
        likelihoods = torch.stack([Normal(drawn, each).log_prob(batch.images).mean() for each in deviations])
        best = -reconstruction - (1 + np.log(2 * np.pi)) / 2
        assert likelihoods.max() <= best + 1e-6
        assert likelihoods.max().item() == pytest.approx(best.item(), abs=1e-3)

    def test_both_networks_learn_from_one_bound(self, batch):
        model = tiny_model()
        sum(model.terms(batch, torch.randn(4, 6))).backward()
        assert all(parameter.grad.abs().sum() > 0 for parameter in model.parameters())

    def test_the_encoder_sees_the_class(self):
        torch.manual_seed(0)
        encoder = LetterEncoder(TINY).eval()
        picture = torch.rand(1, 3, 16, 16).expand(2, -1, -1, -1)
        means, log_variances = encoder(picture, torch.tensor([0, 1]))
        assert means.shape == log_variances.shape == (2, 6)
        assert (means[0] - means[1]).abs().max() > 1e-3

    def test_validation_is_the_same_whenever_it_is_done(self, batch, monkeypatch):
        model, seen = tiny_model().eval(), []
        model.distance = SimpleNamespace(update=lambda drawn: None)
        monkeypatch.setattr(model, "log_dict", lambda found, **_: seen.append(found["val/loss"].item()))
        for _ in range(2):
            model.validation_step(batch)
            torch.randn(3)
        assert seen[0] == seen[1]


def tiny_model() -> LetterVAE:
    torch.manual_seed(0)
    model = LetterVAE(latent=TINY.latent, width=TINY.width)
    model.encoder, model.network = LetterEncoder(TINY), LetterGenerator(TINY)
    return model


class TestTraining:
    def test_the_bound_falls_and_more_beta_means_less_divergence(self, letters_twin, tmp_path):
        def trained(**settings):
            torch.manual_seed(0)
            module = LetterVAE(latent=4, width=4, learning_rate=5e-3, **settings)
            trainer = L.Trainer(
                accelerator="cpu",
                logger=False,
                enable_checkpointing=False,
                enable_progress_bar=False,
                enable_model_summary=False,
                default_root_dir=tmp_path,
                max_epochs=20,
                check_val_every_n_epoch=20,
            )
            before = trainer.validate(module, Letters(str(letters_twin), image_size=8), verbose=False)[0]
            trainer.fit(module, datamodule=Letters(str(letters_twin), image_size=8, batch_size=16))
            return before, {name: float(value) for name, value in trainer.callback_metrics.items()}

        before, after = trained()
        assert after["val/loss"] < before["val/loss"] - 0.1
        assert after["val/kl"] > 0.01
        assert trained(beta=100.0)[1]["val/kl"] < 0.2 * after["val/kl"]

    def test_other_data_are_refused(self, tmp_path):
        ensure_twin("rwth-boston50", tmp_path / "pairs", Twin(size=3, signers=1))
        trainer = L.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
        with pytest.raises(ValueError, match="LetterVAE trains on labelled pictures, found Boston50"):
            trainer.fit(LetterVAE(), datamodule=Boston50(str(tmp_path / "pairs"), image_size=32))


def test_training_ends_once_it_no_longer_improves_and_the_best_is_published(letters_twin, tmp_path, monkeypatch):
    """At a rate at which nothing is learnt after the first epochs."""
    monkeypatch.setenv("ZOO_RUNS", str(tmp_path))
    assert main(["fit", "letter-vae", *COMMAND, f"--data.root={letters_twin}", *HASTY]) == 0
    (run,) = (tmp_path / "letter-vae").iterdir()
    last, best = (torch.load(run / "checkpoints" / f"{name}.ckpt", weights_only=True) for name in ("last", "best"))
    stopping = next(state for name, state in last["callbacks"].items() if name.startswith(EarlyStopping.__name__))
    keeping = next(state for name, state in best["callbacks"].items() if name.startswith(ModelCheckpoint.__name__))
    assert last["epoch"] < 59
    assert stopping["wait_count"] == stopping["patience"]
    assert stopping["stopped_epoch"] > 0
    assert best["epoch"] < last["epoch"]
    assert float(keeping["best_model_score"]) == pytest.approx(float(stopping["best_score"]))
    published = load_file(run / "model.safetensors")
    for name, value in published.items():
        assert torch.equal(value, best["state_dict"][f"network.{name}"])
    assert any((value != last["state_dict"][f"network.{name}"]).any() for name, value in published.items())


class TestLoader:
    @pytest.fixture
    def loader(self, generator) -> LetterToImage:
        return LetterToImage(generator, list("ABCDE"), 16, "ase")

    def test_what_is_saved_generates_alike_and_holds_the_generator_alone(self, loader, tmp_path):
        loader.save(tmp_path)
        assert {path.name for path in tmp_path.iterdir()} == {"config.json", "model.safetensors"}
        again = open_artefact(tmp_path)
        assert (again.classes, again.size) == (list("ABCDE"), 16)
        np.testing.assert_array_equal(again.sample("c", 3, seed=5), loader.sample("C", 3, seed=5))

    def test_another_number_of_classes_is_refused(self, loader, tmp_path):
        loader.save(tmp_path)
        config = json.loads((tmp_path / "config.json").read_text())
        config["classes"].append("F")
        (tmp_path / "config.json").write_text(json.dumps(config))
        with pytest.raises(ValueError, match="found 6 classes for a network of 5"):
            open_artefact(tmp_path)

    def test_a_size_that_the_weights_do_not_fit_is_refused(self, loader, tmp_path):
        loader.save(tmp_path)
        config = json.loads((tmp_path / "config.json").read_text())
        config["network"]["size"] = 32
        (tmp_path / "config.json").write_text(json.dumps(config))
        with pytest.raises(ValueError, match=r"does not fit config\.json"):
            open_artefact(tmp_path)

    def test_classes_are_those_of_the_data(self, letters_twin, generator):
        data = Letters(str(letters_twin), image_size=16)
        module = LetterVAE()
        module.network = LetterGenerator(LetterGeneratorConfig(len(CLASSES), 16, 4, 2))
        loader = LetterToImage.from_training(module, data)
        assert loader.classes == list(CLASSES)
        assert loader.gives.size == 16
