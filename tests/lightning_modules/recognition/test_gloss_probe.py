"""Attentive probes on a video encoder: a grid at once, tokens computed once, an encoder that is trained along."""

import json
import shutil
from pathlib import Path

import lightning as L
import numpy as np
import pytest
import torch
import transformers

from datamodules.features.cached_tensors import content_keys
from datamodules.media.video import write_video
from datamodules.wlasl.clips import WLASL
from datamodules.wlasl.windows import WLASLWindows
from lightning_modules.networks.recognition.attentive_probe import AttentiveProbe, attention_over_time, classifier
from lightning_modules.networks.recognition.vjepa import standardised
from lightning_modules.recognition.gloss_probe import GlossProbe
from zoo.artefacts.artefact import open_artefact
from zoo.loaders.recognition.probed_video import ProbedVideo

GLOSSES = ("blue", "green", "red")
SIZES = {
    "crop_size": 16,
    "patch_size": 8,
    "frames_per_clip": 4,
    "hidden_size": 24,
    "num_attention_heads": 2,
    "num_hidden_layers": 2,
    "num_pooler_layers": 1,
    "mlp_ratio": 2.0,
    "initializer_range": 0.1,
    "pred_hidden_size": 12,
    "pred_num_attention_heads": 1,
    "pred_num_hidden_layers": 1,
    "pred_num_mask_tokens": 1,
}


@pytest.fixture(scope="module")
def encoder() -> transformers.VJEPA2Model:
    torch.manual_seed(0)
    return transformers.VJEPA2Model(transformers.VJEPA2Config(**SIZES)).eval()


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """Clips of one colour a gloss, ten of each."""
    root = tmp_path_factory.mktemp("wlasl")
    entries = []
    for label, gloss in enumerate(GLOSSES):
        instances = []
        for number in range(10):
            name, split = f"{label}{number:04d}", ("train", "train", "train", "val", "test")[number % 5]
            instances.append({"video_id": name, "split": split, "url": f"web:{name}", "signer_id": number})
            frames = np.full((6, 24, 32, 3), 10 * number, np.uint8)
            frames[..., 2 - label] = 200
            write_video(root / "videos" / f"{name}.mp4", frames, 25)
        entries.append({"gloss": gloss, "instances": [{**one, "frame_start": 1, "frame_end": -1} for one in instances]})
    (root / "WLASL_v0.3.json").write_text(json.dumps(entries))
    return root


def clips(root: Path) -> WLASL:
    return WLASL(str(root), split="official", frames=4, image_size=16, batch_size=6)


def fitted(root, encoder, epochs: int = 4, **settings) -> GlossProbe:
    torch.manual_seed(0)
    settings = {"learning_rates": [1e-5, 1e-2], "weight_decays": [0.01], "encoder_rate": 1e-2, **settings}
    module = GlossProbe("an encoder", **settings)
    module.stand_on(encoder)
    trainer = L.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(module, datamodule=clips(root))
    return module


def test_of_all_probes_the_one_that_validation_finds_best_is_published(root, encoder, monkeypatch, tmp_path):
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path))
    module = fitted(root, encoder)
    assert module.grid == [(1e-5, 0.01), (1e-2, 0.01)]
    assert module.chosen == 1
    published = module.published()
    for name, value in module.probes[1].state_dict().items():
        assert torch.equal(published.state_dict()[name], value)
    assert torch.equal(published.state_dict()["vjepa2.encoder.layernorm.weight"], encoder.encoder.layernorm.weight)


def test_probes_begin_alike_and_differ_in_their_rates_alone(root, encoder, monkeypatch, tmp_path):
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path))
    alike = fitted(root, encoder, epochs=1, learning_rates=[1e-3, 1e-3], weight_decays=[0.1])
    first, second = (dict(probe.state_dict()) for probe in alike.probes)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_cached_tokens_train_as_clips_do_but_for_half_precision(root, encoder, monkeypatch, tmp_path):
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path))
    losses = [
        float(fitted(root, encoder, epochs=2, cache=cache).trainer.callback_metrics["val/loss"])
        for cache in (True, False)
    ]
    assert list(tmp_path.rglob("tokens/*/*.safetensors"))
    assert losses[0] == pytest.approx(losses[1], abs=2e-3)


def test_tokens_are_of_the_part_of_a_file_that_the_index_names(root, tmp_path):
    """What they are kept under tells that part, so that with another index others are made."""
    other = Path(shutil.copytree(root, tmp_path / "other"))
    entries = json.loads((other / "WLASL_v0.3.json").read_text())
    entries[0]["instances"][0]["frame_end"] = 2
    changed = entries[0]["instances"][0]["video_id"]
    (other / "WLASL_v0.3.json").write_text(json.dumps(entries))
    whole, part = (
        dict(
            zip(content_keys([(name, path) for name, _, path in found]), [path.stem for *_, path in found], strict=True)
        )
        for found in (clips(folder).described("train") for folder in (root, other))
    )
    assert {whole.get(key, part.get(key)) for key in whole.keys() ^ part.keys()} == {changed}


@pytest.mark.parametrize("along", [{"trained_blocks": 1}, {"lora_rank": 2}, {"trained_blocks": 2, "lora_rank": 2}])
def test_what_is_trained_of_the_encoder_is_published_merged(root, encoder, along):
    module = fitted(root, encoder, cache=False, **along)
    batch = next(iter(clips_of(module)))
    with torch.no_grad():
        module.eval()
        own = module.network(module.encoded(batch.frames))
        published = module.published()
        assert not any("lora" in name for name in published.state_dict())
        torch.testing.assert_close(
            published(standardised((batch.frames + 1).movedim(2, -1) * 127.5)).logits, own, atol=1e-4, rtol=1e-4
        )
    last = "vjepa2.encoder.layer.1.attention.query.weight"
    before = encoder.state_dict()[last.removeprefix("vjepa2.")]
    assert not torch.equal(published.state_dict()[last], before)


def clips_of(module: GlossProbe):
    return module.trainer.datamodule.val_dataloader()


def test_attention_over_time_sums_to_one_and_follows_what_is_looked_at(encoder):
    torch.manual_seed(0)
    probe, tokens = AttentiveProbe(encoder.config, 3), torch.randn(2, 8, 24)
    weights = attention_over_time(probe, tokens, 2)
    assert weights.shape == (2, 2)
    torch.testing.assert_close(weights.sum(1), torch.ones(2))
    swapped = attention_over_time(probe, tokens.reshape(2, 2, 4, 24).flip(1).reshape(2, 8, 24), 2)
    torch.testing.assert_close(swapped, weights.flip(1))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"trained_blocks": 1}, "cache: found true, expected false"),
        ({"learning_rates": []}, "expected at least one of each"),
        ({"weight_decays": [-1.0]}, r"weight_decays\[0\]: found -1.0"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        GlossProbe("an encoder", **{"learning_rates": [1e-3], "weight_decays": [0.1], **settings})


def test_windows_of_clips_are_other_data_and_refused(root, encoder):
    """Their frames are bytes, and would be taken for numbers from -1 to 1."""
    module = GlossProbe("an encoder", [1e-3], [0.1])
    module.stand_on(encoder)
    trainer = L.Trainer(max_epochs=1, accelerator="cpu", logger=False, enable_checkpointing=False)
    with pytest.raises(ValueError, match="GlossProbe trains on clips of signs, found WLASLWindows"):
        trainer.fit(module, datamodule=WLASLWindows(str(root), split="official", frames=4, image_size=16))


def test_more_blocks_than_an_encoder_has_and_other_networks_are_refused(encoder):
    module = GlossProbe("an encoder", [1e-3], [0.1], trained_blocks=9, cache=False)
    with pytest.raises(ValueError, match="found 9, expected at most its 2"):
        module.stand_on(encoder)
    with pytest.raises(ValueError, match="found Linear, expected a VJEPA2Model"):
        module.stand_on(torch.nn.Linear(1, 1))


@pytest.fixture(scope="module")
def folder(encoder, tmp_path_factory) -> Path:
    """An artefact."""
    torch.manual_seed(1)
    network = classifier(encoder.config, 3)
    network.vjepa2.load_state_dict(encoder.state_dict())
    folder = tmp_path_factory.mktemp("artefact")
    ProbedVideo(network, GLOSSES, "ase").save(folder)
    return folder


class TestLoader:
    def test_plain_transformers_gives_the_same_logits(self, folder):
        plain = transformers.VJEPA2ForVideoClassification.from_pretrained(folder, subfolder="classifier")
        assert plain.config.id2label == dict(enumerate(GLOSSES))
        rng = np.random.default_rng(0)
        clip = rng.integers(0, 256, (4, 16, 16, 3), np.uint8)
        pixels = torch.from_numpy(clip).permute(0, 3, 1, 2)[None] / 255
        mean, std = (torch.tensor(values).view(3, 1, 1) for values in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
        with torch.no_grad():
            expected = plain((pixels - mean) / std).logits.softmax(-1)[0]
        judged = open_artefact(folder).judge(list(clip))
        np.testing.assert_allclose(judged.probabilities, expected, atol=1e-4)

    def test_of_a_longer_clip_frames_are_spread_and_the_others_get_their_attention(self, folder):
        model = open_artefact(folder)
        clip = list(np.random.default_rng(1).integers(0, 256, (12, 16, 16, 3), np.uint8))
        judged = model.judge(clip)
        assert judged.attention.shape == (12,)
        assert judged.attention.sum() == pytest.approx(1)
        alike = model.judge([clip[at] for at in (1, 4, 7, 10)])
        np.testing.assert_allclose(judged.attention, alike.attention.repeat(3) / 3, atol=1e-6)
        np.testing.assert_allclose(judged.probabilities, alike.probabilities, atol=1e-6)

    def test_other_classes_than_config_json_names_are_refused(self, folder, tmp_path):
        other = shutil.copytree(folder, tmp_path / "other")
        path = other / "classifier" / "config.json"
        path.write_text(path.read_text().replace('"green"', '"grey"'))
        with pytest.raises(ValueError, match="id2label names other classes than the 3"):
            open_artefact(other)
