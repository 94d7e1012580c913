"""Letter judge: which letter does a hand show? A classifier on ASL Alphabet, by which generated letters are judged."""

import math
from typing import Any

import lightning as L
import torch
from torch import Tensor
from torch.nn import functional
from torch.optim.lr_scheduler import OneCycleLR

from datamodules.labelled import LabelledBatch, LabelledPictures
from lightning_modules.evaluation.classification import (
    ClassificationEvaluation,
    NearestNeighbour,
    majority_scores,
    top1,
)
from lightning_modules.networks.letters.letter_cnn import LetterCNN, LetterCNNConfig
from lightning_modules.validation import not_negative, positive, shares

GREY = 16
"""Side in pixels of the grey pictures that the nearest neighbour compares."""


class LetterJudge(L.LightningModule):
    """Objective and optimiser of the letter network.

    width, stages, dropout: sizes of the network.
    label_smoothing: share of the target that is spread over all letters.
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
        self.nearest: NearestNeighbour
        self.majority: Tensor
        self.test_scores: ClassificationEvaluation

    def configure_model(self) -> None:
        """Build the network once the data has told its classes."""
        if hasattr(self, "network"):
            return
        data = LabelledPictures.of(self)
        self.network = LetterCNN(LetterCNNConfig(classes=len(data.classes), **self.sizes))

    def training_step(self, batch: LabelledBatch) -> Tensor:
        logits = self.network(augmented(batch.images, self.augmentation))
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
        """Gather what the baselines know of the training pictures."""
        data = LabelledPictures.of(self)
        train = data.loader(data.examples("train"), collate=data.collate)
        seen = [(small_grey(batch.images), batch.labels) for batch in train]
        pictures, labels = (torch.cat(parts) for parts in zip(*seen, strict=True))
        self.nearest = NearestNeighbour(pictures, labels, len(data.classes))
        self.majority = majority_scores(labels, len(data.classes))
        protocol = f"nearest neighbour: grey {GREY} x {GREY}"
        self.test_scores = ClassificationEvaluation(data.classes, ["majority_class", "nearest_neighbour"], protocol)

    def test_step(self, batch: LabelledBatch) -> None:
        baselines = {
            "majority_class": self.majority.expand(len(batch.labels), -1),
            "nearest_neighbour": self.nearest(small_grey(batch.images).cpu()),
        }
        self.test_scores.update(batch.labels, self.network(batch.images), baselines)

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.AdamW(self.network.parameters(), lr=self.learning_rate, weight_decay=self.weight_decay)
        steps = self.trainer.estimated_stepping_batches
        if steps == float("inf"):
            raise ValueError("the one-cycle schedule needs an end: set trainer.max_epochs or trainer.max_steps")
        cycle = OneCycleLR(optimizer, self.learning_rate, total_steps=int(steps), pct_start=0.2)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": cycle, "interval": "step"}}


@torch.no_grad()
def augmented(images: Tensor, scale: float = 1.0) -> Tensor:
    """Pictures (B, 3, H, W) in [-1, 1], each turned, zoomed, moved and lit a little differently, softened and grained,
    on their device.

    At scale 1: within 12 degrees, a factor of 1.25, 12 % of the side, 1.35 in light and 1.05 in each colour; up to 0.7
    of the way to the mean of a tenth of the side around each pixel; fine and coarse noise, each with a deviation of up
    to 0.1. Letters that a model draws are seldom as crisp as photographs, and still letters. None is mirrored: a left
    hand is not a right one.
    """
    if not scale:
        return images
    count, _, height, width = images.shape

    def drawn(*shape: int) -> Tensor:
        return scale * (2 * torch.rand(count, *shape, device=images.device) - 1)

    def noise(coarser: int) -> Tensor:
        grain = torch.randn(count, 3, height // coarser, width // coarser, device=images.device)
        return 0.1 * drawn(1, 1, 1) * functional.interpolate(grain, (height, width), mode="nearest")

    angle, zoom, shift = math.radians(12) * drawn(), 1.25 ** drawn(), 0.24 * drawn(2, 1)
    cosine, sine = angle.cos() / zoom, angle.sin() / zoom
    turn = torch.stack([cosine, -sine, sine, cosine], dim=1).view(-1, 2, 2)
    places = functional.affine_grid(torch.cat([turn, shift], dim=2), list(images.shape), align_corners=False)
    moved = functional.grid_sample(images.float(), places, padding_mode="border", align_corners=False)
    reach = max(1, round(0.05 * height))
    soft = functional.avg_pool2d(moved, 2 * reach + 1, 1, reach, count_include_pad=False)
    softened = moved + 0.7 * drawn(1, 1, 1).clamp(min=0) * (soft - moved)
    light = 1.35 ** drawn(1, 1, 1) * 1.05 ** drawn(3, 1, 1)
    return ((softened + 1) * light - 1 + noise(1) + noise(2)).clamp(-1, 1)


def small_grey(images: Tensor) -> Tensor:
    """Pictures (B, 3, H, W) as grey ones of 16 x 16, flattened: (B, 256)."""
    return functional.interpolate(images.mean(1, keepdim=True), (GREY, GREY), mode="area").flatten(1)
