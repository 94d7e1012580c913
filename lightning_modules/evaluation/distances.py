"""Frechet distances of what several contenders make to the same references, over features that the key names.

None is a `Score`: a distance of two sets is no function of a sum over items. Nor has one an interval, since a set drawn
with replacement repeats its vectors, which alone moves it away from the references.

There is no `fid_inception` yet. torchmetrics takes that network from torch-fidelity, which needs torchvision; a second
writing of it could not be held to the original weights here, and a FID that is nearly the published one misleads.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance

from lightning_modules.evaluation.results import MODEL, Row
from lightning_modules.metrics.frechet import Features, as_array, frechet_distance
from lightning_modules.metrics.score import Array

LEAST: Final = 2
REAL: Final = ("real_features_sum", "real_features_cov_sum", "real_features_num_samples")
"""What torchmetrics keeps of references."""


class FrechetDistance:
    """Frechet distance of generated motion (FGD) of several contenders to the same references.

    It does not see which motion answers which sentence: true motions in another order, as the baseline
    `other_reference` has them, are at 0.

    extractor: names the network whose pooled features these are; the distance means nothing without it, and stands
    under `key`. contenders: their names; MODEL is the model.
    """

    def __init__(self, extractor: str, contenders: Iterable[str]) -> None:
        self.key = f"fgd_{extractor}"
        self.features: dict[str, list[Array]] = {name: [] for name in contenders}
        self.references: list[Array] = []

    def update(self, answers: Mapping[str, Features], references: Features) -> None:
        """Add the features (b, D) of every contender's motions, and of the references."""
        for name, features in self.features.items():
            features.append(as_array(answers[name]))
        self.references.append(as_array(references))

    def compute(self, of: str = MODEL) -> float:
        """The distance of a contender; raises ValueError as `frechet_distance`, also where nothing was added."""
        if not self.references:
            raise ValueError(f"{self.key}: nothing was measured")
        return frechet_distance(np.concatenate(self.features[of]), np.concatenate(self.references))

    def row(self, protocol: str, of: str = MODEL, beside: Iterable[str] | None = None, **more: object) -> Row:
        """The row of one contender, with the values of others (`beside`; else all) and what else there is to say."""
        others = [name for name in self.features if name != of] if beside is None else beside
        return {
            "value": self.compute(of),
            **{name: self.compute(name) for name in others},
            "protocol": protocol,
            "n": sum(map(len, self.references)),
            **more,
        }


class Fid:
    """`fid_<name>`: |m - m'|^2 + tr(S + S' - 2 (S S')^(1/2)) of the means and covariances of features of the pictures
    and of the references (Heusel et al. 2017), in squared units of the features; 0 for equal sets, and unbounded.

    Values over other features, or of other numbers of pictures, compare with nothing: with fewer pictures than features
    the covariances are not of full rank, and the distance grows as sets shrink.

    extractor: pictures in [0, 1] to features (B, num_features); its `num_features` is their number. It is held in
    evaluation, on the pictures' device. name: what the key calls it. contenders: MODEL and the baselines. of: what the
    references are, in print.
    """

    def __init__(
        self, extractor: nn.Module, name: str, contenders: tuple[str, ...] = (MODEL,), of: str = "references"
    ) -> None:
        self.name, self.of = name, of
        self.key = f"fid_{name}"
        self.features = _Exact(extractor)
        self.distances = {
            contender: FrechetInceptionDistance(self.features, normalize=True) for contender in contenders
        }

    def refer(self, references: Tensor) -> None:
        """Add references, (B, 3, H, W) in [0, 1]. Their features are computed once for all contenders."""
        first, *others = self.distances.values()
        first.to(references.device)
        first.update(references, real=True)
        for other in others:
            for state in REAL:
                setattr(other, state, getattr(first, state))

    def update(self, answers: dict[str, Tensor]) -> None:
        """Add pictures of every contender, (B, 3, H, W) in [0, 1]; not always as many as of references."""
        for name, distance in self.distances.items():
            distance.to(answers[name].device)
            distance.update(answers[name], real=False)

    def row(
        self, protocol: str | None = None, of: str = MODEL, beside: Iterable[str] | None = None, **more: Any
    ) -> Row:
        """The distance of one contender, those of others (`beside`; else all), how many pictures, and what else there
        is to say. What it is over stands as the protocol, or as the variant of one that has a name.

        Raises ValueError for fewer than two pictures or references.
        """
        own = self.distances[of]
        count, real = int(own.fake_features_num_samples), int(own.real_features_num_samples)
        if min(count, real) < LEAST:
            raise ValueError(f"{self.key}: found {count} pictures and {real} {self.of}, expected at least {LEAST}")
        others = [name for name in self.distances if name != of] if beside is None else beside
        seen = f"{self.features.num_features} features of {self.name}; {count} pictures, {real} {self.of}; no interval"
        return {
            "value": self._apart(of),
            **{name: self._apart(name) for name in others},
            **({"protocol": seen} if protocol is None else {"protocol": protocol, "variant": seen}),
            "n": count,
            **more,
        }

    def _apart(self, of: str) -> float:
        return max(0.0, float(self.distances[of].compute()))


class _Exact(nn.Module):
    """The extractor's features in double precision: torchmetrics gives its answer in theirs."""

    def __init__(self, extractor: nn.Module) -> None:
        super().__init__()
        self.extractor = extractor.eval()
        self.num_features = int(extractor.num_features)  # type: ignore[arg-type]

    def train(self, mode: bool = True) -> "_Exact":
        return super().train(False)

    @torch.no_grad()
    def forward(self, pictures: Tensor) -> Tensor:
        features: Tensor = self.extractor(pictures.float())
        return features.double()
