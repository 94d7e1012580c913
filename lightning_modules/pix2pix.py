"""pix2pix: a skeleton drawing to the frame of a signer (Isola et al. 2017, "Image-to-Image Translation with Conditional
Adversarial Networks")."""

from pathlib import Path

import lightning as L
import torch
from torch import Tensor
from torch.func import functional_call
from torch.nn import functional

from datamodules.boston50 import Boston50, PairBatch
from datamodules.boston50_pairs import read_pair
from datamodules.media.hand_boxes import Box, hand_boxes
from lightning_modules.evaluation.image_evaluation import ImageEvaluation
from lightning_modules.metrics.hands import hand_bundle
from lightning_modules.networks.rendering.patch_discriminator import PatchDiscriminator
from lightning_modules.networks.rendering.unet_generator import UNetConfig, UNetGenerator
from lightning_modules.validation import not_negative, positive

SMALLEST = 24
"""Pixels a side that the discriminator's four strides leave a patch of."""


class Pix2Pix(L.LightningModule):
    """Objectives and optimiser of the generator and the discriminator, which take their steps at once.

    No term's gradient reaches the other network, so one backward pass and one Adam serve both. Several devices need it:
    gradients are gathered from all of them once a pass, when every weight has its own.

    width, depth, dropout: sizes of the generator; pictures are multiples of 2^depth pixels.
    discriminator_width: channels of the discriminator's first layer.
    l1_weight: of the mean absolute error beside the adversarial term (100).
    learning_rate: of Adam, betas (0.5, 0.999).
    """

    def __init__(
        self,
        width: int = 64,
        depth: int = 8,
        dropout: float = 0.5,
        discriminator_width: int = 64,
        l1_weight: float = 100.0,
        learning_rate: float = 2e-4,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        not_negative(l1_weight=l1_weight)
        positive(discriminator_width=discriminator_width, learning_rate=learning_rate)
        self.l1_weight, self.learning_rate = l1_weight, learning_rate
        self.network = UNetGenerator(UNetConfig(width, depth, dropout))
        self.discriminator = PatchDiscriminator(discriminator_width)
        self.mean_frame: Tensor
        self.test_scores: ImageEvaluation

    def setup(self, stage: str) -> None:
        """Refuse other data than pairs, and pictures of a size that the networks cannot halve."""
        data = self.trainer.datamodule  # type: ignore[attr-defined]
        if not isinstance(data, Boston50):
            raise ValueError(f"Pix2Pix trains on skeleton-frame pairs, found {type(data).__name__} as data.class_path")
        step = 2**self.network.config.depth
        if data.image_size % step or data.image_size < SMALLEST:
            raise ValueError(
                f"data.init_args.image_size: found {data.image_size}, expected at least {SMALLEST} and a multiple of "
                f"{step}, which is 2^model.init_args.depth"
            )

    def training_step(self, batch: PairBatch) -> Tensor:
        skeletons, frames = batch.skeletons, batch.frames
        drawn = self.network(skeletons)
        real, fake = self.discriminator_losses(skeletons, frames, drawn.detach())
        adversarial, error = self.generator_losses(skeletons, frames, drawn)
        self.log_dict({"g/adversarial": adversarial, "g/l1": error, "d/real": real, "d/fake": fake}, prog_bar=True)
        return real + fake + adversarial + self.l1_weight * error

    def discriminator_losses(self, skeletons: Tensor, frames: Tensor, drawn: Tensor) -> tuple[Tensor, Tensor]:
        """How little it takes the pairs with the frames for real, and those with what was drawn for drawn."""
        return (
            cross_entropy(self.discriminator(skeletons, frames), real=True),
            cross_entropy(self.discriminator(skeletons, drawn), real=False),
        )

    def generator_losses(self, skeletons: Tensor, frames: Tensor, drawn: Tensor) -> tuple[Tensor, Tensor]:
        """How little the discriminator, held as it is, takes what was drawn for real, and its mean absolute error."""
        held = {name: parameter.detach() for name, parameter in self.discriminator.named_parameters()}
        adversarial = cross_entropy(functional_call(self.discriminator, held, (skeletons, drawn)), real=True)
        return adversarial, functional.l1_loss(drawn.float(), frames.float())

    def validation_step(self, batch: PairBatch) -> None:
        drawn = self.network(batch.skeletons)
        error = functional.l1_loss(drawn.float(), batch.frames.float())
        self.log("val/l1", error, prog_bar=True, batch_size=len(batch.names), sync_dist=True)

    def on_test_start(self) -> None:
        """The mean of the training frames, unjittered: a baseline."""
        data: Boston50 = self.trainer.datamodule  # type: ignore[attr-defined]
        total, count = torch.zeros(()), 0
        for batch in data.loader(data.examples("train"), collate=data.collate):
            total, count = total + batch.frames.sum(0), count + len(batch.frames)
        self.mean_frame = as_share(total / count).to(self.device)
        self.test_scores = ImageEvaluation(["copy_condition", "mean_frame"], hand_bundle())

    def test_step(self, batch: PairBatch) -> None:
        data: Boston50 = self.trainer.datamodule  # type: ignore[attr-defined]
        files = {sample.name: sample.files[0] for sample in data.samples[data.tested]}
        drawings = as_share(batch.skeletons)
        baselines = {"copy_condition": drawings, "mean_frame": self.mean_frame.expand(len(drawings), -1, -1, -1)}
        self.test_scores.update(
            as_share(batch.frames),
            as_share(self.network(batch.skeletons)),
            baselines,
            drawings,
            batch.names,
            [hands_of(files[name], data.crop, data.image_size) for name in batch.names],
        )

    def on_test_end(self) -> None:
        self.test_scores.explain()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=self.learning_rate, betas=(0.5, 0.999))


def cross_entropy(logits: Tensor, real: bool) -> Tensor:
    """Sigmoid cross entropy of the patches' logits against "all real" or "all drawn", in single precision."""
    return functional.binary_cross_entropy_with_logits(logits.float(), torch.full_like(logits, real).float())


def as_share(pictures: Tensor) -> Tensor:
    """Pictures in [-1, 1] as such in [0, 1], single precision."""
    return (pictures.float() + 1) / 2


def hands_of(path: Path, crop: bool, size: int) -> list[Box]:
    """Where a pair has its hands, in pixels of its pictures once they are of `size`.

    They are read off the drawing as the file has it: in a small one the colours of limbs run into each other.
    """
    drawing, _ = read_pair(path, crop)
    height, width = drawing.shape[:2]
    x, y = size / width, size / height
    return [
        (round(x * left), round(y * top), round(x * right), round(y * bottom))
        for left, top, right, bottom in filter(None, hand_boxes(drawing))
    ]
