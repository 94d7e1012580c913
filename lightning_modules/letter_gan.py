"""Letter GAN: pictures of hand letters from latents, a first experiment (source document, section 2).

A conditional GAN with spectral norm (Miyato et al. 2018, arXiv 1802.05957; Miyato and Koyama 2018, arXiv 1802.05637)
that seeks modes (Mao et al. 2019, "Mode Seeking Generative Adversarial Networks for Diverse Image Synthesis", arXiv
1903.05628), and whose critic is shown augmented pictures (Zhao et al. 2020, arXiv 2006.10738).
"""

import copy
from typing import Any, Final

import torch
from torch import Tensor
from torch.func import functional_call

from datamodules.kinds.labelled import LabelledBatch, LabelledPictures
from lightning_modules.common.class_conditional import FromLatents
from lightning_modules.common.schedules import cooled
from lightning_modules.common.validation import data_of, not_negative, positive, shares
from lightning_modules.networks.augmentation import vary_for_critic
from lightning_modules.networks.diffusion.averaging import update_average
from lightning_modules.networks.letters.letter_generator import LetterCritic, LetterGenerator, LetterGeneratorConfig

LEAST: Final = 1e-5
"""What is added to a distance of pictures that may be 0."""


class LetterGAN(FromLatents):
    """Objectives and optimiser of the generator and the critic, and the average of the generator's weights, which is
    what is published (Yazici et al. 2019, arXiv 1806.04498).

    The networks take their steps at once, each at its own pace (Heusel et al. 2017, arXiv 1706.08500). No term's
    gradient reaches the other network, so one backward pass and one Adam serve both; see `Pix2Pix`.

    latent, width: sizes of the generator; see `LetterGeneratorConfig`. critic_width: see `LetterCritic`.
    seeking: weight of the mode seeking loss. Without it the generator makes one picture of a class, whatever the
        latent: no batch shows the critic enough pictures of a class to tell it that they are alike.
    learning_rate, critic_learning_rate: of Adam, betas (0, 0.9), as Zhang et al. 2019 (arXiv 1805.08318). Unlike theirs
        the generator is the faster one: it learned more from a critic that did not run ahead.
    ema_decay: of the average of the generator's weights.
    cooldown: share of the training over which both rates fall to nothing at its end; see `cooled`. Letters become
        legible while they do: at full rates generator and critic chase each other.
    """

    def __init__(
        self,
        latent: int = 128,
        width: int = 64,
        critic_width: int = 64,
        seeking: float = 0.1,
        learning_rate: float = 5e-4,
        critic_learning_rate: float = 2e-4,
        ema_decay: float = 0.999,
        cooldown: float = 0.5,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        not_negative(seeking=seeking)
        shares(ema_decay=ema_decay, cooldown=cooldown)
        positive(critic_width=critic_width, learning_rate=learning_rate, critic_learning_rate=critic_learning_rate)
        self.sizes: dict[str, Any] = {"latent": latent, "width": width}
        self.critic_width, self.seeking, self.ema_decay = critic_width, seeking, ema_decay
        self.learning_rate, self.critic_learning_rate, self.cooldown = learning_rate, critic_learning_rate, cooldown
        self.learner: LetterGenerator
        self.critic: LetterCritic

    def configure_model(self) -> None:
        """Build the networks once the data has told its classes and the size of its pictures."""
        if hasattr(self, "network"):
            return
        data = data_of(self, LabelledPictures)
        config = LetterGeneratorConfig(len(data.classes), data.image_size, **self.sizes)
        self.learner, self.critic = LetterGenerator(config), LetterCritic(config, self.critic_width)
        self.network = copy.deepcopy(self.learner).requires_grad_(False)

    def training_step(self, batch: LabelledBatch) -> Tensor:
        """The classes of half of the batch are generated, each from two latents."""
        labels = batch.labels[: (len(batch.labels) + 1) // 2].repeat(2)
        latents = torch.randn(len(labels), self.sizes["latent"], device=self.device)
        generated = self.learner(latents, labels)
        shown = vary_for_critic(generated)
        real, fake = self.critic_losses(batch, shown.detach(), labels)
        adversarial, seeking = self.generator_loss(shown, labels), seeking_loss(generated, latents)
        losses = {"g/adversarial": adversarial, "g/seeking": seeking, "d/real": real, "d/fake": fake}
        self.log_dict(losses, prog_bar=True)
        return real + fake + adversarial + self.seeking * seeking

    def critic_losses(self, batch: LabelledBatch, shown: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """By how much it fails to put real pictures above 1 and what it is shown of generated ones below -1: the hinge
        loss (Lim and Ye 2017, arXiv 1705.02894)."""
        pictures = torch.cat([vary_for_critic(batch.images), shown])
        logits = self.critic(pictures, torch.cat([batch.labels, labels])).float()
        real, fake = logits.split([len(batch.labels), len(labels)])
        return torch.relu(1 - real).mean(), torch.relu(1 + fake).mean()

    def generator_loss(self, shown: Tensor, labels: Tensor) -> Tensor:
        """How low the critic, held as it is, puts what it is shown of generated pictures."""
        held = {name: parameter.detach() for name, parameter in self.critic.named_parameters()}
        logits: Tensor = functional_call(self.critic, held, (shown, labels))
        return -logits.float().mean()

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        super().optimizer_step(*args, **kwargs)
        update_average(self.network, self.learner, self.global_step + 1, self.ema_decay)

    def configure_optimizers(self) -> Any:
        networks = [
            {"params": self.learner.parameters(), "lr": self.learning_rate},
            {"params": self.critic.parameters(), "lr": self.critic_learning_rate},
        ]
        return cooled(self, torch.optim.Adam(networks, betas=(0.0, 0.9)), self.cooldown)


def seeking_loss(generated: Tensor, latents: Tensor) -> Tensor:
    """How far pairs of latents are from each other, for how far the pictures of them are (Mao et al. 2019, equation 2,
    upside down, as in its code): a value that is high where latents make no difference.

    The first half of pictures (2 N, 3, S, S) and latents (2 N, Z) is paired with the second. Distances are mean
    absolute differences.
    """
    (first, second), (one, other) = generated.float().chunk(2), latents.float().chunk(2)
    pictures = (first - second).abs().mean((1, 2, 3))
    return ((one - other).abs().mean(1) / (pictures + LEAST)).mean()
