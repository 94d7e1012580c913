"""Gloss of an isolated sign from the landmarks of body and hands: milliseconds on a processor."""

from typing import Any

import lightning as L
import torch
from torch import Tensor
from torch.nn import functional

from datamodules.wlasl.landmarks import LandmarkBatch, WLASLLandmarks
from lightning_modules.common.schedules import one_cycle
from lightning_modules.common.validation import data_of, not_negative, positive, shares
from lightning_modules.evaluation import classification
from lightning_modules.metrics.classification import top1
from lightning_modules.networks.augmentation import vary_landmarks
from lightning_modules.networks.recognition.landmark_transformer import LandmarkTransformer, LandmarkTransformerConfig


class GlossLandmarks(L.LightningModule):
    """Objective and optimiser of the landmark transformer: label-smoothed cross entropy, AdamW that warms up and
    anneals.

    width, stages, heads, dropout: sizes of the network; see `LandmarkTransformerConfig`.
    augmentation: how far training's landmarks are changed in tempo, size, place and by noise; 0 is off. See
        `vary_landmarks`, also for the next two.
    missing: how much of them is left out; 0 leaves out nothing.
    mirrored: share of training's clips that are mirrored, for signers who are left-handed.
    neighbours: most frames of other clips before a training clip and after it, for signs of sentences, where nothing
        tells where a sign begins; see `in_sentences`.
    label_smoothing: share of the probability that is spread over all glosses.
    learning_rate: the highest, of AdamW.
    weight_decay: of AdamW.
    """

    def __init__(
        self,
        width: int = 160,
        stages: int = 2,
        heads: int = 4,
        dropout: float = 0.2,
        augmentation: float = 1.0,
        missing: float = 1.0,
        mirrored: float = 0.3,
        neighbours: int = 5,
        label_smoothing: float = 0.1,
        learning_rate: float = 2e-3,
        weight_decay: float = 0.05,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        positive(learning_rate=learning_rate)
        not_negative(augmentation=augmentation, missing=missing, neighbours=neighbours, weight_decay=weight_decay)
        shares(mirrored=mirrored, dropout=dropout)
        if not 0 <= label_smoothing < 1:
            raise ValueError(f"label_smoothing: found {label_smoothing}, expected 0 or more and less than 1")
        self.sizes: dict[str, Any] = {"width": width, "stages": stages, "heads": heads, "dropout": dropout}
        self.varied = (augmentation, missing, mirrored, neighbours)
        self.label_smoothing, self.learning_rate, self.weight_decay = label_smoothing, learning_rate, weight_decay
        self.network: LandmarkTransformer
        self.test_scores: classification.ClassificationEvaluation

    def configure_model(self) -> None:
        """Build the network once the data has told its glosses."""
        if not hasattr(self, "network"):
            classes = len(data_of(self, WLASLLandmarks).glosses)
            self.network = LandmarkTransformer(LandmarkTransformerConfig(classes, **self.sizes))

    def training_step(self, batch: LandmarkBatch) -> Tensor:
        points, lengths = vary_landmarks(batch.points, batch.lengths, *self.varied)
        logits = self.network(points, lengths).float()
        loss = functional.cross_entropy(logits, batch.labels, label_smoothing=self.label_smoothing)
        self.log("train/loss", loss, prog_bar=True, batch_size=len(batch.labels))
        return loss

    def validation_step(self, batch: LandmarkBatch) -> None:
        logits, size = self.network(batch.points, batch.lengths).float(), len(batch.labels)
        loss = functional.cross_entropy(logits, batch.labels)
        self.log("val/loss", loss, prog_bar=True, batch_size=size, sync_dist=True)
        self.log("val/top1", top1(logits, batch.labels), prog_bar=True, batch_size=size, sync_dist=True)

    def on_test_start(self) -> None:
        self.test_scores = classification.of_landmarks(data_of(self, WLASLLandmarks))

    def test_step(self, batch: LandmarkBatch) -> None:
        self.test_scores.update(batch, self.network(batch.points, batch.lengths))

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.AdamW(self.parameters(), lr=self.learning_rate, weight_decay=self.weight_decay)
        return one_cycle(self, optimizer, warmup=0.1)
