"""Tests of renderers: tables of frames beside guesses, and hands that are found again in them."""

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
import torch
from spoilt_pictures import SPOILT, Pair, avatar_pairs, boxes_of, frames_of, noisy, without_hands

from datamodules.base import Samples
from datamodules.features.hand_landmarks import HandLandmarker
from datamodules.kinds.paired_frames import PairedFrame, PairedFrames, PairedFramesBatch
from datamodules.media.framing import RWTH_BOSTON50, Framing
from datamodules.media.hand_boxes import Box
from datamodules.samples import Sample, Split, Survey
from lightning_modules.evaluation.glossary import BASELINES, PLOTS, PROTOCOLS, meaning
from lightning_modules.evaluation.rendering import contenders
from lightning_modules.evaluation.rendering.contenders import Rival, mean_frame
from lightning_modules.evaluation.rendering.frames import RenderingEvaluation, find_hands
from lightning_modules.evaluation.sample_strips import KEPT, as_images
from lightning_modules.evaluation.training_pictures import PixelFeatures
from lightning_modules.metrics.images import HandFound, HandPose, ssim


class Held(PairedFrames):
    """Pairs in memory: the same for training and for tests.

    As `paper` it shows the true frame itself, as `pose-only` the drawing once more. Sequences are the frames of a few
    stretches, whatever lies between them.
    """

    dataset = "rwth-boston50"

    def __init__(
        self, pairs: Sequence[Pair], boxes: Sequence[list[Box]], batch_size: int = 8, stretches: Sequence[range] = ()
    ) -> None:
        super().__init__(".", len(pairs[0][1]), batch_size)
        self.pairs, self.boxes, self.stretches = pairs, boxes, stretches

    def survey(self) -> Survey:
        raise NotImplementedError

    def examples(self, split: Split) -> Samples:
        return Samples([Sample(str(at), split, split) for at in range(len(self.pairs))], self.read, 0)

    def read(self, sample: Sample, rng: object) -> PairedFrame:
        drawing, frame = self.pairs[int(sample.name)]
        further = {"paper": frame, "pose-only": drawing}
        return PairedFrame(sample.name, drawing, frame, further=further, caption=f"signer {sample.name}")

    def sequences(self, split: Split, count: int, length: int) -> Iterator[PairedFramesBatch]:
        examples = self.examples(split)
        for stretch in self.stretches[:count]:
            yield self.collate([examples[place] for place in stretch[:length]])

    @property
    def framing(self) -> Framing:
        return RWTH_BOSTON50

    def hands(self, names: Sequence[str]) -> list[list[Box]]:
        return [self.boxes[int(name)] for name in names]


@pytest.fixture(autouse=True)
def no_models(tmp_path, monkeypatch) -> None:
    """No hand landmarker lies anywhere, unless a test says so."""
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path))
    monkeypatch.delenv("ZOO_MODELS", raising=False)


def scored(make, *of) -> float:
    score = make()
    score.update(*of)
    return float(score.compute())


@pytest.fixture(scope="module")
def pairs(twin_root) -> list[Pair]:
    return avatar_pairs(twin_root("pix2pix"))


@pytest.fixture(scope="module")
def frames(pairs) -> torch.Tensor:
    return frames_of(pairs)


@pytest.fixture(scope="module")
def boxes(pairs) -> list[list]:
    return boxes_of(pairs)


@pytest.fixture(scope="module")
def measured(bundle, frames, boxes):
    sides = np.array([[max(r - left, b - t) for left, t, r, b in hands] for hands in boxes], float)
    with HandLandmarker(bundle) as landmarker:
        true = find_hands(landmarker, as_images(frames), boxes)
        assert np.isfinite(true).all((2, 3)).mean() > 0.6

        def measure(pictures) -> tuple[float, float]:
            found = find_hands(landmarker, as_images(pictures), boxes)
            return scored(HandPose, found, true, sides), scored(HandFound, found, true, sides)

        yield measure


class TestReDetection:
    """Of hands that MediaPipe finds in frames of the avatar."""

    def test_itself_is_perfect(self, measured, frames):
        assert measured(frames) == (0, 1)

    def test_a_shift_is_measured_in_pixels(self, measured, frames):
        pose, found = measured(frames.roll(6, 3))
        assert found > 0.7
        assert 5 < pose < 13  # what is lost costs its box, some 35 pixels

    def test_hands_that_vanish_cost_most(self, measured, frames, boxes):
        shifted, (gone, found) = measured(frames.roll(6, 3))[0], measured(without_hands(frames, boxes))
        assert found < 0.2
        assert gone > 2 * shifted

    def test_what_spoils_a_picture_costs(self, measured, frames):
        for name, spoil in SPOILT.items():
            pose, _ = measured(spoil(frames))
            assert pose > 1, name


class TestEvaluation:
    def evaluated(self, pairs, boxes, batch: int = 4) -> RenderingEvaluation:
        """Of a renderer that knows the true frames, but for some noise."""
        data = Held(pairs, boxes, batch)
        evaluation, answers = RenderingEvaluation(data, "pose-only"), iter(noisy(frames_of(pairs), 0.05).split(batch))
        for of in data.test_dataloader():
            evaluation.update(of, lambda *shown: 2 * next(answers) - 1)
        return evaluation

    def test_a_table_is_the_same_in_batches_of_any_size(self, pairs, boxes):
        frames = frames_of(pairs)
        whole, parts = (self.evaluated(pairs, boxes, batch).results() for batch in (100, 3))
        assert whole.keys() == parts.keys() == {"ssim", "psnr", "l1", "hand_ssim"}
        perfect = {"ssim": 1.0, "psnr": 100.0, "l1": 0.0, "hand_ssim": 1.0}
        for key, row in whole.items():
            assert row["n"] == len(frames)
            assert row["ground_truth"] == pytest.approx(perfect[key])
            assert row["interval"][0] < row["value"] < row["interval"][1]
            for name in ("value", "interval", "mean_frame", "copy_condition"):
                assert parts[key][name] == pytest.approx(row[name])
            assert row["protocol"] == "pose-only"
            assert row["variant"]
        mean, drawings = frames.mean(0), frames_of([(frame, drawing) for drawing, frame in pairs])
        assert whole["l1"]["mean_frame"] == pytest.approx((frames - mean).abs().mean().item(), abs=1e-6)
        assert whole["l1"]["copy_condition"] == pytest.approx((frames - drawings).abs().mean().item(), abs=1e-6)

    def test_hands_are_re_detected_where_there_is_a_bundle(self, bundle, pairs, boxes, monkeypatch):
        monkeypatch.setenv("ZOO_MODELS", str(bundle.parent))
        results = self.evaluated(pairs, boxes).results()
        pose, found = results["hand_pose"], results["hand_found"]
        assert pose["ground_truth"] == 0 < pose["value"] < pose["copy_condition"]
        assert found["ground_truth"] == 1 >= found["value"] > found["copy_condition"]
        assert "pixels of 240 x 240" in pose["variant"]

    def test_where_hardly_a_hand_can_be_found_a_line_says_why_nothing_is(
        self, bundle, pairs, boxes, monkeypatch, capsys
    ):
        """Of flat grey frames MediaPipe knows nothing, whatever was drawn."""
        monkeypatch.setenv("ZOO_MODELS", str(bundle.parent))
        evaluation = self.evaluated([(drawing, np.full_like(frame, 102)) for drawing, frame in pairs], boxes)
        assert "hand_pose" not in evaluation.results()
        assert capsys.readouterr().err.startswith("hand_pose and hand_found are left out: MediaPipe finds 0 of the ")

    def test_without_boxes_there_are_no_hands(self, pairs):
        assert self.evaluated(pairs, [[] for _ in pairs]).results().keys() == {"ssim", "psnr", "l1"}

    def test_a_renderer_is_handed_nothing_of_the_true_frames(self, pairs, boxes):
        data = Held(pairs, boxes)
        evaluation, handed = RenderingEvaluation(data, "pose-only"), []
        for batch in data.test_dataloader():
            evaluation.update(batch, lambda *of: handed.append(of) or 2 * of[0] - 1)
        drawings = frames_of([(frame, drawing) for drawing, frame in pairs])
        torch.testing.assert_close(torch.cat([conditions for conditions, *_ in handed]), drawings)
        assert all(further.keys() == {"pose-only"} for _, further, _ in handed)
        assert [name for *_, captions in handed for name in captions] == [f"signer {k}" for k in range(len(pairs))]
        row = evaluation.results()["l1"]
        assert row["value"] == pytest.approx(row["copy_condition"])

    def test_frames_that_are_not_finite_are_refused(self, pairs, boxes):
        data = Held(pairs, boxes)
        (batch,) = data.loader(data.examples("test"), collate=data.collate)
        with pytest.raises(ValueError, match="frames that are not finite; did its training diverge"):
            RenderingEvaluation(data, "pose-only").update(batch, lambda conditions, *_: conditions * torch.nan)

    def test_the_mean_of_a_large_data_set_is_that_of_frames_spread_evenly_over_it(self, pairs, boxes, monkeypatch):
        monkeypatch.setattr(contenders, "MEANT", 2)
        torch.testing.assert_close(mean_frame(Held(pairs, boxes)), frames_of([pairs[0], pairs[-1]]).mean(0))

    def test_the_strips_show_the_best_the_median_and_the_worst(self):
        """Frame k of 300 has noise of its own; few are held."""
        rng = np.random.default_rng(0)
        true = [rng.integers(0, 256, (16, 16, 3), np.uint8) for _ in range(300)]
        references = frames_of([(frame, frame) for frame in true])
        deviations = torch.rand(300, generator=torch.Generator().manual_seed(3))
        pictures = torch.stack([noisy(one[None], float(d))[0] for one, d in zip(references, deviations, strict=True)])
        data = Held([(frame, frame) for frame in true], [[] for _ in true], 7)
        evaluation, answers = RenderingEvaluation(data, "pose-only"), iter((2 * pictures - 1).split(7))
        for batch in data.test_dataloader():
            evaluation.update(batch, lambda *shown: next(answers))
            assert len(evaluation.kept.strips) <= KEPT + 2
        scores = ssim(pictures, references)
        held = {strip.name: strip.score for strip in evaluation.kept.strips.values()}
        assert {str(int(scores.argmin())), str(int(scores.argmax()))} <= held.keys()
        assert min(abs(value - float(scores.median())) for value in held.values()) < 0.02
        shown = evaluation.plots()["samples"]
        assert shown.dtype == np.uint8
        assert shown.ndim == 3


def as_shown(conditions, further, captions):
    """Renders what its protocol shows it: the drawing under `pose-only`, and the truth itself under `paper`."""
    (shown,) = further.values()
    return 2 * shown - 1


def evaluated(data: Held, render=as_shown, *protocols: str, **settings) -> RenderingEvaluation:
    evaluation = RenderingEvaluation(data, *(protocols or ("pose-only", "paper")), **settings)
    for batch in data.test_dataloader():
        evaluation.update(batch, render)
    return evaluation


class TestProtocols:
    def test_each_has_a_row_of_what_the_model_makes_of_what_it_shows(self, pairs, boxes):
        results = evaluated(Held(pairs, boxes)).results()
        keys = ("ssim", "psnr", "l1", "hand_ssim")
        assert list(results) == [name for key in keys for name in (key, f"{key}@paper")]
        for key in keys:
            own, paper = results[key], results[f"{key}@paper"]
            assert own["value"] == pytest.approx(own["copy_condition"], abs=1e-6)
            assert paper["value"] == pytest.approx(paper["ground_truth"], abs=1e-6)
            assert (own["protocol"], paper["protocol"]) == ("pose-only", "paper")
            for name in ("ground_truth", "copy_condition", "mean_frame", "n", "variant"):
                assert own[name] == paper[name]
        assert {"pose-only", "paper"} <= PROTOCOLS.keys()

    def test_the_strips_show_every_protocol(self, pairs, boxes):
        shown = evaluated(Held(pairs, boxes)).kept.strips[0].pictures
        assert [caption for caption, _ in shown] == ["drawing", "pose-only", "paper", "truth"]
        alone = evaluated(Held(pairs, boxes), as_shown, "pose-only").kept.strips[0].pictures
        assert [caption for caption, _ in alone] == ["drawing", "model", "truth"]


class TestBeside:
    def test_what_a_model_brings_stands_beside_it_in_every_row(self, pairs, boxes):
        """A ceiling that may look at the true frames, as an autoencoder's reconstruction does."""
        beside = {"reconstruction": lambda batch: batch.frames * 0.9}
        data = Held(pairs, boxes, stretches=[range(7)])
        results = evaluated(data, beside=beside, features={"pixels": PixelFeatures()}).results()
        assert all("reconstruction" in row for row in results.values())
        darker = (0.1 * (2 * frames_of(pairs) - 1)).abs().mean().item() / 2
        assert results["l1"]["reconstruction"] == pytest.approx(darker, abs=1e-6)
        assert results["condition_response"]["reconstruction"] == pytest.approx(0.9, abs=1e-6)
        assert "reconstruction" in BASELINES

    def test_a_rival_is_shown_what_the_model_is_and_has_a_column_in_every_row(self, pairs, boxes, capsys):
        """Here one of half the contrast, at five times the cost."""
        rivals = {"teacher": Rival(lambda *shown: 0.5 * as_shown(*shown), 20)}
        data = Held(pairs, boxes, stretches=[range(7)])
        evaluation = evaluated(data, rivals=rivals, evaluations=4)
        results = evaluation.results()
        assert all("teacher" in row and not any("@" in name for name in row) for row in results.values())
        half = (0.5 * (2 * frames_of(pairs) - 1)).abs().mean().item() / 2
        assert results["l1@paper"]["teacher"] == pytest.approx(half, abs=1e-6)
        assert results["l1"]["teacher"] != pytest.approx(half, abs=1e-3)
        assert results["condition_response@paper"]["teacher"] == pytest.approx(0.5, abs=1e-6)
        cost = results["evaluations"]
        assert (cost["value"], cost["interval"], cost["teacher"]) == (4, [4, 4], 20)
        assert (cost["protocol"], cost["n"]) == ("pose-only", len(pairs))
        lines = capsys.readouterr().err.splitlines()
        assert [line.partition(" takes ")[0] for line in lines[-2:]] == ["the model", "teacher"]
        assert all(line.endswith(" seconds a frame") for line in lines[-2:])
        shown = [caption for caption, _ in evaluation.kept.strips[0].pictures]
        assert shown == ["drawing", "pose-only", "paper", "teacher", "truth"]

    def test_a_rival_whose_frames_are_not_finite_is_named(self, pairs, boxes):
        rivals = {"teacher": Rival(lambda *shown: as_shown(*shown) / 0, 20)}
        with pytest.raises(ValueError, match="teacher renders frames that are not finite"):
            evaluated(Held(pairs, boxes), rivals=rivals, evaluations=4)

    def test_distances_are_over_named_networks_and_of_each_protocol(self, pairs, boxes):
        results = evaluated(Held(pairs, boxes), features={"pixels": PixelFeatures()}).results()
        own, paper = results["fid_pixels"], results["fid_pixels@paper"]
        assert own["value"] == pytest.approx(own["copy_condition"], rel=1e-3)
        assert paper["value"] < 1e-3 * paper["mean_frame"]
        assert own["ground_truth"] == paper["ground_truth"] == 0
        assert (own["protocol"], paper["protocol"]) == ("pose-only", "paper")
        assert own["variant"].startswith("192 features of pixels; ")
        assert own["n"] == len(pairs)

    @pytest.mark.parametrize("batch", [100, 3])
    def test_frames_that_are_rendered_can_be_few_and_lie_evenly(self, pairs, boxes, batch):
        asked = []
        results = evaluated(
            Held(pairs, boxes, batch), lambda *of: asked.extend(of[2]) or as_shown(*of), "pose-only", most=3
        ).results()
        last = len(pairs) - 1
        assert asked == [f"signer {number}" for number in (0, round(last / 2), last)]
        assert results["ssim"]["n"] == 3


class TestSequences:
    """Of stretches of four frames a third of a second apart, in which the avatar's hands and arms move."""

    @pytest.fixture
    def data(self, pairs, boxes) -> Held:
        return Held(pairs, boxes, 4, [range(4), range(3, 7)])

    @pytest.fixture
    def measured(self, data):
        def measure(render) -> tuple[float, float]:
            results = evaluated(data, render, "pose-only").results()
            return results["condition_response"]["value"], results["flicker"]["value"]

        return measure

    @pytest.fixture
    def truth(self, pairs):
        """A renderer that knows by its name which frame is asked for."""
        frames = 2 * frames_of(pairs) - 1
        return lambda conditions, further, captions: frames[[int(name.split()[1]) for name in captions]]

    def test_the_truth_responds_as_it_should_and_does_not_flicker(self, measured, truth):
        assert measured(truth) == (pytest.approx(1), pytest.approx(0, abs=1e-6))

    def test_who_ignores_the_condition_neither_responds_nor_flickers(self, measured, truth):
        assert measured(lambda conditions, further, captions: truth(0, 0, ["signer 0"] * len(captions))) == (0, 0)

    def test_half_the_contrast_is_half_the_response(self, measured, truth):
        response, flicker = measured(lambda *of: truth(*of) / 2)
        assert response == pytest.approx(0.5)
        assert flicker == pytest.approx(0, abs=1e-6)

    def test_noise_of_its_own_in_every_frame_flickers_and_feigns_a_response(self, measured, truth):
        generator = torch.Generator().manual_seed(0)

        def grainy(*of):
            frames = truth(*of)
            return frames + 0.1 * torch.randn(frames.shape, generator=generator)

        response, flicker = measured(grainy)
        of_two = 2 * 0.05 / np.pi**0.5  # mean distance of two values of deviation .05 in [0, 1]
        assert 0.7 * of_two < flicker < of_two  # less the true frames' own grain
        assert response > 1

    def test_a_row_of_each_stands_beside_the_baselines_for_every_protocol(self, data):
        results = evaluated(data).results()
        for key in ("condition_response", "flicker"):
            for row in (results[key], results[f"{key}@paper"]):
                assert {"value", "interval", "ground_truth", "copy_condition", "mean_frame"} <= row.keys()
                assert row["n"] == 2
                assert row["mean_frame"] == 0
            assert meaning(key)
        assert results["condition_response@paper"]["value"] == pytest.approx(1, abs=1e-5)
        assert results["condition_response"]["ground_truth"] == 1
        assert results["flicker"]["ground_truth"] == 0

    def test_frames_that_follow_one_another_are_shown(self, data):
        plots = evaluated(data).plots()
        assert plots["sequence"].ndim == 3
        assert "sequence" in PLOTS

    def test_data_without_sequences_has_neither(self, pairs, boxes):
        evaluation = evaluated(Held(pairs, boxes))
        assert not {"condition_response", "flicker"} & evaluation.results().keys()
        assert evaluation.plots().keys() == {"samples"}
