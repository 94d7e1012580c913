"""Frechet distances of pictures over features that are named."""

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm

from lightning_modules.evaluation.distances import Fid
from lightning_modules.evaluation.results import GROUND_TRUTH, MODEL
from lightning_modules.networks.letters.letter_cnn import LetterCNN, LetterCNNConfig, LetterFeatures


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def noisy(pictures: torch.Tensor, deviation: float = 0.1) -> torch.Tensor:
    noise = torch.randn(pictures.shape, generator=torch.Generator().manual_seed(1))
    return (pictures + deviation * noise).clamp(0, 1)


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
