"""gloss-probe: V-JEPA 2's attentive probe on glosses, many learning rates and weight decays at once, the best kept
(Assran et al. 2025, arXiv 2506.09985, appendix on evaluation)."""

import copy
from itertools import product
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import Dataset

from datamodules.features.cached_tensors import CachedTensors, Rows, content_keys
from datamodules.files import cache_folder
from datamodules.samples import Split
from datamodules.wlasl.clips import WLASL, ClipBatch, TokenBatch
from lightning_modules.common.frozen import OnFrozen
from lightning_modules.common.schedules import annealed
from lightning_modules.common.validation import data_of, not_negative, positive
from lightning_modules.evaluation import classification
from lightning_modules.networks.diffusion.latents import weights_digest
from lightning_modules.networks.recognition.attentive_probe import AttentiveProbe, classifier
from lightning_modules.networks.recognition.vjepa import standardised

if TYPE_CHECKING:
    from transformers import VJEPA2ForVideoClassification, VJEPA2Model

AT_ONCE: Final = 8
"""Clips that are encoded together."""
ADAPTED: Final = ("query", "key", "value")
"""Layers of a block that a LoRA adapts."""


class GlossProbe(OnFrozen):
    """Objective and optimiser of attentive probes over all tokens of a frozen V-JEPA 2: cross entropy, AdamW, cosine.

    One probe is trained for each pair of a learning rate and a weight decay, all of them on the same batches and from
    the same initial weights, so that they differ in nothing else. The one that validation finds best is published.

    encoder: the VJEPA2Model that it stands on: a model of the zoo, a folder, or user/name@revision on the Hub.
    learning_rates, weight_decays: the grid.
    trained_blocks: last blocks of the encoder that are trained along, with what normalises their output.
    lora_rank: of a low-rank adaptation of the queries, keys and values in all blocks of the encoder, trained along and
        merged when it is published; 0 for none.
    encoder_rate: learning rate of what of the encoder is trained along.
    cache: compute the tokens of each clip once; for an encoder that stays as it is.
    """

    stands_on: ClassVar[str] = "encoder"
    begun_alike: ClassVar[tuple[str, ...]] = ("probes",)
    """What begins as copies of `network` does."""

    def __init__(
        self,
        encoder: str,
        learning_rates: list[float],
        weight_decays: list[float],
        trained_blocks: int = 0,
        lora_rank: int = 0,
        encoder_rate: float = 1e-5,
        cache: bool = True,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        positive(encoder_rate=encoder_rate, **{f"learning_rates[{at}]": rate for at, rate in enumerate(learning_rates)})
        decays = {f"weight_decays[{at}]": decay for at, decay in enumerate(weight_decays)}
        not_negative(trained_blocks=trained_blocks, lora_rank=lora_rank, **decays)
        self.grid = list(product(learning_rates, weight_decays))
        if not self.grid:
            raise ValueError("learning_rates, weight_decays: found none, expected at least one of each")
        self.trained_blocks, self.lora_rank, self.encoder_rate = trained_blocks, lora_rank, encoder_rate
        self.tuned, self.cache = bool(trained_blocks or lora_rank), cache
        if self.tuned and cache:
            raise ValueError("cache: found true, expected false where the encoder is trained along")
        self.register_buffer("chosen", torch.tensor(-1))
        self.chosen: Tensor
        self.encoder: VJEPA2Model
        self.network: AttentiveProbe | VJEPA2ForVideoClassification
        self.probes: nn.ModuleList
        self.found: Tensor
        self.test_scores: classification.ClassificationEvaluation

    def stand_on(self, base: "VJEPA2Model") -> None:
        """Take over the encoder; a copy of it, where it is trained along. Raises ValueError for another network, and
        for more blocks than it has."""
        if getattr(getattr(base, "config", None), "model_type", None) != "vjepa2" or not hasattr(base, "encoder"):
            raise ValueError(f"found {type(base).__name__}, expected a VJEPA2Model")
        if not self.tuned:
            self.hold_frozen(encoder=base)
            return
        self.encoder = copy.deepcopy(base).requires_grad_(False)
        blocks: Any = self.encoder.encoder.layer
        if self.trained_blocks > len(blocks):
            raise ValueError(f"trained_blocks: found {self.trained_blocks}, expected at most its {len(blocks)}")
        if self.lora_rank:
            from peft import LoraConfig, get_peft_model

            adapted = LoraConfig(r=self.lora_rank, lora_alpha=self.lora_rank, target_modules=list(ADAPTED))
            whole: Any = get_peft_model(self.encoder.encoder, adapted)
            self.encoder.encoder = whole
        if self.trained_blocks:
            for part in (*blocks[-self.trained_blocks :], self.encoder.encoder.layernorm):
                part.requires_grad_(True)

    def configure_model(self) -> None:
        """Build the probes once the data has told its glosses, and compute the tokens that are to be cached; refuse
        clips that the encoder cannot take."""
        if hasattr(self, "network"):
            return
        data, config = data_of(self, WLASL), self.encoder.config
        for name, step in (("image_size", config.patch_size), ("frames", config.tubelet_size)):
            if getattr(data, name) % step:
                raise ValueError(
                    f"data.init_args.{name}: found {getattr(data, name)}, expected a multiple of {step}, as the "
                    "encoder needs"
                )
        if data.image_size != config.crop_size:
            raise ValueError(
                f"data.init_args.image_size: found {data.image_size}, expected {config.crop_size}, the encoder's"
            )
        self.network = AttentiveProbe(config, len(data.glosses)).requires_grad_(False)
        self.probes = nn.ModuleList(AttentiveProbe(config, len(data.glosses)) for _ in self.grid)
        if self.cache and self.trainer.state.fn == "fit":
            self.encode_once(data)

    @torch.no_grad()
    def encode_once(self, data: WLASL) -> None:
        """Have training and validation served by tokens. Raises OSError where the disk has no room for them."""
        device = self.trainer.strategy.root_device
        self.encoder.to(device)
        made_by = weights_digest(self.encoder.encoder, {"patch": self.encoder.config.patch_size})[:16]
        splits: tuple[Split, ...] = ("train", "dev")
        for split in splits:
            described, examples = data.described(split), data.examples(split)

            def encoded(items: range, examples: Dataset[Any] = examples) -> Rows:
                parts = [items[start : start + AT_ONCE] for start in range(0, len(items), AT_ONCE)]
                found = [self.encoded(data.pictures(examples, part).to(device)).half().cpu() for part in parts]
                return np.asarray(torch.cat(found).numpy(), np.float16)

            keys = content_keys([(name, path) for name, _, path in described])
            below = cache_folder() / "tokens" / f"{made_by}-{data.frames}x{data.image_size}"
            cached = CachedTensors(below, keys, encoded(range(1)).shape[1:], np.float16)
            cached.complete(encoded, f"tokens of {len(described):,} clips, {split}")
            data.serve(split, cached)

    def on_fit_start(self) -> None:
        """Begin every probe with the weights that `network` has by now, its own or another model's, unless a checkpoint
        has told theirs."""
        if self.chosen < 0:
            for probe in self.probes:
                probe.load_state_dict(self.network.state_dict())
            self.chosen.zero_()

    def as_trained(self, network: "VJEPA2ForVideoClassification") -> nn.Module:
        """What a training takes over of a published network: all but the encoder."""
        return nn.ModuleDict({"pooler": network.pooler, "classifier": network.classifier})

    def encoded(self, frames: Tensor) -> Tensor:
        """Tokens (B, N, D) of clips (B, T, 3, S, S) in [-1, 1]; by the encoder of a published network, where `network`
        is one, which a test has."""
        encoder = getattr(self.network, "vjepa2", self.encoder)
        found: Tensor = encoder(
            standardised((frames + 1).movedim(2, -1) * 127.5), skip_predictor=True
        ).last_hidden_state
        return found

    def tokens(self, batch: ClipBatch | TokenBatch) -> Tensor:
        """Those of a batch, (B, N, D)."""
        if isinstance(batch, TokenBatch):
            return batch.tokens
        if self.tuned:
            return self.encoded(batch.frames)
        with torch.no_grad():
            return self.encoded(batch.frames)

    def errors(self, tokens: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Of each probe, the sum of its cross entropies and how many labels it found, (P,) each."""
        logits = [probe(tokens).float() for probe in self.probes]
        entropies = [functional.cross_entropy(one, labels, reduction="sum") for one in logits]
        return torch.stack(entropies), torch.stack([(one.argmax(-1) == labels).sum() for one in logits])

    def training_step(self, batch: ClipBatch | TokenBatch) -> Tensor:
        entropies, _ = self.errors(self.tokens(batch), batch.labels)
        losses = entropies / len(batch.labels)
        self.log("train/loss", losses.nan_to_num(torch.inf).min(), prog_bar=True, batch_size=len(batch.labels))
        return losses.sum()

    def on_validation_epoch_start(self) -> None:
        self.found = torch.zeros(3, len(self.probes), device=self.device)

    def validation_step(self, batch: ClipBatch | TokenBatch) -> None:
        entropies, right = self.errors(self.tokens(batch), batch.labels)
        self.found += torch.stack([right, entropies, torch.full_like(entropies, len(batch.labels))])

    def on_validation_epoch_end(self) -> None:
        """Publish the probe that found most labels; of equals, the one that is surer of them."""
        right, entropies, count = self.trainer.strategy.reduce(self.found, reduce_op="sum")
        ranked = sorted(range(len(self.probes)), key=lambda at: (-float(right[at]), float(entropies[at])))
        best = ranked[0]
        self.chosen.fill_(best)
        self.network.load_state_dict(self.probes[best].state_dict())
        self.log("val/top1", right[best] / count[best], prog_bar=True)
        self.log("val/loss", entropies[best] / count[best], prog_bar=True)
        self.log("val/chosen", float(best))

    def on_test_start(self) -> None:
        self.test_scores = classification.of_clips(data_of(self, WLASL), lambda batch: self.tokens(self.moved(batch)))

    def test_step(self, batch: ClipBatch) -> None:
        tokens = self.tokens(batch)
        self.test_scores.update(batch, self.network.classifier(self.network.pooler(tokens)))

    def moved(self, batch: ClipBatch) -> ClipBatch:
        """A batch that no loader of Lightning's brought to this device."""
        return ClipBatch(batch.frames.to(self.device), batch.labels, batch.names)

    @torch.no_grad()
    def published(self) -> "VJEPA2ForVideoClassification":
        """The encoder, with what was trained of it merged, and the best probe on it."""
        encoder = copy.deepcopy(self.encoder)
        if self.lora_rank:
            adapted: Any = encoder.encoder
            encoder.encoder = adapted.merge_and_unload()
        whole = classifier(encoder.config, self.network.classifier.out_features)  # type: ignore[arg-type]
        whole.vjepa2.load_state_dict(encoder.state_dict())
        whole.pooler.load_state_dict(self.network.pooler.state_dict())
        whole.classifier.load_state_dict(self.network.classifier.state_dict())
        return whole.eval()

    def configure_optimizers(self) -> Any:
        groups: list[dict[str, Any]] = [
            {"params": list(probe.parameters()), "lr": rate, "weight_decay": decay}
            for probe, (rate, decay) in zip(self.probes, self.grid, strict=True)
        ]
        along = [weight for weight in self.encoder.parameters() if weight.requires_grad]
        if along:
            groups.append({"params": along, "lr": self.encoder_rate})
        return annealed(self, torch.optim.AdamW(groups))
