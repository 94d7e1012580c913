"""A small V-JEPA 2: masked encoding that is transformers' own, a training that learns and does not collapse, files that
plain transformers opens, and windows that are those of `data embed`."""

import json
from collections.abc import Callable
from pathlib import Path

import lightning as L
import numpy as np
import pytest
import torch
from pose_format import Pose
from transformers import VJEPA2Model

from datamodules.avatar import Signer, perform
from datamodules.avatar.renderer.frames import Camera
from datamodules.features.signing_points import HANDS
from datamodules.features.vjepa import Encoder
from datamodules.media.clip import Clip
from datamodules.media.resampling import resample, resampled
from datamodules.media.video import read_video, write_video
from datamodules.media.video_windows import FPS, crop, windows
from datamodules.poses.formats import write_pose
from datamodules.twins.landmarks import detected
from datamodules.wlasl.windows import WindowBatch, WLASLWindows, square_points
from lightning_modules.evaluation.frozen_features import Readers
from lightning_modules.metrics.features import effective_rank, feature_std
from lightning_modules.networks.augmentation import vary_clips
from lightning_modules.networks.recognition.vjepa import (
    AROUND,
    REACH,
    UNITS,
    PointHead,
    draw_places,
    encode,
    grid,
    pooled,
    predict,
    standardised,
    video_encoder,
)
from lightning_modules.recognition.vjepa_starter import VJEPAStarter
from zoo.artefacts.artefact import open_artefact
from zoo.files import read_json
from zoo.loaders.recognition.video_encoder import VideoEncoder

SIZES = {
    "patch": 8,
    "tubelet": 2,
    "width": 24,
    "layers": 2,
    "heads": 2,
    "predictor_width": 16,
    "predictor_layers": 1,
}
SIZE, LENGTH, CLIPS = 32, 8, 4
GLOSSES = ("no", "yes")


@pytest.fixture
def network() -> VJEPA2Model:
    torch.manual_seed(0)
    return video_encoder(SIZE, LENGTH, **SIZES).eval()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips of 12 to 27 frames in which a bar that lies, `no`, or stands, `yes`, moves before walls of other greys."""
    root, entries = tmp_path_factory.mktemp("wlasl"), []
    for label, gloss in enumerate(GLOSSES):
        instances = []
        for number in range(3 * CLIPS):
            name, frames = f"{label}{number:04d}", np.full((12 + 5 * (number % 4), 48, 64, 3), 20 * number, np.uint8)
            for k, frame in enumerate(frames):
                left, (height, width) = 8 + 24 * k // len(frames), (8, 24) if label == 0 else (24, 8)
                frame[12 : 12 + height, left : left + width] = (255, 200, 40)
            write_video(root / "videos" / f"{name}.mp4", frames, fps=25)
            split = ("train", "train", "train", "val", "train", "test")[number % 6]
            instances.append(
                {"video_id": name, "split": split, "url": f"web:{name}", "signer_id": number}
                | {"frame_start": 1, "frame_end": -1}
            )
        entries.append({"gloss": gloss, "instances": instances})
    (root / "WLASL_v0.3.json").write_text(json.dumps(entries))
    return root


@pytest.fixture
def data(root: Path) -> WLASLWindows:
    return WLASLWindows(str(root), split="official", frames=LENGTH, image_size=SIZE, batch_size=4)


def fit(module: VJEPAStarter, data: WLASLWindows, epochs: int) -> L.Trainer:
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "accelerator": "cpu"}
    trainer = L.Trainer(**quiet, enable_model_summary=False, max_epochs=epochs)  # type: ignore[arg-type]
    trainer.fit(module, datamodule=data)
    return trainer


class TestNetwork:
    def test_all_patches_encoded_are_transformers_own_tokens(self, network: VJEPA2Model) -> None:
        pixels = torch.randn(2, LENGTH, 3, SIZE, SIZE)
        whole = network(pixels, skip_predictor=True).last_hidden_state
        torch.testing.assert_close(encode(network, pixels), whole, atol=1e-5, rtol=1e-4)
        everything = torch.arange(whole.shape[1])
        torch.testing.assert_close(encode(network, pixels, everything), whole, atol=1e-5, rtol=1e-4)

    def test_the_predictor_is_transformers_own_and_finds_the_seen_at_their_places(self, network: VJEPA2Model) -> None:
        pixels, places = torch.randn(2, LENGTH, 3, SIZE, SIZE), draw_places(network.config)
        seen, hidden = (of.expand(2, -1) for of in places)
        own = network(pixels, context_mask=[seen], target_mask=[hidden]).predictor_output.last_hidden_state
        tokens = encode(network, pixels)[:, places[0]]
        torch.testing.assert_close(predict(network, tokens, places), own, atol=1e-5, rtol=1e-4)

    def test_the_encoder_does_not_see_what_is_predicted(self, network: VJEPA2Model) -> None:
        places = draw_places(network.config, torch.Generator().manual_seed(0))
        pixels = torch.randn(1, LENGTH, 3, SIZE, SIZE)
        side, number = SIZE // SIZES["patch"], int(places[1][0])
        row, column = (8 * of for of in divmod(number % side**2, side))
        other = pixels.clone()
        other[:, :, :, row : row + 8, column : column + 8] = 9.0
        assert torch.equal(encode(network, pixels, places[0]), encode(network, other, places[0]))
        assert not torch.equal(encode(network, pixels), encode(network, other))

    def test_masks_hide_the_same_part_of_every_frame_and_leave_some(self, network: VJEPA2Model) -> None:
        tubelets, side = grid(network.config)
        shares = []
        for seed in range(50):
            seen, hidden = draw_places(network.config, torch.Generator().manual_seed(seed))
            assert sorted([*seen.tolist(), *hidden.tolist()]) == list(range(tubelets * side**2))
            in_frame = {frozenset((seen[seen // side**2 == k] % side**2).tolist()) for k in range(tubelets)}
            assert len(in_frame) == 1
            shares.append(len(seen) / (len(seen) + len(hidden)))
        assert 0 < min(shares) < max(shares) < 1

    def test_rows_are_those_of_the_frozen_encoder(self, network: VJEPA2Model) -> None:
        frames = torch.randint(0, 256, (2, LENGTH, SIZE, SIZE, 3), dtype=torch.uint8)
        rows = pooled(encode(network, standardised(frames)), network.config)
        torch.testing.assert_close(rows, Encoder(network)(frames), atol=1e-5, rtol=1e-4)

    def test_each_head_begins_by_looking_at_one_neighbour(self, network: VJEPA2Model) -> None:
        pixels = torch.randn(1, LENGTH, 3, SIZE, SIZE)
        network.set_attn_implementation("eager")
        looks = torch.stack(network(pixels, skip_predictor=True, output_attentions=True).attentions)[:, 0]
        assert looks.max(-1).values.mean() > 0.8
        assert (looks.argmax(-1).unique(dim=-1, return_counts=True)[0].numel()) > 1

    def test_sizes_that_make_no_network_are_refused(self) -> None:
        with pytest.raises(ValueError, match="patch: found 5, expected what divides 32"):
            video_encoder(SIZE, LENGTH, **{**SIZES, "patch": 5})
        with pytest.raises(ValueError, match="patch: found 32, expected at most half of 32"):
            video_encoder(SIZE, LENGTH, **{**SIZES, "patch": 32})


class TestData:
    def test_whole_clips_are_the_windows_that_embedding_reads(self, data: WLASLWindows) -> None:
        for batch in data.test_dataloader():
            for number, name in enumerate(batch.names):
                path = data.root / "videos" / f"{name}.mp4"
                found = list(windows(*Clip(name, path).frames(), LENGTH, SIZE))
                own = batch.clips == number
                assert batch.real[own].tolist() == [real for _, real in found]
                assert np.array_equal(batch.frames[own].numpy(), np.stack([views[0] for views, _ in found]))

    def test_counts_of_frames_are_those_of_resampling(self) -> None:
        frame = np.zeros((1, 1, 3), np.uint8)
        for fps in (8.0, 16.0, 25.0, 30000 / 1001, 32.0, 50.0):
            for count in (1, 2, 7, 40, 41):
                assert resampled(count, fps, FPS) == len(list(resample([frame] * count, fps, FPS)))

    def test_training_windows_lie_elsewhere_in_every_epoch_and_repeat_with_the_seed(self, data: WLASLWindows) -> None:
        examples = data.examples("train")
        first, again, other = (examples[epoch, 3][2] for epoch in (0, 0, 1))
        assert first.shape == (LENGTH, SIZE, SIZE, 3)
        assert np.array_equal(first, again)
        assert not np.array_equal(first, other)

    def test_no_video_is_decoded_twice(self, data: WLASLWindows, monkeypatch: pytest.MonkeyPatch) -> None:
        data.examples("dev")
        monkeypatch.setattr(Clip, "frames", lambda clip: pytest.fail(f"{clip.name} was decoded again"))
        batch = next(iter(data.val_dataloader()))
        assert batch.frames.dtype == torch.uint8

    def test_windows_come_with_the_points_of_their_moments(self, root: Path, tmp_path: Path) -> None:
        pose = hands_up()
        write_pose(tmp_path / "00000.pose", pose)
        (tmp_path / "00001.pose").write_bytes(b"no pose")
        data = WLASLWindows(str(root), split="official", frames=LENGTH, image_size=SIZE, landmarks=str(tmp_path))
        examples = data.examples("train")
        points = {name: seen for name, _, _, seen in (examples[index] for index in range(len(examples)))}
        start = max(0, (examples.frames.counts[0] - LENGTH) // 2)
        shown = points.pop("00000")
        np.testing.assert_array_equal(shown, square_points(pose)[start : start + LENGTH])
        assert all(seen.shape == (LENGTH, 49, 3) and not seen.any() for seen in points.values())
        assert tmp_path / "00000.pose" in data.content()

    def test_a_folder_without_landmarks_says_how_they_are_made(self, root: Path) -> None:
        with pytest.raises(FileNotFoundError, match=r"nowhere: no such folder; `python -m zoo data landmarks"):
            WLASLWindows(str(root), split="official", landmarks="nowhere").examples("train")

    def test_points_lie_in_the_square_where_the_pixels_are_that_show_them(self) -> None:
        pose, frame = hands_up(), np.zeros((240, 320, 3), np.uint8)
        x, y = np.ma.getdata(pose.body.data)[0, 0, 0, :2].round().astype(int)
        frame[y - 2 : y + 3, x - 2 : x + 3] = 255
        rows, columns = np.nonzero(crop(frame, 96)[..., 0] > 200)
        shown = (np.array([columns.mean(), rows.mean()]) + 0.5) / 48 - 1
        np.testing.assert_allclose(shown, square_points(pose)[0, 0, :2], atol=0.05)

    def test_augmentation_is_alike_in_all_frames_and_never_mirrors(self) -> None:
        torch.manual_seed(0)
        frames = torch.full((8, LENGTH, SIZE, SIZE, 3), 60, dtype=torch.uint8)
        frames[:, :, :, SIZE // 2 :] = 200
        points = torch.zeros(8, LENGTH, 49, 3)
        varied, _ = vary_clips(frames, points)
        assert (varied == varied[:, :1]).all()
        assert not (varied == frames).all()
        assert (varied[:, :, :, :4].mean((1, 2, 3, 4)) < varied[:, :, :, -4:].mean((1, 2, 3, 4))).all()
        assert torch.equal(vary_clips(frames, points, 0)[0], frames.float())

    def test_points_are_moved_with_the_pixels(self) -> None:
        torch.manual_seed(0)
        frames = torch.zeros(8, LENGTH, 96, 96, 3)
        frames[:, :, 30:33, 60:63] = 255
        points = torch.tensor([61.5 / 48 - 1, 31.5 / 48 - 1, 1.0]).expand(8, LENGTH, 1, 3)
        varied, moved = vary_clips(frames, points)
        light = varied.mean(4)[:, 0]
        weight = (light - light.amin((1, 2), keepdim=True)).clamp(min=0).square()
        centres = (torch.arange(96) + 0.5) / 48 - 1
        found = [(weight.sum(axis) * centres).sum(1) / weight.sum((1, 2)) for axis in (1, 2)]
        torch.testing.assert_close(torch.stack(found, 1), moved[:, 0, 0, :2], atol=0.05, rtol=0)
        assert (moved[..., 2] == 1).all()


class TestPoints:
    @pytest.fixture
    def head(self, network: VJEPA2Model) -> PointHead:
        head = PointHead(network.config)
        torch.nn.init.zeros_(head.output.weight)
        torch.nn.init.zeros_(head.output.bias)
        return head

    @pytest.fixture
    def tokens(self, network: VJEPA2Model) -> torch.Tensor:
        tubelets, side = grid(network.config)
        return torch.zeros(1, tubelets * side**2, SIZES["width"])

    @pytest.fixture
    def points(self) -> torch.Tensor:
        """Every point in the middle of the square in every frame, and the fingers at their wrists."""
        return torch.tensor([0.0, 0.0, 1.0]).repeat(1, LENGTH, 49, 1)

    def test_the_body_is_told_for_each_patch_and_fingers_for_their_wrists(
        self, head: PointHead, tokens: torch.Tensor, points: torch.Tensor
    ) -> None:
        body = float(head.origins[:, 0, 0].abs().mean()) / UNITS[0]
        assert float(head.error(tokens, points)) == pytest.approx(body / 2)
        points[:, :, HANDS[0], :2] += 0.3  # a hand with its wrist
        points[:, :, HANDS[1].start + 1, 0] += 2 * UNITS[1]  # one finger of another
        assert float(head.error(tokens, points)) > body / 2 + 0.5 / 40

    def test_who_tells_where_a_moving_point_was_is_and_will_be_has_no_error(
        self, head: PointHead, tokens: torch.Tensor, points: torch.Tensor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        points[..., 2] = 0
        points[:, :, 5, 2] = 1
        points[:, :, 5, 0] = torch.linspace(-0.5, 0.5, LENGTH)
        tubelets = LENGTH // SIZES["tubelet"]
        right = torch.zeros_like(head(tokens))
        places = points[0, :, 5, 0].view(tubelets, 1, head.moments, -1).mean(-1)
        for tubelet in range(tubelets):
            for near in range(max(0, tubelet - REACH), min(tubelets, tubelet + REACH + 1)):
                moments = slice((near - tubelet + REACH) * head.moments, (near - tubelet + REACH + 1) * head.moments)
                right[:, tubelet, :, moments, 5, 0] = (places[near] - head.origins[:, 0, 0, :1]) / UNITS[0]
                right[:, tubelet, :, moments, 5, 1] = -head.origins[:, 0, 0, 1:] / UNITS[0]
        assert float(head.error(tokens, points)) > 0
        monkeypatch.setattr(head, "forward", lambda _: right)
        assert float(head.error(tokens, points)) == pytest.approx(0, abs=1e-6)

    def test_what_a_patch_sees_weighs_more_than_each_moment_around_it(
        self, head: PointHead, tokens: torch.Tensor, points: torch.Tensor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        points[..., 2] = 0
        points[:, :, 5, 2] = 1
        right = (-head.origins / head.units).expand_as(head(tokens)).clone()

        def error(moments: slice) -> float:
            said = right.clone()
            said[:, :, :, moments] += 1
            monkeypatch.setattr(head, "forward", lambda _: said)
            return float(head.error(tokens, points))

        own, next_one = (slice(at * head.moments, (at + 1) * head.moments) for at in (REACH, REACH + 1))
        tubelets = LENGTH // SIZES["tubelet"]
        assert error(next_one) == pytest.approx(AROUND * error(own) * (tubelets - 1) / tubelets)

    def test_unseen_points_and_fingers_without_a_wrist_have_no_error(
        self, head: PointHead, tokens: torch.Tensor, points: torch.Tensor
    ) -> None:
        points[..., 2] = 0
        assert head.error(tokens, points) == 0
        points[:, :, HANDS[0].start + 1 :, :] = torch.tensor([9.0, 9.0, 1.0])
        points[:, :, HANDS[1].start, 2] = 0
        assert head.error(tokens, points) == 0


class TestTraining:
    def test_it_tells_signs_apart_that_it_was_trained_on(self, data: WLASLWindows) -> None:
        torch.manual_seed(0)
        module = VJEPAStarter(**SIZES, landmarks=0, ema_decay=0.8, augmentation=0, learning_rate=3e-3)
        fit(module, data, epochs=20)
        examples = data.examples("train")
        batch: WindowBatch = data.collate([examples[index] for index in range(len(examples))])
        logits = module.head(pooled(encode(module.network, standardised(batch.frames)), module.network.config))
        assert (logits.argmax(1) == batch.labels).float().mean() > 0.8
        assert module.trainer.callback_metrics["val/feature_std"] > 0.05

    @pytest.mark.parametrize("off", ["masked", "landmarks", "supervised"])
    def test_each_objective_can_be_switched_off(self, root: Path, data: WLASLWindows, off: str) -> None:
        (root / "landmarks").mkdir(exist_ok=True)
        write_pose(root / "landmarks" / "00000.pose", hands_up())
        data.landmarks = root / "landmarks"
        torch.manual_seed(0)
        module = VJEPAStarter(**SIZES, **{off: 0.0})
        before = {}

        def kept(part: torch.nn.Module) -> list[torch.Tensor]:
            return [weights.detach().clone() for weights in part.parameters()]

        module.trainer = L.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
        module.trainer.datamodule = data  # type: ignore[attr-defined]
        module.configure_model()
        unused = {"masked": module.learner.predictor, "landmarks": module.pointer, "supervised": module.head}[off]
        before = kept(unused), kept(module.learner.encoder)
        trainer = fit(module, data, epochs=1)
        assert all(map(torch.equal, before[0], kept(unused)))
        assert not all(map(torch.equal, before[1], kept(module.learner.encoder)))
        assert f"train/{off}" not in trainer.callback_metrics

    def test_nothing_to_learn_is_refused(self) -> None:
        with pytest.raises(ValueError, match="masked, landmarks, supervised: found 0 for each"):
            VJEPAStarter(masked=0, landmarks=0, supervised=0)

    def test_landmarks_that_the_data_does_not_know_are_asked_for(self, data: WLASLWindows) -> None:
        with pytest.raises(
            ValueError, match=r"data.init_args.landmarks: found none.*model.init_args.landmarks: 1 learns"
        ):
            fit(VJEPAStarter(**SIZES), data, epochs=1)

    def test_a_test_has_the_untrained_encoder_and_pixels_beside_it(self, tiny_runs: Callable[[str], Path]) -> None:
        results = read_json(tiny_runs("vjepa-starter") / "results.json")
        for key in ("knn_top1", "knn_top1_per_class", "probe_top1", "probe_top1_per_class"):
            assert {"value", "interval", "majority_class", "untrained_encoder", "raw_pixels"} <= results[key].keys()
        for key in ("feature_std", "effective_rank"):
            assert {"value", "untrained_encoder"} <= results[key].keys()


class TestFeatures:
    def test_readers_name_what_features_say(self) -> None:
        torch.manual_seed(0)
        labels = torch.arange(60) % 3
        features = torch.randn(60, 5) + 4 * torch.nn.functional.one_hot(labels, 5)
        readers = Readers((features[:40], labels[:40]), (features[40:50], labels[40:50]), classes=3)
        for scores in readers.scores(features[50:]).values():
            assert (scores.argmax(1) == labels[50:]).float().mean() > 0.85

    def test_collapse_is_measured(self) -> None:
        torch.manual_seed(0)
        wide = torch.randn(200, 10)
        assert feature_std(wide) == pytest.approx(1, abs=0.05)
        assert feature_std(torch.ones(200, 10)) == 0
        assert effective_rank(wide) == pytest.approx(10, abs=0.2)
        assert effective_rank(torch.randn(200, 1) * torch.ones(10)) == pytest.approx(1, abs=0.01)


class TestLoader:
    @pytest.fixture
    def made(self, network: VJEPA2Model, tmp_path: Path) -> Path:
        (tmp_path / "made").mkdir()
        VideoEncoder(network, "ase").save(tmp_path / "made")
        return tmp_path / "made"

    def test_plain_transformers_opens_it_and_gives_the_same(self, made: Path) -> None:
        ours = open_artefact(made)
        theirs = VJEPA2Model.from_pretrained(made, subfolder="encoder").eval()
        frames = np.random.default_rng(0).integers(0, 256, (LENGTH, SIZE, SIZE, 3), np.uint8)
        tokens = theirs(standardised(torch.from_numpy(frames[None])), skip_predictor=True).last_hidden_state
        rows = pooled(tokens, theirs.config)[0].detach().numpy()
        np.testing.assert_allclose(ours.embed(_square(frames), FPS), rows, atol=1e-4)

    def test_it_embeds_files_as_frames_and_as_many_rows_as_tubelets(self, made: Path, root: Path) -> None:
        model, path = open_artefact(made), root / "videos" / "00003.mp4"
        frames, fps = read_video(path)
        stacked = np.stack(list(frames))
        rows = model.embed(path)
        assert rows.shape == (-(-resampled(len(stacked), fps, FPS) // 2), SIZES["width"])
        np.testing.assert_array_equal(model.embed(stacked, fps), rows)

    @pytest.mark.parametrize(("key", "value"), [("model_type", "vit"), ("hidden_act", "relu")])
    def test_another_network_is_refused(self, made: Path, key: str, value: str) -> None:
        path = made / "encoder" / "config.json"
        path.write_text(json.dumps({**read_json(path), key: value}))
        with pytest.raises(ValueError, match=f"{key} is '{value}', expected"):
            open_artefact(made)

    def test_what_is_no_video_is_refused(self, made: Path) -> None:
        with pytest.raises(ValueError, match=r"expected uint8 RGB frames \(T, H, W, 3\)"):
            open_artefact(made).embed(np.zeros((2, 8, 8, 3)))


def hands_up() -> Pose:
    """Landmarks as `python -m zoo data landmarks` writes them, of a signer with both hands in view."""
    performance = perform(["HELP"], Signer(), fps=25.0)
    return detected(performance.joints, Camera(320, 240, 86, (160, 105)), 25.0, np.random.default_rng(0))


def _square(frames: np.ndarray) -> np.ndarray:
    """Frames whose middle square, as it is cut for the encoder, are these."""
    side = SIZE * 256 // 224
    margin = (side - SIZE) // 2
    return np.pad(frames, ((0, 0), (margin, side - SIZE - margin), (margin, side - SIZE - margin), (0, 0)))
