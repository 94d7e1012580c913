"""The gloss classifier of ASLVideoTranslate: the sign that a V-JEPA 2 embedding shows."""

import lightning as L
import torch
from torch import Tensor
from torch.nn import functional

from datamodules.wlasl.embeddings import EmbeddingBatch, WLASLEmbeddings
from lightning_modules.common.validation import data_of, positive
from lightning_modules.evaluation import classification
from lightning_modules.metrics.classification import top1
from lightning_modules.networks.recognition.gloss_classifier import AttentionClassifier, AttentionClassifierConfig


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
        self.test_scores: classification.ClassificationEvaluation

    def configure_model(self) -> None:
        """Build the network once the data has told its glosses and the width of its rows."""
        if hasattr(self, "network"):
            return
        data = data_of(self, WLASLEmbeddings)
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
        self.test_scores = classification.of_embeddings(data_of(self, WLASLEmbeddings))

    def test_step(self, batch: EmbeddingBatch) -> None:
        self.test_scores.update(batch, self.network(batch.rows, batch.lengths))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.network.parameters(), lr=self.learning_rate)
