"""When a small generator has learnt enough: how far what it draws is from training pictures."""

from collections.abc import Callable
from functools import cached_property
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from datamodules.labelled import LabelledPictures
from lightning_modules.evaluation.generation import as_seen
from lightning_modules.metrics.frechet import frechet_distance

AREAS: Final = 8
"""A side, of which `edge_features` are the edges."""


class TrainingDistance:
    """`val/frechet`: the Frechet distance, over the edges in 8 x 8 areas, of what was drawn to training pictures; 0 or
    more.

    Losses do not tell when to stop: an adversarial one has no level, and a bound on the likelihood of a dev split that
    is cut off a recording is about one signer in one light, which is not what is to be drawn. Edges fall as drawn
    letters become legible; the distance of mean colours was at its least long before.
    """

    def __init__(self, data: LabelledPictures) -> None:
        self.data = data
        self.drawn: list[Tensor] = []

    @cached_property
    def training(self) -> Tensor:
        """Features (N, D) of the training pictures, read once."""
        batches = self.data.loader(self.data.examples("train"), collate=self.data.collate)
        return torch.cat([edge_features(as_seen(batch.images)) for batch in batches])

    def update(self, drawn: Tensor) -> None:
        """Add pictures (B, 3, S, S) in [-1, 1]."""
        self.drawn.append(edge_features(as_seen(drawn)))

    def compute(self, gathered: Callable[[Tensor], Tensor]) -> float:
        """The distance, and forget what was drawn. `gathered` gives what all devices have of what each has.

        Raises ValueError for a single picture, which has no spread.
        """
        found = gathered(torch.cat(self.drawn)).flatten(0, -2)
        self.drawn.clear()
        if len(found) < 2:
            raise ValueError(
                "val/frechet: found 1 dev picture, expected at least 2: as many are drawn, and their spread counts"
            )
        return frechet_distance(found, self.training)


def edge_features(pictures: Tensor) -> Tensor:
    """By how much brightness rises and falls, rightwards and downwards, in 8 x 8 areas of pictures (N, 3, S, S) in
    [0, 1]: (N, 256), in brightness from side to side. They see shapes, and neither colours nor even light.
    """
    grey = pictures.mean(1, keepdim=True)
    right = grey[..., 1:, 1:] - grey[..., 1:, :-1]
    down = grey[..., 1:, 1:] - grey[..., :-1, 1:]
    edges = torch.cat([right.relu(), (-right).relu(), down.relu(), (-down).relu()], 1)
    return functional.adaptive_avg_pool2d(edges, AREAS).flatten(1) * pictures.shape[-1]
