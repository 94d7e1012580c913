"""The autoencoder of the tiny Stable Diffusion: its objective, its files, and what it is trained on."""

import json
from pathlib import Path

import lightning as L
import numpy as np
import pytest
import torch

import zoo
from datamodules.picture_folder import PictureFolder
from datamodules.twins import Twin
from lightning_modules.networks.diffusion.autoencoder import CERTAIN, autoencoder
from lightning_modules.sd_starter_vae import SDStarterVAE
from zoo.artefacts.artefact import open_artefact
from zoo.loaders.diffusion.autoencoder import Autoencoder

NAME = "sd-starter-vae"
SIZES = {"channels": (8, 8, 8), "layers": 1, "groups": 8}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> PictureFolder:
    root = tmp_path_factory.mktemp("pictures") / "twin"
    data = PictureFolder(str(root), image_size=32, batch_size=8, twin=Twin(24, signers=1))
    data.prepare_data()
    return data


def trainer(**settings: object) -> L.Trainer:
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "accelerator": "cpu"}
    return L.Trainer(**quiet, enable_model_summary=False, **settings)  # type: ignore[arg-type]


def test_the_error_falls_and_every_term_is_logged(data: PictureFolder) -> None:
    L.seed_everything(0, verbose=False)
    module = SDStarterVAE(**SIZES)
    fitting = trainer(max_epochs=6, limit_val_batches=0)
    first = None
    for epochs in (1, 6):
        fitting.fit_loop.max_epochs = epochs
        fitting.fit(module, datamodule=data)
        found = float(fitting.callback_metrics["train/error"])
        assert first is None or found < 0.8 * first
        first = found
    assert {"train/error", "train/kl"} <= fitting.callback_metrics.keys()


def test_black_is_no_answer_to_thin_lines() -> None:
    """Of pictures with a white line in one of five places, grey is a better guess than black, whose error is less."""
    module = SDStarterVAE(**SIZES)
    pictures = torch.full((5, 3, 5, 5), -1.0)
    for column in range(5):
        pictures[column, :, :, column] = 1
    black, grey = torch.full_like(pictures, -1.0), torch.full_like(pictures, -0.75)
    assert module.error(grey, pictures) < module.error(black, pictures)
    assert (grey - pictures).abs().mean() > (black - pictures).abs().mean()


def test_latents_begin_nearly_without_noise() -> None:
    network = autoencoder(32, **SIZES)
    posterior = network.encode(torch.rand(2, 3, 32, 32) * 2 - 1).latent_dist
    assert posterior.logvar.mean().item() == pytest.approx(CERTAIN, abs=1)


def test_the_presets_are_the_sizes_of_stable_diffusion() -> None:
    with torch.device("meta"):
        network = autoencoder(512)
    assert sum(parameter.numel() for parameter in network.parameters()) == 83_653_863
    assert network.config.scaling_factor == 0.18215


def test_a_size_that_it_cannot_halve_is_refused(data: PictureFolder) -> None:
    module = SDStarterVAE(**SIZES)
    odd = PictureFolder(str(data.root), image_size=30)
    with pytest.raises(ValueError, match=r"image_size: found 30, expected a multiple of 4"):
        trainer(max_epochs=1).fit(module, datamodule=odd)


@pytest.fixture
def model(tiny_runs) -> Autoencoder:
    return open_artefact(tiny_runs(NAME))


class TestLoader:
    def test_plain_diffusers_opens_what_was_saved_and_returns_the_same(self, model: Autoencoder, tiny_runs) -> None:
        from diffusers import AutoencoderKL

        plain = AutoencoderKL.from_pretrained(tiny_runs(NAME), subfolder="vae")
        pictures = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)
        batch = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1
        with torch.no_grad():
            latents = plain.encode(batch).latent_dist.mode() * plain.config.scaling_factor
        assert np.abs(model.encode(pictures) - latents.numpy()).max() < 1e-5

    def test_pictures_of_any_size_become_squares(self, model: Autoencoder) -> None:
        pictures = np.zeros((20, 48, 64, 3), np.uint8)
        assert model.reconstruct(pictures).shape == (20, 32, 32, 3)
        assert model.encode(pictures).shape == (20, 4, 8, 8)

    @pytest.mark.parametrize("given", [np.zeros((32, 32, 3), np.uint8), np.zeros((1, 32, 32, 3)), "a.png", []])
    def test_anything_but_pictures_is_refused(self, model: Autoencoder, given: object) -> None:
        with pytest.raises(ValueError, match=r"expected uint8 RGB pictures \(N, H, W, 3\)"):
            model.reconstruct(given)  # type: ignore[arg-type]

    def test_a_size_that_contradicts_the_network_is_refused(self, tiny_runs, tmp_path: Path) -> None:
        zoo.load(tiny_runs(NAME)).save(tmp_path)
        config = json.loads((tmp_path / "config.json").read_text())
        config["gives"]["size"] = 64
        (tmp_path / "config.json").write_text(json.dumps(config))
        with pytest.raises(ValueError, match=r"sample_size is 32, expected 64, as config\.json says"):
            Autoencoder.open(tmp_path)
