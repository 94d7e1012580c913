"""What a test of pose to text says: how like the references its readings are, beside guesses that read nothing."""

from typing import Final, Protocol, Self

import numpy as np
import torch
from torch import Tensor

from datamodules.media.drawing_primitives import Image
from datamodules.text_pose.pairs import Examples, TextPoseBatch, TextPoseDataModule
from lightning_modules.evaluation import plots
from lightning_modules.evaluation.baselines import most_frequent
from lightning_modules.evaluation.results import GROUND_TRUTH, MODEL, Comparison, Results
from lightning_modules.evaluation.sample_strips import motion_strip, strips
from lightning_modules.metrics.score import Motion
from lightning_modules.metrics.text import SIGNATURE, TEXT_SCORES
from lightning_modules.networks.text_to_pose.pose_features import PoseFeatures

PROTOCOL: Final = f"reference poses; {SIGNATURE}"
SKETCHED: Final = 8
"""Frames by which two motions are compared: enough for order and place of signs, few enough for a whole data set."""
SHOWN: Final = "chrf"
"""The key by which plots sort sentences: of the scores, one that says something of a single one."""
STRIP: Final = 8


class Reader(Protocol):
    """A model under test: joints (B, T, 50, 3) and lengths (B,) to a text each."""

    def __call__(self, joints: Tensor, lengths: Tensor) -> list[str]: ...


class ReadingEvaluation:
    """Has a test set's reference poses read and scores the texts at the end, beside three baselines.

    `most_frequent_text` answers with one training text; `nearest_train_pose` with the text of the training motion whose
    sketch is nearest; `random_poses` is what the model itself reads in noise of training's mean and deviation, as long
    as the reference.

    train: where baselines take their answers from. pose: makes features by which motions are compared, and their mean
    and deviation. fps: of all motions.
    """

    def __init__(self, train: Examples, pose: PoseFeatures, fps: float) -> None:
        self.train, self.pose, self.fps = train, pose, fps
        self.usual = most_frequent(train.texts)
        self.sketches = torch.stack([self._sketch(torch.from_numpy(np.array(e.joints))) for e in train])
        self.noise = torch.Generator().manual_seed(0)
        contenders = (MODEL, GROUND_TRUTH, "most_frequent_text", "nearest_train_pose", "random_poses")
        self.compared = {key: Comparison(make, contenders) for key, make in TEXT_SCORES.items()}
        self.motions: list[Motion] = []
        self.read: list[tuple[str, str]] = []

    @classmethod
    def of(cls, data: TextPoseDataModule, pose: PoseFeatures) -> Self:
        """Of the data that a model was trained on, and the features that its network reads."""
        return cls(data.examples["train"], pose, data.fps)

    def update(self, batch: TextPoseBatch, reader: Reader) -> None:
        """Have a batch read."""
        motions = [joints[:length] for joints, length in zip(batch.joints, batch.lengths.tolist(), strict=True)]
        shape = (*batch.joints.shape[:2], len(self.pose.mean))
        noise = self.pose.invert(torch.randn(shape, generator=self.noise).to(batch.joints))
        answers = {
            MODEL: reader(batch.joints, batch.lengths),
            GROUND_TRUTH: batch.texts,
            "most_frequent_text": [self.usual] * len(motions),
            "nearest_train_pose": [self._nearest(motion) for motion in motions],
            "random_poses": reader(noise, batch.lengths),
        }
        for comparison in self.compared.values():
            comparison.update(answers, batch.texts)
        self.motions += [motion.cpu().numpy() for motion in motions]
        self.read += zip(batch.texts, answers[MODEL], strict=True)

    def results(self) -> Results:
        """Each key of TEXT_SCORES beside the truth and the baselines."""
        return {key: comparison.row(PROTOCOL) for key, comparison in self.compared.items()}

    def plots(self) -> dict[str, Image]:
        """`length`: how scores fall with sentences. `samples`: poses below what they say and what was read."""
        scores = self.compared[SHOWN].scores[MODEL].each()
        seconds = [len(motion) / self.fps for motion in self.motions]
        order = np.argsort(-scores, kind="stable")
        rows = []
        for what, place in (("best", order[0]), ("median", order[len(order) // 2]), ("worst", order[-1])):
            text, answer = self.read[place]
            title = f"{what}, {SHOWN} {scores[place]:.3g}: {text} | read: {answer or '-'}"
            times = np.linspace(0, (len(self.motions[place]) - 1) / self.fps, STRIP)
            drawn = motion_strip(self.motions[place], STRIP)
            rows.append((title, [(f"{time:.1f} s", picture) for time, picture in zip(times, drawn, strict=True)]))
        return {
            "length": plots.length_against_error(seconds, scores.tolist(), SHOWN, "of 100", "seconds"),
            "samples": strips(rows),
        }

    def _sketch(self, joints: Tensor) -> Tensor:
        places = torch.linspace(0, len(joints) - 1, SKETCHED).round().long()
        sketch: Tensor = self.pose(joints[places].to(self.pose.mean)).flatten()
        return sketch

    def _nearest(self, joints: Tensor) -> str:
        distances = (self.sketches - self._sketch(joints)).square().sum(1)
        return self.train.texts[int(distances.argmin())]
