"""Letter VAE: pictures of hand letters from latents, a first experiment (source document, section 2).

A conditional variational autoencoder (Kingma and Welling 2014, arXiv 1312.6114; Sohn et al. 2015, "Learning Structured
Output Representation using Deep Conditional Generative Models").
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from datamodules.kinds.labelled import LabelledBatch, LabelledPictures
from lightning_modules.common.class_conditional import FromLatents, seeds_of
from lightning_modules.common.validation import data_of, not_negative, positive
from lightning_modules.networks.diffusion.noise import draw, generators
from lightning_modules.networks.letters.letter_generator import LetterEncoder, LetterGenerator, LetterGeneratorConfig


class LetterVAE(FromLatents):
    """Objective and optimiser of an encoder and a decoder, which alone is published.

    The reconstruction's deviation is the best one for each batch, so that how the two terms weigh depends neither on
    the size of pictures nor on how far training is (Rybkin et al. 2021, "Simple and Effective VAE Training with
    Calibrated Decoders", arXiv 2006.13202).

    latent, width: sizes of both networks; see `LetterGeneratorConfig`.
    beta: factor of the KL term, 1 being the bound on the likelihood; more makes what the prior generates likelier and
        blurrier (Higgins et al. 2017).
    learning_rate: of Adam.
    """

    def __init__(self, latent: int = 64, width: int = 64, beta: float = 1.0, learning_rate: float = 1e-3) -> None:
        super().__init__()
        self.save_hyperparameters()
        not_negative(beta=beta)
        positive(learning_rate=learning_rate)
        self.sizes: dict[str, Any] = {"latent": latent, "width": width}
        self.beta, self.learning_rate = beta, learning_rate
        self.encoder: LetterEncoder

    def configure_model(self) -> None:
        """Build the networks once the data has told its classes and the size of its pictures."""
        if hasattr(self, "network"):
            return
        data = data_of(self, LabelledPictures)
        config = LetterGeneratorConfig(len(data.classes), data.image_size, **self.sizes)
        self.encoder, self.network = LetterEncoder(config), LetterGenerator(config)

    def training_step(self, batch: LabelledBatch) -> Tensor:
        noise = torch.randn(len(batch.labels), self.sizes["latent"], device=self.device)
        reconstruction, divergence = self.terms(batch, noise)
        loss = reconstruction + self.beta * divergence
        self.log_dict({"train/loss": loss, "train/kl": divergence}, prog_bar=True)
        return loss

    def terms(self, batch: LabelledBatch, noise: Tensor) -> tuple[Tensor, Tensor]:
        """What the bound is made of, in nats a value: log(mean squared error) / 2, which is -log p(x | z, y) at the
        best deviation but for a constant, and the KL divergence of q(z | x, y) from the prior.

        noise: (B, Z), standard normal.
        """
        mean, log_variance = self.encoder(batch.images, batch.labels)
        generated = self.network(mean + (log_variance / 2).exp() * noise, batch.labels)
        error = functional.mse_loss(generated.float(), batch.images.float())
        return error.log() / 2, divergence(mean.float(), log_variance.float()).mean() / batch.images[0].numel()

    def validation_step(self, batch: LabelledBatch) -> None:
        """The bound, each picture's latent being of its name, and what is generated."""
        noise = draw(generators(seeds_of(batch)), (self.sizes["latent"],), self.device)
        reconstruction, divergence = self.terms(batch, noise)
        found = {"val/loss": reconstruction + self.beta * divergence, "val/kl": divergence}
        self.log_dict(found, prog_bar=True, batch_size=len(batch.labels), sync_dist=True)
        super().validation_step(batch)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=self.learning_rate)


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, variance) || N(0, 1)) in nats, (B,) of (B, Z): their sum over the latent's numbers."""
    return (mean.square() + log_variance.exp() - 1 - log_variance).sum(1) / 2
