"""What a test of a model that generates classes says: are its pictures read as asked, like the data, varied, new?"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from datamodules.features.bundles import hand_bundle
from datamodules.features.letter_landmarks import real_letters
from datamodules.kinds.labelled import LabelledBatch, LabelledPictures
from datamodules.media.drawing_primitives import Image
from lightning_modules.evaluation import plots
from lightning_modules.evaluation.distances import Fid
from lightning_modules.evaluation.judge import PictureJudge
from lightning_modules.evaluation.outside_reader import FOUND, READ, OutsideReader
from lightning_modules.evaluation.results import GROUND_TRUTH, MODEL, Comparison, Results
from lightning_modules.evaluation.sample_strips import Generated, as_images, sheet
from lightning_modules.evaluation.training_pictures import AREAS, PixelFeatures, TrainingPictures, as_seen
from lightning_modules.metrics.classification import TopK, ranked
from lightning_modules.metrics.score import Ratio, Share

Generate = Callable[[Tensor, Sequence[int]], Tensor]
"""A model under test: labels (N,) and as many seeds to pictures (N, 3, S, S) in [-1, 1]."""

AT_ONCE: Final = 64
"""Pictures that a model generates together."""
SHOWN: Final = 3
"""Generated pictures of a class on the sheet."""
MEAN, TRAIN, OTHER, TRUE, BASE = "mean_picture", "train_picture", "other_class", "true_picture", "base"


class Diversity(Ratio):
    """`diversity`: how far pictures of one class are from each other, divided by how far training pictures are."""

    def measure(self, own: Tensor, train: Tensor) -> Tensor:
        """Of distances (b,) of pairs, and of as many pairs of training pictures of the same classes."""
        return torch.stack([own, train], 1)


class GenerationEvaluation:
    """Has a model generate a picture of the class of every test picture, and scores them at the end.

    The model is handed labels and seeds, which are the places of the pictures in the test set, and nothing of the
    pictures. What it generates is held against training, which it is to be like: a test split that is cut off a
    recording shows one signer in one light. So the distances' references are training's, and the true pictures of the
    test stand beside as `true_picture`. What else stands there: `mean_picture`, the mean training picture of the class;
    `train_picture`, a training picture of the class, which a model shows that has memorised its data; and, where a
    judge reads, `other_class`, a training picture of another class. Of a model that adapts another one, `base` is what
    that one generates for the same labels and seeds: only what is better than it was learnt.

    Beside the judge, which may have learnt from the twin that the model learnt from, letters are read by an outside
    reader; where MediaPipe and its hand landmarker are missing, a line says so, and its keys are left out.

    data: whose classes are generated. judge: reads the pictures, where there is one. base: what the model adapts, where
    it adapts something.
    """

    def __init__(self, data: LabelledPictures, judge: PictureJudge | None = None, base: Generate | None = None) -> None:
        self.classes, self.judge, self.base = data.classes, judge, base
        self.generated = (MODEL,) if base is None else (MODEL, BASE)
        extractors: dict[str, nn.Module] = {judge.model: judge.features} if judge else {}
        extractors["pixels"] = PixelFeatures()
        contenders = (*self.generated, MEAN, TRAIN, TRUE)
        self.apart = {name: Fid(of, name, contenders, "training pictures") for name, of in extractors.items()}
        self.train = TrainingPictures(data, self.apart.values())
        contenders = (*self.generated, GROUND_TRUTH, MEAN, TRAIN)
        self.judged = Comparison(partial(TopK, 1), (*contenders, OTHER))
        bundle = hand_bundle(f"{FOUND} and {READ}") if set(self.classes) & real_letters().keys() else None
        self.outside = OutsideReader(bundle, self.classes, contenders) if bundle else None
        self.diversity = Comparison(Diversity, (*self.generated, GROUND_TRUTH, MEAN))
        self.copied = Comparison(Share, contenders)
        self.counts = np.zeros((len(self.classes), len(self.classes)), int)
        self.turns = [0] * len(self.classes)
        self.before: dict[int, dict[str, Tensor]] = {}
        self.shown: dict[int, Generated] = {}

    @torch.no_grad()
    def update(self, batch: LabelledBatch, generate: Generate) -> None:
        """Have pictures of a batch's classes generated. Raises ValueError for pictures that are not finite."""
        for start in range(0, len(batch.labels), AT_ONCE):
            part = slice(start, start + AT_ONCE)
            self._add(as_seen(batch.images[part]), batch.labels[part], generate)

    def _add(self, true: Tensor, labels: Tensor, generate: Generate) -> None:
        first, places = sum(self.turns), labels.tolist()
        seeds = range(first, first + len(places))
        generated = {MODEL: generate(labels, seeds)}
        if not generated[MODEL].isfinite().all():
            raise ValueError("the model generates pictures that are not finite; did its training diverge?")
        if self.base is not None:
            generated[BASE] = self.base(labels, seeds)
        turns = [self._turn(label) for label in places]
        answers = {
            **{name: as_seen(pictures).to(true) for name, pictures in generated.items()},
            GROUND_TRUTH: true,
            MEAN: self.train.means[places].to(true),
            TRAIN: self.train.pictures(places, turns).to(true),
        }
        for distance in self.apart.values():
            distance.update({**answers, TRUE: true})
        self.copied.update({name: self.train.copies(of, labels.cpu()) for name, of in answers.items()})
        self._compare_pairs(answers, places)
        if self.outside:
            self.outside.update(answers, places)
        self._show(places, true, answers[MODEL], self._read(answers, places, turns) if self.judge else places)

    def _turn(self, label: int) -> int:
        """How many of the class came before."""
        self.turns[label] += 1
        return self.turns[label] - 1

    def _read(self, answers: dict[str, Tensor], labels: Sequence[int], turns: Sequence[int]) -> list[int]:
        """Have the judge read what all contenders show; which classes it reads in what was generated."""
        assert self.judge is not None
        count = len(self.classes)
        others = [(label + 1 + turn % (count - 1)) % count for label, turn in zip(labels, turns, strict=True)]
        shown = {**answers, OTHER: self.train.pictures(others, turns).to(answers[MODEL])}
        scores = {name: self.judge.scores(of).float().cpu() for name, of in shown.items()}
        self.judged.update(scores, torch.tensor(labels))
        read: list[int] = ranked(scores[MODEL])[:, 0].tolist()
        np.add.at(self.counts, (labels, read), 1)
        return read

    def _compare_pairs(self, answers: dict[str, Tensor], labels: Sequence[int]) -> None:
        """Add how far each picture is from the one of its class before it."""
        for at, label in enumerate(labels):
            own = {name: answers[name][at].cpu().double() for name in (*self.generated, MEAN, TRAIN)}
            if before := self.before.get(label):
                apart = {name: (picture - before[name]).abs().mean()[None] for name, picture in own.items()}
                self.diversity.update({**apart, GROUND_TRUTH: apart[TRAIN]}, apart[TRAIN])
            self.before[label] = own

    def _show(self, labels: Sequence[int], true: Tensor, generated: Tensor, read: Sequence[int]) -> None:
        """Hold the first pictures of every class."""
        pairs = zip(as_images(true), as_images(generated), strict=True)
        for label, seen, (reference, picture) in zip(labels, read, pairs, strict=True):
            row = self.shown.setdefault(label, Generated(self.classes[label], reference))
            if len(row.pictures) < SHOWN:
                row.pictures.append((picture, None if seen == label else self.classes[seen]))

    def results(self) -> Results:
        """`judged_acc` and `fid_<judge>` where there is a judge, `mediapipe_found` and `mediapipe_letters` of letters,
        `fid_pixels`, `diversity` where a class was generated twice, and `copied`."""
        found: Results = {}
        if self.judge:
            protocol = "a picture of the class of each in the split, from a seed of its own"
            found["judged_acc"] = self.judged.row(protocol, judge=self.judge.name)
        if self.outside:
            found |= self.outside.results()
        for name, distance in self.apart.items():
            by = {"judge": self.judge.name} if self.judge and name == self.judge.model else {}
            found[distance.key] = {**distance.row(), GROUND_TRUTH: 0.0, **by}
        if self.diversity.scores[MODEL].items:
            found["diversity"] = self.diversity.row("pairs of a class; pairs of training pictures are 1")
        found["copied"] = self.copied.row(f"training pictures of the class; mean colours of {AREAS} x {AREAS} areas")
        return found

    def plots(self) -> dict[str, Image]:
        """`drawn`: the first pictures of every class beside a true one. `readings`: the classes asked for, and what
        was read."""
        found = {"drawn": sheet([self.shown[label] for label in sorted(self.shown)], SHOWN)}
        if self.judge:
            found["readings"] = plots.confusion(self.counts, self.classes, "class asked for", "read as")
        return found
