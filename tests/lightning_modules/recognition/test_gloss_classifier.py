"""From embeddings to glosses: splits that no variant straddles, a classifier blind to padding, a verb for videos."""

import json
import shutil
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path

import lightning as L
import numpy as np
import pytest
import torch
from tiny_encoder import tiny_encoder

from datamodules.clips import list_clips
from datamodules.features.embedding_files import EmbeddingSettings, npy_path, write_index
from datamodules.features.embeddings import embed
from datamodules.features.vjepa import settings_of
from datamodules.media.clip import Clip
from datamodules.media.video import read_video, write_video
from datamodules.media.video_windows import VARIANTS
from datamodules.twins import Twin, ensure_twin
from datamodules.wlasl.clips import WLASL
from datamodules.wlasl.embeddings import EmbeddingBatch, WLASLEmbeddings, padded
from lightning_modules.networks.recognition.gloss_classifier import AttentionClassifier, AttentionClassifierConfig
from lightning_modules.recognition.gloss_classifier import GlossClassifier
from zoo.artefacts.artefact import open_artefact
from zoo.loaders.recognition.video_encoder import VideoEncoder
from zoo.loaders.recognition.video_to_gloss import VideoToGloss, leave_out

GLOSSES = ("ice cream", "no", "yes")
WIDTH = 8
SETTINGS = EmbeddingSettings("none", {}, 16.0, 64, 8, 2, WIDTH, list(VARIANTS), 0.5, "float32", 4)


def wlasl(root: Path, clips: int = 20) -> Path:
    """A WLASL folder whose clips are embedded: each gloss is a direction; clips 2n and 2n + 1 share a source video."""
    rng = np.random.default_rng(0)
    entries, listed = [], []
    (root / "embeddings").mkdir(parents=True)
    for label, gloss in enumerate(GLOSSES):
        instances = []
        for number in range(clips):
            name = f"{label}{number:04d}"
            split = ("train", "train", "train", "val", "test")[number % 5]
            url, signer = f"web:{label}-{number // 2}", number // 2
            instances.append(
                {"video_id": name, "split": split, "url": url, "signer_id": signer, "frame_start": 1, "frame_end": -1}
            )
            listed.append(Clip(name, root / f"{name}.mp4", gloss))
            for variant in VARIANTS:
                rows = rng.normal(size=(rng.integers(1, 12), WIDTH)).astype(np.float32) / 2
                rows[:, label] += 2
                np.save(root / "embeddings" / npy_path(listed[-1], variant), rows)
        entries.append({"gloss": gloss, "instances": instances})
    (root / "WLASL_v0.3.json").write_text(json.dumps(entries))
    (root / "embeddings" / "embeddings.json").write_text(json.dumps(asdict(SETTINGS)))
    write_index(root / "embeddings", listed)
    return root


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    return wlasl(tmp_path_factory.mktemp("wlasl"))


def clips(data: WLASLEmbeddings, split: str) -> set[str]:
    return {sample.name.split("_")[1] for sample in data.samples[split]}


def together(data: WLASLEmbeddings, key: str) -> list[set[object]]:
    """What the clips of each split are of, by a key of the index."""
    entries = json.loads((data.root / "WLASL_v0.3.json").read_text())
    of = {one["video_id"]: one[key] for entry in entries for one in entry["instances"]}
    return [{of[clip] for clip in clips(data, split)} for split in ("train", "dev", "test")]


class TestData:
    @pytest.mark.parametrize(("split", "key"), [("source", "url"), ("signer", "signer_id")])
    def test_no_source_and_no_signer_stands_in_two_splits(self, root, split, key):
        train, dev, test = together(WLASLEmbeddings(str(root), split=split), key)
        assert train
        assert dev
        assert test
        assert not train & dev | train & test | dev & test

    def test_the_official_split_is_that_of_the_index(self, root):
        data = WLASLEmbeddings(str(root), split="official")
        assert {int(clip[1:]) % 5 for clip in clips(data, "dev")} == {3}
        assert {int(clip[1:]) % 5 for clip in clips(data, "test")} == {4}

    def test_training_sees_every_variant_and_tests_see_originals(self, root):
        data = WLASLEmbeddings(str(root))
        assert len(data.samples["train"]) == 3 * len(clips(data, "train"))
        for split in ("dev", "test"):
            assert len(data.samples[split]) == len(clips(data, split))
            assert all(sample.name.endswith("_original_vjepa") for sample in data.samples[split])

    def test_batches_are_padded_with_zeros_and_hold_neighbours_in_length(self, root):
        data = WLASLEmbeddings(str(root), batch_size=16)
        batches = list(data.train_dataloader())
        assert sum(len(batch.labels) for batch in batches) == len(data.samples["train"])
        for batch in batches:
            for rows, length in zip(batch.rows, batch.lengths, strict=True):
                assert rows[:length].abs().sum(1).min() > 0
                assert rows[length:].abs().sum() == 0
        spread = [int(batch.lengths.max() - batch.lengths.min()) for batch in batches]
        assert np.mean(spread) < 4  # lengths run from 1 to 11

    def test_labels_follow_the_index_and_can_be_chosen(self, root):
        assert WLASLEmbeddings(str(root)).glosses == list(GLOSSES)
        data = WLASLEmbeddings(str(root), glosses=["yes"])
        assert {sample.label for sample in data.samples["train"]} == {"yes"}

    def test_statistics_are_those_of_the_training_rows(self, root):
        data = WLASLEmbeddings(str(root))
        rows = np.concatenate([np.load(sample.files[0]) for sample in data.samples["train"]])
        mean, deviation = data.statistics()
        torch.testing.assert_close(mean, torch.from_numpy(rows.mean(0)), atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(deviation, torch.from_numpy(rows.std(0)), atol=1e-5, rtol=1e-5)

    def test_broken_and_missing_embeddings_are_named_before_training(self, tmp_path):
        root = wlasl(tmp_path / "wlasl")
        broken, gone = sorted((root / "embeddings").glob("no_*_original_vjepa.npy"))[:2]
        broken.write_bytes(broken.read_bytes()[:-1])
        gone.unlink()
        with pytest.raises(ValueError, match="2 errors in the data") as error:
            WLASLEmbeddings(str(root)).setup("fit")
        assert broken.name in str(error.value)
        assert f"{gone.name}: no such file, though index.csv lists it" in str(error.value)

    def test_embeddings_of_unknown_making_are_refused(self, tmp_path):
        root = wlasl(tmp_path / "wlasl")
        (root / "embeddings" / "embeddings.json").unlink()
        with pytest.raises(FileNotFoundError, match=r"embeddings\.json: missing; `python -m zoo data embed"):
            WLASLEmbeddings(str(root)).setup("fit")

    def test_a_clip_that_the_index_does_not_name_is_left_out(self, tmp_path, capsys):
        root = wlasl(tmp_path / "wlasl")
        np.save(root / "embeddings" / "no_99999_original_vjepa.npy", np.ones((2, WIDTH), np.float32))
        (root / "embeddings" / "index.csv").open("a").write("x.npy,no,no_99999_original_vjepa.npy\n")
        data = WLASLEmbeddings(str(root))
        assert "99999" not in clips(data, "train") | clips(data, "dev") | clips(data, "test")
        assert "not a clip of WLASL_v0.3.json" in capsys.readouterr().err

    def test_a_filter_that_leaves_nothing_says_so(self, root, tmp_path):
        data = WLASLEmbeddings(str(root), glosses=1)
        data.instances = {name: replace(clip, gloss="none") for name, clip in data.instances.items()}
        data.glosses = ["yes"]
        with pytest.raises(ValueError, match=r"no sample in train .*glosses leaves none .*'yes'; they are of 'none'"):
            data.setup("fit")
        (tmp_path / "none.json").write_text("[]")
        other = WLASLEmbeddings(str(root), index=str(tmp_path / "none.json"))
        with pytest.raises(ValueError, match=r"none of its 180 embeddings is of a clip that .*none\.json names"):
            other.setup("fit")


FILMED = Twin(size=2, signers=3)


@pytest.fixture(scope="module")
def filmed(tmp_path_factory) -> Path:
    """A twin of four clips."""
    root = tmp_path_factory.mktemp("filmed") / "twin"
    ensure_twin("wlasl", root, FILMED)
    return root


def embedded_by(encoder: Path, root: Path, twin: Twin | None = FILMED) -> WLASLEmbeddings:
    data = WLASLEmbeddings(str(root), "an encoder", split="official", twin=twin)
    data.stand_on(encoder)
    data.prepare_data()
    return data


class TestEncoder:
    """Clips that training has embedded itself."""

    @pytest.fixture
    def embedded(self, filmed, encoder, tmp_path, monkeypatch) -> WLASLEmbeddings:
        monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
        return embedded_by(encoder, filmed)

    def test_each_clip_is_embedded_once_by_one_device(self, filmed, encoder, tmp_path, monkeypatch, capsys):
        """On several, the program would start once more for each of them, and each would go on to train."""
        devices, trainer = [], L.Trainer
        monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(L, "Trainer", lambda **settings: devices.append(settings["devices"]) or trainer(**settings))
        rows = sorted(embedded_by(encoder, filmed).folder.glob("*.npy"))
        assert "zoo: embedding 4 clips into" in capsys.readouterr().err
        assert len(rows) == 4 * len(VARIANTS)
        rows[0].unlink()
        for _ in range(2):
            embedded_by(encoder, filmed)
        assert rows[0].is_file()
        assert devices == [1, 1]
        assert "zoo: embedding" not in capsys.readouterr().err

    def test_another_encoder_never_reads_them(self, embedded, filmed, tmp_path):
        tiny_encoder(seed=1).save_pretrained(tmp_path / "other")
        other = embedded_by(tmp_path / "other", filmed)
        assert other.folder != embedded.folder
        for one, another in zip(embedded.examples("train"), other.examples("train"), strict=True):
            assert one[0] == another[0]
            assert not np.allclose(one[2], another[2])

    def test_it_counts_as_the_data_that_the_clips_are(self, embedded, filmed):
        """So that who embeds them is known to have been trained on the same, or not."""
        assert embedded.fingerprint() == WLASL(str(filmed), split="official", twin=FILMED).fingerprint()

    def test_clips_that_cannot_be_read_are_named_and_the_others_embedded(self, embedded, filmed, encoder, capsys):
        real = filmed.with_name("real")
        shutil.copytree(filmed, real, ignore=shutil.ignore_patterns("twin.json"))
        broken = min(clips(embedded, "train"))
        (real / "videos" / f"{broken}.mp4").write_bytes(b"no video")
        data = embedded_by(encoder, real, twin=None)
        assert f"{broken}.mp4 is left out: " in capsys.readouterr().err
        assert clips(data, "train") == clips(embedded, "train") - {broken}

    @pytest.fixture
    def real(self, filmed, tmp_path, monkeypatch) -> Path:
        """The same clips as files of somebody."""
        monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
        return Path(shutil.copytree(filmed, tmp_path / "real", ignore=shutil.ignore_patterns("twin.json")))

    def test_a_clip_that_was_replaced_is_embedded_anew(self, real, encoder):
        before = {name: rows for name, _, rows in embedded_by(encoder, real, twin=None).examples("train")}
        clip = min(clips(embedded_by(encoder, real, twin=None), "train"))
        write_video(real / "videos" / f"{clip}.mp4", np.full((20, 64, 64, 3), 90, np.uint8), 25)
        after = {name: rows for name, _, rows in embedded_by(encoder, real, twin=None).examples("train")}
        changed = {
            name
            for name, rows in before.items()
            if rows.shape != after[name].shape or not np.array_equal(rows, after[name])
        }
        assert changed == {name for name in before if clip in name}

    def test_the_part_of_a_file_that_is_embedded_is_that_of_the_index(self, real, encoder):
        """By the name that it has, beside others."""
        whole = embedded_by(encoder, real, twin=None)
        entries = json.loads((real / "WLASL_v0.3.json").read_text())
        for entry in entries:
            for instance in entry["instances"]:
                instance["frame_start"], instance["frame_end"] = 3, 10
        (real / "mine.json").write_text(json.dumps(entries))
        data = WLASLEmbeddings(str(real), "an encoder", index="mine.json", split="official")
        data.stand_on(encoder)
        data.prepare_data()
        assert data.folder == whole.folder
        assert max(len(rows) for _, _, rows in data.examples("train")) <= 3  # a third of a second, two frames a row
        assert min(len(rows) for _, _, rows in embedded_by(encoder, real, twin=None).examples("train")) > 3

    def test_clips_of_other_glosses_are_not_embedded(self, real, encoder, capsys):
        (entry,) = json.loads((real / "WLASL_v0.3.json").read_text())
        other = {"gloss": "other", "instances": [entry["instances"].pop()]}
        (real / "WLASL_v0.3.json").write_text(json.dumps([entry, other]))
        data = WLASLEmbeddings(str(real), "an encoder", split="official", glosses=[entry["gloss"]])
        data.stand_on(encoder)
        data.prepare_data()
        assert "zoo: embedding 3 clips" in capsys.readouterr().err

    def test_a_twin_without_an_encoder_is_refused(self):
        with pytest.raises(ValueError, match="encoder: found none, expected one: a twin has clips"):
            WLASLEmbeddings("anywhere", twin=FILMED)


class TestNetwork:
    def test_its_layers_are_the_published_ones(self):
        network = AttentionClassifier(AttentionClassifierConfig(width=1408, classes=300))
        assert (network.attention.in_features, network.attention.out_features) == (1408, 1)
        linear = [layer for layer in network.head if isinstance(layer, torch.nn.Linear)]
        assert [layer.in_features for layer in linear] == [1408, 512, 256]
        assert linear[-1].out_features == 300

    def test_padding_changes_nothing(self):
        torch.manual_seed(0)
        network = AttentionClassifier(AttentionClassifierConfig(WIDTH, 3)).eval()
        network.fit(torch.randn(WIDTH), torch.rand(WIDTH) + 0.5)
        sequences = [torch.randn(length, WIDTH) for length in (1, 5, 9)]
        rows, lengths = padded(sequences)
        together = network(rows, lengths)
        for one, logits in zip(sequences, together, strict=True):
            torch.testing.assert_close(network(one[None], torch.tensor([len(one)]))[0], logits)
        rows[0, 1:] = 100.0
        torch.testing.assert_close(network(rows, lengths), together)

    def test_attention_is_shared_out_over_the_real_rows(self):
        network = AttentionClassifier(AttentionClassifierConfig(WIDTH, 3))
        weights = network.weights(torch.randn(2, 6, WIDTH), torch.tensor([6, 2]))
        torch.testing.assert_close(weights.sum(1), torch.ones(2))
        assert (weights[1, 2:] == 0).all()

    def test_what_hardly_varies_is_not_blown_up(self):
        network = AttentionClassifier(AttentionClassifierConfig(2, 3))
        network.fit(torch.zeros(2), torch.tensor([1.0, 0.0]))
        assert network.deviation.tolist() == pytest.approx([1, 1e-3])


@pytest.fixture(scope="module")
def trained(root, tmp_path_factory) -> tuple[GlossClassifier, WLASLEmbeddings, dict]:
    L.seed_everything(0, verbose=False)
    module = GlossClassifier(hidden=32, standardise=True, learning_rate=1e-2)
    data = WLASLEmbeddings(str(root), batch_size=32)
    trainer = L.Trainer(
        max_epochs=4,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=str(tmp_path_factory.mktemp("trainer")),
    )
    trainer.fit(module, datamodule=data)
    trainer.test(module, datamodule=data, verbose=False)
    return module, data, module.test_scores.results()


def test_it_learns_what_can_be_learnt_and_says_so_beside_its_baselines(trained):
    _, data, results = trained
    assert {"top1", "top5", "top1_per_class"} <= set(results)
    for row in results.values():
        assert row["n"] == len(data.samples["test"])
        assert row["protocol"] == "split by source; nearest neighbour: mean of standardised rows"
    assert results["top1"]["value"] >= 0.9
    assert results["top1"]["nearest_neighbour"] >= 0.9
    assert results["top1"]["majority_class"] <= 0.6


def test_the_baselines_know_the_training_clips_and_no_others(trained):
    module, data, _ = trained
    labels = [data.glosses.index(str(sample.label)) for sample in data.samples["train"]]
    known = module.test_scores
    assert known.majority.tolist() == np.bincount(labels, minlength=len(GLOSSES)).tolist()
    assert [len(own) for own in known.nearest.by_class] == known.majority.tolist()


def test_padding_is_no_part_of_a_mean_embedding(trained):
    module, data, _ = trained
    batch: EmbeddingBatch = next(iter(data.test_dataloader()))
    mean, deviation = data.statistics()
    for rows, length, found in zip(batch.rows, batch.lengths, module.test_scores.features(batch), strict=True):
        torch.testing.assert_close(found, (rows[:length].mean(0) - mean) / deviation)


def test_other_data_than_embeddings_is_refused(root):
    with pytest.raises(ValueError, match="trains on embeddings, found LightningDataModule"):
        L.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, max_epochs=1).fit(
            GlossClassifier(), datamodule=L.LightningDataModule()
        )


@pytest.fixture(scope="module")
def encoder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("encoder")
    tiny_encoder().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def video(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    blocks = np.random.default_rng(0).integers(0, 256, (8, 10, 3), np.uint8)
    picture = np.kron(blocks, np.ones((12, 12, 1), np.uint8))
    write_video(folder / "hello.mp4", [np.roll(picture, 3 * shift, axis=1) for shift in range(20)], fps=25)
    return folder / "hello.mp4"


@pytest.fixture(scope="module")
def loader(encoder) -> VideoToGloss:
    torch.manual_seed(0)
    network = AttentionClassifier(AttentionClassifierConfig(width=32, classes=3))
    return VideoToGloss(network, GLOSSES, settings_of(str(encoder), encoder, batch_size=16), "ase")


class TestVerb:
    def test_every_gloss_is_ranked(self, loader, video):
        ranked = loader.predict(video)
        assert {guess.gloss for guess in ranked} == set(GLOSSES)
        assert sum(guess.probability for guess in ranked) == pytest.approx(1)
        assert all(one.probability >= other.probability for one, other in pairwise(ranked))

    def test_frames_and_a_file_of_them_are_the_same(self, loader, video):
        frames, fps = read_video(video)
        assert loader.predict(np.stack(list(frames)), fps) == loader.predict(video)

    def test_it_embeds_a_video_as_training_was_embedded(self, loader, encoder, video, tmp_path):
        embed(list_clips(video.parent), tmp_path / "out", model=str(encoder), batch_size=16)
        rows = np.load(tmp_path / "out" / "hello_original_vjepa.npy")
        torch.testing.assert_close(loader.embed(*read_video(video)), torch.from_numpy(rows), atol=1e-5, rtol=1e-5)

    def test_the_artefact_carries_a_local_encoder_and_reloads_anywhere(self, loader, video, tmp_path):
        (tmp_path / "made").mkdir()
        loader.save(tmp_path / "made")
        moved = (tmp_path / "made").rename(tmp_path / "moved")
        assert sorted(path.name for path in moved.iterdir()) == ["config.json", "encoder", "model.safetensors"]
        assert open_artefact(moved).predict(video) == loader.predict(video)

    def test_the_package_brings_an_encoder_once(self, loader, encoder, video, tmp_path, monkeypatch):
        """What is bundled names the model of the package that it stands on, and is no other's by accident."""
        monkeypatch.setattr("zoo.loaders.recognition.video_to_gloss.starters", lambda: tmp_path / "starters")
        artefact = tmp_path / "artefact"
        artefact.mkdir()
        loader.save(artefact)
        leave_out(artefact)
        assert (artefact / "encoder").is_dir()  # no model of the package
        bundled = tmp_path / "starters" / "vjepa-starter"
        bundled.mkdir(parents=True)
        VideoEncoder(tiny_encoder(), "ase").save(bundled)
        shutil.copytree(encoder, bundled / "encoder", dirs_exist_ok=True)
        leave_out(artefact)
        assert sorted(path.name for path in artefact.iterdir()) == ["config.json", "model.safetensors"]
        assert open_artefact(artefact).predict(video) == loader.predict(video)
        assert VideoToGloss.parts(json.loads((artefact / "config.json").read_text())) == ("classifier", "encoder")
        tiny_encoder(seed=1).save_pretrained(bundled / "encoder")
        with pytest.raises(ValueError, match="not the encoder that this classifier was trained with"):
            open_artefact(artefact).predict(video)

    def test_an_encoder_of_the_hub_is_referred_to_and_missed_by_name(self, loader, video, tmp_path, monkeypatch):
        monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "empty"))
        settings = replace(loader.settings, model="facebook/vjepa2-absent")
        VideoToGloss(loader.network, GLOSSES, settings, "ase").save(tmp_path)
        assert not (tmp_path / "encoder").exists()
        opened = open_artefact(tmp_path)
        with pytest.raises(ValueError, match="facebook/vjepa2-absent: no such folder, and not in the Hub's cache"):
            opened.predict(video)

    def test_another_encoder_than_trainings_is_refused(self, loader, video):
        other = replace(loader.settings, weights={"model.safetensors": "0" * 64})
        with pytest.raises(ValueError, match="not the encoder that this classifier was trained with"):
            VideoToGloss(loader.network, GLOSSES, other, "ase").predict(video)

    @pytest.mark.parametrize("key", ["fps", "size", "frames", "tubelet", "width"])
    def test_settings_that_are_not_the_encoders_are_refused(self, key, loader, video):
        wrong = replace(loader.settings, **{key: 2 * getattr(loader.settings, key)})
        with pytest.raises(ValueError, match=rf"embeddings\.{key}: found .*, expected {getattr(loader.settings, key)}"):
            VideoToGloss(loader.network, GLOSSES, wrong, "ase").predict(video)

    def test_files_that_do_not_belong_together_are_refused(self, loader, tmp_path):
        VideoToGloss(loader.network, GLOSSES[:2], loader.settings, "ase").save(tmp_path)
        with pytest.raises(ValueError, match="found 2 glosses and embeddings 32 wide, for a network of 3 and 32"):
            open_artefact(tmp_path)

    def test_run_writes_the_ranking(self, loader, video, tmp_path):
        assert loader.run(str(video), [tmp_path / "out.json"]) == [tmp_path / "out.json"]
        found = json.loads((tmp_path / "out.json").read_text())
        assert [entry["gloss"] for entry in found["glosses"]] == [guess.gloss for guess in loader.predict(video)]
        with pytest.raises(ValueError, match=r"cannot write \.mp4; use \.json"):
            loader.run("never read", [tmp_path / "out.mp4"])

    @pytest.mark.parametrize(
        "frames",
        [
            np.zeros((4, 8, 8, 3)),
            np.zeros((8, 8, 3), np.uint8),
            np.zeros((0, 8, 8, 3), np.uint8),
            *([1, 2], [[1], [2, 3]], None, 3, b"a.mp4", {}, torch.zeros(4, 8, 8, 3, dtype=torch.uint8)),
        ],
    )
    def test_what_is_no_video_is_refused(self, loader, frames):
        with pytest.raises(ValueError, match=r"expected uint8 RGB frames \(T, H, W, 3\)"):
            loader.predict(frames)

    @pytest.mark.parametrize("fps", ["25", None, True, 0, float("nan")])
    def test_what_is_no_rate_is_refused(self, loader, fps):
        for verb in (loader.predict, loader.stream):
            with pytest.raises(ValueError, match=r"expected .*1 to 1000"):
                verb(np.zeros((4, 64, 64, 3), np.uint8), fps)

    def test_a_real_clip_is_ranked(self, loader, shared):
        assert len(loader.predict(shared / "data" / "wlasl" / "videos" / "01377.mp4")) == 3
