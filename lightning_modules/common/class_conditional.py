"""What models that generate pictures of a class have in common: their test, and for those that do so from latents, a
value that tells when they have learnt enough."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar
from zlib import crc32

import lightning as L
from torch import Tensor

from datamodules.kinds.labelled import LabelledBatch, LabelledPictures
from lightning_modules.common.validation import data_of
from lightning_modules.evaluation.generation import GenerationEvaluation
from lightning_modules.evaluation.judge import PictureJudge
from lightning_modules.evaluation.training_pictures import TrainingDistance
from lightning_modules.networks.letters.letter_generator import LetterGenerator


class ClassConditional(L.LightningModule):
    """A model that is asked for pictures of classes, and tested by how they are read and what they are like."""

    judged_by: ClassVar[str] = "image-to-letter"

    def __init__(self) -> None:
        super().__init__()
        self.judge: PictureJudge | None = None
        self.test_scores: GenerationEvaluation

    @abstractmethod
    def generate(self, labels: Tensor, seeds: Sequence[int]) -> Tensor:
        """Pictures (N, 3, S, S) in [-1, 1] of labels (N,), each from the noise of its own seed."""

    def on_test_start(self) -> None:
        self.test_scores = GenerationEvaluation(data_of(self, LabelledPictures), self.judge)

    def test_step(self, batch: LabelledBatch) -> None:
        self.test_scores.update(batch, self.generate)


class FromLatents(ClassConditional):
    """One whose network generates a picture at once, from a latent; `val/frechet` says how far its pictures are from
    training's."""

    def __init__(self) -> None:
        super().__init__()
        self.network: LetterGenerator
        self.distance: TrainingDistance

    def generate(self, labels: Tensor, seeds: Sequence[int]) -> Tensor:
        return self.network.generate(labels, seeds)

    def on_validation_start(self) -> None:
        if not hasattr(self, "distance"):
            self.distance = TrainingDistance(data_of(self, LabelledPictures))

    def validation_step(self, batch: LabelledBatch) -> None:
        """Generate a picture of the class of each of the dev split."""
        self.distance.update(self.generate(batch.labels, seeds_of(batch)))

    def on_validation_epoch_end(self) -> None:
        distance = self.distance.compute(self.all_gather)  # type: ignore[arg-type]
        self.log("val/frechet", distance, prog_bar=True, sync_dist=True)


def seeds_of(batch: LabelledBatch) -> list[int]:
    """A seed of each picture's name, and so alike in every epoch."""
    return [crc32(name.encode()) for name in batch.names]
