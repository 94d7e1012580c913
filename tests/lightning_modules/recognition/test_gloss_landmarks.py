"""From landmarks to glosses: clips that cannot be read are named, padding counts nothing, poses and videos are read."""

import json
import shutil
from pathlib import Path

import lightning as L
import numpy as np
import pytest
import torch

from datamodules.avatar import perform
from datamodules.features.signing_points import HANDS, MIRRORED
from datamodules.poses.formats import read_pose, write_pose
from datamodules.poses.layouts import make_pose
from datamodules.poses.skeletons import OPENPOSE_137, Skeleton
from datamodules.twins import Twin, ensure_twin
from datamodules.wlasl.landmarks import LandmarkBatch, WLASLLandmarks
from lightning_modules.evaluation.classification import at_moments
from lightning_modules.networks.augmentation import in_sentences, vary_landmarks
from lightning_modules.networks.recognition.landmark_transformer import LandmarkTransformer, LandmarkTransformerConfig
from lightning_modules.recognition.gloss_landmarks import GlossLandmarks
from zoo.artefacts.artefact import open_artefact
from zoo.loaders.recognition.landmark_reader import LandmarkReader

TWIN = Twin(size=96, signers=8)


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("landmarks") / "twin"
    ensure_twin("wlasl", root, TWIN, only="landmarks")
    return root


@pytest.fixture
def batch(root) -> LandmarkBatch:
    data = WLASLLandmarks(str(root), split="official", batch_size=8)
    return next(iter(data.val_dataloader()))


class TestData:
    def test_no_signer_of_the_test_is_one_of_training(self, root):
        data = WLASLLandmarks(str(root), split="signer")
        signers = {
            split: {data.instances[sample.name].signer for sample in data.samples[split]} for split in data.samples
        }
        assert all(signers.values())
        assert not signers["train"] & signers["test"]

    def test_batches_are_padded_with_points_that_are_not_seen(self, batch):
        assert batch.points.shape == (8, int(batch.lengths.max()), 49, 3)
        for points, length in zip(batch.points, batch.lengths, strict=True):
            assert points[:length, :, 2].any()
            assert not points[length:].any()

    def test_clips_that_show_no_sign_are_named_and_the_rest_is_read(self, root, tmp_path, capsys):
        copy = Path(shutil.copytree(root, tmp_path / "twin"))
        data = WLASLLandmarks(str(root), split="official")
        cut, single, bodies, *_ = [sample.files[0].name for sample in data.samples["train"]]
        (copy / "landmarks" / cut).write_bytes((root / "landmarks" / cut).read_bytes()[:-1])
        pose = read_pose(root / "landmarks" / single)
        pose.body.data, pose.body.confidence = pose.body.data[:1], pose.body.confidence[:1]
        write_pose(copy / "landmarks" / single, pose)
        body = Skeleton("body", OPENPOSE_137.components[:1])
        write_pose(copy / "landmarks" / bodies, make_pose(body, np.ones((3, 25, 2)), np.ones((3, 25)), 25, (64, 64)))
        found = WLASLLandmarks(str(copy), split="official")
        assert len(found.samples["train"]) == len(data.samples["train"]) - 3
        (message,) = [finding.message for finding in found.surveyed.findings]
        assert "3 clips are left out" in message
        assert f"{cut.removesuffix('.pose')} ({copy / 'landmarks' / cut}: " in message
        assert f"{single.removesuffix('.pose')} (a single frame, which is no movement)" in message
        assert "with shoulders and a hand; found pose_keypoints_2d" in message
        assert message in capsys.readouterr().err

    def test_without_landmarks_the_command_that_writes_them_is_told(self, root, tmp_path):
        with pytest.raises(FileNotFoundError, match=r"none: no such folder; `python -m zoo data landmarks .*/none` w"):
            WLASLLandmarks(str(root), landmarks="none").setup("fit")
        (tmp_path / "landmarks").mkdir()
        shutil.copy(root / "WLASL_v0.3.json", tmp_path)
        with pytest.raises(
            ValueError, match=r"no \.pose file there is of one of the .* clips .*`python -m zoo data la"
        ):
            WLASLLandmarks(str(tmp_path)).setup("fit")

    def test_of_another_folder_the_glosses_of_training_are_tested(self, root, tmp_path):
        copy = Path(shutil.copytree(root, tmp_path / "other"))
        data = WLASLLandmarks(str(root), split="official", glosses=2)
        other = WLASLLandmarks(str(copy), split="official")
        train = data.samples["train"]
        data.test_on(other)
        assert data.samples["train"] == train
        assert {sample.label for sample in data.samples["test"]} == set(data.glosses)
        assert all(sample.files[0].is_relative_to(copy) for sample in data.samples["test"])
        assert sum(len(batch.labels) for batch in data.test_dataloader()) == len(data.samples["test"])
        entries = json.loads((copy / "WLASL_v0.3.json").read_text())
        (copy / "WLASL_v0.3.json").write_text(
            json.dumps([{**entry, "gloss": f"no {n}"} for n, entry in enumerate(entries)])
        )
        with pytest.raises(ValueError, match="none of its clips is of a gloss that training had"):
            WLASLLandmarks(str(root), split="official").test_on(WLASLLandmarks(str(copy), split="official"))


class TestAugmentation:
    def test_nothing_is_varied_where_nothing_is_asked_for(self, batch):
        points, lengths = vary_landmarks(batch.points, batch.lengths, scale=0, missing=0, mirrored=0, neighbours=0)
        torch.testing.assert_close(points, batch.points)
        assert lengths is batch.lengths

    def test_mirrored_is_what_a_left_handed_signer_shows(self, batch):
        mirrored, _ = vary_landmarks(batch.points, batch.lengths, scale=0, missing=0, mirrored=1, neighbours=0)
        torch.testing.assert_close(mirrored[..., 0], -batch.points[:, :, list(MIRRORED), 0])
        torch.testing.assert_close(mirrored[..., 1:], batch.points[:, :, list(MIRRORED), 1:])

    def test_what_is_not_seen_stays_unseen_and_hands_are_lost_whole(self, batch):
        torch.manual_seed(0)
        points, lengths = vary_landmarks(batch.points, batch.lengths, scale=1, missing=1, mirrored=0.5, neighbours=5)
        assert points.shape[1] == lengths.max()
        assert not points[points[..., 2] == 0].any()
        assert set(points[..., 2].unique().tolist()) == {0, 1}
        for hand in HANDS:
            seen = points[:, :, hand, 2]
            assert (seen.amin(2) == seen.amax(2)).all()
        before = batch.points[..., 2].sum() / batch.lengths.sum()
        assert 0.5 * before < points[..., 2].sum() / lengths.sum() < before


class TestSentences:
    """Frames here are numbers: tens tell the clip, which begins with 10, 20 or 30, ones the frame."""

    LENGTHS = torch.tensor([4, 2, 7])

    def joined(self, neighbours: int) -> list[list[int]]:
        numbers = 10 * torch.arange(1, 4)[:, None] + torch.arange(7)
        clips = (numbers * (torch.arange(7) < self.LENGTHS[:, None]))[..., None]
        found, lengths = in_sentences(clips, self.LENGTHS, neighbours)
        assert found.shape == (3, lengths.max(), 1)
        assert not any(row[length:].any() for row, length in zip(found, lengths, strict=True))
        return [row[:length, 0].tolist() for row, length in zip(found, lengths, strict=True)]

    def test_without_neighbours_clips_stay_as_they_are(self):
        assert self.joined(0) == [[10, 11, 12, 13], [20, 21], [30, 31, 32, 33, 34, 35, 36]]

    @pytest.mark.parametrize("seed", range(20))
    def test_a_clip_stands_whole_between_the_end_of_one_and_the_beginning_of_another(self, seed):
        torch.manual_seed(seed)
        whole = self.joined(0)
        for row, clip in zip(self.joined(3), whole, strict=True):
            starts = [k for k in range(len(row)) if row[k : k + len(clip)] == clip]
            assert any(
                any(row[:k] == other[len(other) - k :] for other in whole)
                and any(row[k + len(clip) :] == other[: len(row) - k - len(clip)] for other in whole)
                for k in starts
            )

    def test_up_to_so_many_frames_come_on_either_side(self):
        torch.manual_seed(0)
        rows = [row for _ in range(200) for row in self.joined(3)]
        grown = {len(row) - int(self.LENGTHS[k % 3]) for k, row in enumerate(rows)}
        assert grown == {0, 1, 2, 3, 4, 5, 6}


class TestNetwork:
    @pytest.fixture
    def network(self):
        torch.manual_seed(0)
        return LandmarkTransformer(LandmarkTransformerConfig(classes=3, width=16, stages=1, heads=2)).eval()

    def test_a_clip_is_read_alike_alone_and_among_longer_ones(self, network, batch):
        together, weights = network.explained(batch.points, batch.lengths)
        for number, length in enumerate(batch.lengths.tolist()):
            alone, own = network.explained(batch.points[number : number + 1, :length], torch.tensor([length]))
            torch.testing.assert_close(alone[0], together[number], atol=1e-5, rtol=1e-5)
            torch.testing.assert_close(own[0], weights[number, :length], atol=1e-5, rtol=1e-5)
            assert not weights[number, length:].any()
        torch.testing.assert_close(weights.sum(1), torch.ones(len(weights)))

    def test_where_unseen_points_are_said_to_be_does_not_matter(self, network, batch):
        other = batch.points.clone()
        other[..., :2] += 7 * (1 - other[..., 2:])
        torch.testing.assert_close(network(other, batch.lengths), network(batch.points, batch.lengths))

    def test_it_is_small(self):
        network = LandmarkTransformer(LandmarkTransformerConfig(classes=300, width=160))
        assert sum(weights.numel() for weights in network.parameters()) < 1_500_000


def test_neighbours_are_compared_by_clips_of_any_length_and_hands_that_are_lost_are_at_their_wrists():
    points = torch.zeros(2, 32, 49, 3)
    points[:, :, 5] = torch.tensor([3.0, 4.0, 1.0])
    points[0, 16:] = 9
    features = at_moments(points, torch.tensor([16, 32]))
    assert features.shape == (2, 16 * 49 * 2)
    assert features[0].amax() == 4
    assert features[0].view(16, 49, 2)[:, HANDS[0]].flatten(0, 1).unique(dim=0).tolist() == [[3, 4]]
    assert not features[0].view(16, 49, 2)[:, HANDS[1]].any()


@pytest.fixture(scope="module")
def trained(root, tmp_path_factory):
    L.seed_everything(0, verbose=False)
    module = GlossLandmarks(width=32, stages=1, heads=2, dropout=0.0, augmentation=0.3, missing=0.0, learning_rate=1e-2)
    data = WLASLLandmarks(str(root), split="official", glosses=6, batch_size=16)
    trainer = L.Trainer(
        max_epochs=20,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=str(tmp_path_factory.mktemp("trainer")),
    )
    trainer.fit(module, datamodule=data)
    trainer.test(module, datamodule=data, verbose=False)
    return LandmarkReader.from_training(module, data), data, module.test_scores.results()


def test_it_reads_signers_that_it_never_saw_and_says_so_beside_its_baselines(trained):
    _, data, results = trained
    assert {"top1", "top5", "top1_per_class"} <= set(results)
    for row in results.values():
        assert row["n"] == len(data.samples["test"])
        assert row["protocol"] == "split by official; nearest neighbour: landmarks at 16 moments"
    assert results["top1"]["value"] >= 0.6
    assert results["top1"]["majority_class"] <= 0.3


def test_other_data_than_landmarks_is_refused():
    with pytest.raises(ValueError, match="trains on landmarks, found LightningDataModule"):
        L.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, max_epochs=1).fit(
            GlossLandmarks(), datamodule=L.LightningDataModule()
        )


class TestVerb:
    def test_a_pose_and_its_file_are_read_alike_and_every_gloss_is_ranked(self, trained, tmp_path):
        reader, data, _ = trained
        path = data.samples["test"][0].files[0]
        ranked = reader.predict(path)
        assert ranked == reader.predict(read_pose(path)) == reader.predict(str(path))
        assert {guess.gloss for guess in ranked} == set(data.glosses)
        assert sum(guess.probability for guess in ranked) == pytest.approx(1)
        assert reader.run(str(path), [tmp_path / "out.json"]) == [tmp_path / "out.json"]
        assert json.loads((tmp_path / "out.json").read_text())["glosses"][0]["gloss"] == ranked[0].gloss

    def test_a_pose_of_the_avatar_is_one_too(self, trained):
        assert len(trained[0].predict(perform(["HELLO"]).pose)) == 6

    def test_it_reopens_anywhere_and_reads_the_same(self, trained, tmp_path):
        reader, data, _ = trained
        (tmp_path / "made").mkdir()
        reader.save(tmp_path / "made")
        moved = (tmp_path / "made").rename(tmp_path / "moved")
        path = data.samples["test"][0].files[0]
        assert open_artefact(moved).predict(path) == reader.predict(path)

    def test_files_that_do_not_belong_together_are_refused(self, trained, tmp_path):
        reader, _, _ = trained
        LandmarkReader(reader.network, reader.glosses[:2], "ase").save(tmp_path)
        with pytest.raises(ValueError, match="found 2 glosses, for a network of 6"):
            open_artefact(tmp_path)

    @pytest.mark.parametrize(
        "frame", [None, "frame", np.zeros((8, 8), np.uint8), np.zeros((8, 8, 4), np.uint8), np.zeros((8, 8, 3))]
    )
    def test_what_is_no_frame_is_refused(self, frame, trained):
        reader, _, _ = trained
        with pytest.raises(ValueError, match=r"found a frame that is .*, expected uint8 RGB \(H, W, 3\)"):
            list(reader.stream([frame]))

    def test_a_pose_without_hands_and_a_damaged_file_are_told_by_name(self, trained, tmp_path):
        reader, data, _ = trained
        body = Skeleton("body", OPENPOSE_137.components[:1])
        write_pose(tmp_path / "body.pose", make_pose(body, np.ones((3, 25, 2)), np.ones((3, 25)), 25, (64, 64)))
        with pytest.raises(ValueError, match=r"body\.pose: .*with shoulders and a hand"):
            reader.predict(tmp_path / "body.pose")
        (tmp_path / "cut.pose").write_bytes(data.samples["test"][0].files[0].read_bytes()[:-1])
        with pytest.raises(ValueError, match=r"cut\.pose: .* no \.pose"):
            reader.predict(tmp_path / "cut.pose")

    def test_a_video_without_mediapipes_models_says_what_is_missing(self, trained, tmp_path, monkeypatch, offline):
        pytest.importorskip("mediapipe")
        offline()
        monkeypatch.setenv("ZOO_MODELS", str(tmp_path))
        monkeypatch.setenv("ZOO_CACHE", str(tmp_path))
        with pytest.raises(ValueError, match=r"read by its landmarks, which need MediaPipe's models: .*\.task"):
            trained[0].predict(np.zeros((4, 32, 32, 3), np.uint8))

    def test_hands_in_the_lap_or_out_of_sight_rest(self, trained):
        reader, data, _ = trained
        path = data.samples["test"][0].files[0]
        body = read_pose(path).body
        landmarks = np.concatenate(
            [body.data.data[:, 0], 0 * body.data.data[:, 0, :, :1], body.confidence[:, 0, :, None]], -1
        )
        observations = [(frame.astype(np.float32), 320, 240) for frame in landmarks]
        resting = reader.resting(observations)
        assert resting[0]
        assert not resting[len(resting) // 2]
        guessed = np.stack([frame for frame, *_ in observations])
        guessed[:, 33:75] = 0  # wrists of a body that no hand belongs to
        assert reader.resting([(frame, 320, 240) for frame in guessed]).all()
        nobody = [(0 * frame, 320, 240) for frame, *_ in observations]
        assert reader.resting(nobody).all()
        with pytest.raises(ValueError, match="MediaPipe finds no signer: the shoulders are never seen together"):
            reader.judge(nobody)
        assert reader.judge(observations).attention.shape == (len(observations),)
