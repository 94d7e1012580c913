"""Metrics of pictures, against closed forms and an implementation of others."""

import pytest
import torch
from torchmetrics.functional.image import structural_similarity_index_measure

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
