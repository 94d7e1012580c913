"""Accuracies of classifiers beside guesses, against counts by hand and scikit-learn's."""

import math
from typing import Final

import numpy as np
import pytest
import torch
from sklearn.metrics import balanced_accuracy_score, top_k_accuracy_score

from datamodules.base import Samples
from datamodules.kinds.labelled import LabelledPictures
from datamodules.samples import Sample, Split, Survey
from lightning_modules.evaluation.classification import (
    ClassificationEvaluation,
    NearestNeighbour,
    majority_scores,
    of_pictures,
)
from lightning_modules.metrics.classification import ACCURACIES


def accuracies(scores: torch.Tensor, labels: torch.Tensor) -> dict[str, float]:
    found = {}
    for key, make in ACCURACIES.items():
        score = make()
        for start in range(0, len(labels), 7):
            score.update(scores[start : start + 7], labels[start : start + 7])
        found[key] = float(score.compute())
    return found


def test_accuracy_of_samples_and_of_classes_differ_where_classes_do():
    """Three of class 0, all right; one of class 1, wrong, but second."""
    scores = torch.tensor([[3.0, 2, 1], [3, 2, 1], [3, 2, 1], [3, 2, 1]])
    found = accuracies(scores, torch.tensor([0, 0, 0, 1]))
    assert found == {"top1": 0.75, "top5": 1.0, "top1_per_class": 0.5}


def test_top5_ends_with_the_fifth():
    found = accuracies(torch.arange(8, 0, -1.0).expand(8, 8), torch.arange(8))
    assert (found["top5"], found["top1"]) == (5 / 8, 1 / 8)


def test_of_equal_scores_the_lower_class_wins():
    assert accuracies(torch.zeros(1, 7), torch.tensor([0]))["top1"] == 1
    assert accuracies(torch.zeros(1, 7), torch.tensor([5]))["top5"] == 0


def test_they_are_scikit_learn_s():
    rng = torch.Generator().manual_seed(0)
    scores, labels = torch.randn(300, 9, generator=rng), torch.randint(0, 9, (300,), generator=rng)
    scores[torch.arange(300), labels] += 1
    found = accuracies(scores, labels)
    assert found["top1"] == pytest.approx(top_k_accuracy_score(labels, scores, k=1), abs=1e-12)
    assert found["top5"] == pytest.approx(top_k_accuracy_score(labels, scores, k=5), abs=1e-12)
    assert found["top1_per_class"] == pytest.approx(balanced_accuracy_score(labels, scores.argmax(1)), abs=1e-12)


def test_the_majority_is_that_of_training():
    assert majority_scores(torch.tensor([2, 2, 0]), 4).tolist() == [1, 0, 2, 0]


def test_the_nearest_neighbour_scores_a_class_by_its_nearest_sample():
    train = torch.tensor([[0.0, 0], [10, 0], [0, 3]])
    nearest = NearestNeighbour(train, torch.tensor([0, 0, 2]), 3)
    scores = nearest(torch.tensor([[9.0, 0], [0, 2]]))
    torch.testing.assert_close(scores[:, 0], torch.tensor([-1.0, -2.0]))
    assert scores[1, 2] == pytest.approx(-1)
    assert scores[:, 1].tolist() == [-math.inf] * 2


class Shades(LabelledPictures):
    """Flat pictures: A is dark, B is bright, and training has two of B."""

    dataset = "asl-alphabet"
    SHADES: Final[dict[Split, list[tuple[str, int]]]] = {
        "train": [("A", 10), ("B", 200), ("B", 240)],
        "dev": [],
        "test": [("A", 0), ("B", 230), ("B", 90), ("B", 250)],
    }

    @property
    def classes(self) -> tuple[str, ...]:
        return ("A", "B")

    def survey(self) -> Survey:
        return Survey(
            [
                Sample(f"{label}/{shade}", split, split, label)
                for split, shades in self.SHADES.items()
                for label, shade in shades
            ]
        )

    def examples(self, split: Split) -> Samples:
        return Samples(self.samples[split], self.read, 0)

    def read(self, sample: Sample, rng: object) -> tuple[str, int, np.ndarray]:
        shade = int(sample.name.partition("/")[2])
        return sample.name, self.classes.index(str(sample.label)), np.full((16, 16, 3), shade, np.uint8)


class TestEvaluation:
    @pytest.fixture
    def evaluation(self) -> ClassificationEvaluation:
        """Of a model that takes the third picture of four for an A, which it is not."""
        data = Shades(".", 16, batch_size=2)
        evaluation, answers = of_pictures(data), iter((0, 1, 0, 1))
        for batch in data.test_dataloader():
            evaluation.update(batch, torch.eye(2)[[next(answers) for _ in batch.labels]])
        return evaluation

    def test_a_score_stands_beside_the_truth_and_its_baselines(self, evaluation):
        row = evaluation.results()["top1"]
        low, high = row.pop("interval")
        assert row == {
            "value": 0.75,
            "ground_truth": 1.0,
            "majority_class": 0.75,
            "nearest_neighbour": 0.75,
            "protocol": "nearest neighbour: grey 16 x 16",
            "n": 4,
        }
        assert 0 <= low < 0.75 < high == 1

    def test_the_plot_counts_what_each_class_is_taken_for(self, evaluation):
        assert evaluation.counts.tolist() == [[1, 0], [1, 2]]
        assert evaluation.plots()["confusion"].dtype == np.uint8
