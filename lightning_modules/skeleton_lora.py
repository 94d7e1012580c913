"""Skeleton LoRA: skeleton frames of signs out of prompts, by a few million weights beside those of a Stable Diffusion
(after "ASL Sequence Generation using Diffusion Model", Agrawal and Mahapatra 2025, section 4.3)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

import torch
from torch import Tensor, nn

from datamodules.kinds.labelled import LabelledPictures
from datamodules.wlasl.skeletons import prompt
from lightning_modules.common.class_conditional import ClassConditional
from lightning_modules.common.latent_diffusion import LatentDiffusion
from lightning_modules.common.schedules import one_cycle
from lightning_modules.common.validation import data_of, not_negative, positive, shares
from lightning_modules.evaluation.generation import GenerationEvaluation
from lightning_modules.networks.diffusion.text_to_image import draw

if TYPE_CHECKING:
    from diffusers import StableDiffusionPipeline, UNet2DConditionModel


NAME: Final = "default"
"""What peft calls an adapter that was given no name."""


class SkeletonLoRA(LatentDiffusion, ClassConditional):
    """Objective and optimiser of a LoRA in a Stable Diffusion, which stays as it is.

    base: the Stable Diffusion that it stands on: a name, a folder, or user/name@revision on the Hub.
    rank, alpha: of the matrices, whose product is added times alpha / rank (64 and 32).
    targets: ends of the names of the layers that get a pair of them; those of attention.
    dropout: share of a layer's inputs that its matrices do not see in training.
    learning_rate: of AdamW, at its highest.
    warmup: share of the training in which the rate rises to that, after which it anneals (OneCycleLR).
    steps, guidance: how pictures are drawn unless somebody asks for another way.
    min_snr, offset_noise, prompt_drop, ema_decay, checkpointing, compiled, cache, sampled: see `LatentDiffusion`; as in
    the source, but for the cache, which changes no loss.
    """

    judged_by: ClassVar[str] = "image-to-gloss"

    def __init__(
        self,
        base: str,
        rank: int = 64,
        alpha: float = 32,
        targets: Sequence[str] = ("to_q", "to_k", "to_v"),
        dropout: float = 0.1,
        learning_rate: float = 1e-4,
        warmup: float = 0.3,
        steps: int = 30,
        guidance: float = 7.5,
        min_snr: float | None = None,
        offset_noise: float = 0.0,
        prompt_drop: float = 0.0,
        ema_decay: float | None = None,
        checkpointing: bool = False,
        compiled: bool = False,
        cache: bool = True,
        sampled: bool = True,
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
        positive(rank=rank, alpha=alpha, learning_rate=learning_rate, steps=steps)
        not_negative(guidance=guidance)
        shares(dropout=dropout, warmup=warmup)
        self.address = base
        self.rank, self.alpha, self.targets, self.dropout = rank, alpha, list(targets), dropout
        self.learning_rate, self.warmup = learning_rate, warmup
        self.steps, self.guidance = steps, guidance
        self.network: Matrices

    @property
    def unet(self) -> "UNet2DConditionModel":
        found: UNet2DConditionModel = self.adapted
        return found

    def stand_on(self, base: "StableDiffusionPipeline") -> None:
        """Take over all of it. Raises ValueError for a noise schedule of another kind, and for a UNet without any layer
        of the targets."""
        super().stand_on(base)
        if not any(name.endswith(tuple(self.targets)) for name, _ in base.unet.named_modules()):
            raise ValueError(f"targets: found {self.targets}, of which its UNet has no layer")
        self.hold_frozen(adapted=base.unet)

    def configure_model(self) -> None:
        """Put the matrices into the UNet: those that it was given as `network`, or else such as change nothing yet."""
        given = self.__dict__.pop("network", None)
        if not hasattr(self, "network"):
            from peft import LoraConfig

            self.unet.add_adapter(
                LoraConfig(r=self.rank, lora_alpha=self.alpha, target_modules=self.targets, lora_dropout=self.dropout)
            )
            self.network = Matrices(self.unet)
        if given is not None:
            self.network.load_state_dict(given.state_dict())
        super().configure_model()

    def train(self, mode: bool = True) -> "SkeletonLoRA":
        """The base stays in evaluation; the dropout before the matrices does not."""
        super().train(mode)
        for name, part in self.named_modules():
            if "lora_dropout" in name:
                part.train(mode)
        return self

    def on_test_start(self) -> None:
        self.test_scores = GenerationEvaluation(data_of(self, LabelledPictures), self.judge, self.generate_as_base)

    def generate_as_base(self, labels: Tensor, seeds: Sequence[int]) -> Tensor:
        """What the base generates of the same prompts from the same noise."""
        self.unet.disable_adapters()
        try:
            return self.generate(labels, seeds)
        finally:
            self.unet.enable_adapters()

    def generate(self, labels: Tensor, seeds: Sequence[int]) -> Tensor:
        data = data_of(self, LabelledPictures)
        prompts = [prompt(data.classes[label]) for label in labels.tolist()]
        with self.averaged():
            drawn = draw(self.base, prompts, seeds, steps=self.steps, guidance=self.guidance, size=data.image_size)
        return drawn * 2 - 1

    def configure_optimizers(self) -> Any:
        return one_cycle(self, torch.optim.AdamW(self.trained(), lr=self.learning_rate), self.warmup)


class Matrices(nn.Module):
    """Those of a LoRA (Hu et al. 2021, arXiv 2106.09685) in a UNet that peft adapted, by the names that peft publishes
    them under: `mid_block...to_q.lora_A.weight`. They are the UNet's own: what is loaded here, or trained, is at work
    there."""

    def __init__(self, unet: "UNet2DConditionModel") -> None:
        super().__init__()
        for name, weight in unet.named_parameters():
            if f".{NAME}." not in name:
                continue
            *parents, last = name.replace(f".{NAME}.", ".").split(".")
            part: nn.Module = self
            for parent in parents:
                if parent not in part._modules:
                    part.add_module(parent, nn.Module())
                part = part.get_submodule(parent)
            part.register_parameter(last, weight)
