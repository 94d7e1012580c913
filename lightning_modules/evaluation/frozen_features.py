"""What a test of a video encoder says: how well frozen features of clips name their glosses, without more training."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from datamodules.features.vjepa import Encoder
from datamodules.media.clip_frames import evenly
from datamodules.media.drawing_primitives import Image
from datamodules.samples import Split
from datamodules.wlasl.windows import WholeBatch, WLASLWindows
from lightning_modules.evaluation import plots
from lightning_modules.evaluation.classification import LEAST, MAJORITY, majority_scores
from lightning_modules.evaluation.results import GROUND_TRUTH, MODEL, Comparison, Results
from lightning_modules.metrics.classification import ACCURACIES, ranked
from lightning_modules.metrics.features import FeatureStd, effective_rank

if TYPE_CHECKING:
    from transformers import VJEPA2Model

UNTRAINED: Final[dict[str, Any]] = {
    "crop_size": 64,
    "patch_size": 32,
    "frames_per_clip": 8,
    "hidden_size": 128,
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "mlp_ratio": 2.0,
    "initializer_range": 0.05,
    "pred_hidden_size": 12,
    "pred_num_attention_heads": 1,
    "pred_num_hidden_layers": 1,
    "pred_num_mask_tokens": 1,
}
"""A V-JEPA 2 of random weights that does well for one. Tokens are pooled over space, which random ones only survive if
they are few: its patches are a quarter of the picture."""
RANDOM, PIXELS = "untrained_encoder", "raw_pixels"
KEYS: Final = ("top1", "top1_per_class")
NEIGHBOURS: Final = 10
TEMPERATURE: Final = 0.07
"""By which similarities of neighbours are divided (Wu et al. 2018, "Unsupervised Feature Learning via Non-Parametric
Instance Discrimination")."""
PENALTIES: Final = (1e-3, 1e-2, 1e-1, 1.0, 10.0)
"""Of a probe's weights, as shares of the mean squared singular value of training's features; validation chooses."""
SHOWN, SIDE = 8, 12
"""Frames of a clip, and the side in pixels at which they are compared in grey."""

Seer = Callable[[WholeBatch], Tensor]
"""Clips to one vector of features each, (B, D)."""


class Readers:
    """A nearest-neighbour classifier and a linear one, of features that are standardised by those of training.

    train, dev: features (N, D) and labels (N,).
    """

    def __init__(self, train: tuple[Tensor, Tensor], dev: tuple[Tensor, Tensor], classes: int) -> None:
        known, self.labels = train
        self.mean, self.scale, self.classes = known.mean(0), known.std(0).clamp(min=LEAST), classes
        self.known = self._standardised(known)
        left, values, right = torch.linalg.svd(self.known.double(), full_matrices=False)
        targets = left.T @ functional.one_hot(self.labels, classes).double()
        square, best = float(values.square().mean()), -1.0
        for penalty in PENALTIES:
            weights = (right.T @ (values[:, None] * targets / (values.square() + penalty * square)[:, None])).float()
            right_ones = (self._standardised(dev[0]) @ weights).argmax(1) == dev[1]
            if (share := float(right_ones.float().mean())) > best:
                best, self.weights = share, weights

    def _standardised(self, features: Tensor) -> Tensor:
        return (features - self.mean) / self.scale

    def scores(self, features: Tensor) -> dict[str, Tensor]:
        """Of features (B, D): scores (B, classes) of both."""
        own = self._standardised(features)
        alike = functional.normalize(own, dim=1) @ functional.normalize(self.known, dim=1).T
        nearest, places = alike.topk(min(NEIGHBOURS, len(self.known)), dim=1)
        votes = torch.zeros(len(own), self.classes)
        votes.scatter_add_(1, self.labels[places], (nearest / TEMPERATURE).exp())
        return {"knn": votes, "probe": own @ self.weights}


class FrozenEvaluation:
    """Collects features of the clips of a test set, and compares how well they name glosses with those of an untrained
    encoder and of plain pixels. The clips of training and validation are read once, for all of them.

    data: what the encoder was trained on; its splits say which signers are new. encoder: the frozen one.
    """

    def __init__(self, data: WLASLWindows, encoder: Encoder) -> None:
        device = encoder.mean.device
        self.seers: dict[str, Seer] = {
            MODEL: of_encoder(encoder),
            RANDOM: of_encoder(Encoder(untrained()).to(device), UNTRAINED["crop_size"]),
            PIXELS: pixels,
        }
        train, dev = self._seen(data, "train"), self._seen(data, "dev")
        self.classes, self.labels = data.glosses, train[MAJORITY]
        self.readers = {
            name: Readers((train[name], train[MAJORITY]), (dev[name], dev[MAJORITY]), len(data.glosses))
            for name in self.seers
        }
        contenders = (MODEL, GROUND_TRUTH, MAJORITY, *list(self.seers)[1:])
        self.compared = {
            f"{reader}_{key}": Comparison(ACCURACIES[key], contenders) for reader in ("knn", "probe") for key in KEYS
        }
        self.found: dict[str, list[Tensor]] = {name: [] for name in self.seers}
        self.counts = np.zeros((len(self.classes), len(self.classes)), int)
        self.protocol = (
            f"frozen features, mean over a clip; split by {data.split}; {NEIGHBOURS} nearest neighbours, or a linear "
            "probe whose penalty validation chose"
        )

    def _seen(self, data: WLASLWindows, split: Split) -> dict[str, Tensor]:
        """Features of all clips of a split by who sees them, and their labels under the name of who only counts."""
        found: dict[str, list[Tensor]] = {name: [] for name in (*self.seers, MAJORITY)}
        for batch in data.wholes(split):
            found[MAJORITY].append(batch.labels)
            for name, seer in self.seers.items():
                found[name].append(seer(batch))
        return {name: torch.cat(parts) for name, parts in found.items()}

    def update(self, batch: WholeBatch) -> None:
        """Add clips."""
        labels = batch.labels.cpu()
        fixed = {
            GROUND_TRUTH: functional.one_hot(labels, len(self.classes)),
            MAJORITY: majority_scores(self.labels, len(self.classes)).expand(len(labels), -1),
        }
        read = {}
        for name, seer in self.seers.items():
            self.found[name].append(seer(batch))
            read[name] = self.readers[name].scores(self.found[name][-1])
        for key, comparison in self.compared.items():
            reader = key.partition("_")[0]
            comparison.update(fixed | {name: scores[reader] for name, scores in read.items()}, labels)
        np.add.at(self.counts, (labels.numpy(), ranked(read[MODEL]["probe"])[:, 0].numpy()), 1)

    def results(self) -> Results:
        """Accuracies beside the baselines, and how far features spread beside theirs."""
        rows = {key: comparison.row(self.protocol) for key, comparison in self.compared.items()}
        features = {name: torch.cat(parts) for name, parts in self.found.items()}
        protocol = f"frozen features, mean over a clip, {features[MODEL].shape[1]} of them"
        deviations = Comparison(FeatureStd, features)
        for name, score in deviations.scores.items():
            score.update(features[name])
        ranks = {name: effective_rank(of) for name, of in features.items()}
        return {
            **rows,
            "feature_std": deviations.row(protocol),
            "effective_rank": {**ranks, "protocol": protocol, "n": len(features[MODEL])},
        }

    def plots(self) -> dict[str, Image]:
        """`confusion`: what the linear probe takes each gloss for."""
        return {"confusion": plots.confusion(self.counts, self.classes)}


def of_encoder(encoder: Encoder, size: int | None = None) -> Seer:
    """The mean of an encoder's rows over each clip; of pictures of another size where that is given."""

    @torch.no_grad()
    def seer(batch: WholeBatch) -> Tensor:
        frames = batch.frames.to(encoder.mean.device)
        if size is not None and size != frames.shape[2]:
            flat = frames.flatten(0, 1).movedim(-1, 1).float()
            resized = functional.interpolate(flat, (size, size), mode="area").round().byte()
            frames = resized.movedim(1, -1).view(*frames.shape[:2], size, size, 3)
        rows = encoder(frames).cpu()
        tubelet = encoder.config.tubelet_size
        real = torch.arange(rows.shape[1]) < (batch.real.cpu()[:, None] + tubelet - 1) // tubelet
        sums = (rows * real[:, :, None]).sum(1)
        clips = batch.clips.cpu()
        whole = torch.zeros(len(batch.labels), rows.shape[2]).index_add(0, clips, sums)
        return whole / torch.zeros(len(whole)).index_add(0, clips, real.sum(1).float())[:, None]

    return seer


def pixels(batch: WholeBatch) -> Tensor:
    """Frames spread over each clip, small and grey, one after another: (B, SHOWN * SIDE * SIDE)."""
    frames, clips = batch.frames.cpu(), batch.clips.cpu()
    found = []
    for clip in range(len(batch.labels)):
        own = clips == clip
        whole = frames[own].flatten(0, 1)[: int(batch.real.cpu()[own].sum())]
        few = whole[evenly(SHOWN, len(whole))].float().mean(-1)
        found.append(functional.interpolate(few[:, None], (SIDE, SIDE), mode="area").flatten())
    return torch.stack(found)


def untrained() -> "VJEPA2Model":
    """The VJEPA2Model of `UNTRAINED`; its weights are always the same ones.

    Random features of a video still tell videos apart; nothing of them was learnt.
    """
    from transformers import VJEPA2Config, VJEPA2Model

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return VJEPA2Model(VJEPA2Config(**UNTRAINED))
