"""What a test of a model that draws classes says: are its pictures read as asked, like the data, varied, its own?"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from datamodules.canvas import Image
from datamodules.draw import HIGHLIGHT, contact_sheet
from datamodules.images import resize
from datamodules.labelled import LabelledBatch, LabelledPictures
from lightning_modules.metrics import plots
from lightning_modules.metrics.classification import TopK, ranked
from lightning_modules.metrics.fid import Fid
from lightning_modules.metrics.image_evaluation import as_images
from lightning_modules.metrics.judge import PictureJudge
from lightning_modules.metrics.results import GROUND_TRUTH, MODEL, Comparison, Results
from lightning_modules.metrics.score import Mean, Ratio

Draw = Callable[[Tensor, Sequence[int]], Tensor]
"""A model under test: labels (N,) and as many seeds to pictures (N, 3, S, S) in [-1, 1]."""

AT_ONCE: Final = 64
"""Pictures that a model draws together."""
GRID: Final = 8
"""Areas a side of which `pixel_features` are the colours."""
COPIED: Final = 1 / 3
"""A picture is a copy where its nearest training picture is nearer than this share of the second nearest's distance
(Yoon et al. 2023, "Diffusion Probabilistic Models Generalize when They Fail to Memorize")."""
SHOWN: Final = 3
"""Drawn pictures of a class on the sheet."""
SIDE: Final = 64
"""Of a picture on the sheet, in pixels."""
MOST_CLASSES: Final = 40
"""As many have room on the sheet."""
MEAN: Final = "mean_picture"
TRAIN: Final = "train_picture"
OTHER: Final = "other_class"


class PixelFeatures(nn.Module):
    """Pictures (N, 3, H, W) to the mean colours of their 8 x 8 areas, (N, 192): features that no data has taught.

    They see where light and dark are, and no finger.
    """

    num_features = 3 * GRID * GRID

    def forward(self, pictures: Tensor) -> Tensor:
        return functional.adaptive_avg_pool2d(pictures, GRID).flatten(1)


def pixel_features(pictures: Tensor) -> Tensor:
    """Of pictures (N, 3, S, S) in [0, 1], in double precision, (N, 192): red first, each row by row."""
    features: Tensor = PixelFeatures()(pictures.double())
    return features


class Spread(Ratio):
    """`diversity`: how far pictures of one class are from each other, divided by how far training pictures are."""

    def measure(self, own: Tensor, train: Tensor) -> Tensor:
        """Of distances (b,) of pairs, and as many of pairs of training pictures of the same classes."""
        return torch.stack([own, train], 1)


class Copied(Mean):
    """`copied`: share of pictures that are nearly a training picture."""

    def measure(self, copies: Tensor) -> Tensor:
        """Whether each is one, (b,)."""
        return copies


class Training:
    """What the training pictures of a data set are to those that are drawn: their mean, examples, and what is near.

    They are read once for means and features; those that stand beside a drawn one are read again when it is drawn, so
    that none is held. Of a class that training lacks, all pictures stand for it.
    """

    def __init__(self, data: LabelledPictures) -> None:
        self.examples, self.collate = data.examples("train"), data.collate
        size, found = data.image_size, []
        self.means = torch.zeros(len(data.classes) + 1, 3, size, size, dtype=torch.float64)
        features = []
        for batch in data.loader(self.examples, collate=data.collate):
            pictures = as_seen(batch.images)
            self.means.index_add_(0, batch.labels, pictures.double())
            features.append(pixel_features(pictures).float())
            found.append(batch.labels)
        self.features, labels = torch.cat(features), torch.cat(found).numpy()
        self.means[-1] = self.means.sum(0)
        everything = np.arange(len(labels))
        self.places: list[np.ndarray] = []
        for label in range(len(data.classes)):
            own = np.flatnonzero(labels == label)
            if not len(own):
                own, self.means[label] = everything, self.means[-1]
            self.means[label] /= len(own)
            self.places.append(np.random.default_rng(label).permutation(own))

    def pictures(self, labels: Sequence[int], turns: Sequence[int]) -> Tensor:
        """A training picture of each label, (N, 3, S, S) in [0, 1]: in an order drawn by lot, in which a class's next
        turn is its next picture, so that all are seen before one is seen twice."""
        places = [self.places[label] for label in labels]
        chosen = [self.examples[int(own[turn % len(own)])] for own, turn in zip(places, turns, strict=True)]
        return as_seen(self.collate(chosen).images)

    def copies(self, pictures: Tensor, labels: Sequence[int]) -> Tensor:
        """Whether pictures (N, 3, S, S) in [0, 1] are nearly a training picture of their labels, (N,)."""
        found = []
        for features, label in zip(pixel_features(pictures).cpu(), labels, strict=True):
            distances = (self.features[self.places[label]].double() - features).square().sum(1).sqrt()
            nearest = distances.topk(min(2, len(distances)), largest=False).values
            found.append(bool(nearest[0] <= COPIED * nearest[-1]))
        return torch.tensor(found)


class GenerationEvaluation:
    """Has a model draw a picture of the class of every test picture, and scores them at the end.

    The model is handed labels and seeds, which are the places of the pictures in the test set, and nothing of the
    pictures. Beside it stand `mean_picture`, the mean training picture of the class; `train_picture`, a training
    picture of the class, which is what a model that has memorised its data would show; and, where a judge reads,
    `other_class`, a training picture of another class.

    data: whose test split is drawn. judge: reads the pictures, where there is one.
    """

    def __init__(self, data: LabelledPictures, judge: PictureJudge | None = None) -> None:
        self.classes, self.judge = data.classes, judge
        self.train = Training(data)
        self.seen = 0
        self.counts = np.zeros((len(self.classes), len(self.classes)), int)
        self.turns = [0] * len(self.classes)
        self.before: dict[int, dict[str, Tensor]] = {}
        self.judged = Comparison(partial(TopK, 1), (MODEL, GROUND_TRUTH, MEAN, TRAIN, OTHER))
        self.spread = Comparison(Spread, (MODEL, GROUND_TRUTH, MEAN))
        self.copied = Comparison(Copied, (MODEL, GROUND_TRUTH, MEAN, TRAIN))
        extractors = (
            {"pixels": PixelFeatures()} if judge is None else {judge.model: judge.features, "pixels": PixelFeatures()}
        )
        self.apart = {name: Fid(extractor, name, (MODEL, MEAN, TRAIN)) for name, extractor in extractors.items()}
        self.true: dict[int, Image] = {}
        self.drawn: dict[int, list[tuple[Image, int]]] = {}

    @torch.no_grad()
    def update(self, batch: LabelledBatch, draw: Draw) -> None:
        """Have a batch's classes drawn. Raises ValueError for pictures that are not finite."""
        for start in range(0, len(batch.labels), AT_ONCE):
            part = slice(start, start + AT_ONCE)
            self._add(as_seen(batch.images[part]), batch.labels[part], batch.names[part], draw)

    def _add(self, references: Tensor, labels: Tensor, names: Sequence[str], draw: Draw) -> None:
        drawn = draw(labels, range(self.seen, self.seen + len(labels)))
        for name, picture in zip(names, drawn, strict=True):
            if not picture.isfinite().all():
                raise ValueError(f"drawn for {name}: the model's picture is not finite; did its training diverge?")
        self.seen += len(labels)
        places = labels.tolist()
        turns = [self._turn(label) for label in places]
        count = len(self.classes)
        others = [(label + 1 + turn % (count - 1)) % count for label, turn in zip(places, turns, strict=True)]
        answers = {
            MODEL: as_seen(drawn).to(references),
            GROUND_TRUTH: references,
            MEAN: self.train.means[places].to(references),
            TRAIN: self.train.pictures(places, turns).to(references),
        }
        for distance in self.apart.values():
            distance.update(answers, references)
        self.copied.update({name: self.train.copies(of, places) for name, of in answers.items()})
        self._compare_neighbours(answers, places)
        read = list(places)
        if self.judge is not None:
            answers[OTHER] = self.train.pictures(others, turns).to(references)
            scores = {name: self.judge.scores(of).float().cpu() for name, of in answers.items()}
            self.judged.update(scores, labels.cpu())
            read = ranked(scores[MODEL])[:, 0].tolist()
            np.add.at(self.counts, (places, read), 1)
        self._keep(places, references, answers[MODEL], read)

    def _turn(self, label: int) -> int:
        """How many of the class came before."""
        self.turns[label] += 1
        return self.turns[label] - 1

    def _compare_neighbours(self, answers: dict[str, Tensor], labels: Sequence[int]) -> None:
        """Add the distance of every picture to the one of its class before it."""
        for at, label in enumerate(labels):
            own = {name: answers[name][at].cpu().double() for name in (MODEL, MEAN, TRAIN)}
            if before := self.before.get(label):
                apart = {name: (picture - before[name]).abs().mean()[None] for name, picture in own.items()}
                self.spread.update({**apart, GROUND_TRUTH: apart[TRAIN]}, apart[TRAIN])
            self.before[label] = own

    def _keep(self, labels: Sequence[int], references: Tensor, drawn: Tensor, read: Sequence[int]) -> None:
        """Hold the first pictures of every class."""
        pairs = zip(as_images(references), as_images(drawn), strict=True)
        for label, other, (reference, picture) in zip(labels, read, pairs, strict=True):
            self.true.setdefault(label, reference)
            shown = self.drawn.setdefault(label, [])
            if len(shown) < SHOWN:
                shown.append((picture, other))

    def results(self) -> Results:
        """`judged_acc` and `fid_<judge>` where there is a judge, `fid_pixels`, `diversity` where a class was drawn
        twice, and `copied`."""
        found: Results = {}
        by = {"judge": self.judge.name} if self.judge else {}
        if self.judge:
            found["judged_acc"] = self.judged.row("a picture for each of the test split, of its class", **by)
        for name, distance in self.apart.items():
            found[distance.key] = distance.row(**{GROUND_TRUTH: 0.0}, **(by if name != "pixels" else {}))
        if self.spread.scores[MODEL].items:
            found["diversity"] = self.spread.row("pairs of one class; pairs of training pictures are 1")
        found["copied"] = self.copied.row(f"mean colours of {GRID} x {GRID} areas, training pictures of the class")
        return found

    def plots(self) -> dict[str, Image]:
        """`drawn`: the first pictures of every class beside a true one. `confusion`: asked for, and read."""
        found = {"drawn": self._sheet()}
        if self.judge is not None:
            found["confusion"] = plots.confusion(self.counts, self.classes)
        return found

    def _sheet(self) -> Image:
        frames, labels = [], []
        for label in sorted(self.true)[:MOST_CLASSES]:
            row = [(self.true[label], f"{self.classes[label]}: true")]
            for picture, read in self.drawn[label]:
                row.append((picture, "") if read == label else (framed(picture), f"read as {self.classes[read]}"))
            row += [(np.full_like(row[0][0], 255), "")] * (SHOWN + 1 - len(row))
            frames += [scaled(picture) for picture, _ in row]
            labels += [words for _, words in row]
        return contact_sheet(frames, 2 * (SHOWN + 1), labels)


def as_seen(pictures: Tensor) -> Tensor:
    """Pictures in [-1, 1] as users get them, in [0, 1]: within their range, and of 256 values."""
    return ((pictures.detach().float().clamp(-1, 1) + 1) * 127.5).round() / 255


def scaled(picture: Image) -> Image:
    """A picture as large as the sheet has them."""
    return resize(picture, SIDE, SIDE)


def framed(picture: Image) -> Image:
    """The picture within a red line."""
    thick = max(1, len(picture) // 20)
    red = np.full_like(picture, HIGHLIGHT)
    red[thick:-thick, thick:-thick] = picture[thick:-thick, thick:-thick]
    return red
