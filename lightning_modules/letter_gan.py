"""Letter GAN: pictures of hand letters from latents, a first experiment (source document, section 2).

A conditional GAN with spectral norm (Miyato et al. 2018, arXiv 1802.05957; Miyato and Koyama 2018, arXiv 1802.05637).
"""

import copy
from collections.abc import Sequence
from typing import Any, ClassVar
from zlib import crc32

import lightning as L
import torch
from torch import Tensor
from torch.func import functional_call

from datamodules.labelled import LabelledBatch, LabelledPictures
from lightning_modules.metrics.frechet import frechet_distance
from lightning_modules.metrics.generation import GenerationEvaluation, as_seen, pixel_features
from lightning_modules.metrics.judge import PictureJudge
from lightning_modules.networks.averaging import update_average
from lightning_modules.networks.letter_critic import LetterCritic
from lightning_modules.networks.letter_generator import LetterGenerator, LetterGeneratorConfig


class LetterGAN(L.LightningModule):
    """Objectives and optimiser of the generator and the critic, and the average of the generator's weights, which is
    what is published (Yazici et al. 2019, arXiv 1806.04498).

    The networks take their steps at once, each at its own pace (Heusel et al. 2017, arXiv 1706.08500). No term's
    gradient reaches the other network, so one backward pass and one Adam serve both; see `Pix2Pix`.

    latent, width: sizes of the generator; see `LetterGeneratorConfig`. critic_width: see `LetterCritic`.
    learning_rate, critic_learning_rate: of Adam, betas (0, 0.9), as Zhang et al. 2019 (arXiv 1805.08318).
    ema_decay: of the average of the generator's weights.
    """

    judged_by: ClassVar[str] = "image-to-letter"

    def __init__(
        self,
        latent: int = 128,
        width: int = 64,
        critic_width: int = 64,
        learning_rate: float = 1e-4,
        critic_learning_rate: float = 4e-4,
        ema_decay: float = 0.999,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        if not 0 <= ema_decay <= 1:
            raise ValueError(f"model.init_args.ema_decay: found {ema_decay}, expected 0 to 1")
        self.sizes: dict[str, Any] = {"latent": latent, "width": width}
        self.critic_width, self.ema_decay = critic_width, ema_decay
        self.learning_rate, self.critic_learning_rate = learning_rate, critic_learning_rate
        self.learner: LetterGenerator
        self.critic: LetterCritic
        self.network: LetterGenerator
        self.seen: list[tuple[Tensor, Tensor]] = []
        self.judge: PictureJudge | None = None
        self.test_scores: GenerationEvaluation

    def configure_model(self) -> None:
        """Build the networks once the data has told its classes and the size of its pictures."""
        if hasattr(self, "network"):
            return
        data = self.trainer.datamodule  # type: ignore[attr-defined]
        if not isinstance(data, LabelledPictures):
            raise ValueError(f"LetterGAN trains on labelled pictures, found {type(data).__name__} as data.class_path")
        config = LetterGeneratorConfig(len(data.classes), data.image_size, **self.sizes)
        self.learner, self.critic = LetterGenerator(config), LetterCritic(config, self.critic_width)
        self.network = copy.deepcopy(self.learner).requires_grad_(False)

    def training_step(self, batch: LabelledBatch) -> Tensor:
        latents = torch.randn(len(batch.labels), self.sizes["latent"], device=self.device)
        drawn = self.learner(latents, batch.labels)
        real, fake = self.critic_losses(batch.images, drawn.detach(), batch.labels)
        adversarial = self.generator_loss(drawn, batch.labels)
        self.log_dict({"g/adversarial": adversarial, "d/real": real, "d/fake": fake}, prog_bar=True)
        return real + fake + adversarial

    def critic_losses(self, pictures: Tensor, drawn: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """By how much it fails to put real pictures above 1 and drawn ones below -1: the hinge loss (Lim and Ye 2017,
        arXiv 1705.02894)."""
        logits = self.critic(torch.cat([pictures, drawn]), torch.cat([labels, labels]))
        real, fake = logits.float().chunk(2)
        return torch.relu(1 - real).mean(), torch.relu(1 + fake).mean()

    def generator_loss(self, drawn: Tensor, labels: Tensor) -> Tensor:
        """How low the critic, held as it is, puts what was drawn."""
        held = {name: parameter.detach() for name, parameter in self.critic.named_parameters()}
        logits: Tensor = functional_call(self.critic, held, (drawn, labels))
        return -logits.float().mean()

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        super().optimizer_step(*args, **kwargs)
        update_average(self.network, self.learner, self.global_step + 1, self.ema_decay)

    def validation_step(self, batch: LabelledBatch) -> None:
        """Draw one picture for each of the dev split, whose name is its seed, and so alike in every epoch."""
        drawn = self.draw(batch.labels, [crc32(name.encode()) for name in batch.names])
        self.seen.append((pixel_features(as_seen(batch.images)), pixel_features(as_seen(drawn))))

    def on_validation_epoch_end(self) -> None:
        """How far what was drawn is from the dev pictures, on all devices: neither loss tells when to stop."""
        true, drawn = (self.everywhere(torch.cat(features)) for features in zip(*self.seen, strict=True))
        self.seen.clear()
        if len(true) < 2:
            raise ValueError("val/frechet: found 1 dev picture, expected at least 2, whose spread can be compared")
        self.log("val/frechet", frechet_distance(drawn, true), prog_bar=True, sync_dist=True)

    def everywhere(self, features: Tensor) -> Tensor:
        """Features (N, D) of all devices, (M, D)."""
        gathered: Tensor = self.all_gather(features)  # type: ignore[assignment]
        return gathered.flatten(0, -2)

    def draw(self, labels: Tensor, seeds: Sequence[int]) -> Tensor:
        """Pictures (N, 3, S, S) in [-1, 1] of labels (N,), each from the latent of its own seed."""
        return self.network.draw(labels, seeds)

    def on_test_start(self) -> None:
        self.test_scores = GenerationEvaluation(self.trainer.datamodule, self.judge)  # type: ignore[attr-defined]

    def test_step(self, batch: LabelledBatch) -> None:
        self.test_scores.update(batch, self.draw)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        networks = [
            {"params": self.learner.parameters(), "lr": self.learning_rate},
            {"params": self.critic.parameters(), "lr": self.critic_learning_rate},
        ]
        return torch.optim.Adam(networks, betas=(0.0, 0.9))
