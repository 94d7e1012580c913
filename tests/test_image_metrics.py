"""Metrics of pictures and of classifiers, against closed forms and an implementation of others."""

import math

import pytest
import torch
from torchmetrics.functional.image import structural_similarity_index_measure

from lightning_modules.metrics.classification import (
    ClassificationEvaluation,
    NearestNeighbour,
    accuracies,
    majority_scores,
)
from lightning_modules.metrics.images import ImageEvaluation, l1, psnr, ssim


@pytest.fixture
def pictures() -> torch.Tensor:
    return torch.rand(3, 3, 24, 20, generator=torch.Generator().manual_seed(0))


class TestImages:
    def test_ssim_is_that_of_others(self, pictures):
        noisy = (pictures + 0.2 * torch.randn(pictures.shape, generator=torch.Generator().manual_seed(1))).clamp(0, 1)
        theirs = structural_similarity_index_measure(noisy, pictures, data_range=1.0, return_full_image=True)[1]
        unpadded = theirs[..., 5:-5, 5:-5].mean((1, 2, 3))
        torch.testing.assert_close(ssim(noisy, pictures), unpadded, atol=1e-4, rtol=0)

    def test_ssim_of_flat_pictures_compares_their_brightness(self):
        """Without structure only the first factor is left: (2ab + c) / (a^2 + b^2 + c)."""
        a, b, c = 0.2, 0.6, 0.01**2
        found = ssim(torch.full((1, 3, 16, 16), a), torch.full((1, 3, 16, 16), b))
        assert found.item() == pytest.approx((2 * a * b + c) / (a * a + b * b + c), abs=1e-4)

    def test_psnr_and_l1_of_a_constant_difference(self, pictures):
        darker = pictures * 0.5 + 0.25
        lighter = darker + 0.1
        assert psnr(lighter, darker).tolist() == pytest.approx([20.0] * 3, abs=1e-3)
        assert l1(lighter, darker).tolist() == pytest.approx([0.1] * 3, abs=1e-6)

    def test_equal_pictures_are_perfect(self, pictures):
        assert ssim(pictures, pictures).tolist() == pytest.approx([1.0] * 3)
        assert psnr(pictures, pictures).tolist() == [100.0] * 3
        assert l1(pictures, pictures).tolist() == [0.0] * 3

    def test_half_precision_pictures_are_scored_in_single_precision(self, pictures):
        half, other = pictures.bfloat16(), 1 - pictures.bfloat16()
        with torch.autocast("cpu", torch.bfloat16):
            found = ssim(half, other)
        torch.testing.assert_close(found, ssim(half.float(), other.float()))

    def test_a_picture_smaller_than_the_window_is_refused(self):
        small = torch.zeros(1, 3, 10, 30)
        with pytest.raises(ValueError, match="at least 11 pixels a side, found 30 x 10"):
            ssim(small, small)

    def test_a_table_is_the_mean_over_pictures_of_batches_of_any_size(self, pictures):
        whole, parts = (ImageEvaluation(["grey"]) for _ in range(2))
        grey = torch.full_like(pictures, 0.5)
        whole.update(pictures, 1 - pictures, {"grey": grey})
        parts.update(pictures[:1], 1 - pictures[:1], {"grey": grey[:1]})
        parts.update(pictures[1:], 1 - pictures[1:], {"grey": grey[1:]})
        assert set(whole.results()) == {"ssim", "psnr", "l1"}
        for key, row in whole.results().items():
            assert row["n"] == 3
            assert parts.results()[key]["value"] == pytest.approx(row["value"], rel=1e-5)
        assert whole.results()["l1"]["grey"] == pytest.approx(l1(grey, pictures).mean().item())


class TestClassification:
    def test_accuracy_of_samples_and_of_classes_differ_where_classes_do(self):
        """Three of class 0, all right; one of class 1, wrong, but second."""
        scores = torch.tensor([[3.0, 2, 1], [3, 2, 1], [3, 2, 1], [3, 2, 1]])
        found = accuracies(scores, torch.tensor([0, 0, 0, 1]))
        assert found == {"top1": 0.75, "top5": 1.0, "top1_per_class": 0.5}

    def test_top5_ends_with_the_fifth(self):
        scores = torch.arange(8, 0, -1.0).expand(8, 8)
        found = accuracies(scores, torch.arange(8))
        assert found["top5"] == 5 / 8
        assert found["top1"] == 1 / 8

    def test_of_equal_scores_the_lower_class_wins(self):
        assert accuracies(torch.zeros(1, 7), torch.tensor([0]))["top1"] == 1
        assert accuracies(torch.zeros(1, 7), torch.tensor([5]))["top5"] == 0

    def test_the_majority_is_that_of_training(self):
        assert majority_scores(torch.tensor([2, 2, 0]), 4).tolist() == [1, 0, 2, 0]

    def test_the_nearest_neighbour_scores_a_class_by_its_nearest_sample(self):
        train = torch.tensor([[0.0, 0], [10, 0], [0, 3]])
        nearest = NearestNeighbour(train, torch.tensor([0, 0, 2]), 3)
        scores = nearest(torch.tensor([[9.0, 0], [0, 2]]))
        torch.testing.assert_close(scores[:, 0], torch.tensor([-1.0, -2.0]))
        assert scores[1, 2] == pytest.approx(-1)
        assert scores[:, 1].tolist() == [-math.inf] * 2

    def test_a_score_stands_beside_its_baselines(self):
        evaluation = ClassificationEvaluation(["majority_class"], "held out")
        for label in (0, 1):
            evaluation.update(torch.tensor([label]), torch.eye(2)[[label]], {"majority_class": torch.eye(2)[[0]]})
        assert evaluation.results()["top1"] == {"value": 1.0, "majority_class": 0.5, "protocol": "held out", "n": 2}
