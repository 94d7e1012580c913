"""Scores of pictures and of the hands in them: equal to scikit-image's, and moving as their definitions say."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torchmetrics.functional.image import peak_signal_noise_ratio as torch_psnr
from torchmetrics.functional.image import structural_similarity_index_measure as torch_ssim

from datamodules.avatar.openpose import openpose_keypoints
from datamodules.avatar.perform import perform
from datamodules.avatar.render import Camera
from datamodules.boston50_pairs import read_pair
from datamodules.features.hand_landmarks import HandLandmarker
from datamodules.media.hand_boxes import hand_boxes
from datamodules.media.openpose_drawing import HANDS, draw_openpose
from datamodules.twins import Twin, ensure_twin
from lightning_modules.evaluation.image_evaluation import KEPT, ImageEvaluation, as_images
from lightning_modules.evaluation.results import GROUND_TRUTH, MODEL
from lightning_modules.metrics.fid import Fid, LetterFeatures
from lightning_modules.metrics.hands import HandFound, HandPose, HandSsim, find_hands, hand_bundle
from lightning_modules.metrics.images import IMAGE_SCORES, l1, psnr, ssim
from lightning_modules.networks.letters.letter_cnn import LetterCNN, LetterCNNConfig


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def noisy(pictures: torch.Tensor, deviation: float = 0.1) -> torch.Tensor:
    noise = torch.randn(pictures.shape, generator=torch.Generator().manual_seed(1))
    return (pictures + deviation * noise).clamp(0, 1)


@pytest.fixture(scope="module")
def pairs(twin_root) -> list[tuple[np.ndarray, np.ndarray]]:
    """Drawings and frames of the avatar, 240 x 240."""
    root = twin_root("pix2pix")
    ensure_twin("rwth-boston50", root, Twin(size=64, signers=1))
    return [read_pair(path) for path in sorted((root / "train").iterdir())[::10]]


@pytest.fixture(scope="module")
def frames(pairs) -> torch.Tensor:
    return torch.stack([torch.from_numpy(frame).permute(2, 0, 1) / 255 for _, frame in pairs])


@pytest.fixture(scope="module")
def boxes(pairs) -> list[list]:
    return [[box for box in hand_boxes(drawing) if box] for drawing, _ in pairs]


def blurred(frames):
    return torch.stack(
        [torch.from_numpy(cv2.GaussianBlur(frame, (0, 0), 3)).permute(2, 0, 1) / 255 for frame in as_images(frames)]
    )


SPOILT = {
    "blurred": blurred,
    "shifted": lambda frames: frames.roll(6, 3),
    "noised": noisy,
    "another": lambda frames: frames.roll(len(frames) // 2, 0),
    "mirrored": lambda frames: frames.flip(3),
    "grey": lambda frames: torch.full_like(frames, 0.5),
}


def scored(make, *of) -> float:
    score = make()
    score.update(*of)
    return float(score.compute())


class TestSimilarity:
    @pytest.fixture(params=[(24, 20), (64, 64)])
    def pictures(self, request) -> torch.Tensor:
        return random(3, 3, *request.param)

    def test_ssim_and_psnr_are_scikit_images(self, pictures):
        ours, theirs = noisy(pictures), pictures
        settings = {"gaussian_weights": True, "use_sample_covariance": False, "sigma": 1.5, "data_range": 1}
        both = list(zip(ours.double().numpy(), theirs.double().numpy(), strict=True))
        wanted = [structural_similarity(a, b, channel_axis=0, **settings) for a, b in both]
        np.testing.assert_allclose(ssim(ours, theirs), wanted, atol=1e-6)
        wanted = [peak_signal_noise_ratio(b, a, data_range=1) for a, b in both]
        np.testing.assert_allclose(psnr(ours, theirs), wanted, atol=1e-9)

    def test_torchmetrics_are_the_same_but_for_borders_and_rounding(self, pictures):
        ours = noisy(pictures)
        _, places = torch_ssim(ours, pictures, data_range=1.0, reduction="none", return_full_image=True)
        np.testing.assert_allclose(ssim(ours, pictures), places[..., 5:-5, 5:-5].mean((1, 2, 3)), atol=1e-5)
        theirs = torch_psnr(ours, pictures, data_range=1.0, reduction="none", dim=(1, 2, 3))
        np.testing.assert_allclose(psnr(ours, pictures), theirs, atol=1e-5)

    def test_flat_pictures_are_compared_by_their_brightness(self):
        """Without structure only the first factor is left: (2ab + c) / (a^2 + b^2 + c)."""
        a, b, c = 0.2, 0.6, 0.01**2
        found = ssim(torch.full((1, 3, 16, 16), a), torch.full((1, 3, 16, 16), b))
        assert found.item() == pytest.approx((2 * a * b + c) / (a * a + b * b + c), abs=1e-4)

    def test_a_constant_difference_of_a_tenth_is_twenty_decibels(self, pictures):
        darker = pictures * 0.5 + 0.25
        assert psnr(darker + 0.1, darker).tolist() == pytest.approx([20.0] * 3, abs=1e-5)
        assert l1(darker + 0.1, darker).tolist() == pytest.approx([0.1] * 3, abs=1e-7)

    def test_half_precision_pictures_are_scored_in_single(self, pictures):
        half, other = pictures.bfloat16(), 1 - pictures.bfloat16()
        with torch.autocast("cpu", torch.bfloat16):
            found = ssim(half, other)
        torch.testing.assert_close(found, ssim(half.float(), other.float()))

    def test_a_picture_smaller_than_the_window_is_refused(self):
        small = torch.zeros(1, 3, 10, 30)
        with pytest.raises(ValueError, match="at least 11 pixels a side, found 30 x 10"):
            ssim(small, small)

    def test_itself_is_perfect_and_anything_else_is_not(self, frames):
        perfect = {"ssim": 1.0, "psnr": 100.0, "l1": 0.0}
        for key, make in IMAGE_SCORES.items():
            assert scored(make, frames, frames) == pytest.approx(perfect[key])
            for name, spoil in SPOILT.items():
                worse = scored(make, spoil(frames), frames)
                assert worse > 0.003 if key == "l1" else worse < 0.99 * perfect[key], (key, name)

    def test_more_noise_is_worse(self, frames):
        for key, make in IMAGE_SCORES.items():
            values = [scored(make, noisy(frames, deviation), frames) for deviation in (0, 0.02, 0.05, 0.2)]
            assert values == sorted(values, reverse=key != "l1")

    def test_importing_them_needs_no_torchvision(self):
        code = (
            "import sys; sys.modules['torchvision'] = None; import lightning_modules.evaluation.image_evaluation as _; "
        )
        code += "import lightning_modules.metrics.fid, torch, torchmetrics.image"
        assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


@pytest.fixture(scope="module")
def keypoints() -> np.ndarray:
    """OpenPose's of the avatar, in pictures of 336 x 312."""
    camera = Camera(336, 312, 72.0, (168.0, 102.0))
    return openpose_keypoints(perform(("HELLO", "NAME")).joints[::5], camera, seated=True)


class TestHandBoxes:
    def test_they_hold_the_hands_of_the_avatar(self, keypoints):
        """The joints are known: most of a hand lies within its box, which is hardly twice as wide."""
        within, widths = [], []
        for points in keypoints:
            for box, hand in zip(hand_boxes(draw_openpose(points, 336, 312)), HANDS, strict=True):
                left, top, right, bottom = box
                x, y, seen = points[hand].T
                inside = (left <= x) & (x < right) & (top <= y) & (y < bottom)
                within.append(inside[seen > 0].mean())
                widths.append((right - left) / max(np.ptp(x), np.ptp(y)))
        assert np.mean(within) > 0.8
        assert np.median(widths) < 2.5

    def test_hands_that_openpose_lost_are_pointed_at_all_the_same(self, keypoints):
        lost = keypoints.copy()
        for hand in HANDS:
            lost[:, hand] = 0
        for points, without in zip(keypoints, lost, strict=True):
            with_hands, alone = (hand_boxes(draw_openpose(of, 336, 312)) for of in (points, without))
            assert np.abs(np.subtract(with_hands, alone)).max() < 40
            assert None not in alone

    def test_no_arm_no_box(self, keypoints):
        points = keypoints[0].copy()
        points[7] = 0  # the left wrist
        left, right = hand_boxes(draw_openpose(points, 336, 312))
        assert left is None
        assert right is not None
        assert hand_boxes(np.zeros((240, 240, 3), np.uint8)) == (None, None)
        assert hand_boxes(np.full((20, 30, 3), 255, np.uint8)) == (None, None)


class TestHandSsim:
    def test_itself_is_perfect_and_anything_else_is_not(self, frames, boxes):
        assert scored(HandSsim, frames, frames, boxes) == pytest.approx(1)
        for name, spoil in SPOILT.items():
            assert scored(HandSsim, spoil(frames), frames, boxes) < 0.95, name

    def test_it_is_ssim_of_the_crops(self, frames, boxes):
        other = noisy(frames)
        crops = [
            float(ssim(*(of[at : at + 1, :, top:bottom, left:right] for of in (other, frames))))
            for at, hands in enumerate(boxes)
            for left, top, right, bottom in hands
        ]
        assert scored(HandSsim, other, frames, boxes) == pytest.approx(np.mean(crops))

    def test_it_sees_hands_alone(self, frames, boxes):
        """A corner painted over moves SSIM only; hands painted over move it far more than SSIM."""
        corner = frames.clone()
        corner[..., 200:, :60] = 1
        assert scored(HandSsim, corner, frames, boxes) == pytest.approx(1)
        assert ssim(corner, frames).mean() < 0.97
        gone = without_hands(frames, boxes)
        assert scored(HandSsim, gone, frames, boxes) < 0.3
        assert ssim(gone, frames).mean() > 0.85

    @pytest.mark.parametrize("box", [(0, 0, 3, 3), (237, 238, 240, 240), (100, 100, 101, 140), (0, 0, 240, 240)])
    def test_a_box_of_any_size_is_widened_to_the_window(self, frames, box):
        boxes = [[box]] * len(frames)
        assert scored(HandSsim, frames, frames, boxes) == pytest.approx(1)
        assert scored(HandSsim, 1 - frames, frames, boxes) < 0.5


def without_hands(frames, boxes):
    gone = frames.clone()
    for at, hands in enumerate(boxes):
        for left, top, right, bottom in hands:
            gone[at, :, top:bottom, left:right] = 0.2
    return gone


class TestHandPose:
    """Of keypoints that are known."""

    TRUE = np.random.default_rng(0).uniform(0, 30, (4, 2, 21, 2))
    SIDES = np.full((4, 2), 20.0)

    def both(self, found, true=TRUE) -> tuple[float, float]:
        return scored(HandPose, found, true, self.SIDES), scored(HandFound, found, true, self.SIDES)

    def test_itself_is_perfect(self):
        assert self.both(self.TRUE) == (0, 1)

    def test_a_hand_that_is_off_by_five_pixels_is_off_by_five(self):
        assert self.both(self.TRUE + np.array([3, 4])) == (pytest.approx(5), 1)

    def test_a_hand_that_is_lost_costs_its_box_and_never_less_than_one_that_is_found(self):
        lost = self.TRUE.copy()
        lost[0, 0] = np.nan
        assert self.both(lost) == (pytest.approx(20 / 8), pytest.approx(7 / 8))
        assert self.both(np.full_like(lost, np.nan)) == (20, 0)
        assert self.both(self.TRUE + 1000) == (20, 1)

    def test_hands_that_the_true_frame_does_not_show_do_not_count(self):
        true = self.TRUE.copy()
        true[:, 1] = np.nan
        invented = self.TRUE.copy()
        invented[:, 1] += 50
        assert self.both(invented, true) == (0, 1)


@pytest.fixture(scope="module")
def bundle(shared) -> Path:
    pytest.importorskip("mediapipe")
    path = shared / "models" / "hand_landmarker.task"
    if not path.exists():
        pytest.skip(f"needs {path}")
    return path


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


class TestBundle:
    def test_what_is_missing_is_said_in_a_line(self, tmp_path, monkeypatch, capsys):
        monkeypatch.setenv("ZOO_CACHE", str(tmp_path))
        monkeypatch.delenv("ZOO_MODELS", raising=False)
        assert hand_bundle() is None
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("hand_pose and hand_found are left out: ")
        assert "pip install" in line or "hand_landmarker.task" in line

    def test_one_that_lies_there_is_used_without_a_word(self, bundle, monkeypatch, capsys):
        monkeypatch.setenv("ZOO_MODELS", str(bundle.parent))
        assert hand_bundle() == bundle
        assert not capsys.readouterr().err


class TestFid:
    CONTENDERS = (MODEL, GROUND_TRUTH, "another")

    @pytest.fixture
    def judge(self) -> LetterFeatures:
        torch.manual_seed(0)
        return LetterFeatures(LetterCNN(LetterCNNConfig(5, width=4, stages=2)))

    def test_it_is_the_distance_of_two_gaussians(self, judge):
        pictures, references = noisy(random(40, 3, 16, 16), 0.3), random(50, 3, 16, 16, seed=5)
        distance = Fid(judge, "letter-judge")
        for ours, theirs in ((pictures[:20], references[:25]), (pictures[20:], references[25:])):
            distance.refer(theirs)
            distance.update({MODEL: ours})
        ours, theirs = judge(pictures).double().numpy(), judge(references).double().numpy()
        means, covariances = [f.mean(0) for f in (ours, theirs)], [np.cov(f.T) for f in (ours, theirs)]
        cross = np.trace(sqrtm(covariances[0] @ covariances[1]).real)
        wanted = ((means[0] - means[1]) ** 2).sum() + np.trace(covariances[0] + covariances[1]) - 2 * cross
        row = distance.row()
        assert distance.key == "fid_letter-judge"
        assert row["value"] == pytest.approx(wanted, rel=1e-6)
        assert row["n"] == 40
        assert "8 features" in row["protocol"]

    def test_the_truth_is_nearest_to_itself(self, judge):
        references = random(30, 3, 16, 16)
        distance = Fid(judge, "letter-judge", self.CONTENDERS)
        answers = {MODEL: noisy(references, 0.05), GROUND_TRUTH: references, "another": noisy(references, 0.4)}
        distance.refer(references)
        distance.update(answers)
        row = distance.row()
        assert row[GROUND_TRUTH] == pytest.approx(0, abs=1e-6)
        assert row[GROUND_TRUTH] < row["value"] < row["another"]

    def test_the_features_are_what_the_last_layer_reads(self, judge):
        pictures = random(2, 3, 16, 16)
        torch.testing.assert_close(judge.network.output(judge(pictures)), judge.network(2 * pictures - 1))

    def test_one_picture_has_no_covariance(self, judge):
        distance = Fid(judge, "letter-judge")
        distance.refer(random(1, 3, 16, 16))
        distance.update({MODEL: random(1, 3, 16, 16)})
        with pytest.raises(
            ValueError, match="fid_letter-judge: found 1 pictures and 1 references, expected at least 2"
        ):
            distance.row()


class TestEvaluation:
    def evaluated(self, frames, boxes, bundle=None, batch: int = 4) -> ImageEvaluation:
        evaluation = ImageEvaluation(["grey"], bundle)
        answers, grey = noisy(frames, 0.05), torch.full_like(frames, 0.5)
        for at in range(0, len(frames), batch):
            of = slice(at, at + batch)
            names = [f"frame {number}" for number in range(len(frames))[of]]
            evaluation.update(frames[of], answers[of], {"grey": grey[of]}, 1 - frames[of], names, boxes[of])
        return evaluation

    def test_a_table_is_the_same_in_batches_of_any_size(self, frames, boxes):
        whole, parts = (self.evaluated(frames, boxes, batch=batch).results() for batch in (100, 3))
        assert whole.keys() == parts.keys() == {"ssim", "psnr", "l1", "hand_ssim"}
        perfect = {"ssim": 1.0, "psnr": 100.0, "l1": 0.0, "hand_ssim": 1.0}
        for key, row in whole.items():
            assert row["n"] == len(frames)
            assert row["ground_truth"] == pytest.approx(perfect[key])
            assert row["interval"][0] < row["value"] < row["interval"][1]
            for name in ("value", "interval", "grey"):
                assert parts[key][name] == pytest.approx(row[name])
        assert whole["l1"]["grey"] == pytest.approx((frames - 0.5).abs().mean().item())

    def test_hands_are_re_detected_where_there_is_a_bundle(self, bundle, frames, boxes):
        results = self.evaluated(frames, boxes, bundle).results()
        pose, found = results["hand_pose"], results["hand_found"]
        assert pose["ground_truth"] == 0 < pose["value"] < pose["grey"]
        assert found["ground_truth"] == 1 >= found["value"] > found["grey"] == 0
        assert "pixels of 240 x 240" in pose["protocol"]

    def test_where_hardly_a_hand_can_be_found_a_line_says_why_nothing_is(self, bundle, frames, boxes, capsys):
        """Of flat grey frames MediaPipe knows nothing, whatever was drawn."""
        evaluation = self.evaluated(torch.full_like(frames, 0.4), boxes, bundle)
        evaluation.explain()
        assert "hand_pose" not in evaluation.results()
        assert capsys.readouterr().err.startswith("hand_pose and hand_found are left out: MediaPipe finds 0 of the ")

    def test_without_boxes_there_are_no_hands(self, frames):
        assert self.evaluated(frames, [[] for _ in frames]).results().keys() == {"ssim", "psnr", "l1"}

    def test_the_strips_show_the_best_the_median_and_the_worst(self):
        """Frame k of 300 has noise of its own; few are held."""
        evaluation = ImageEvaluation([])
        references = random(300, 3, 16, 16)
        deviations = torch.rand(300, generator=torch.Generator().manual_seed(3))
        pictures = torch.stack([noisy(one[None], float(d))[0] for one, d in zip(references, deviations, strict=True)])
        for at in range(0, 300, 7):
            of = slice(at, at + 7)
            names = [str(number) for number in range(300)[of]]
            evaluation.update(references[of], pictures[of], {}, references[of], names, [[] for _ in names])
            assert len(evaluation.strips) <= KEPT + 2
        scores = ssim(pictures, references)
        held = {strip.name: strip.ssim for strip in evaluation.strips.values()}
        assert {str(int(scores.argmin())), str(int(scores.argmax()))} <= held.keys()
        assert min(abs(value - float(scores.median())) for value in held.values()) < 0.02
        shown = evaluation.plots()["samples"]
        assert shown.dtype == np.uint8
        assert shown.ndim == 3
