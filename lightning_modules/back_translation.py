"""Back-translation: pose to text, the reader by which BLEU and ROUGE of signed poses are measured.

Saunders et al. 2020, "Progressive Transformers", read poses back with Camgöz et al. 2020, "Sign Language Transformers",
trained on joints in the place of video features; so does this, without glosses.
"""

from typing import Any

import lightning as L
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from datamodules.text import Tokenizer
from datamodules.text_pose.pairs import TextPoseBatch, TextPoseDataModule
from lightning_modules.common.schedules import one_cycle
from lightning_modules.common.validation import data_of, not_negative, positive
from lightning_modules.evaluation.reading_evaluation import ReadingEvaluation
from lightning_modules.metrics.text import Bleu
from lightning_modules.networks.augmentation import vary_motions
from lightning_modules.networks.text_to_pose.pose_to_text import PoseToTextConfig, PoseToTextTransformer, read
from lightning_modules.networks.text_to_pose.transformer import PAD


class BackTranslation(L.LightningModule):
    """Objective and optimiser of the reader: label-smoothed cross entropy, AdamW that warms up and anneals.

    It is trained on reference poses only, by construction: its data are a data set's pairs, and nothing hands it the
    output of a model. A reader that had seen a generator's poses would learn to read that generator's mistakes.

    width, heads, layers, feedforward, dropout: sizes of the network.
    shorten: frames that become one step of the encoder: 1, 2 or 4. Spelled letters follow one another within 6 frames
        of 25 a second.
    augmentation: how far training motions are changed in tempo, size, by noise and held frames (see `vary_motions`);
        0 is off, 1 as far as people and trackers differ. They are never mirrored.
    label_smoothing: share of the probability that is spread over all tokens.
    learning_rate: the highest, of AdamW.
    weight_decay: of AdamW.
    """

    def __init__(
        self,
        width: int = 512,
        heads: int = 8,
        layers: int = 3,
        feedforward: int = 2048,
        dropout: float = 0.1,
        shorten: int = 4,
        augmentation: float = 1.0,
        label_smoothing: float = 0.1,
        learning_rate: float = 5e-4,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        not_negative(augmentation=augmentation, weight_decay=weight_decay)
        positive(learning_rate=learning_rate)
        if not 0 <= label_smoothing < 1:
            raise ValueError(f"label_smoothing: found {label_smoothing}, expected 0 or more and less than 1")
        self.augmentation, self.label_smoothing = augmentation, label_smoothing
        self.learning_rate, self.weight_decay = learning_rate, weight_decay
        self.sizes: dict[str, Any] = {
            "width": width,
            "heads": heads,
            "layers": layers,
            "feedforward": feedforward,
            "dropout": dropout,
            "shorten": shorten,
        }
        self.network: PoseToTextTransformer
        self.read_back: Bleu
        self.test_scores: ReadingEvaluation

    @property
    def tokenizer(self) -> Tokenizer:
        """The data's, with the ends of spelled words."""
        tokenizer: Tokenizer = self.trainer.datamodule.tokenizer  # type: ignore[attr-defined]
        return tokenizer.with_ends()

    def configure_model(self) -> None:
        """Build the network once the data has told its vocabulary and statistics."""
        if hasattr(self, "network"):
            return
        data = data_of(self, TextPoseDataModule)
        self.network = PoseToTextTransformer(PoseToTextConfig(vocabulary=len(self.tokenizer), **self.sizes))
        self.network.pose.fit(data.training_joints())

    def loss(self, batch: TextPoseBatch) -> Tensor:
        """Cross entropy of each token after those before it, smoothed in training alone."""
        texts = [torch.tensor(self.tokenizer.encode(text)) for text in batch.texts]
        tokens = torch.nn.utils.rnn.pad_sequence(texts, batch_first=True, padding_value=PAD).to(self.device)
        joints, lengths = vary_motions(batch.joints, batch.lengths, self.augmentation if self.training else 0)
        scores = self.network(joints, lengths, tokens[:, :-1])
        smoothing = self.label_smoothing if self.training else 0.0
        targets = tokens[:, 1:].flatten()
        return cross_entropy(scores.flatten(0, 1).float(), targets, ignore_index=PAD, label_smoothing=smoothing)

    def read(self, joints: Tensor, lengths: Tensor) -> list[str]:
        """The text of each motion."""
        return [self.tokenizer.decode(ids) for ids in read(self.network, joints, lengths)]

    def training_step(self, batch: TextPoseBatch) -> Tensor:
        loss = self.loss(batch)
        self.log("train/loss", loss, prog_bar=True)
        return loss

    def on_validation_epoch_start(self) -> None:
        self.read_back = Bleu()

    def validation_step(self, batch: TextPoseBatch) -> None:
        size = len(batch.texts)
        self.log("val/loss", self.loss(batch), prog_bar=True, batch_size=size, sync_dist=True)
        self.read_back.update(self.read(batch.joints, batch.lengths), batch.texts)

    def on_validation_epoch_end(self) -> None:
        bleu = float(self.read_back.score(self.read_back.statistics.sum(0)))
        self.log("val/bleu_4", bleu, prog_bar=True, sync_dist=True)  # of several devices, the mean of their shares'

    def on_test_start(self) -> None:
        self.test_scores = ReadingEvaluation.of(data_of(self, TextPoseDataModule), self.network.pose)

    def test_step(self, batch: TextPoseBatch) -> None:
        self.test_scores.update(batch, self.read)

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.AdamW(
            self.network.parameters(), self.learning_rate, betas=(0.9, 0.98), weight_decay=self.weight_decay
        )
        return one_cycle(self, optimizer, warmup=0.1)
