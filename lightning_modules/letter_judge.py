"""Letter judge: which letter does a hand show? A classifier on ASL Alphabet, by which generated letters are judged. On
skeleton frames with glosses it becomes the skeleton judge."""

from typing import Any

import lightning as L
import torch
from torch import Tensor
from torch.nn import functional

from datamodules.kinds.labelled import LabelledBatch, LabelledPictures
from lightning_modules.common.schedules import one_cycle
from lightning_modules.common.validation import data_of, not_negative, positive, shares
from lightning_modules.evaluation import classification
from lightning_modules.metrics.classification import top1
from lightning_modules.networks.augmentation import vary_pictures
from lightning_modules.networks.letters.letter_cnn import LetterCNN, LetterCNNConfig


class LetterJudge(L.LightningModule):
    """Objective and optimiser of a network that names what a picture shows: a letter, or the gloss of a skeleton frame.

    width, stages, dropout: sizes of the network.
    label_smoothing: share of the target that is spread over all classes.
    augmentation: scale of the random changes of training pictures; 0 is off. They never mirror.
    learning_rate: the peak of a one-cycle schedule of AdamW.
    weight_decay: of AdamW.
    """

    def __init__(
        self,
        width: int = 32,
        stages: int = 4,
        dropout: float = 0.2,
        label_smoothing: float = 0.1,
        augmentation: float = 1.0,
        learning_rate: float = 3e-3,
        weight_decay: float = 0.05,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        not_negative(augmentation=augmentation, weight_decay=weight_decay)
        shares(label_smoothing=label_smoothing)
        positive(learning_rate=learning_rate)
        self.sizes: dict[str, Any] = {"width": width, "stages": stages, "dropout": dropout}
        self.label_smoothing, self.augmentation = label_smoothing, augmentation
        self.learning_rate, self.weight_decay = learning_rate, weight_decay
        self.network: LetterCNN
        self.test_scores: classification.ClassificationEvaluation

    def configure_model(self) -> None:
        """Build the network once the data has told its classes."""
        if hasattr(self, "network"):
            return
        data = data_of(self, LabelledPictures)
        self.network = LetterCNN(LetterCNNConfig(classes=len(data.classes), **self.sizes))

    def training_step(self, batch: LabelledBatch) -> Tensor:
        logits = self.network(vary_pictures(batch.images, self.augmentation))
        loss = functional.cross_entropy(logits.float(), batch.labels, label_smoothing=self.label_smoothing)
        self.log("train/loss", loss, prog_bar=True)
        return loss

    def validation_step(self, batch: LabelledBatch) -> None:
        logits = self.network(batch.images).float()
        size = len(batch.labels)
        loss = functional.cross_entropy(logits, batch.labels)
        self.log("val/loss", loss, prog_bar=True, batch_size=size, sync_dist=True)
        self.log("val/top1", top1(logits, batch.labels), prog_bar=True, batch_size=size, sync_dist=True)

    def on_test_start(self) -> None:
        self.test_scores = classification.of_pictures(data_of(self, LabelledPictures))

    def test_step(self, batch: LabelledBatch) -> None:
        self.test_scores.update(batch, self.network(batch.images))

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.AdamW(self.network.parameters(), lr=self.learning_rate, weight_decay=self.weight_decay)
        return one_cycle(self, optimizer, warmup=0.2)
