"""sd-starter-decoder: an autoencoder whose decoder was trained on, for the hands, as `sd-vae-ft-mse` is Stable
Diffusion's own with a decoder that was trained on, for faces."""

import copy
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from datamodules.kinds.captioned import CaptionedBatch, CaptionedPictures
from lightning_modules.common.frozen import OnFrozen
from lightning_modules.common.schedules import one_cycle
from lightning_modules.common.validation import data_of, not_negative
from lightning_modules.evaluation.captioned.reconstruction import ReconstructionEvaluation
from lightning_modules.networks.diffusion.autoencoder import as_autoencoder, reconstructed
from lightning_modules.sd_starter_vae import WARMUP, SDStarterVAE

if TYPE_CHECKING:
    from diffusers import AutoencoderKL


class SDStarterDecoder(SDStarterVAE, OnFrozen):
    """Objective and optimiser of the decoder alone, over an encoder that stays as it is to the bit: whatever generates
    latents goes on as before, and its pictures become better.

    The error is `SDStarterVAE`'s, of the means of latents, which models generate, without the noise around them.

    autoencoder: what it stands on: a model of the zoo, a folder, or a repository of the Hub at a revision.
    hand_weight: pixels in the boxes of hands count 1 + hand_weight times as much; 0 for alike.
    edges, learning_rate: see `SDStarterVAE`.
    """

    stands_on: ClassVar[str] = "autoencoder"

    def __init__(
        self, autoencoder: str, hand_weight: float = 8.0, edges: float = 0.5, learning_rate: float = 1e-3
    ) -> None:
        super().__init__(edges=edges, learning_rate=learning_rate)
        not_negative(hand_weight=hand_weight)
        self.hand_weight = hand_weight
        self.before: AutoencoderKL

    def stand_on(self, base: "AutoencoderKL") -> None:
        """Begin with an autoencoder, of which all but the decoder stays. Raises ValueError for another network."""
        self.network = copy.deepcopy(as_autoencoder(base)).requires_grad_(False)
        for part in (self.network.post_quant_conv, self.network.decoder):
            if part is not None:
                part.requires_grad_(True)
        self.hold_frozen(before=base)

    def configure_model(self) -> None:
        """Refuse pictures of a size that the networks cannot halve. Other sizes than the autoencoder's own are its size
        from here on."""
        size, step = data_of(self, CaptionedPictures).image_size, 2 ** (len(self.network.config.block_out_channels) - 1)
        if size % step:
            raise ValueError(f"data.init_args.image_size: found {size}, expected a multiple of {step}")
        self.network.register_to_config(sample_size=size)

    def training_step(self, batch: CaptionedBatch) -> Tensor:
        with torch.no_grad():
            latents = self.network.encode(batch.images).latent_dist.mode()
        error = self.error(self.network.decode(latents).sample, batch.images, self.weights(batch))
        self.log("train/error", error, prog_bar=True)
        return error

    def weights(self, batch: CaptionedBatch) -> Tensor:
        """Of the pixels (B, 1, S, S): more where hands are; each picture counts as much as another."""
        weights = torch.ones_like(batch.images[:, :1])
        for picture, boxes in zip(weights, data_of(self, CaptionedPictures).hands(batch.names), strict=True):
            for left, top, right, bottom in boxes:
                picture[:, top:bottom, left:right] = 1 + self.hand_weight
        return weights / weights.mean(dim=(1, 2, 3), keepdim=True)

    def on_test_start(self) -> None:
        """Beside the autoencoder that it stands on."""
        data, before = data_of(self, CaptionedPictures), {"before": lambda of: reconstructed(self.before, of)}
        self.test_scores = ReconstructionEvaluation(data, self.latent_numbers, before)

    def configure_optimizers(self) -> Any:
        trained = [weights for weights in self.network.parameters() if weights.requires_grad]
        optimizer = torch.optim.AdamW(trained, lr=self.learning_rate, weight_decay=0.0)
        return one_cycle(self, optimizer, WARMUP)
