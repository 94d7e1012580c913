"""Scores of pictures and of the hands in them: equal to scikit-image's, and moving as their definitions say."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from spoilt_pictures import SPOILT, Pair, avatar_pairs, boxes_of, frames_of, noisy, random, without_hands
from torchmetrics.functional.image import peak_signal_noise_ratio as torch_psnr
from torchmetrics.functional.image import structural_similarity_index_measure as torch_ssim

from datamodules.avatar.perform import perform
from datamodules.avatar.renderer.frames import Camera
from datamodules.avatar.renderer.openpose import openpose_keypoints
from datamodules.media.conditions.openpose_drawing import HANDS, draw_openpose
from datamodules.media.hand_boxes import hand_boxes, keypoint_boxes
from lightning_modules.metrics.images import (
    IMAGE_SCORES,
    ConditionResponse,
    Flicker,
    HandFound,
    HandPose,
    HandSsim,
    l1,
    psnr,
    ssim,
)


@pytest.fixture(scope="module")
def pairs(twin_root) -> list[Pair]:
    return avatar_pairs(twin_root("pix2pix"))


@pytest.fixture(scope="module")
def frames(pairs) -> torch.Tensor:
    return frames_of(pairs)


@pytest.fixture(scope="module")
def boxes(pairs) -> list[list]:
    return boxes_of(pairs)


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
            "import sys; sys.modules['torchvision'] = None; import lightning_modules.evaluation.rendering.frames as _; "
        )
        code += "import lightning_modules.evaluation.distances, torch, torchmetrics.image"
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

    def test_keypoints_have_the_boxes_of_their_drawings(self, keypoints):
        """But for a forearm that is partly hidden behind a drawn hand."""
        drawn, told = zip(
            *((hand_boxes(draw_openpose(points, 336, 312)), keypoint_boxes(points, 336, 312)) for points in keypoints),
            strict=True,
        )
        apart = np.abs(np.subtract(drawn, told)).max(-1)
        assert np.median(apart) < 6
        assert np.sort(apart.ravel())[-2] < 30

    def test_no_arm_no_box(self, keypoints):
        points = keypoints[0].copy()
        points[7] = 0  # the left wrist
        for left, right in (hand_boxes(draw_openpose(points, 336, 312)), keypoint_boxes(points, 336, 312)):
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


class TestSequences:
    """Of a bright square of 16 pixels that walks across 64, four at a time."""

    @pytest.fixture
    def truth(self) -> torch.Tensor:
        frames = torch.full((8, 3, 64, 64), 0.25)
        for number, frame in enumerate(frames):
            frame[:, 24:40, 4 * number : 4 * number + 16] = 0.75
        return frames

    def test_the_truth_has_all_response_and_no_flicker(self, truth):
        assert scored(ConditionResponse, truth, truth) == 1
        assert scored(Flicker, truth, truth) == 0

    def test_a_picture_that_never_changes_has_neither(self, truth):
        still = truth[:1].expand_as(truth)
        assert scored(ConditionResponse, still, truth) == scored(Flicker, still, truth) == 0

    def test_the_response_is_that_of_poses_half_a_sequence_apart(self, truth):
        """Twice the contrast is twice the response; what all frames have more than the true ones is none."""
        assert scored(ConditionResponse, 2 * truth, truth) == 2
        assert scored(ConditionResponse, truth + random(1, 3, 64, 64), truth) == pytest.approx(1)
        half = torch.cat([truth[:4], truth[:4]])  # every pose as the one half a sequence before
        assert scored(ConditionResponse, half, truth) == 0

    def test_the_change_of_light_is_flicker_where_nothing_moves(self, truth):
        blinking = truth.clone()
        blinking[::2] += 0.1
        assert scored(Flicker, blinking, truth) == pytest.approx(0.1, abs=1e-6)

    def test_what_changes_where_the_truth_moves_or_near_that_is_none(self, truth):
        """A square that goes ahead of the true one by two pixels, which is as near as a thirty-second of a side."""
        assert scored(Flicker, truth.roll(2, 3), truth) == 0
        assert scored(Flicker, truth.roll(8, 3), truth) > 0

    def test_grain_that_the_truth_has_too_is_none(self, truth):
        grainy = truth + 0.01 * random(*truth.shape)
        assert scored(Flicker, grainy, grainy) == 0
        assert scored(Flicker, truth, grainy) == 0
        assert 0 < scored(Flicker, truth + 0.03 * random(*truth.shape, seed=1), grainy) < 0.03

    def test_two_frames_are_enough(self, truth):
        assert scored(ConditionResponse, truth[:2], truth[:2]) == 1
        assert scored(Flicker, truth[:2], truth[:2]) == 0
