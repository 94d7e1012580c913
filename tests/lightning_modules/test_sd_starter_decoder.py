"""A decoder that is trained on for the hands: what stays, what changes, and what counts more."""

from pathlib import Path

import lightning as L
import pytest
import torch

from datamodules.picture_folder import PictureFolder
from datamodules.twins import Twin
from lightning_modules.networks.diffusion.autoencoder import autoencoder, reconstructed
from lightning_modules.sd_starter_decoder import SDStarterDecoder
from zoo.artefacts.artefact import open_artefact
from zoo.files import read_json

NAME = "sd-starter-decoder"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> PictureFolder:
    root = tmp_path_factory.mktemp("pictures") / "twin"
    data = PictureFolder(str(root), image_size=32, batch_size=8, twin=Twin(24, signers=1))
    data.prepare_data()
    data.setup("fit")
    return data


@pytest.fixture
def module() -> SDStarterDecoder:
    torch.manual_seed(0)
    module = SDStarterDecoder("sd-starter-vae", hand_weight=3.0)
    module.stand_on(autoencoder(32, channels=(8, 8, 8), layers=1, groups=8))
    return module


def fit(module: SDStarterDecoder, data: PictureFolder) -> None:
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "accelerator": "cpu"}
    trainer = L.Trainer(**quiet, enable_model_summary=False, max_epochs=1, limit_val_batches=0)  # type: ignore[arg-type]
    trainer.fit(module, datamodule=data)


def test_the_encoder_stays_to_the_bit_and_pictures_change(module: SDStarterDecoder, data: PictureFolder) -> None:
    pictures = torch.rand(2, 3, 32, 32) * 2 - 1
    before = module.reconstruct(pictures)
    fit(module, data)
    trained, base = module.network.state_dict(), module.before.state_dict()
    kept = {name for name, weights in trained.items() if torch.equal(weights, base[name])}
    assert kept >= {name for name in base if name.startswith(("encoder.", "quant_conv."))}
    assert not torch.allclose(module.reconstruct(pictures), before, atol=1e-4)
    assert torch.allclose(reconstructed(module.before, pictures), before, atol=1e-5)


def test_pixels_of_hands_count_more_and_pictures_alike(module: SDStarterDecoder, data: PictureFolder) -> None:
    module.trainer = L.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False)
    module.trainer.datamodule = data  # type: ignore[attr-defined]
    examples = data.examples("train")
    batch = data.collate([examples[place] for place in range(8)])
    weights = module.weights(batch)
    assert weights.mean(dim=(1, 2, 3)).tolist() == pytest.approx([1.0] * 8)
    for picture, boxes in zip(weights, data.hands(batch.names), strict=True):
        left, top, right, bottom = boxes[0]
        assert (picture[0, top:bottom, left:right] == picture.max()).all()
        assert picture.max() == pytest.approx(4 * picture.min())


def test_the_weighted_error_is_that_of_the_hands(module: SDStarterDecoder) -> None:
    references, wrong = torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 8, 8)
    wrong[..., :4, :] = 0.5
    weights = torch.zeros(1, 1, 8, 8)
    weights[..., 5:, :] = 1
    assert module.error(wrong, references, weights) == 0
    assert module.error(wrong, references) > 0


def test_a_size_that_it_cannot_halve_is_refused(module: SDStarterDecoder, data: PictureFolder) -> None:
    odd = PictureFolder(str(data.root), image_size=30)
    with pytest.raises(ValueError, match=r"image_size: found 30, expected a multiple of 4"):
        fit(module, odd)


def test_another_network_is_refused() -> None:
    with pytest.raises(ValueError, match="found Linear, expected an AutoencoderKL"):
        SDStarterDecoder("sd-starter-vae").stand_on(torch.nn.Linear(1, 1))  # type: ignore[arg-type]


def test_a_run_has_the_decoder_before_beside_its_own(tiny_runs) -> None:
    run: Path = tiny_runs(NAME)
    assert {"before", "jpeg"} <= read_json(run / "results.json")["hand_ssim"].keys()
    assert open_artefact(run).size == 32
