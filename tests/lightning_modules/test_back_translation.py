"""Back-translation: poses are read as text, whatever file, layout and rate they come in, and noise as nothing."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from every_spec import starter
from pose_format import Pose

import zoo
from datamodules.avatar import perform
from datamodules.avatar.renderer.frames import Camera
from datamodules.avatar.renderer.openpose import openpose_keypoints
from datamodules.poses.conversion import to_joints, to_pose
from datamodules.poses.formats import write_openpose, write_pose, write_skels
from datamodules.poses.layouts import make_pose
from datamodules.poses.motions import filled, read_motions, resample, slp_joints
from datamodules.poses.skeletons import (
    HOLISTIC_75,
    LEFT_HAND,
    LEFT_WRIST,
    OPENPOSE_137,
    RIGHT_HAND,
    RIGHT_WRIST,
    SLP_50,
)
from datamodules.text import Tokenizer
from datamodules.text_pose.pairs import TextPose, TextPoseBatch
from lightning_modules.back_translation import BackTranslation
from lightning_modules.evaluation.baselines import most_frequent
from lightning_modules.evaluation.reading_evaluation import ReadingEvaluation
from lightning_modules.networks.augmentation import vary_motions
from lightning_modules.networks.text_to_pose.pose_to_text import (
    END,
    START,
    PoseToTextConfig,
    PoseToTextTransformer,
    read,
    token_limits,
)
from lightning_modules.networks.text_to_pose.transformer import PAD
from zoo.artefacts.artefact import open_artefact
from zoo.cli import main
from zoo.io_types import Signal
from zoo.loaders.text_to_pose.pose_to_text import PoseToText

SENTENCES = {
    "Hello.": ["HELLO"],
    "Thank you.": ["THANK-YOU"],
    "What is your name?": ["YOUR", "NAME", "WHAT"],
    "My name is Bo.": ["MY", "NAME", "#BO"],
    "Your name is Al Bo.": ["YOUR", "NAME", "#AL", "#BO"],
    "I love you.": ["I-LOVE-YOU"],
}
TEXTS = list(SENTENCES)
MOTIONS = [perform(glosses).joints[::2] for glosses in SENTENCES.values()]
FPS = 12.5
CAMERA = Camera(640, 640, 120.0, (320.0, 240.0))


def network(shorten: int = 2, width: int = 16, vocabulary: int = 30) -> PoseToTextTransformer:
    torch.manual_seed(0)
    config = PoseToTextConfig(vocabulary, width, heads=2, layers=2, feedforward=32, dropout=0.0, shorten=shorten)
    return PoseToTextTransformer(config).eval()


def padded(motions: list[np.ndarray]) -> tuple[torch.Tensor, torch.Tensor]:
    joints = [torch.from_numpy(np.array(motion)) for motion in motions]
    return torch.nn.utils.rnn.pad_sequence(joints, batch_first=True), torch.tensor([len(j) for j in joints])


def batch_of(texts: list[str], motions: list[np.ndarray]) -> TextPoseBatch:
    joints, lengths = padded(motions)
    return TextPoseBatch(torch.zeros(len(texts), 1), joints, lengths, texts, texts)


@pytest.fixture(scope="module")
def module() -> BackTranslation:
    """A small reader that was trained on six sentences."""
    torch.manual_seed(0)
    built = BackTranslation(width=64, heads=2, layers=1, feedforward=64, dropout=0.0, shorten=2, augmentation=0.3)
    tokenizer = Tokenizer.build([*TEXTS, *TEXTS[:3]], min_count=2)
    built.trainer = SimpleNamespace(datamodule=SimpleNamespace(tokenizer=tokenizer))
    built.network = PoseToTextTransformer(PoseToTextConfig(len(built.tokenizer), **built.sizes))
    built.network.pose.fit(torch.from_numpy(motion) for motion in MOTIONS)
    optimizer = torch.optim.AdamW(built.network.parameters(), 2e-3)
    batch = batch_of(TEXTS, MOTIONS)
    for _ in range(120):
        optimizer.zero_grad()
        built.loss(batch).backward()
        optimizer.step()
    return built.eval()


@pytest.fixture(scope="module")
def loader(module: BackTranslation) -> PoseToText:
    return PoseToText(module.network, module.tokenizer, FPS, "en", "ase")


def lower(texts: list[str]) -> list[str]:
    return [text.lower() for text in texts]


class TestNetwork:
    @pytest.mark.parametrize(("shorten", "steps"), [(1, 21), (2, 11), (4, 6)])
    def test_time_is_shortened_and_what_lies_in_the_padding_is_never_seen(self, shorten: int, steps: int) -> None:
        net = network(shorten)
        short, long = MOTIONS[2][:21], MOTIONS[4][:33]
        joints, lengths = padded([short, long])
        joints[0, 21:] = 1e3
        memory, mask = net.encode(joints, lengths)
        assert mask.sum(1).tolist()[0] == steps
        alone = net.encode(*padded([short]))[0][0]
        torch.testing.assert_close(memory[0, :steps], alone, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(net.features(joints, lengths)[0], alone.mean(0), atol=1e-5, rtol=1e-4)

    def test_kept_keys_and_values_read_what_the_whole_prefix_does(self) -> None:
        net, (joints, lengths) = network(), padded(MOTIONS[:3])
        with torch.no_grad():
            found = read(net, joints, lengths)
            for row, ids in enumerate(found):
                tokens = [START]
                while len(tokens) <= token_limits(lengths)[row]:
                    scores = net(joints[row : row + 1, : lengths[row]], lengths[row : row + 1], torch.tensor([tokens]))
                    tokens.append(int(scores[0, -1].argmax()))
                    if tokens[-1] == END:
                        break
                assert ids == [token for token in tokens[1:] if token != END]

    def test_a_network_that_never_ends_is_ended_by_the_number_of_frames(self) -> None:
        net, (joints, lengths) = network(), padded([MOTIONS[0][:4], MOTIONS[4][:40]])
        with torch.no_grad():
            net.output.bias[7] = 1e6
        assert [len(ids) for ids in read(net, joints, lengths)] == [18, 36]

    def test_sizes_that_do_not_fit_are_refused_by_name(self) -> None:
        with pytest.raises(ValueError, match="shorten: found 3, expected 1, 2 or 4"):
            PoseToTextConfig(10, shorten=3)
        with pytest.raises(ValueError, match="multiple of 2 x heads"):
            PoseToTextConfig(10, width=20, heads=8)


class TestAugmentation:
    def test_scale_0_leaves_all_as_it_is(self) -> None:
        joints, lengths = padded(MOTIONS)
        assert vary_motions(joints, lengths, 0) == (joints, lengths)

    def test_tempo_size_and_noise_change_and_hands_do_not(self) -> None:
        torch.manual_seed(0)
        joints, lengths = padded(MOTIONS)
        joints[0, lengths[0] :] = 1e6  # padding must not come in
        changed, longer = vary_motions(joints.repeat(20, 1, 1, 1), lengths.repeat(20), 1.0)
        ratios = longer / lengths.repeat(20)
        assert 0.75 < ratios.min() < 0.9
        assert 1.1 < ratios.max() < 1.3
        assert changed.shape[1] == longer.max()
        for row, length in enumerate(longer):
            motion = changed[row, :length]
            assert motion.abs().max() < 3
            assert motion[:, RIGHT_WRIST, 0].mean() < motion[:, LEFT_WRIST, 0].mean()  # nobody was mirrored
        before = joints[2, 0] - joints[2, 0, RIGHT_WRIST]
        after = changed[2, 0] - changed[2, 0, RIGHT_WRIST]
        ratio = after[RIGHT_HAND].norm() / before[RIGHT_HAND].norm()
        assert 0.88 < ratio < 1.12


class TestObjective:
    def test_padding_of_poses_and_of_texts_never_reaches_the_loss(self, module: BackTranslation) -> None:
        batch = batch_of(TEXTS, MOTIONS)
        whole = module.loss(batch)
        batch.joints[0, batch.lengths[0] :] = 50.0
        torch.testing.assert_close(module.loss(batch), whole)
        each = [module.loss(batch_of([text], [motion])) for text, motion in zip(TEXTS, MOTIONS, strict=True)]
        counts = torch.tensor([len(module.tokenizer.encode(text)) - 1 for text in TEXTS])
        torch.testing.assert_close((torch.stack(each) * counts).sum() / counts.sum(), whole, atol=1e-5, rtol=1e-4)

    def test_validation_is_neither_smoothed_nor_augmented(self, module: BackTranslation) -> None:
        batch = batch_of(TEXTS, MOTIONS)
        assert module.loss(batch) == module.loss(batch)
        module.train()
        changed = module.loss(batch)
        module.eval()
        assert changed > module.loss(batch) + 0.1

    @pytest.mark.parametrize("wrong", [{"augmentation": -1.0}, {"label_smoothing": 1.0}])
    def test_numbers_out_of_range_are_refused_by_name(self, wrong: dict[str, float]) -> None:
        with pytest.raises(ValueError, match=rf"{next(iter(wrong))}: found"):
            BackTranslation(**wrong)


class TestReading:
    def test_it_reads_what_it_was_trained_on(self, loader: PoseToText) -> None:
        assert loader.read_joints(MOTIONS, FPS) == lower(TEXTS)

    def test_one_pose_gives_a_text_and_a_list_gives_a_list(self, loader: PoseToText) -> None:
        poses = [to_pose(motion, FPS) for motion in MOTIONS[:3]]
        assert loader.read(poses[2]) == "what is your name?"
        assert loader.read(poses) == lower(TEXTS[:3])
        assert loader.read([]) == []
        with pytest.raises(ValueError, match=r"found str, expected a pose_format\.Pose"):
            loader.read("hello.pose")

    @pytest.mark.parametrize("fps", [25.0, 50.0, 10.0])
    def test_the_frame_rate_does_not_matter(self, loader: PoseToText, fps: float) -> None:
        poses = [perform(glosses, fps=fps).pose for glosses in SENTENCES.values()]
        assert loader.read(poses) == lower(TEXTS)

    def test_absent_joints_are_filled_in(self, loader: PoseToText) -> None:
        gappy = [motion.copy() for motion in MOTIONS]
        for motion in gappy:
            motion[1::3, RIGHT_HAND] = np.nan
            motion[2::5, LEFT_WRIST] = np.nan
        assert loader.read_joints(gappy, FPS) == lower(TEXTS)
        assert isinstance(loader.read(to_pose(np.where(np.arange(50)[:, None] < 8, MOTIONS[0], np.nan), FPS)), str)

    def test_keypoints_of_a_picture_are_lifted_and_read(self, loader: PoseToText, tmp_path: Path) -> None:
        keypoints = openpose_keypoints(perform(SENTENCES["Thank you."]).joints, CAMERA)
        pose = make_pose(OPENPOSE_137, keypoints[..., :2], keypoints[..., 2], 25.0, (640, 640))
        assert loader.read(pose) == "thank you."
        write_openpose(tmp_path / "clip", "clip", keypoints)
        assert loader.run(str(tmp_path / "clip"), [tmp_path / "said.txt"]) == [tmp_path / "said.txt"]
        assert (tmp_path / "said.txt").read_text() == "thank you.\n"

    def test_holistic_poses_are_read(self, loader: PoseToText) -> None:
        joints = perform(SENTENCES["Thank you."]).joints
        places = {name: index for index, name in enumerate(SLP_50.anatomy)}
        found = np.array([places.get(name, -1) for name in HOLISTIC_75.anatomy])
        joints[:, RIGHT_HAND, 2] -= joints[:, RIGHT_WRIST, None, 2]  # there, a hand's depth counts from its wrist
        joints[:, LEFT_HAND, 2] -= joints[:, LEFT_WRIST, None, 2]
        points = to_pose(joints, 25.0).body.data.data[:, 0][:, found]
        points[..., 2] /= 512
        confidence = np.broadcast_to(found >= 0, points.shape[:2]).astype(np.float32)
        pose = make_pose(HOLISTIC_75, points, confidence, 25.0, (512, 512), depth=512)
        assert np.isfinite(slp_joints(pose)).all()
        assert loader.read(pose) == "thank you."

    def test_features_do_not_depend_on_who_is_read_beside(self, loader: PoseToText) -> None:
        whole = loader.features(MOTIONS, FPS)
        assert whole.shape == (len(MOTIONS), 64)
        alone = np.concatenate([loader.features([motion], FPS) for motion in MOTIONS])
        np.testing.assert_allclose(whole, alone, atol=1e-5)
        assert loader.features([], FPS).shape == (0, 64)

    @pytest.mark.parametrize(
        ("joints", "fps", "message"),
        [
            (np.zeros((3, 49, 3), np.float32), 25.0, r"\(3, 49, 3\), expected \(T, 50, 3\)"),
            (np.zeros((0, 50, 3), np.float32), 25.0, r"with T >= 1"),
            (np.full((3, 50, 3), np.nan, np.float32), 25.0, "no joint is seen"),
            (np.zeros((3, 50, 3), np.float32), 0.0, "found 0 frames a second"),
            (np.zeros((3, 50, 3), np.float32), float("nan"), "found nan frames a second"),
            (np.zeros((9000, 50, 3), np.float32), 25.0, "a motion of 360 seconds: at most 240"),
            (np.zeros((9, 50, 3), np.float32), 1e-6, "at most 240"),
        ],
    )
    def test_what_cannot_be_read_is_refused(
        self, loader: PoseToText, joints: np.ndarray, fps: float, message: str
    ) -> None:
        with pytest.raises(ValueError, match=message):
            loader.read_joints([joints], fps)

    def test_a_pose_of_another_layout_is_refused(self, loader: PoseToText) -> None:
        with pytest.raises(ValueError, match="expected a pose of one of the layouts"):
            loader.read(to_pose(MOTIONS[0], FPS).get_components(["BODY"]))


class TestFiles:
    def test_each_sequence_of_a_file_is_a_line(self, loader: PoseToText, tmp_path: Path) -> None:
        write_skels(tmp_path / "in.skels", [perform(glosses).joints for glosses in SENTENCES.values()])
        outputs = [tmp_path / "out" / "said.txt", tmp_path / "said.json"]
        assert loader.run(str(tmp_path / "in.skels"), outputs) == outputs
        assert outputs[0].read_text().splitlines() == lower(TEXTS)
        assert json.loads(outputs[1].read_text())["texts"] == lower(TEXTS)

    def test_a_pose_file_is_read(self, loader: PoseToText, tmp_path: Path) -> None:
        write_pose(tmp_path / "in.pose", perform(SENTENCES["Hello."]).pose)
        loader.run(str(tmp_path / "in.pose"), [tmp_path / "said.json"])
        assert json.loads((tmp_path / "said.json").read_text())["texts"] == ["hello."]

    @pytest.mark.parametrize(
        ("name", "output", "message"),
        [
            ("in.mp4", "said.txt", r"in\.mp4: found \.mp4, expected a \.pose or \.skels file or a folder of OpenPose"),
            ("in.pose", "said.mp4", r"said\.mp4: cannot write \.mp4; use \.txt, \.json"),
            ("empty.skels", "said.txt", r"empty\.skels: no sequence"),
            ("body.pose", "said.txt", r"body\.pose: expected a pose of one of the layouts"),
            ("long.skels", "said.txt", r"long\.skels: a motion of 400 seconds"),
        ],
    )
    def test_what_cannot_be_read_or_written_is_refused_by_name(
        self, loader: PoseToText, name: str, output: str, message: str, tmp_path: Path
    ) -> None:
        write_pose(tmp_path / "body.pose", to_pose(MOTIONS[0], 25).get_components(["BODY"]))
        (tmp_path / "empty.skels").touch()
        if name == "long.skels":
            write_skels(tmp_path / name, [np.zeros((10000, 50, 3), np.float32)])
        with pytest.raises(ValueError, match=message):
            loader.run(str(tmp_path / name), [tmp_path / output])
        assert not (tmp_path / output).exists()

    def test_what_is_saved_reads_alike(self, loader: PoseToText, tmp_path: Path) -> None:
        loader.save(tmp_path)
        again = open_artefact(tmp_path)
        assert (again.fps, again.accepts, again.gives) == (FPS, loader.accepts, Signal("text", language="en"))
        assert again.read_joints(MOTIONS, FPS) == lower(TEXTS)
        for name, value in loader.probe().items():
            np.testing.assert_array_equal(again.probe()[name], value)

    @pytest.mark.parametrize(("key", "value", "message"), [("fps", -1, "fps is -1"), ("fps", "x", "fps is 'x'")])
    def test_a_forged_artefact_is_refused(
        self, loader: PoseToText, key: str, value: object, message: str, tmp_path: Path
    ) -> None:
        loader.save(tmp_path)
        config = json.loads((tmp_path / "config.json").read_text())
        (tmp_path / "config.json").write_text(json.dumps({**config, key: value}))
        with pytest.raises(ValueError, match=message):
            open_artefact(tmp_path)


class TestMotions:
    def test_gaps_are_bridged_by_straight_lines_with_the_wrist(self) -> None:
        motion = MOTIONS[2].copy()
        motion[5:8, RIGHT_HAND] = np.nan
        whole = filled(motion, MOTIONS[0][0])
        np.testing.assert_array_equal(whole[:5], motion[:5])
        wrist = motion[:, RIGHT_WRIST, None]
        between = ((motion - wrist)[4, RIGHT_HAND] + (motion - wrist)[8, RIGHT_HAND]) / 2
        np.testing.assert_allclose((whole - wrist)[6, RIGHT_HAND], between, atol=1e-5)

    def test_a_joint_that_is_never_seen_rests(self) -> None:
        motion, rest = MOTIONS[2].copy(), MOTIONS[0][0]
        motion[:, RIGHT_HAND] = np.nan
        hand = filled(motion, rest)[:, RIGHT_HAND] - motion[:, RIGHT_WRIST, None]
        np.testing.assert_allclose(hand, np.broadcast_to(rest[RIGHT_HAND] - rest[RIGHT_WRIST], hand.shape), atol=1e-5)

    def test_another_rate_keeps_the_seconds(self) -> None:
        assert len(resample(MOTIONS[2], 12.5)) == 2 * len(MOTIONS[2])
        np.testing.assert_array_equal(resample(MOTIONS[2], 12.5, 12.5), MOTIONS[2])

    def test_a_file_tells_its_rate(self, tmp_path: Path) -> None:
        write_pose(tmp_path / "a.pose", to_pose(MOTIONS[0], 30.0))
        [(joints, fps)] = read_motions(tmp_path / "a.pose")
        np.testing.assert_allclose(joints, MOTIONS[0], atol=1e-5)
        assert fps == 30


class TestEvaluation:
    def evaluation(self, module: BackTranslation) -> ReadingEvaluation:
        examples = [TextPose(text, text, motion) for text, motion in zip(TEXTS, MOTIONS, strict=True)]

        class Train(list):
            texts = TEXTS

        found = ReadingEvaluation(Train(examples), module.network.pose, FPS)
        found.update(batch_of(TEXTS[:3], MOTIONS[:3]), module.read)
        found.update(batch_of(TEXTS[3:], MOTIONS[3:]), module.read)
        return found

    def test_each_score_stands_beside_the_truth_and_guesses_that_read_nothing(self, module: BackTranslation) -> None:
        results = self.evaluation(module).results()
        assert set(results) == {"bleu_1", "bleu_2", "bleu_3", "bleu_4", "chrf", "rouge_l"}
        for row in results.values():
            assert row["value"] == row["ground_truth"] == pytest.approx(100)
            assert row["nearest_train_pose"] == pytest.approx(100)  # it was tested on what it was trained on
            assert row["most_frequent_text"] < 60
            assert row["random_poses"] < 60
            assert row["n"] == len(TEXTS)
            assert "13a" in row["protocol"]

    def test_it_is_shown_by_length_and_by_samples(self, module: BackTranslation) -> None:
        plots = self.evaluation(module).plots()
        assert set(plots) == {"length", "samples"}
        assert all(plot.ndim == 3 and plot.dtype == np.uint8 for plot in plots.values())

    def test_the_usual_text_is_the_most_frequent_then_the_most_central_one(self) -> None:
        assert most_frequent(["b", "a", "a"]) == "a"
        assert most_frequent(["no", "my dog", "my name is", "my name", "your name is good"]) == "my name is"


class TestPipeline:
    def test_text_comes_back_through_poses(self, loader: PoseToText) -> None:
        class Avatar:
            verb, accepts = "translate", Signal("text", language="en")
            gives = Signal("pose", language="ase", fps=25.0, skeleton="slp-50", normalisation="slp")

            def translate(self, text: str) -> Pose:
                return perform(SENTENCES[text]).pose

        trip = zoo.load("round-trip", translator=Avatar(), renderer=None, reader=loader)
        returned = trip.send("Thank you. What is your name?")
        assert returned.back == "thank you. what is your name?"
        assert len(returned.shared) == returned.said == 6

    def test_a_reader_of_another_language_is_refused(self, module: BackTranslation) -> None:
        german = PoseToText(module.network, module.tokenizer, FPS, "de", "gsg")
        with pytest.raises(ValueError, match="language is ase, expected gsg"):
            zoo.load("round-trip", renderer=None, reader=german)


def test_a_trained_reader_is_measured_by_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    options = starter("back-translation", tmp_path / "twin")
    assert main(["fit", "back-translation", *options]) == 0
    [folder] = (tmp_path / "runs" / "back-translation").iterdir()
    assert main(["test", str(folder)]) == 0
    results = json.loads((folder / "results.json").read_text())
    assert {"value", "most_frequent_text", "nearest_train_pose", "random_poses"} <= set(results["bleu_4"])
    loader = zoo.load(str(folder))
    assert loader.tokenizer.tokens[-1] == "#"
    assert loader.fps == FPS
    assert isinstance(loader.read(to_pose(MOTIONS[0], FPS)), str)
    assert [loader.tokenizer.tokens.index(token) for token in ("<pad>", "<s>", "</s>")] == [PAD, START, END]


def test_joints_of_an_slp_pose_come_as_they_are() -> None:
    pose = to_pose(MOTIONS[0], FPS)
    np.testing.assert_array_equal(slp_joints(pose), to_joints(pose))
