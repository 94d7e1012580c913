"""What pictures that a model generates are held against: training pictures, and how near they come to them."""

import math
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from datamodules.kinds.labelled import LabelledPictures
from lightning_modules.evaluation.distances import Fid
from lightning_modules.metrics.frechet import frechet_distance

AREAS: Final = 8
"""Areas a side of which `pixel_features` are the colours and `edge_features` the edges."""
COPIED: Final = 1 / 3
"""A picture is a copy whose nearest training picture is at most at this share of a neighbour's distance (Yoon et al.
2023, "Diffusion Probabilistic Models Generalize when They Fail to Memorize")."""
NEAR: Final = 0.05
"""Which neighbour: the last of this share of the nearest. Theirs is the second, which in a recording is the next frame
and nearly as near, whatever the picture."""


class TrainingPictures:
    """The training pictures of a data set beside those that a model generates: their means, examples, and what is near.

    They are read once, for means and features, and handed to the distances as references. Those that stand beside a
    generated one are read again then, so that none is held. Of a class that training lacks, all pictures stand for it.
    """

    def __init__(self, data: LabelledPictures, distances: Iterable[Fid]) -> None:
        self.examples, self.collate = data.examples("train"), data.collate
        count, size = len(data.classes), data.image_size
        means, features, found = torch.zeros(count, 3, size, size, dtype=torch.float64), [], []
        for batch in data.loader(self.examples, collate=data.collate):
            pictures = as_seen(batch.images)
            means.index_add_(0, batch.labels, pictures.double())
            features.append(pixel_features(pictures).float())
            found.append(batch.labels)
            for distance in distances:
                distance.refer(pictures)
        self.features, labels = torch.cat(features), torch.cat(found).numpy()
        own = [np.flatnonzero(labels == label) for label in range(count)]
        self.own: list[npt.NDArray[np.intp]] = [places if len(places) else np.arange(len(labels)) for places in own]
        self.means = torch.stack(
            [
                means[label] / len(own[label]) if len(own[label]) else means.sum(0) / len(labels)
                for label in range(count)
            ]
        )
        self.orders = [np.random.default_rng(label).permutation(places) for label, places in enumerate(self.own)]

    def pictures(self, labels: Sequence[int], turns: Sequence[int]) -> Tensor:
        """A training picture of each label, (N, 3, S, S) in [0, 1], in an order drawn by lot: `turns` count in it, so
        that all of a class are seen before one is seen twice."""
        orders = [self.orders[label] for label in labels]
        chosen = [self.examples[int(order[turn % len(order)])] for order, turn in zip(orders, turns, strict=True)]
        return as_seen(self.collate(chosen).images)

    def copies(self, pictures: Tensor, labels: Tensor) -> Tensor:
        """Whether pictures (N, 3, S, S) in [0, 1] are nearly a training picture of their labels (N,)."""
        features, found = pixel_features(pictures.cpu()), torch.zeros(len(labels), dtype=torch.bool)
        for label in set(labels.tolist()):
            here, known = labels == label, self.features[self.own[label]].double()
            distances = torch.cdist(features[here], known, compute_mode="donot_use_mm_for_euclid_dist")
            neighbour = min(max(2, math.ceil(NEAR * len(known))), len(known))
            nearest = distances.topk(neighbour, largest=False).values
            found[here] = nearest[:, 0] <= COPIED * nearest[:, -1]
        return found


class TrainingDistance:
    """`val/frechet`: when a small generator has learnt enough. The Frechet distance, over the edges in 8 x 8 areas, of
    what it generates to training pictures; 0 or more.

    Losses do not tell when to stop: an adversarial one has no level, and a bound on the likelihood of a dev split that
    is cut off a recording is about one signer in one light, which is not what is to be generated. Edges fall as
    generated letters become legible; the distance of mean colours was at its least long before.
    """

    def __init__(self, data: LabelledPictures) -> None:
        self.data = data
        self.generated: list[Tensor] = []

    @cached_property
    def training(self) -> Tensor:
        """Features (N, D) of the training pictures, read once."""
        batches = self.data.loader(self.data.examples("train"), collate=self.data.collate)
        return torch.cat([edge_features(as_seen(batch.images)) for batch in batches])

    def update(self, generated: Tensor) -> None:
        """Add pictures (B, 3, S, S) in [-1, 1]."""
        self.generated.append(edge_features(as_seen(generated)))

    def compute(self, gathered: Callable[[Tensor], Tensor]) -> float:
        """The distance, and forget what was generated. `gathered` returns what all devices have of what each has.

        Raises ValueError for a single picture, which has no spread.
        """
        found = gathered(torch.cat(self.generated)).flatten(0, -2)
        self.generated.clear()
        if len(found) < 2:
            raise ValueError(
                "val/frechet: found 1 dev picture, expected at least 2: as many are generated, and their spread counts"
            )
        return frechet_distance(found, self.training)


class PixelFeatures(nn.Module):
    """Pictures (N, 3, H, W) to the mean colours of their 8 x 8 areas, (N, 192): features that no data has trained.

    They see where light and dark are, and no finger.
    """

    num_features = 3 * AREAS * AREAS

    def forward(self, pictures: Tensor) -> Tensor:
        return functional.adaptive_avg_pool2d(pictures, AREAS).flatten(1)


def pixel_features(pictures: Tensor) -> Tensor:
    """Of pictures (N, 3, S, S) in [0, 1], in double precision, (N, 192): red first, each row by row."""
    features: Tensor = PixelFeatures()(pictures.double())
    return features


def edge_features(pictures: Tensor) -> Tensor:
    """By how much brightness rises and falls, rightwards and downwards, in 8 x 8 areas of pictures (N, 3, S, S) in
    [0, 1]: (N, 256), in brightness from side to side. They see shapes, and neither colours nor even light.
    """
    grey = pictures.mean(1, keepdim=True)
    right = grey[..., 1:, 1:] - grey[..., 1:, :-1]
    down = grey[..., 1:, 1:] - grey[..., :-1, 1:]
    edges = torch.cat([right.relu(), (-right).relu(), down.relu(), (-down).relu()], 1)
    return functional.adaptive_avg_pool2d(edges, AREAS).flatten(1) * pictures.shape[-1]


def as_seen(pictures: Tensor) -> Tensor:
    """Pictures in [-1, 1] as users get them, in [0, 1]: within their range, and of 256 values."""
    return ((pictures.detach().float().clamp(-1, 1) + 1) * 127.5).round() / 255
