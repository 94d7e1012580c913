"""What models that draw pictures of a class have in common: their test, and for those that draw from latents, a value
that tells when they have learnt enough."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar
from zlib import crc32

import lightning as L
from torch import Tensor

from datamodules.labelled import LabelledBatch, LabelledPictures
from lightning_modules.evaluation.generation import GenerationEvaluation
from lightning_modules.evaluation.judge import PictureJudge
from lightning_modules.evaluation.training_distance import TrainingDistance
from lightning_modules.networks.letters.letter_generator import LetterGenerator


class DrawsClasses(L.LightningModule):
    """A model that is asked for pictures of classes, and tested by how they are read and what they are like."""

    judged_by: ClassVar[str] = "image-to-letter"

    def __init__(self) -> None:
        super().__init__()
        self.judge: PictureJudge | None = None
        self.test_scores: GenerationEvaluation

    @abstractmethod
    def draw(self, labels: Tensor, seeds: Sequence[int]) -> Tensor:
        """Pictures (N, 3, S, S) in [-1, 1] of labels (N,), each from the noise of its own seed."""

    def on_test_start(self) -> None:
        self.test_scores = GenerationEvaluation(LabelledPictures.of(self), self.judge)

    def test_step(self, batch: LabelledBatch) -> None:
        self.test_scores.update(batch, self.draw)


class DrawsFromLatents(DrawsClasses):
    """One whose network draws at once, from a latent; `val/frechet` says how far its pictures are from training's."""

    def __init__(self) -> None:
        super().__init__()
        self.network: LetterGenerator
        self.distance: TrainingDistance

    def draw(self, labels: Tensor, seeds: Sequence[int]) -> Tensor:
        return self.network.draw(labels, seeds)

    def on_validation_start(self) -> None:
        if not hasattr(self, "distance"):
            self.distance = TrainingDistance(LabelledPictures.of(self))

    def validation_step(self, batch: LabelledBatch) -> None:
        """Draw a picture of the class of each of the dev split."""
        self.distance.update(self.draw(batch.labels, seeds_of(batch)))

    def on_validation_epoch_end(self) -> None:
        distance = self.distance.compute(self.all_gather)  # type: ignore[arg-type]
        self.log("val/frechet", distance, prog_bar=True, sync_dist=True)


def seeds_of(batch: LabelledBatch) -> list[int]:
    """A seed of each picture's name, and so alike in every epoch."""
    return [crc32(name.encode()) for name in batch.names]
