"""Accuracies of classifiers beside those of guesses that understand nothing."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from lightning_modules.evaluation import plots
from lightning_modules.evaluation.results import GROUND_TRUTH, MODEL, Comparison, Image, Results
from lightning_modules.metrics.score import Array, Mean, Score


class TopK(Mean):
    """`top1`, `top5`: share of samples whose class is among the k of the best scores, in [0, 1].

    Of equal scores the lower class wins.
    """

    def __init__(self, k: int) -> None:
        super().__init__()
        self.k = k

    def measure(self, scores: Tensor, labels: Tensor) -> Tensor:
        """Of scores (b, C), larger is likelier, and labels (b,)."""
        return (ranked(scores)[:, : self.k] == labels[:, None]).any(1)


class TopOnePerClass(Score):
    """`top1_per_class`: mean over the classes that occur of each one's share of right samples, in [0, 1].

    Items: for every class whether the sample is right and of it, and whether it is of it.
    """

    def measure(self, scores: Tensor, labels: Tensor) -> Tensor:
        """Of scores (b, C), larger is likelier, and labels (b,)."""
        of = one_hot(labels, scores.shape[1])
        right = ranked(scores)[:, 0] == labels
        return torch.cat([of * right[:, None], of], 1)

    def score(self, sums: Array) -> Array:
        right, all_of = np.split(sums, 2, axis=-1)
        shares = np.divide(right, all_of, out=np.zeros_like(right), where=all_of > 0)
        mean: Array = shares.sum(-1) / (all_of > 0).sum(-1)
        return mean


ACCURACIES: Final[dict[str, Callable[[], Score]]] = {
    "top1": partial(TopK, 1),
    "top5": partial(TopK, 5),
    "top1_per_class": TopOnePerClass,
}
"""By key of results.json; each makes an empty one."""


def ranked(scores: Tensor) -> Tensor:
    """Classes (N, C) by scores (N, C), the best first; of equal ones the lower class."""
    return scores.argsort(dim=1, descending=True, stable=True)


def top1(scores: Tensor, labels: Tensor) -> float:
    """Share of samples (N, C) whose best class is their label, as validation logs it."""
    return float((ranked(scores)[:, 0] == labels).double().mean())


def majority_scores(train_labels: Tensor, classes: int) -> Tensor:
    """Scores (C,) of always guessing what was most frequent in training."""
    return torch.bincount(train_labels, minlength=classes).float()


class NearestNeighbour:
    """Scores of a class: how near its nearest training sample is, by the distance of feature vectors.

    features: (N, D) of the training samples. labels: (N,). Classes without a sample are the farthest.
    """

    def __init__(self, features: Tensor, labels: Tensor, classes: int) -> None:
        self.by_class = [features[labels == label] for label in range(classes)]

    def __call__(self, features: Tensor) -> Tensor:
        """(B, D) to scores (B, C)."""
        far = features.new_full((len(features),), float("inf"))
        columns = [torch.cdist(features, own).amin(1) if len(own) else far for own in self.by_class]
        return -torch.stack(columns, dim=1)


class ClassificationEvaluation:
    """Collects the scores that a model and its baselines give to a test set, and compares them at the end.

    classes: their names, by label. baselines: their names. protocol: what the numbers are over, printed beside them.
    """

    def __init__(self, classes: Sequence[str], baselines: Sequence[str], protocol: str) -> None:
        self.classes, self.protocol = classes, protocol
        contenders = (MODEL, GROUND_TRUTH, *baselines)
        self.compared = {key: Comparison(make, contenders) for key, make in ACCURACIES.items()}
        self.counts = np.zeros((len(classes), len(classes)), int)

    def update(self, labels: Tensor, scores: Tensor, baselines: Mapping[str, Tensor]) -> None:
        """Add a batch: labels (B,), the model's scores (B, C) and those of every baseline."""
        labels, scores = labels.cpu(), scores.float().cpu()
        truth = one_hot(labels, scores.shape[1])
        answers = {MODEL: scores, GROUND_TRUTH: truth, **{name: s.float().cpu() for name, s in baselines.items()}}
        for comparison in self.compared.values():
            comparison.update(answers, labels)
        np.add.at(self.counts, (labels.numpy(), ranked(scores)[:, 0].numpy()), 1)

    def results(self) -> Results:
        """Each key of ACCURACIES beside the baselines."""
        return {key: comparison.row(self.protocol) for key, comparison in self.compared.items()}

    def plots(self) -> dict[str, Image]:
        """`confusion`: what each class is taken for."""
        return {"confusion": plots.confusion(self.counts, self.classes)}
