"""vjepa-starter: a V-JEPA 2 (Assran et al. 2025, arXiv 2506.09985) of a few megabytes, trained on clips of signs."""

import copy
from typing import TYPE_CHECKING, Any, Final

import lightning as L
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, l1_loss, layer_norm

from datamodules.features.vjepa import Encoder
from datamodules.wlasl.windows import WholeBatch, WindowBatch, WLASLWindows
from lightning_modules.common.schedules import one_cycle
from lightning_modules.common.validation import data_of, not_negative, positive, shares
from lightning_modules.evaluation.frozen_features import FrozenEvaluation
from lightning_modules.metrics.classification import top1
from lightning_modules.metrics.features import feature_std
from lightning_modules.networks.augmentation import vary_clips
from lightning_modules.networks.diffusion.averaging import update_average
from lightning_modules.networks.recognition.vjepa import (
    GlossHead,
    Places,
    PointHead,
    draw_places,
    encode,
    pooled,
    predict,
    standardised,
    video_encoder,
)

if TYPE_CHECKING:
    from transformers import VJEPA2Model

WARMUP: Final = 0.1


class VJEPAStarter(L.LightningModule):
    """Objective and optimiser of a small V-JEPA 2.

    Of a window the encoder sees some patches, and the predictor says what an average of the encoder over past steps
    makes of the others when it sees all: mean absolute error of standardised tokens. What is published is the average.
    A few megabytes and some thousand clips are little to learn from without labels. So two small heads see what it
    makes of all patches: one says from each where the signer's arms and fingers are, were and will be, as a detector
    found them, the other names the gloss. Both are dropped afterwards, and each of the three objectives can be
    switched off.

    patch, tubelet, width, layers, heads, predictor_width, predictor_layers: sizes of the network; see `video_encoder`.
    masked: weight of the prediction of what is masked; 0 is off.
    landmarks: weight of the error of the signer's points; see `PointHead`; 0 is off. The data has to know them.
    supervised: weight of the cross entropy of glosses; 0 is off.
    label_smoothing: share of its target that is spread over all glosses.
    augmentation: scale of the random changes of training windows; 0 is off. They never mirror.
    ema_decay: of the average, a step.
    learning_rate: the peak of a one-cycle schedule of AdamW.
    weight_decay: of AdamW.
    """

    def __init__(
        self,
        patch: int = 16,
        tubelet: int = 2,
        width: int = 192,
        layers: int = 6,
        heads: int = 3,
        predictor_width: int = 96,
        predictor_layers: int = 2,
        masked: float = 1.0,
        landmarks: float = 1.0,
        supervised: float = 1.0,
        label_smoothing: float = 0.1,
        augmentation: float = 1.0,
        ema_decay: float = 0.995,
        learning_rate: float = 1e-3,
        weight_decay: float = 0.05,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        objectives = {"masked": masked, "landmarks": landmarks, "supervised": supervised}
        not_negative(**objectives, augmentation=augmentation, weight_decay=weight_decay)
        shares(label_smoothing=label_smoothing, ema_decay=ema_decay)
        positive(learning_rate=learning_rate)
        if not any(objectives.values()):
            raise ValueError(f"{', '.join(objectives)}: found 0 for each, expected more for one, or nothing is learnt")
        self.sizes: dict[str, Any] = {
            "patch": patch,
            "tubelet": tubelet,
            "width": width,
            "layers": layers,
            "heads": heads,
            "predictor_width": predictor_width,
            "predictor_layers": predictor_layers,
        }
        self.masked, self.landmarks, self.supervised = masked, landmarks, supervised
        self.label_smoothing = label_smoothing
        self.augmentation, self.ema_decay = augmentation, ema_decay
        self.learning_rate, self.weight_decay = learning_rate, weight_decay
        self.learner: VJEPA2Model
        self.network: VJEPA2Model
        self.head: GlossHead
        self.pointer: PointHead
        self.test_scores: FrozenEvaluation

    def configure_model(self) -> None:
        """Build the networks once the data has told the size of its windows and its glosses."""
        if hasattr(self, "network"):
            return
        data = data_of(self, WLASLWindows)
        self.learner = video_encoder(data.image_size, data.frames, **self.sizes)
        self.network = copy.deepcopy(self.learner).requires_grad_(False)
        self.head = GlossHead(self.sizes["width"], len(data.glosses))
        self.pointer = PointHead(self.learner.config)

    def on_fit_start(self) -> None:
        """Raise ValueError where landmarks are to be learnt and the data does not know them."""
        data = data_of(self, WLASLWindows)
        if self.landmarks and not data.points:
            raise ValueError(
                f"data.init_args.landmarks: found none of training's clips in {data.landmarks}, expected those that "
                f"model.init_args.landmarks: {self.landmarks:g} learns from; name their folder, or set that to 0"
            )

    def training_step(self, batch: WindowBatch) -> Tensor:
        frames, points = vary_clips(batch.frames, batch.points, self.augmentation)
        pixels, losses = standardised(frames), {}
        if self.masked:
            with torch.no_grad():
                tokens = encode(self.network, pixels)
            losses["masked"] = self.error(self.learner, pixels, tokens, draw_places(self.learner.config))
        if self.landmarks or self.supervised:
            tokens = encode(self.learner, pixels)
            rows = pooled(tokens, self.learner.config)
        if self.landmarks:
            losses["landmarks"] = self.pointer.error(tokens, points)
        if self.supervised:
            logits = self.head(rows).float()
            losses["supervised"] = cross_entropy(logits, batch.labels, label_smoothing=self.label_smoothing)
        spread = feature_std(pooled(tokens.detach(), self.network.config).mean(1))
        self.log_dict({f"train/{name}": loss.detach() for name, loss in losses.items()}, prog_bar=True)
        self.log("train/feature_std", spread, prog_bar=True)
        return torch.stack([getattr(self, name) * loss for name, loss in losses.items()]).sum()

    def error(self, network: "VJEPA2Model", pixels: Tensor, targets: Tensor, places: Places) -> Tensor:
        """Mean absolute error of what is predicted for hidden patches; targets (B, N, D) are those of all patches."""
        seen, hidden = (place.to(pixels.device) for place in places)
        found = predict(network, encode(network, pixels, seen), (seen, hidden))
        wanted = layer_norm(targets[:, hidden].float(), targets.shape[2:])
        return l1_loss(found.float(), wanted)

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        super().optimizer_step(*args, **kwargs)
        update_average(self.network, self.learner, self.trainer.global_step + 1, self.ema_decay)  # counted later

    def validation_step(self, batch: WholeBatch, batch_idx: int) -> None:
        """Of the average, with the same masks in every epoch; of a clip, the head's answers are averaged over windows.
        The head was trained on the learner's rows."""
        pixels, size = standardised(batch.frames), len(batch.labels)
        targets = encode(self.network, pixels)
        rows = pooled(targets, self.network.config)
        places = draw_places(self.network.config, torch.Generator().manual_seed(batch_idx))
        found: dict[str, Tensor | float] = {
            "val/masked": self.error(self.network, pixels, targets, places),
            "val/feature_std": feature_std(rows.mean(1)),
        }
        if self.supervised:
            answers = self.head(rows).float().softmax(1)
            summed = answers.new_zeros(size, answers.shape[1]).index_add(0, batch.clips, answers)
            found["val/top1"] = top1(summed, batch.labels)
        self.log_dict(found, prog_bar=True, batch_size=size, sync_dist=True)

    def on_test_start(self) -> None:
        self.test_scores = FrozenEvaluation(data_of(self, WLASLWindows), Encoder(self.network).to(self.device))

    def test_step(self, batch: WholeBatch) -> None:
        with torch.autocast(self.device.type, enabled=False):  # as what they are compared with was read
            self.test_scores.update(batch)

    def configure_optimizers(self) -> Any:
        """Biases, norms and other vectors are not drawn to zero."""
        trained = [*self.learner.parameters(), *self.pointer.parameters(), *self.head.parameters()]
        groups = [
            {"params": [p for p in trained if p.ndim > 1], "weight_decay": self.weight_decay},
            {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0},
        ]
        return one_cycle(self, torch.optim.AdamW(groups, lr=self.learning_rate), WARMUP)
