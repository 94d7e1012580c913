"""SignDiff: the drawing of a pose to a frame of a signer, by a ControlNet beside a Stable Diffusion that stays as it is
(Fang et al. 2023, "SignDiff: Learning Diffusion Models for American Sign Language Production", section 3.4)."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor
from torch.nn import functional

from datamodules.kinds.paired_frames import FrameConditionsBatch, PairedFrames, PairedFramesBatch
from datamodules.media.conditions.frame_reinforcement import PAPER, POSE_ONLY
from lightning_modules.common.latent_diffusion import LatentDiffusion, PicturesBatch
from lightning_modules.common.schedules import cooled
from lightning_modules.common.validation import data_of, not_negative, positive, shares
from lightning_modules.evaluation.captioned.generation import EncoderFeatures
from lightning_modules.evaluation.rendering.contenders import Beside, Rival
from lightning_modules.evaluation.rendering.frames import RenderingEvaluation
from lightning_modules.evaluation.training_pictures import PixelFeatures
from lightning_modules.networks.diffusion.autoencoder import reconstructed
from lightning_modules.networks.diffusion.compiling import compile_blocks
from lightning_modules.networks.diffusion.controlled import Controlled, Rendering, Sampler
from lightning_modules.networks.diffusion.two_conditions import COLOURS, control_network, parted

if TYPE_CHECKING:
    from diffusers import ControlNetModel, StableDiffusionPipeline, UNet2DConditionModel

SEED: Final = 0
"""Of the noise that every frame begins with, so that a film stays steady."""
TESTED: Final = 256
"""Frames that a test renders under each protocol, evenly spaced over the split: each takes a small network a second of
a processor."""


class SignDiff(LatentDiffusion):
    """Objective and optimiser of a ControlNet which is shown two pictures: the drawing of a pose, c, and d, what FR-Net
    makes of the true frame or of the pose.

    base: the Stable Diffusion that it stands on: a name, a folder, or user/name@revision on the Hub.
    fr_net: whether there is a d; without it, this is a plain ControlNet of c.
    superposition: w of e = c + w d, where both are embedded (1).
    condition_drop: share of training's frames whose d is left out, all zeros.
    paper_share: of the others, how many are shown FR-Net's picture of the true frame, and not that of the pose.
        Nothing can be rendered from what training has never seen.
    hand_weight: the error at a place of the latents counts 1 + hand_weight times as much where a hand certainly is,
        less where the keypoints are less confident of it; 0 for alike, as published.
    learning_rate: of AdamW.
    cooldown: share of the training at whose end the learning rate falls to nothing; see `cooled`.
    steps, guidance, conditioning_scale, sampler: how frames are rendered unless somebody asks for another way; see
        `Rendering`.
    min_snr, offset_noise, prompt_drop, ema_decay, checkpointing, compiled, cache, sampled: see `LatentDiffusion`.
    """

    trained_on = PairedFrames

    def __init__(
        self,
        base: str,
        fr_net: bool = True,
        superposition: float = 1.0,
        condition_drop: float = 0.1,
        paper_share: float = 0.5,
        hand_weight: float = 0.0,
        learning_rate: float = 1e-5,
        cooldown: float = 0.0,
        steps: int = 20,
        guidance: float = 1.0,
        conditioning_scale: float = 1.0,
        sampler: Sampler = "dpm",
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
        positive(superposition=superposition, learning_rate=learning_rate)
        not_negative(hand_weight=hand_weight)
        shares(condition_drop=condition_drop, paper_share=paper_share, cooldown=cooldown)
        self.address = base
        self.fr_net, self.superposition = fr_net, superposition
        self.condition_drop, self.paper_share, self.hand_weight = condition_drop, paper_share, hand_weight
        self.learning_rate, self.cooldown = learning_rate, cooldown
        self.rendering = Rendering(steps, guidance, conditioning_scale, sampler)
        self.network: ControlNetModel
        self.beside: Mapping[str, Beside] = {}
        self.test_scores: RenderingEvaluation

    @property
    def unet(self) -> "UNet2DConditionModel":
        found: UNet2DConditionModel = self.steered
        return found

    def stand_on(self, base: "StableDiffusionPipeline") -> None:
        """Take over all of it. Raises ValueError for what is no Stable Diffusion, and for a noise schedule of another
        kind."""
        super().stand_on(base)
        self.hold_frozen(steered=base.unet)

    def setup(self, stage: str) -> None:
        """Refuse other data than paired frames, pictures of a size that the networks cannot halve, and data without
        what FR-Net makes of it, where that is asked for."""
        data = data_of(self, PairedFrames)
        step = 2 ** (len(self.vae.config.block_out_channels) + len(self.unet.config.block_out_channels) - 2)
        if data.image_size % step:
            raise ValueError(
                f"data.init_args.image_size: found {data.image_size}, expected a multiple of {step}, as the base needs"
            )
        split = data.tested if stage == "test" else "train"
        if self.fr_net and not {PAPER, POSE_ONLY} <= data.collate([data.examples(split)[0]]).further.keys():
            raise ValueError(
                f"model.init_args.fr_net: found true, and {type(data).__name__} makes no pictures by FR-Net; set "
                "data.init_args.fr_net where it has that, or model.init_args.fr_net to false"
            )

    def configure_model(self) -> None:
        """Build the ControlNet out of the UNet, unless there is one already."""
        if not hasattr(self, "network"):
            self.network = self.begun()
        if self.checkpointing:
            self.network.enable_gradient_checkpointing()
        if self.compiled:
            compile_blocks(self.network, self.unet)
        super().configure_model()

    def begun(self) -> "ControlNetModel":
        """What a training begins with that starts from no other."""
        return control_network(self.unet, self.vae, self.superposition if self.fr_net else None)

    def as_trained(self, network: "ControlNetModel") -> "ControlNetModel":
        """What a training begins with that starts from a published network."""
        two = self.fr_net and network.config.conditioning_channels == 2 * COLOURS
        return parted(network, self.superposition) if two else network

    def conditions(self, batch: PicturesBatch) -> Tensor | None:
        """In training, d is left out or one of two at random; elsewhere it is of the pose."""
        assert isinstance(batch, FrameConditionsBatch)
        if not self.fr_net:
            return batch.conditions
        if not self.training:
            return torch.cat([batch.conditions, batch.further[POSE_ONLY]], dim=1)
        dropped, paper = torch.rand(2, len(batch.names), 1, 1, 1)
        paper = (paper < self.paper_share).to(self.device)
        reinforced = torch.where(paper, batch.further[PAPER], batch.further[POSE_ONLY])
        kept = (dropped >= self.condition_drop).to(self.device)
        return torch.cat([batch.conditions, reinforced * kept], dim=1)

    def weights(self, batch: PicturesBatch) -> Tensor | None:
        """More where hands are; each picture counts as much as another."""
        assert isinstance(batch, FrameConditionsBatch)
        if not self.hand_weight:
            return None
        factor = 2 ** (len(self.vae.config.block_out_channels) - 1)
        weights = 1 + self.hand_weight * functional.avg_pool2d(batch.hands, factor)
        return weights / weights.mean(dim=(1, 2, 3), keepdim=True)

    def predict(self, noisy: Tensor, timesteps: Tensor, context: Tensor, conditions: Tensor | None) -> Tensor:
        return self.steered_by(self.network, noisy, timesteps, context, conditions)

    def steered_by(
        self,
        network: "ControlNetModel",
        noisy: Tensor,
        timesteps: Tensor,
        context: Tensor,
        conditions: Tensor | None,
    ) -> Tensor:
        """What the UNet predicts, as `predict` does, under any ControlNet."""
        down, mid = network(noisy, timesteps, context, conditions, return_dict=False)
        steered = {"down_block_additional_residuals": down, "mid_block_additional_residual": mid}
        found: Tensor = self.unet(noisy, timesteps, encoder_hidden_states=context, **steered).sample
        return found

    def on_test_start(self) -> None:
        """Of poses alone and, where FR-Net is shown the true frame, as in the paper; beside what the autoencoder makes
        of that frame, than which nothing that is rendered through it can be better."""
        self.test_scores = RenderingEvaluation(
            data_of(self, PairedFrames),
            *((POSE_ONLY, PAPER) if self.fr_net else (POSE_ONLY,)),
            beside={"reconstruction": self.reconstruct, **self.beside},
            features={"autoencoder": EncoderFeatures(self.vae), "pixels": PixelFeatures()},
            most=TESTED,
            rivals=self.rivals(),
            evaluations=self.rendering.evaluations,
        )

    def rivals(self) -> Mapping[str, Rival]:
        """Who renders the same conditions in a test, by name."""
        return {}

    def test_step(self, batch: PairedFramesBatch) -> None:
        self.test_scores.update(batch, self.render)

    def reconstruct(self, batch: PairedFramesBatch) -> Tensor:
        """What is left of the true frames (B, 3, S, S) in [-1, 1] behind the means of their latents."""
        return reconstructed(self.vae, batch.frames)

    def render(self, conditions: Tensor, further: Mapping[str, Tensor], captions: Sequence[str]) -> Tensor:
        """Frames (B, 3, S, S) in [-1, 1] of drawings (B, 3, S, S) in [0, 1], of the one `further` picture that FR-Net
        made of each frame or pose, and of captions, which say who signs; whatever is rendered beside them."""
        with self.averaged():
            return self.rendered(Controlled(self.base, self.network, self.rendering), conditions, further, captions)

    def rendered(
        self, controlled: Controlled, conditions: Tensor, further: Mapping[str, Tensor], captions: Sequence[str]
    ) -> Tensor:
        """The same by any ControlNet on this base."""
        shown = [conditions, *further.values()] if self.fr_net else [conditions]
        drawn = controlled.draw(torch.cat(shown, dim=1), captions, [SEED] * len(captions))
        return drawn.to(self.device) * 2 - 1

    def configure_optimizers(self) -> Any:
        return cooled(self, torch.optim.AdamW(self.trained(), lr=self.learning_rate), self.cooldown)
