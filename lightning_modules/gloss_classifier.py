"""The gloss classifier of ASLVideoTranslate: the sign that a V-JEPA 2 embedding shows."""

import lightning as L
import torch
from torch import Tensor
from torch.nn import functional

from datamodules.wlasl.embeddings import EmbeddingBatch, WLASLEmbeddings
from lightning_modules.evaluation.classification import (
    ClassificationEvaluation,
    NearestNeighbour,
    majority_scores,
    top1,
)
from lightning_modules.networks.recognition.gloss_classifier import AttentionClassifier, AttentionClassifierConfig
from lightning_modules.validation import positive


class GlossClassifier(L.LightningModule):
    """Objective and optimiser of the attention classifier: cross entropy, Adam.

    hidden: width of the first layer; the second is half as wide.
    standardise: rows by the mean and deviation of training; the source feeds them as they are.
    learning_rate: of Adam.
    """

    def __init__(self, hidden: int = 512, standardise: bool = False, learning_rate: float = 1e-5) -> None:
        super().__init__()
        self.save_hyperparameters()
        positive(learning_rate=learning_rate)
        self.hidden, self.standardise, self.learning_rate = hidden, standardise, learning_rate
        self.network: AttentionClassifier
        self.nearest: NearestNeighbour
        self.majority: Tensor
        self.scale: tuple[Tensor, Tensor]
        self.test_scores: ClassificationEvaluation

    def configure_model(self) -> None:
        """Build the network once the data has told its glosses and the width of its rows."""
        if hasattr(self, "network"):
            return
        data = self.trainer.datamodule  # type: ignore[attr-defined]
        if not isinstance(data, WLASLEmbeddings):
            raise ValueError(f"GlossClassifier trains on embeddings, found {type(data).__name__} as data.class_path")
        config = AttentionClassifierConfig(data.settings.width, len(data.glosses), self.hidden)
        self.network = AttentionClassifier(config)
        if self.standardise:
            self.network.fit(*data.statistics())

    def training_step(self, batch: EmbeddingBatch) -> Tensor:
        logits = self.network(batch.rows, batch.lengths)
        loss = functional.cross_entropy(logits.float(), batch.labels)
        self.log("train/loss", loss, prog_bar=True, batch_size=len(batch.labels))
        return loss

    def validation_step(self, batch: EmbeddingBatch) -> None:
        logits, size = self.network(batch.rows, batch.lengths).float(), len(batch.labels)
        loss = functional.cross_entropy(logits, batch.labels)
        self.log("val/loss", loss, prog_bar=True, batch_size=size, sync_dist=True)
        self.log("val/top1", top1(logits, batch.labels), prog_bar=True, batch_size=size, sync_dist=True)

    def on_test_start(self) -> None:
        """Gather what the baselines know of the training clips."""
        data: WLASLEmbeddings = self.trainer.datamodule  # type: ignore[attr-defined]
        mean, deviation = data.statistics()
        self.scale = mean, deviation.clamp(min=1e-6)
        train = data.loader(data.examples("train"), collate=data.collate)
        seen = [(self._means(batch.rows, batch.lengths), batch.labels) for batch in train]
        means, labels = (torch.cat(parts) for parts in zip(*seen, strict=True))
        self.nearest = NearestNeighbour(means, labels, len(data.glosses))
        self.majority = majority_scores(labels, len(data.glosses))
        protocol = f"split by {data.split}; nearest neighbour: mean of standardised rows"
        self.test_scores = ClassificationEvaluation(data.glosses, ["majority_class", "nearest_neighbour"], protocol)

    def test_step(self, batch: EmbeddingBatch) -> None:
        baselines = {
            "majority_class": self.majority.expand(len(batch.labels), -1),
            "nearest_neighbour": self.nearest(self._means(batch.rows.cpu(), batch.lengths.cpu())),
        }
        self.test_scores.update(batch.labels, self.network(batch.rows, batch.lengths), baselines)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.network.parameters(), lr=self.learning_rate)

    def _means(self, rows: Tensor, lengths: Tensor) -> Tensor:
        """Mean row (B, D) of each embedding, standardised; padding is zero."""
        mean, deviation = self.scale
        return (rows.sum(1) / lengths[:, None] - mean) / deviation
