"""Latent diffusion on a tiny Stable Diffusion: what is trained, what is not, and what each switch changes."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import pytest
import torch
from tiny_diffusion import tiny_pipeline
from torch import Tensor
from torch.utils.data import DataLoader

from datamodules.kinds.captioned import CaptionedBatch
from datamodules.media.skeleton_drawing import write_png
from datamodules.picture_folder import PictureFolder
from lightning_modules.common.latent_diffusion import LatentDiffusion
from lightning_modules.networks.diffusion.latents import moments, sampled
from lightning_modules.networks.diffusion.schedule import Schedule
from zoo.loaders.diffusion.diffusers_files import WEIGHTS, save_diffusers

PICTURES = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
BATCH = CaptionedBatch(PICTURES, ["a", "b", "a", "b"], ["0", "1", "2", "3"])


class Tuned(LatentDiffusion):
    """All of the base's UNet, trained on."""

    def __init__(self, **switches: Any) -> None:
        super().__init__(**{"cache": False, **switches})
        self.stand_on(tiny_pipeline())
        self.network = copy.deepcopy(self.base.unet).train()

    @property
    def unet(self) -> Any:
        return self.network

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.trained(), lr=1e-3)


def fitted(
    folder: Path, epochs: int = 2, pictures: PictureFolder | None = None, **switches: Any
) -> tuple[Tuned, L.Trainer]:
    """Trained on one batch, or on a folder of pictures."""
    L.seed_everything(0, verbose=False)
    module, data = Tuned(**switches), DataLoader([BATCH], batch_size=None)
    trainer = L.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder,
        log_every_n_steps=1,
    )
    if pictures is None:
        trainer.fit(module, data, data)
    else:
        trainer.fit(module, datamodule=pictures)
    return module, trainer


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], PictureFolder]:
    """Makes a data module of six pictures for training and two for validation."""
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    rng = np.random.default_rng(0)
    for split, count in (("train", 6), ("validation", 2)):
        folder = tmp_path / "pictures" / split
        folder.mkdir(parents=True)
        for number in range(count):
            write_png(folder / f"{number}.png", rng.integers(0, 256, (32, 32, 3), np.uint8))
        lines = [json.dumps({"file_name": f"{number}.png", "text": "ab"[number % 2]}) for number in range(count)]
        (folder / "metadata.jsonl").write_text("\n".join(lines))
    return lambda: PictureFolder(str(tmp_path / "pictures"), image_size=32, batch_size=2)


def stored(tmp_path: Path, kind: str) -> set[str]:
    return {path.name for path in (tmp_path / "cache" / kind).rglob("*.safetensors")}


def test_training_moves_the_unet_and_nothing_else(tmp_path: Path) -> None:
    module, trainer = fitted(tmp_path)
    before = tiny_pipeline()
    moved = {
        name: any(
            not torch.equal(value, other) for value, other in zip(part.parameters(), theirs.parameters(), strict=True)
        )
        for name, part, theirs in (
            ("vae", module.vae, before.vae),
            ("text_encoder", module.text_encoder, before.text_encoder),
            ("network", module.network, before.unet),
        )
    }
    assert moved == {"vae": False, "text_encoder": False, "network": True}
    assert {name.partition(".")[0] for name in module.state_dict()} == {"network"}
    assert {"train/loss", "val/loss"} <= trainer.callback_metrics.keys()


def test_the_same_seed_gives_the_same_losses(tmp_path: Path) -> None:
    first, second = (fitted(tmp_path, offset_noise=0.1, prompt_drop=0.5)[1].callback_metrics for _ in range(2))
    assert first == second


def test_the_average_lags_behind_what_is_trained_and_is_kept_with_it(tmp_path: Path) -> None:
    module, _ = fitted(tmp_path, ema_decay=0.999)
    weight = module.network.conv_in.weight
    raw = weight.detach().clone()
    with module.averaged():
        average = weight.detach().clone()
    assert torch.equal(weight, raw)
    begun = tiny_pipeline().unet.conv_in.weight
    assert 0 < (average - begun).abs().sum() < (raw - begun).abs().sum()
    assert {name.partition(".")[0] for name in module.state_dict()} == {"network", "average"}


def test_checkpointing_changes_memory_and_no_loss(tmp_path: Path) -> None:
    plain, thrifty = (fitted(tmp_path, checkpointing=on)[1].callback_metrics for on in (False, True))
    for name, loss in plain.items():
        torch.testing.assert_close(thrifty[name], loss)


def test_compiled_blocks_keep_their_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a backend that compiles nothing: PyTorch's own takes minutes."""
    seen = []
    monkeypatch.setattr(torch._dynamo.config, "recompile_limit", 8)
    monkeypatch.setattr(
        type(tiny_pipeline().unet), "compile_repeated_blocks", lambda unet, **options: seen.append(options)
    )
    module, _ = fitted(tmp_path, compiled=True)
    assert seen == [{"fullgraph": True}]
    assert torch._dynamo.config.recompile_limit >= 64, "a ControlNet and a UNet share the code of their blocks"
    assert module.network.state_dict().keys() == tiny_pipeline().unet.state_dict().keys()


def test_weights_lie_channels_last_and_are_written_as_if_they_did_not(tmp_path: Path) -> None:
    module, _ = fitted(tmp_path, ema_decay=0.5)
    plain = tiny_pipeline().unet
    plain.load_state_dict(module.network.state_dict())
    found = [
        (weight.is_contiguous(memory_format=torch.channels_last), weight.is_contiguous())
        for weight in (module.network.conv_in.weight, module.average[0], plain.conv_in.weight)
    ]
    assert found == [(True, False), (True, False), (False, True)]
    written = []
    for name, network in (("ours", module.network), ("plain", plain)):
        save_diffusers(network, tmp_path / name)
        written.append((tmp_path / name / WEIGHTS).read_bytes())
    assert written[0] == written[1]


def test_what_is_cached_changes_no_loss(tmp_path: Path, pictures: Callable[[], PictureFolder]) -> None:
    switches = {"prompt_drop": 0.3, "offset_noise": 0.1}
    plain, cached = (
        fitted(tmp_path, pictures=pictures(), cache=cache, **switches)[1].callback_metrics for cache in (False, True)
    )
    for name, loss in plain.items():
        torch.testing.assert_close(cached[name], loss, atol=1e-6, rtol=1e-5)
    assert (len(stored(tmp_path, "latents")), len(stored(tmp_path, "captions"))) == (2, 1)


def test_a_changed_picture_and_another_autoencoder_are_encoded_anew(
    tmp_path: Path, pictures: Callable[[], PictureFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted(tmp_path, epochs=1, pictures=pictures(), cache=True)
    before = stored(tmp_path, "latents")
    write_png(tmp_path / "pictures" / "train" / "0.png", np.zeros((32, 32, 3), np.uint8))
    fitted(tmp_path, epochs=1, pictures=pictures(), cache=True)
    after = stored(tmp_path, "latents")
    assert before < after
    assert len(after) == 3
    stand_on = Tuned.stand_on

    def on_another(module: Tuned, base: Any) -> None:
        with torch.no_grad():
            base.vae.quant_conv.bias.add_(1)
        stand_on(module, base)

    monkeypatch.setattr(Tuned, "stand_on", on_another)
    fitted(tmp_path, epochs=1, pictures=pictures(), cache=True)
    assert len(list((tmp_path / "cache" / "latents").iterdir())) == 2


def test_captions_are_withheld_as_often_as_asked() -> None:
    module = Tuned(prompt_drop=0.25)
    torch.manual_seed(0)
    told = module.told(["hello"] * 4000)
    assert told.count("") / len(told) == pytest.approx(0.25, abs=0.03)
    assert Tuned().told(["hello"]) == ["hello"]


def test_offset_noise_moves_whole_channels() -> None:
    torch.manual_seed(0)
    latents = torch.zeros(512, 4, 16, 16)
    plain, offset = (Tuned(offset_noise=share).noise_like(latents).mean(dim=(2, 3)).std() for share in (0.0, 0.5))
    assert plain == pytest.approx(1 / 16, rel=0.1)
    assert offset == pytest.approx((0.5**2 + 1 / 256) ** 0.5, rel=0.1)


def test_latents_are_the_autoencoders_own() -> None:
    vae, noise = tiny_pipeline().vae, torch.randn(4, 4, 16, 16)
    with torch.no_grad():
        found = vae.encode(PICTURES).latent_dist
    own = sampled(moments(vae, PICTURES), noise, vae.config.scaling_factor)
    torch.testing.assert_close(own, (found.mean + found.std * noise) * vae.config.scaling_factor)


@pytest.mark.parametrize("curve", ["linear", "scaled_linear"])
@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_a_schedule_is_read_from_a_scheduler(curve: Any, prediction: Any) -> None:
    from diffusers import DDIMScheduler

    scheduler = DDIMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule=curve, prediction_type=prediction)
    schedule = Schedule.of(scheduler.config)
    torch.testing.assert_close(schedule.kept, scheduler.alphas_cumprod)
    at, latents, noise = torch.tensor([0, 500, 999]), torch.randn(3, 4, 8, 8), torch.randn(3, 4, 8, 8)
    torch.testing.assert_close(schedule.noised(latents, noise, at), scheduler.add_noise(latents, noise, at))
    if prediction == "v_prediction":
        torch.testing.assert_close(schedule.target(latents, noise, at), scheduler.get_velocity(latents, noise, at))


@pytest.mark.parametrize("name", ["trained_betas", "rescale_betas_zero_snr"])
def test_a_schedule_of_another_kind_is_refused(name: str) -> None:
    from diffusers import DDIMScheduler

    config = {**DDIMScheduler().config, name: [0.1] * 1000}
    with pytest.raises(ValueError, match=f"{name}: found"):
        Schedule.of(config)


def test_min_snr_weights_are_those_of_the_paper() -> None:
    """Of the noise min(snr, 5) / snr, of the velocity min(snr, 5) / (snr + 1), as diffusers' scripts have them."""
    at = torch.tensor([0, 300, 999])
    weights: dict[str, Tensor] = {}
    for prediction in ("epsilon", "v_prediction"):
        schedule = Schedule(1000, 0.00085, 0.012, prediction, "scaled_linear")
        kept = schedule.kept[at]
        snr = kept / (1 - kept)
        weights[prediction] = schedule.min_snr(at, 5.0)
        expected = snr.clamp(max=5) / (snr if prediction == "epsilon" else snr + 1)
        torch.testing.assert_close(weights[prediction], expected)
    assert weights["epsilon"][0] < 0.01
    assert weights["epsilon"][2] == 1


def test_a_base_of_another_family_is_refused() -> None:
    with pytest.raises(ValueError, match="found AutoencoderKL, expected a Stable Diffusion"):
        Tuned().stand_on(tiny_pipeline().vae)


@pytest.mark.parametrize(
    ("switches", "message"),
    [
        ({"prompt_drop": 1.5}, "prompt_drop: found 1.5, expected 0 to 1"),
        ({"min_snr": 0.0}, "min_snr: found 0.0, expected more than 0"),
        ({"offset_noise": -1.0}, "offset_noise: found -1.0, expected 0 or more"),
        ({"ema_decay": 2.0}, "ema_decay: found 2.0, expected 0 to 1"),
    ],
)
def test_a_switch_out_of_range_is_refused_by_name(switches: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Tuned(**switches)
