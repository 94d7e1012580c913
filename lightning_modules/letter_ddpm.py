"""Letter DDPM: pictures of hand letters out of noise (source document, 4.1; Ho et al. 2020, "Denoising Diffusion
Probabilistic Models")."""

import copy
from collections.abc import Sequence
from typing import Any

import torch
from diffusers import UNet2DModel
from torch import Tensor
from torch.nn import functional
from torch.nn.functional import pixel_unshuffle

from datamodules.kinds.labelled import LabelledBatch, LabelledPictures
from lightning_modules.common.class_conditional import ClassConditional
from lightning_modules.common.schedules import cooled
from lightning_modules.common.validation import data_of, positive, shares
from lightning_modules.networks.diffusion.averaging import update_average
from lightning_modules.networks.diffusion.schedule import UNGUIDED, Prediction, Sampler, Sampling, Schedule, sample
from lightning_modules.networks.letters.letter_unet import letter_unet


class LetterDDPM(ClassConditional):
    """Objective and optimiser of the denoising U-Net, and the average of its weights, which is what is published.

    channels, layers, attention, groups, patch: sizes of the network; see `letter_unet`.
    timesteps, beta_start, beta_end: the noise schedule (500, linear from 1e-4 to 0.02).
    prediction: what the network finds, the noise or the velocity; see `Schedule`.
    class_dropout: share of training pictures whose class is withheld, which guidance needs.
    ema_decay: of the average of the weights.
    learning_rate: of Adam.
    cooldown: share of the training at whose end the learning rate falls to nothing; see `cooled`. 0 is the source's.
    steps, sampler, guidance: how pictures are generated unless somebody asks for another way; see `Sampling`.
    """

    def __init__(
        self,
        channels: Sequence[int] = (64, 128, 256, 512),
        layers: int = 2,
        attention: Sequence[int] = (2,),
        groups: int = 32,
        patch: int = 1,
        timesteps: int = 500,
        beta_start: float = 1e-4,
        beta_end: float = 0.02,
        prediction: Prediction = "epsilon",
        class_dropout: float = 0.1,
        ema_decay: float = 0.9999,
        learning_rate: float = 2e-4,
        cooldown: float = 0.0,
        steps: int = 20,
        sampler: Sampler = "dpm-solver++",
        guidance: float = 1.0,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.sizes: dict[str, Any] = {
            "channels": channels,
            "layers": layers,
            "attention": attention,
            "groups": groups,
            "patch": patch,
        }
        shares(class_dropout=class_dropout, ema_decay=ema_decay, cooldown=cooldown)
        positive(learning_rate=learning_rate)
        if class_dropout == 1:
            raise ValueError("class_dropout: found 1, expected less: the network would never be told a class")
        if guidance != UNGUIDED and not class_dropout:
            raise ValueError(
                f"guidance: found {guidance} where class_dropout is 0, expected {UNGUIDED:g}: a "
                "network that is always told the class cannot generate without one"
            )
        self.schedule = Schedule(timesteps, beta_start, beta_end, prediction)
        self.sampling = Sampling(steps, sampler, guidance)
        self.schedule.refuse(self.sampling)
        self.class_dropout, self.ema_decay = class_dropout, ema_decay
        self.learning_rate, self.cooldown = learning_rate, cooldown
        self.learner: UNet2DModel
        self.network: UNet2DModel

    def configure_model(self) -> None:
        """Build the network once the data has told its classes and the size of its pictures."""
        if hasattr(self, "network"):
            return
        data = data_of(self, LabelledPictures)
        self.learner = letter_unet(len(data.classes), data.image_size, **self.sizes)
        self.network = copy.deepcopy(self.learner).requires_grad_(False)

    def training_step(self, batch: LabelledBatch) -> Tensor:
        timesteps = torch.randint(self.schedule.timesteps, (len(batch.labels),), device=self.device)
        noise = torch.randn_like(batch.images)
        loss = self.error(self.learner, batch.images, noise, timesteps, self.told(batch.labels))
        self.log("train/loss", loss, prog_bar=True)
        return loss

    def told(self, labels: Tensor) -> Tensor:
        """The labels (B,), a random share of them withheld."""
        withheld = torch.rand(len(labels), device=labels.device) < self.class_dropout
        return labels.masked_fill(withheld, self.learner.config.num_class_embeds - 1)

    def error(self, network: UNet2DModel, pictures: Tensor, noise: Tensor, timesteps: Tensor, labels: Tensor) -> Tensor:
        """Mean squared error of what a network finds in pictures that noise was added to: of the noise (Ho et al. 2020,
        equation 14), or of the velocity, which weighs the steps that decide about shapes more."""
        patch, noised = self.sizes["patch"], self.schedule.noised(pictures, noise, timesteps)
        found = network(pixel_unshuffle(noised, patch), timesteps, class_labels=labels).sample.float()
        return functional.mse_loss(found, pixel_unshuffle(self.schedule.target(pictures, noise, timesteps), patch))

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        super().optimizer_step(*args, **kwargs)
        update_average(self.network, self.learner, self.trainer.global_step + 1, self.ema_decay)  # counted later

    def validation_step(self, batch: LabelledBatch, batch_idx: int) -> None:
        """The average's error, at the same timesteps under the same noise in every epoch."""
        own, count = torch.Generator().manual_seed(batch_idx), len(batch.labels)
        noise = torch.randn(batch.images.shape, generator=own).to(self.device)
        timesteps = torch.randint(self.schedule.timesteps, (count,), generator=own).to(self.device)
        loss = self.error(self.network, batch.images, noise, timesteps, batch.labels)
        self.log("val/loss", loss, prog_bar=True, batch_size=count, sync_dist=True)

    def generate(self, labels: Tensor, seeds: Sequence[int]) -> Tensor:
        return sample(self.network, self.schedule, self.sampling, labels, seeds)

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.Adam(self.learner.parameters(), lr=self.learning_rate)
        return cooled(self, optimizer, self.cooldown)
