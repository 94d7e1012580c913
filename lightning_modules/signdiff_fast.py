"""SignDiff in a few steps: its ControlNet, distilled so that the same Stable Diffusion under it is a consistency model
(Luo et al. 2023, "Latent Consistency Models: Synthesizing High-Resolution Images with Few-Step Inference")."""

import copy
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import torch
from torch import Tensor

from datamodules.kinds.paired_frames import PairedFrames
from lightning_modules.common.validation import data_of
from lightning_modules.evaluation.rendering.contenders import Rival
from lightning_modules.networks.diffusion import consistency
from lightning_modules.networks.diffusion.compiling import compile_blocks
from lightning_modules.networks.diffusion.controlled import UNGUIDED, Controlled, Rendering
from lightning_modules.networks.diffusion.two_conditions import COLOURS
from lightning_modules.signdiff import SignDiff

if TYPE_CHECKING:
    from diffusers import ControlNetModel, StableDiffusionPipeline


class Teacher(Protocol):
    """A trained SignDiff as it was published: its ControlNet, how it renders, what it was shown in training, and the
    Stable Diffusion that it stands on, with where that is found again."""

    network: "ControlNetModel"
    rendering: Rendering
    size: int
    fr_net: Any
    confidence: bool
    base_address: str

    def base(self) -> "StableDiffusionPipeline": ...


class SignDiffFast(SignDiff):
    """Objective and optimiser of a ControlNet that begins as its teacher's, and is to find at once what the teacher
    comes to in many steps.

    From noisy latents, the teacher takes one of the solver's 50 steps; what the student finds before it and after it is
    to be the same. What it finds after it gets no gradient, and is the student's own, as where LCM-LoRAs are trained
    (Luo et al. 2023, arXiv 2311.05556): an average of it, as first published, is one more network to hold and to move.

    teacher: the SignDiff that it stands on: a name, a folder, or user/name@revision on the Hub.
    guidance: by which the teacher follows the caption; above 1, it is computed twice. The student learns the outcome,
        and is not guided itself.
    steps: from noise to frame, unless somebody asks for another number.
    condition_drop, paper_share, hand_weight, learning_rate, cooldown: see `SignDiff`.
    ema_decay, checkpointing, compiled, cache, sampled: see `LatentDiffusion`.
    """

    stands_on: ClassVar[str] = "teacher"

    def __init__(
        self,
        teacher: str,
        guidance: float = UNGUIDED,
        steps: int = 4,
        condition_drop: float = 0.1,
        paper_share: float = 0.5,
        hand_weight: float = 0.0,
        learning_rate: float = 1e-5,
        cooldown: float = 0.0,
        ema_decay: float | None = None,
        checkpointing: bool = False,
        compiled: bool = False,
        cache: bool = True,
        sampled: bool = True,
    ) -> None:
        super().__init__(
            teacher,
            condition_drop=condition_drop,
            paper_share=paper_share,
            hand_weight=hand_weight,
            learning_rate=learning_rate,
            cooldown=cooldown,
            steps=steps,
            sampler="lcm",
            ema_decay=ema_decay,
            checkpointing=checkpointing,
            compiled=compiled,
            cache=cache,
            sampled=sampled,
        )
        if not UNGUIDED <= guidance < 100:
            raise ValueError(f"guidance: found {guidance!r}, expected a number from 1, and below 100")
        self.guidance = guidance
        self.taught: Teacher
        self.teacher: ControlNetModel

    def stand_on(self, base: Any) -> None:
        """Take over a `Teacher`, and what it stands on. Raises ValueError for what is no trained SignDiff, and where
        that is absent."""
        if not all(hasattr(base, part) for part in ("network", "rendering", "size", "fr_net", "base_address")):
            raise ValueError(f"found {type(base).__name__}, expected a trained SignDiff")
        self.taught = base
        super().stand_on(base.base())
        self.hold_frozen(teacher=base.network)
        self.address = base.base_address
        self.fr_net = base.network.config.conditioning_channels == 2 * COLOURS
        consistency.stride(self.schedule)

    def setup(self, stage: str) -> None:
        """Refuse pictures and conditions that are not as the teacher was shown them, beside what `SignDiff` refuses."""
        data = data_of(self, PairedFrames)
        shown = {"image_size": self.taught.size, "confidence": self.taught.confidence}
        for name, expected in {**shown, **({"fr_net": self.taught.fr_net} if self.fr_net else {})}.items():
            if (found := getattr(data, name, None)) != expected:
                raise ValueError(
                    f"data.init_args.{name}: found {found}, expected {expected}, with which the teacher was trained; "
                    "--model.teacher names another one"
                )
        super().setup(stage)

    def configure_model(self) -> None:
        super().configure_model()
        if self.compiled:
            compile_blocks(self.teacher, self.unet)
            self.teacher.to(memory_format=torch.channels_last)

    def begun(self) -> "ControlNetModel":
        """The teacher's, to be trained on."""
        return self.as_trained(copy.deepcopy(self.teacher)).requires_grad_(True)

    def timesteps(self, count: int, own: torch.Generator | None = None) -> Tensor:
        """Those at which the solver's steps begin, of which sampling takes some."""
        every = consistency.solved_timesteps(self.schedule)
        device = self.device if own is None else own.device
        return every.to(self.device)[torch.randint(len(every), (count,), generator=own, device=device).to(self.device)]

    def error(
        self,
        latents: Tensor,
        noise: Tensor,
        timesteps: Tensor,
        context: Tensor,
        conditions: Tensor | None = None,
        weights: Tensor | None = None,
    ) -> Tensor:
        """Mean Huber loss of what the student finds at timesteps against what it finds after the teacher's step."""
        noisy = self.schedule.noised(latents, noise, timesteps)
        found = self.found(noisy, timesteps, context, conditions)
        with torch.no_grad():
            taught = self.teach(noisy, timesteps, context, conditions)
            solved = consistency.solved(self.schedule, taught, noisy, timesteps)
            target = self.found(solved, consistency.earlier(self.schedule, timesteps), context, conditions)
        errors = consistency.huber(found, target)
        return (errors if weights is None else errors * weights).mean()

    def found(self, noisy: Tensor, timesteps: Tensor, context: Tensor, conditions: Tensor | None) -> Tensor:
        """The latents (B, C, h, w) that the student takes noisy ones to come from."""
        predicted = self.predict(noisy, timesteps, context, conditions).float()
        return consistency.consistent(self.schedule, predicted, noisy, timesteps)

    def teach(self, noisy: Tensor, timesteps: Tensor, context: Tensor, conditions: Tensor | None) -> Tensor:
        """What the teacher predicts, with its guidance."""
        asked = self.steered_by(self.teacher, noisy, timesteps, context, conditions).float()
        if self.guidance == UNGUIDED:
            return asked
        none = self.context([""]).expand_as(context)
        free = self.steered_by(self.teacher, noisy, timesteps, none, conditions).float()
        return free + self.guidance * (asked - free)

    def rivals(self) -> Mapping[str, Rival]:
        """The teacher, as it was published to render."""
        how = self.taught.rendering
        controlled = Controlled(self.base, self.teacher, how)

        def render(conditions: Tensor, further: Mapping[str, Tensor], captions: Sequence[str]) -> Tensor:
            return self.rendered(controlled, conditions, further, captions)

        return {"teacher": Rival(render, how.evaluations)}
