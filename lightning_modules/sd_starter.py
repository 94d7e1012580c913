"""A small Stable Diffusion, trained from nothing: what models that are made for the large one are tried on (Rombach et
al. 2022, "High-Resolution Image Synthesis with Latent Diffusion Models")."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
import torch
from torch import Tensor

from datamodules.kinds.captioned import CaptionedBatch, CaptionedPictures
from lightning_modules.common.latent_diffusion import LatentDiffusion
from lightning_modules.common.schedules import cooled
from lightning_modules.common.validation import data_of, positive, shares
from lightning_modules.evaluation.captioned.generation import CaptionedGeneration
from lightning_modules.networks.diffusion.autoencoder import as_autoencoder
from lightning_modules.networks.diffusion.latents import embedded, moments
from lightning_modules.networks.diffusion.schedule import Prediction
from lightning_modules.networks.diffusion.text_to_image import draw
from lightning_modules.networks.diffusion.text_to_latents import (
    Drawing,
    TextToLatents,
    clip_tokenizer,
    pipeline_of,
    stable_diffusion_schedule,
    text_to_latents,
)

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, UNet2DConditionModel

MEASURED: Final = 256
"""Training pictures whose latents say how much they deviate."""


class SDStarter(LatentDiffusion):
    """Objective and optimiser of the UNet and the text encoder, over an autoencoder that stays as it is.

    autoencoder: what it stands on: a model of the zoo, a folder, or a repository of the Hub at a revision.
    channels, attention, layers, heads, text_width, text_layers: sizes of the networks; see `text_to_latents`.
    prediction: what the UNet finds, the noise or the velocity; see `Schedule`.
    prompt_drop, ema_decay, min_snr, offset_noise, checkpointing, compiled, cache, sampled: see `LatentDiffusion`.
    learning_rate: of AdamW, which decays no weight: most of the text encoder's are of words that no caption has.
    cooldown: share of the training at whose end the learning rate falls to nothing; see `cooled`.
    steps, guidance: how pictures are generated unless somebody asks for another way; see `Drawing`.
    """

    stands_on: ClassVar[str] = "autoencoder"

    def __init__(
        self,
        autoencoder: str,
        channels: Sequence[int] = (32, 64, 128, 160),
        attention: Sequence[int] = (1, 2),
        layers: int = 1,
        heads: int = 8,
        text_width: int = 40,
        text_layers: int = 2,
        prediction: Prediction = "v_prediction",
        prompt_drop: float = 0.1,
        ema_decay: float | None = 0.999,
        min_snr: float | None = None,
        offset_noise: float = 0.0,
        checkpointing: bool = False,
        compiled: bool = False,
        cache: bool = True,
        sampled: bool = True,
        learning_rate: float = 5e-4,
        cooldown: float = 0.5,
        steps: int = 20,
        guidance: float = 3.0,
    ) -> None:
        super().__init__(
            min_snr=min_snr,
            offset_noise=offset_noise,
            prompt_drop=prompt_drop,
            ema_decay=ema_decay,
            checkpointing=checkpointing,
            compiled=compiled,
            cache=cache,
            sampled=sampled,
        )
        self.save_hyperparameters()
        positive(learning_rate=learning_rate, layers=layers, heads=heads, text_layers=text_layers)
        shares(cooldown=cooldown)
        self.sizes: dict[str, Any] = {
            "channels": channels,
            "attention": attention,
            "layers": layers,
            "heads": heads,
            "text_width": text_width,
            "text_layers": text_layers,
        }
        self.learning_rate, self.cooldown = learning_rate, cooldown
        self.drawing = Drawing(steps, guidance)
        self.schedule, self.tokenizer = stable_diffusion_schedule(prediction), clip_tokenizer()
        self.network: TextToLatents
        self.test_scores: CaptionedGeneration

    @property
    def unet(self) -> "UNet2DConditionModel":
        return self.network.unet

    def stand_on(self, base: "AutoencoderKL") -> None:
        """Take over the autoencoder. Raises ValueError for another network."""
        self.hold_frozen(vae=as_autoencoder(base))

    def configure_model(self) -> None:
        """Build the networks once the data has told the size of its pictures. Raises ValueError where they are of
        another size than the autoencoder was trained on."""
        size, config = data_of(self, CaptionedPictures).image_size, self.vae.config
        factor = 2 ** (len(config.block_out_channels) - 1)
        if size % factor:
            raise ValueError(f"data.init_args.image_size: found {size}, expected a multiple of {factor}")
        if not hasattr(self, "network"):
            self.network = text_to_latents(config.latent_channels, size // factor, **self.sizes)
        super().configure_model()

    def on_fit_start(self) -> None:
        """Measure by how much the latents deviate, over some training pictures (Rombach et al. 2022, appendix G)."""
        super().on_fit_start()
        if self.network.scaling == 0:
            data = data_of(self, CaptionedPictures)
            examples, count = data.examples("train"), len(data.described("train"))
            places = np.linspace(0, count - 1, min(count, MEASURED)).round().astype(int)
            parts = [places[start : start + data.batch_size] for start in range(0, len(places), data.batch_size)]
            batches = (data.collate([examples[int(place)] for place in part]) for part in parts)
            found = torch.cat([moments(self.vae, batch.images.to(self.device)) for batch in batches])
            noise = torch.randn(found.shape[0], found.shape[1] // 2, *found.shape[2:]).to(found)
            self.network.scaling.fill_(1)
            self.network.scaling.fill_(1 / self.scaled(found, noise).std())

    @property
    def scaling(self) -> float:
        return float(self.network.scaling)

    def context(self, captions: list[str]) -> Tensor:
        """What the UNet attends to, (B, L, D), by the text encoder that learns with it."""
        return embedded(self.tokenizer, self.network.text_encoder, captions)

    @torch.no_grad()
    def generate(self, captions: Sequence[str], seeds: Sequence[int]) -> Tensor:
        """Pictures (N, 3, S, S) in [0, 1] of captions, each from the noise of its own seed."""
        pipeline = pipeline_of(self.network, self.vae, self.tokenizer, self.schedule)
        size = data_of(self, CaptionedPictures).image_size
        return draw(pipeline, captions, seeds, **asdict(self.drawing), size=size)

    def on_test_start(self) -> None:
        self.test_scores = CaptionedGeneration(data_of(self, CaptionedPictures), self.vae)

    def test_step(self, batch: CaptionedBatch) -> None:
        self.test_scores.update(batch, self.generate)

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.AdamW(self.trained(), lr=self.learning_rate, weight_decay=0.0)
        return cooled(self, optimizer, self.cooldown)
