"""pix2pix: a skeleton drawing to the frame of a signer (Isola et al. 2017, "Image-to-Image Translation with Conditional
Adversarial Networks")."""

from collections.abc import Mapping, Sequence

import lightning as L
import torch
from torch import Tensor
from torch.func import functional_call
from torch.nn import functional

from datamodules.kinds.paired_frames import PairedFrames, PairedFramesBatch
from lightning_modules.common.validation import data_of, not_negative, positive
from lightning_modules.evaluation.rendering.contenders import Beside
from lightning_modules.evaluation.rendering.frames import RenderingEvaluation
from lightning_modules.networks.rendering.pix2pix import PatchDiscriminator, UNetConfig, UNetGenerator

SMALLEST = 24
"""Pixels a side that the discriminator's four strides leave a patch of."""


class Pix2Pix(L.LightningModule):
    """Objectives and optimiser of the generator and the discriminator, which take their steps at once. Both see
    conditions in [-1, 1], as published.

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
        self.beside: Mapping[str, Beside] = {}
        self.test_scores: RenderingEvaluation

    def setup(self, stage: str) -> None:
        """Refuse other data than paired frames, and pictures of a size that the networks cannot halve."""
        data = data_of(self, PairedFrames)
        step = 2**self.network.config.depth
        if data.image_size % step or data.image_size < SMALLEST:
            raise ValueError(
                f"data.init_args.image_size: found {data.image_size}, expected at least {SMALLEST} and a multiple of "
                f"{step}, which is 2^model.init_args.depth"
            )

    def training_step(self, batch: PairedFramesBatch) -> Tensor:
        skeletons, frames = signed(batch.conditions), batch.frames
        generated = self.network(skeletons)
        real, fake = self.discriminator_losses(skeletons, frames, generated.detach())
        adversarial, error = self.generator_losses(skeletons, frames, generated)
        self.log_dict({"g/adversarial": adversarial, "g/l1": error, "d/real": real, "d/fake": fake}, prog_bar=True)
        return real + fake + adversarial + self.l1_weight * error

    def discriminator_losses(self, skeletons: Tensor, frames: Tensor, generated: Tensor) -> tuple[Tensor, Tensor]:
        """How little it takes the pairs with the frames for real, and those with what was generated for generated."""
        return (
            cross_entropy(self.discriminator(skeletons, frames), real=True),
            cross_entropy(self.discriminator(skeletons, generated), real=False),
        )

    def generator_losses(self, skeletons: Tensor, frames: Tensor, generated: Tensor) -> tuple[Tensor, Tensor]:
        """How little the discriminator, held as it is, takes what was generated for real, and its mean absolute
        error."""
        held = {name: parameter.detach() for name, parameter in self.discriminator.named_parameters()}
        adversarial = cross_entropy(functional_call(self.discriminator, held, (skeletons, generated)), real=True)
        return adversarial, functional.l1_loss(generated.float(), frames.float())

    def validation_step(self, batch: PairedFramesBatch) -> None:
        generated = self.render(batch.conditions, batch.further, batch.captions)
        error = functional.l1_loss(generated.float(), batch.frames.float())
        self.log("val/l1", error, prog_bar=True, batch_size=len(batch.names), sync_dist=True)

    def on_test_start(self) -> None:
        self.test_scores = RenderingEvaluation(data_of(self, PairedFrames), "pose-only", beside=self.beside)

    def test_step(self, batch: PairedFramesBatch) -> None:
        self.test_scores.update(batch, self.render)

    def render(self, conditions: Tensor, further: Mapping[str, Tensor], captions: Sequence[str]) -> Tensor:
        """Frames (B, 3, S, S) in [-1, 1] of drawings (B, 3, S, S) in [0, 1], which are all that it looks at."""
        frames: Tensor = self.network(signed(conditions))
        return frames

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=self.learning_rate, betas=(0.5, 0.999))


def cross_entropy(logits: Tensor, real: bool) -> Tensor:
    """Sigmoid cross entropy of the patches' logits against "all real" or "all generated", in single precision."""
    return functional.binary_cross_entropy_with_logits(logits.float(), torch.full_like(logits, real).float())


def signed(pictures: Tensor) -> Tensor:
    """Pictures in [0, 1] as such in [-1, 1]."""
    return 2 * pictures - 1
