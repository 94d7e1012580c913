"""Accuracies of classifiers beside those of guesses that understand nothing."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor


def accuracies(scores: Tensor, labels: Tensor) -> dict[str, float]:
    """`top1` and `top5`, shares of samples whose class is the best or among the best five, and `top1_per_class`, the
    mean of the classes' own shares, over the classes that occur.

    scores: (N, C), larger is likelier; of equal ones the lower class wins. labels: (N,).
    """
    ranks = scores.argsort(dim=1, descending=True, stable=True)
    right = ranks == labels[:, None]
    first = right[:, 0].double()
    each = [first[labels == label].mean() for label in sorted(set(labels.tolist()))]
    return {
        "top1": float(first.mean()),
        "top5": float(right[:, :5].any(1).double().mean()),
        "top1_per_class": float(torch.stack(each).mean()),
    }


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
    """Collects a test set's labels and the scores that a model and its baselines give, and compares them at the end.

    baselines: the names of the baselines. protocol: what the numbers are over, printed beside them.
    """

    def __init__(self, baselines: Sequence[str], protocol: str) -> None:
        self.protocol = protocol
        self.labels: list[Tensor] = []
        self.scores: dict[str, list[Tensor]] = {name: [] for name in ("value", *baselines)}

    def update(self, labels: Tensor, scores: Tensor, baselines: Mapping[str, Tensor]) -> None:
        """Add a batch: labels (B,), the model's scores (B, C) and those of every baseline."""
        self.labels.append(labels.cpu())
        for name, values in {"value": scores, **baselines}.items():
            self.scores[name].append(values.float().cpu())

    def results(self) -> dict[str, dict[str, Any]]:
        """Each key of `accuracies` with the model's value, the baselines', the protocol and the number of samples."""
        labels = torch.cat(self.labels)
        found = {name: accuracies(torch.cat(values), labels) for name, values in self.scores.items()}
        return {
            key: {**{name: values[key] for name, values in found.items()}, "protocol": self.protocol, "n": len(labels)}
            for key in found["value"]
        }
