"""ASL-SLP: text to 3D pose (Fang et al. 2023, "SignDiff", section 3.3; Saunders et al. 2020)."""

from typing import Any, ClassVar, Literal

import lightning as L
import torch
from torch import Tensor, nn
from torch.nn import functional

from datamodules.text_pose.pairs import Sentences, TextPoseBatch, TextPoseDataModule
from lightning_modules.common.schedules import one_cycle, plateau
from lightning_modules.common.validation import data_of, not_negative, positive
from lightning_modules.evaluation.judge import PoseJudge
from lightning_modules.evaluation.pose_evaluation import PoseEvaluation
from lightning_modules.networks.text_to_pose.decoding import decode
from lightning_modules.networks.text_to_pose.progressive_transformer import (
    ProgressiveTransformer,
    ProgressiveTransformerConfig,
    Source,
)

WEIGHT_NORM_SCALE = 0.01
"""LV lambda of SignDiff, section 3.3."""


class ASLSLP(L.LightningModule):
    """Objective and optimiser of the progressive transformer; each row of SignDiff's Table 3 is a switch.

    width, heads, layers, feedforward, dropout: sizes of the network.
    future_prediction: frames predicted at each step (FP: 10); 1 is off.
    just_counter: the decoder sees the counter alone (JC).
    gaussian_noise: noise on the decoder's input poses, in deviations of the prediction error (GN: 5); 0 is off.
    long_video_loss: scale the loss and add weight norms (LVL); `loss_scale` is its factor.
    batch_optimisation: build targets and masks by tensor operations (BO) rather than in loops.
    computational_optimisation: average the loss over unmasked elements only (CO) rather than over padding too.
    token_durations: let predicted token durations pace free decoding; off, the decoder's counter does, as published.
    learning_rate: of Adam, betas (0.9, 0.999).
    schedule: "plateau" multiplies the rate by 0.7 after 7 validations without progress, as published; "one-cycle"
        warms up and anneals over the whole run.
    """

    judged_by: ClassVar[str] = "pose-to-text"

    def __init__(
        self,
        width: int = 512,
        heads: int = 4,
        layers: int = 2,
        feedforward: int = 2048,
        dropout: float = 0.0,
        future_prediction: int = 10,
        just_counter: bool = False,
        gaussian_noise: float = 5.0,
        long_video_loss: bool = True,
        loss_scale: float = 1.0,
        batch_optimisation: bool = True,
        computational_optimisation: bool = True,
        token_durations: bool = True,
        learning_rate: float = 1e-3,
        schedule: Literal["plateau", "one-cycle"] = "plateau",
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        not_negative(gaussian_noise=gaussian_noise, loss_scale=loss_scale)
        positive(learning_rate=learning_rate)
        self.gaussian_noise = gaussian_noise
        self.long_video_loss, self.loss_scale = long_video_loss, loss_scale
        self.windows = future_windows if batch_optimisation else future_windows_looped
        self.error = unmasked_mse if computational_optimisation else padded_mse
        self.learning_rate, self.schedule = learning_rate, schedule
        self.sizes: dict[str, Any] = {
            "width": width,
            "heads": heads,
            "layers": layers,
            "feedforward": feedforward,
            "dropout": dropout,
            "future_prediction": future_prediction,
            "just_counter": just_counter,
            "token_durations": token_durations,
        }
        self.network: ProgressiveTransformer
        self.error_std: Tensor
        self.judge: PoseJudge | None = None
        self.test_scores: PoseEvaluation

    def configure_model(self) -> None:
        """Build the network once the data has told its vocabulary and statistics."""
        if hasattr(self, "network"):
            return
        data = data_of(self, TextPoseDataModule)
        config = ProgressiveTransformerConfig(vocabulary=len(data.tokenizer), **self.sizes)
        self.network = ProgressiveTransformer(config)
        self.network.features.fit(data.training_joints())
        self.register_buffer("error_std", torch.zeros_like(self.network.features.std))

    def loss(self, batch: TextPoseBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """Objective of a batch, and its parts under their names."""
        network = self.network
        features = network.features(batch.joints)
        counters = progress(batch.lengths, features.shape[1])
        before = functional.pad(features, (0, 0, 1, -1))
        if self.training and self.gaussian_noise:
            before = before + torch.randn_like(before) * self.error_std * self.gaussian_noise
        source = network.encode(batch.tokens)
        paced = source.paced(batch.lengths)
        places = network.places(torch.arange(features.shape[1], device=features.device), paced)
        predictions, own_counters = network.decode(before, functional.pad(counters, (1, -1)), places, paced)
        targets, mask = self.windows(features, batch.lengths, predictions.shape[2])
        parts = {
            "pose": self.error(predictions, targets, mask),
            "counter": self.error(own_counters, counters, mask[:, :, 0, 0]),
        }
        if source.durations is not None:
            parts["length"] = length_error(source, batch.lengths)
        if self.training and self.gaussian_noise:
            self._track_error(predictions[:, :, 0], features, mask[:, :, 0])
        total = torch.stack(list(parts.values())).sum()
        if self.long_video_loss:
            total = long_video_loss(total, network, self.loss_scale)
        return total, parts

    def training_step(self, batch: TextPoseBatch) -> Tensor:
        total, parts = self.loss(batch)
        self.log("train/loss", total, prog_bar=True)
        self.log_dict({f"train/{name}": value for name, value in parts.items()})
        return total

    def validation_step(self, batch: TextPoseBatch) -> None:
        _, parts = self.loss(batch)
        size = len(batch.texts)
        self.log("val/loss", torch.stack(list(parts.values())).sum(), prog_bar=True, batch_size=size, sync_dist=True)
        self.log_dict({f"val/{name}": value for name, value in parts.items()}, batch_size=size, sync_dist=True)

    def on_test_start(self) -> None:
        self.test_scores = PoseEvaluation.of(data_of(self, TextPoseDataModule), self.judge)

    def test_step(self, batch: TextPoseBatch) -> None:
        self.test_scores.update(batch, self.decode)

    def decode(self, sentences: Sentences, frames: Tensor | None = None) -> list[Tensor]:
        """Joints (T, 50, 3) of each sentence, to lengths `frames` (B,) where they are told, freely otherwise."""
        return decode(self.network, sentences.tokens, frames=frames)

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.Adam(self.network.parameters(), lr=self.learning_rate)
        if self.schedule == "one-cycle":
            return one_cycle(self, optimizer, warmup=0.1)
        return plateau(optimizer, "val/loss", factor=0.7, patience=7)

    @torch.no_grad()
    def _track_error(self, predictions: Tensor, features: Tensor, mask: Tensor) -> None:
        """Running standard deviation of the prediction error per feature, the scale of the gaussian noise."""
        errors = (predictions - features)[mask.squeeze(-1)]
        if len(errors) > 1:
            self.error_std.lerp_(errors.std(0), 0.05)


def progress(lengths: Tensor, frames: int) -> Tensor:
    """Counters (B, frames): frame i of T holds (i + 1) / T, so that the last of a sequence holds 1."""
    return (torch.arange(1, frames + 1, device=lengths.device) / lengths[:, None]).clamp(max=1.0)


def length_error(source: Source, lengths: Tensor) -> Tensor:
    """Squared log ratio of predicted and true length: as wrong to be twice as long as half as long."""
    assert source.durations is not None
    return (source.durations.sum(-1) / lengths).log().square().mean()


def future_windows(features: Tensor, lengths: Tensor, frames: int) -> tuple[Tensor, Tensor]:
    """Targets and mask of `frames` frames from each frame on, by tensor operations ("batch optimisation").

    features: (B, T, D), lengths: (B,). Returns (B, T, frames, D) and a mask (B, T, frames, 1), true where there is a
    frame to predict.
    """
    time = features.shape[1]
    padded = functional.pad(features, (0, 0, 0, frames - 1))
    targets = padded.unfold(1, frames, 1).transpose(-1, -2)
    places = torch.arange(time, device=features.device)[:, None] + torch.arange(frames, device=features.device)
    return targets, (places < lengths[:, None, None])[..., None]


def future_windows_looped(features: Tensor, lengths: Tensor, frames: int) -> tuple[Tensor, Tensor]:
    """The same as `future_windows`, a sequence and a frame at a time, as before batch optimisation."""
    batch, time, width = features.shape
    targets = features.new_zeros(batch, time, frames, width)
    mask = torch.zeros(batch, time, frames, 1, dtype=torch.bool, device=features.device)
    for sentence in range(batch):
        for frame in range(time):
            known = features[sentence, frame : frame + frames]
            targets[sentence, frame, : len(known)] = known
            mask[sentence, frame, : max(0, int(lengths[sentence]) - frame)] = True
    return targets, mask


def unmasked_mse(predictions: Tensor, targets: Tensor, mask: Tensor) -> Tensor:
    """Mean squared error over unmasked elements only ("computational optimisation")."""
    squared = (predictions - targets).square() * mask
    return squared.sum() / mask.expand_as(squared).sum().clamp(min=1)


def padded_mse(predictions: Tensor, targets: Tensor, mask: Tensor) -> Tensor:
    """Mean squared error of masked tensors over all elements: padding counts as perfect, as in the published base."""
    return functional.mse_loss(predictions * mask, targets * mask)


def long_video_loss(loss: Tensor, network: nn.Module, scale: float) -> Tensor:
    """`scale` x loss + 0.01 x the sum of the norms of every parameter that has "weight" in its name."""
    norms = [parameter.norm() for name, parameter in network.named_parameters() if "weight" in name]
    return scale * loss + WEIGHT_NORM_SCALE * torch.stack(norms).sum()
