"""Frechet distances of sets of pictures, over features that the key names: `fid_letter-judge`.

There is no `fid_inception` yet. torchmetrics takes that network from torch-fidelity, which needs torchvision; a second
writing of it could not be held to the original weights here, and a FID that is nearly the published one misleads.
"""

from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchmetrics.image.fid import FrechetInceptionDistance

from lightning_modules.evaluation.results import MODEL, Row
from lightning_modules.networks.letters.letter_cnn import LetterCNN

LEAST: Final = 2
REAL: Final = ("real_features_sum", "real_features_cov_sum", "real_features_num_samples")
"""What torchmetrics keeps of references."""


class LetterFeatures(nn.Module):
    """What a letter judge sees in pictures (B, 3, H, W) in [0, 1] before it names a letter: (B, num_features).

    size: in pixels, to which pictures are scaled first; None for those that have it.
    """

    def __init__(self, network: LetterCNN, size: int | None = None) -> None:
        super().__init__()
        self.network = network.eval().requires_grad_(False)
        self.num_features, self.size = network.output.in_features, size

    def forward(self, pictures: Tensor) -> Tensor:
        if self.size is not None and pictures.shape[2:] != (self.size, self.size):
            shape = (self.size, self.size)
            pictures = functional.interpolate(pictures, shape, mode="bilinear", antialias=True).clamp(0, 1)
        features: Tensor = self.network.blocks(self.network.stem(2 * pictures - 1))
        return features.mean((2, 3))


class Fid:
    """`fid_<name>`: |m - m'|^2 + tr(S + S' - 2 (S S')^(1/2)) of the means and covariances of features of the pictures
    and of the references (Heusel et al. 2017), in squared units of the features; 0 for equal sets, and unbounded.

    Values over other features, or of other numbers of pictures, compare with nothing: with fewer pictures than features
    the covariances are not of full rank, and the distance grows as sets shrink. It is a distance of sets and has no
    items that add up, so there is no interval beside it.

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

    def row(self, **more: Any) -> Row:
        """The model's distance, the baselines', how many pictures, and what else there is to say.

        Raises ValueError for fewer than two pictures or references.
        """
        own = self.distances[MODEL]
        count, real = int(own.fake_features_num_samples), int(own.real_features_num_samples)
        if min(count, real) < LEAST:
            raise ValueError(f"{self.key}: found {count} pictures and {real} {self.of}, expected at least {LEAST}")
        values = {name: max(0.0, float(distance.compute())) for name, distance in self.distances.items()}
        seen = f"{self.features.num_features} features of {self.name}"
        return {
            **values,
            "protocol": f"{seen}; {count} pictures, {real} {self.of}; no interval",
            "n": count,
            **more,
        }


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
