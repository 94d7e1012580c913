"""sd-starter-vae: pictures to latents a twelfth their size and back, what a tiny Stable Diffusion generates in
(Rombach et al. 2022, "High-Resolution Image Synthesis with Latent Diffusion Models", arXiv 2112.10752, section 3.1)."""

from collections.abc import Sequence
from typing import Any, Final

import lightning as L
import torch
from diffusers import AutoencoderKL
from torch import Tensor

from datamodules.kinds.captioned import CaptionedBatch, CaptionedPictures
from lightning_modules.common.schedules import one_cycle
from lightning_modules.common.validation import data_of, not_negative, positive
from lightning_modules.evaluation.captioned.reconstruction import ReconstructionEvaluation
from lightning_modules.networks.diffusion.autoencoder import autoencoder, reconstructed

WARMUP: Final = 0.1


class SDStarterVAE(L.LightningModule):
    """Objective and optimiser of an AutoencoderKL of diffusers.

    The loss is the mean absolute error, the mean squared error and the error of differences between neighbouring
    pixels, and of the KL divergence a little. The first alone paints drawings of thin lines black, for black is the
    median of pixels that a line may or may not cross; the second has the mean for its optimum; the third keeps edges,
    fingers among them. There is neither a discriminator nor a network of perception, which the published one has.

    channels, layers, groups, latent: sizes of the network; see `autoencoder`.
    edges: weight of the differences between neighbouring pixels.
    kl: weight of the divergence from the standard normal distribution, in nats a picture.
    learning_rate: the highest of one cycle of AdamW.
    """

    def __init__(
        self,
        channels: Sequence[int] = (128, 256, 512, 512),
        layers: int = 2,
        groups: int = 32,
        latent: int = 4,
        edges: float = 0.5,
        kl: float = 1e-6,
        learning_rate: float = 2e-3,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        not_negative(edges=edges, kl=kl)
        positive(learning_rate=learning_rate)
        self.sizes: dict[str, Any] = {"channels": channels, "layers": layers, "groups": groups, "latent": latent}
        self.edges, self.kl, self.learning_rate = edges, kl, learning_rate
        self.network: AutoencoderKL
        self.test_scores: ReconstructionEvaluation

    def configure_model(self) -> None:
        """Build the network once the data has told the size of its pictures. Raises ValueError for a size that it
        cannot halve as often as it does."""
        if hasattr(self, "network"):
            return
        size, step = data_of(self, CaptionedPictures).image_size, 2 ** (len(self.sizes["channels"]) - 1)
        if size % step:
            raise ValueError(
                f"data.init_args.image_size: found {size}, expected a multiple of {step}: each of model.init_args."
                "channels but the first halves the picture"
            )
        self.network = autoencoder(size, **self.sizes)

    def training_step(self, batch: CaptionedBatch) -> Tensor:
        posterior = self.network.encode(batch.images).latent_dist
        pictures = self.network.decode(posterior.sample()).sample
        divergence: Tensor = posterior.kl().float().mean()
        error = self.error(pictures, batch.images)
        self.log_dict({"train/error": error, "train/kl": divergence}, prog_bar=True)
        return error + self.kl * divergence

    def error(self, pictures: Tensor, references: Tensor, weights: Tensor | None = None) -> Tensor:
        """Of pictures and what they should be, (B, 3, S, S) in [-1, 1]; see the class. weights: of the pixels, (B, 1,
        S, S), 1 on average; None for alike."""
        wrong = pictures.float() - references.float()
        counting = torch.ones_like(wrong[:, :1]) if weights is None else weights
        found: Tensor = (counting * (wrong.abs() / 2 + wrong.square())).mean()
        for side in (2, 3):
            apart = counting.narrow(side, 1, counting.shape[side] - 1) * wrong.diff(dim=side).abs()
            found = found + self.edges * apart.mean()
        return found

    def weights(self, batch: CaptionedBatch) -> Tensor | None:
        """Of a batch's pixels, as `error` takes them: all count alike."""
        return None

    def validation_step(self, batch: CaptionedBatch) -> None:
        """The error of the means, without the noise of training."""
        found = self.error(self.reconstruct(batch.images), batch.images, self.weights(batch))
        self.log("val/error", found, prog_bar=True, batch_size=len(batch.names), sync_dist=True)

    def on_test_start(self) -> None:
        self.test_scores = ReconstructionEvaluation(data_of(self, CaptionedPictures), self.latent_numbers)

    def test_step(self, batch: CaptionedBatch) -> None:
        self.test_scores.update(batch, self.reconstruct)

    def reconstruct(self, pictures: Tensor) -> Tensor:
        """What is left of pictures (B, 3, S, S) in [-1, 1] behind the means of their latents."""
        return reconstructed(self.network, pictures)

    @property
    def latent_numbers(self) -> int:
        """Numbers of a picture's latent."""
        config = self.network.config
        side = config.sample_size // 2 ** (len(config.block_out_channels) - 1)
        return int(config.latent_channels * side**2)

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.AdamW(self.network.parameters(), lr=self.learning_rate, weight_decay=0.0)
        return one_cycle(self, optimizer, WARMUP)
