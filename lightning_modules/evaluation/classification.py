"""What a test of a classifier says: its accuracies beside those of guesses that understand nothing."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from datamodules.base import SurveyedDataModule
from datamodules.features.signing_points import HANDS, WRISTS
from datamodules.kinds.labelled import LabelledBatch, LabelledPictures
from datamodules.media.drawing_primitives import Image
from datamodules.wlasl.clips import WLASL, ClipBatch
from datamodules.wlasl.embeddings import EmbeddingBatch, WLASLEmbeddings
from datamodules.wlasl.landmarks import LandmarkBatch, WLASLLandmarks
from lightning_modules.evaluation import plots
from lightning_modules.evaluation.results import GROUND_TRUTH, MODEL, Comparison, Results
from lightning_modules.metrics.classification import ACCURACIES, ranked

GREY: Final = 16
"""Side in pixels of the grey pictures that the nearest neighbour compares."""
MOMENTS: Final = 16
"""Of a clip, evenly spread, at which the nearest neighbour compares landmarks."""
LEAST: Final = 1e-6
"""Of a deviation, so that nothing is divided by 0."""
MAJORITY, NEAREST = "majority_class", "nearest_neighbour"

Features = Callable[[Any], Tensor]
"""A batch to features (B, D) on the CPU, by which the nearest neighbour compares."""


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
    """Collects the scores that a model gives to a test set, and compares them at the end with two guesses: always the
    class that is most frequent in training, `majority_class`, and that of the most similar training sample,
    `nearest_neighbour`. The training samples are read once, for both.

    data: what the model was trained on. classes: their names, by label. features: of a batch, for the neighbours.
    protocol: what the numbers are over, printed beside them.
    """

    def __init__(self, data: SurveyedDataModule, classes: Sequence[str], features: Features, protocol: str) -> None:
        self.classes, self.features, self.protocol = classes, features, protocol
        train = data.loader(data.examples("train"), collate=data.collate)
        seen = [(features(batch), batch.labels) for batch in train]
        known, labels = (torch.cat(parts) for parts in zip(*seen, strict=True))
        self.majority, self.nearest = (
            majority_scores(labels, len(classes)),
            NearestNeighbour(known, labels, len(classes)),
        )
        contenders = (MODEL, GROUND_TRUTH, MAJORITY, NEAREST)
        self.compared = {key: Comparison(make, contenders) for key, make in ACCURACIES.items()}
        self.counts = np.zeros((len(classes), len(classes)), int)

    def update(self, batch: Any, scores: Tensor) -> None:
        """Add a batch, whose labels are (B,), and the model's scores (B, C)."""
        labels, scores = batch.labels.cpu(), scores.float().cpu()
        answers = {
            MODEL: scores,
            GROUND_TRUTH: functional.one_hot(labels, scores.shape[1]),
            MAJORITY: self.majority.expand(len(labels), -1),
            NEAREST: self.nearest(self.features(batch)),
        }
        for comparison in self.compared.values():
            comparison.update(answers, labels)
        np.add.at(self.counts, (labels.numpy(), ranked(scores)[:, 0].numpy()), 1)

    def results(self) -> Results:
        """Each key of ACCURACIES beside the baselines."""
        return {key: comparison.row(self.protocol) for key, comparison in self.compared.items()}

    def plots(self) -> dict[str, Image]:
        """`confusion`: what each class is taken for."""
        return {"confusion": plots.confusion(self.counts, self.classes)}


def of_pictures(data: LabelledPictures) -> ClassificationEvaluation:
    """Of a classifier of pictures; neighbours are compared in grey, at 16 x 16 pixels."""

    def features(batch: LabelledBatch) -> Tensor:
        return small_grey(batch.images.cpu())

    return ClassificationEvaluation(data, data.classes, features, f"nearest neighbour: grey {GREY} x {GREY}")


def of_embeddings(data: WLASLEmbeddings) -> ClassificationEvaluation:
    """Of a classifier of embeddings; neighbours are compared by the mean of their rows, which training standardises."""
    mean, deviation = data.statistics()
    scale = deviation.clamp(min=LEAST)

    def features(batch: EmbeddingBatch) -> Tensor:
        return (batch.rows.cpu().sum(1) / batch.lengths.cpu()[:, None] - mean) / scale  # padding is zero

    protocol = f"split by {data.split}; nearest neighbour: mean of standardised rows"
    return ClassificationEvaluation(data, data.glosses, features, protocol)


def of_landmarks(data: WLASLLandmarks) -> ClassificationEvaluation:
    """Of a classifier of landmarks; neighbours are compared by where the points are at moments of the clip."""

    def features(batch: LandmarkBatch) -> Tensor:
        return at_moments(batch.points.cpu(), batch.lengths.cpu())

    protocol = f"split by {data.split}; nearest neighbour: landmarks at {MOMENTS} moments"
    return ClassificationEvaluation(data, data.glosses, features, protocol)


def at_moments(points: Tensor, lengths: Tensor) -> Tensor:
    """Where points (B, T, 49, 3) are at 16 moments of clips of `lengths` (B,) frames, flattened: (B, 1568). A hand that
    is not seen is where the body has its wrist, any other point in the middle of the shoulders."""
    shares = torch.linspace(0, 1, MOMENTS) * (lengths - 1)[:, None]
    shown = points[torch.arange(len(points))[:, None], shares.round().long()]
    places, seen = shown[..., :2].clone(), shown[..., 2:] > 0
    for hand, wrist in zip(HANDS, WRISTS, strict=True):
        places[:, :, hand] = torch.where(seen[:, :, hand], places[:, :, hand], places[:, :, [wrist]])
    return places.flatten(1)


def of_clips(data: WLASL, tokens: Callable[[ClipBatch], Tensor]) -> ClassificationEvaluation:
    """Of a classifier of clips; neighbours are compared by the mean of their tokens (B, N, D)."""

    @torch.no_grad()
    def features(batch: ClipBatch) -> Tensor:
        return tokens(batch).float().mean(1).cpu()

    return ClassificationEvaluation(
        data, data.glosses, features, f"split by {data.split}; nearest neighbour: mean of tokens"
    )


def small_grey(images: Tensor) -> Tensor:
    """Pictures (B, 3, H, W) as grey ones of 16 x 16, flattened: (B, 256)."""
    return functional.interpolate(images.mean(1, keepdim=True), (GREY, GREY), mode="area").flatten(1)
