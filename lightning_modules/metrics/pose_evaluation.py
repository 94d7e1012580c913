"""What a test of text to pose says: scores of free and oracle-length decoding, beside the baselines."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor

from datamodules.text_pose import TextPose, TextPoseBatch
from lightning_modules.metrics.pose import Motion, baselines, scores

CLOSE = 0.25
"""A length within this share of the reference's counts as right."""


class PoseEvaluation:
    """Collects a test set's motions and scores them at the end."""

    def __init__(self, train: Sequence[TextPose]) -> None:
        self.train = train
        self.texts: list[str] = []
        self.references: list[Motion] = []
        self.decoded: dict[str, list[Motion]] = {"free": [], "oracle-length": []}

    def update(self, batch: TextPoseBatch, free: Sequence[Tensor], oracle: Sequence[Tensor]) -> None:
        """Add a batch and what was decoded for it, both ways."""
        self.texts += batch.texts
        lengths = batch.lengths.tolist()
        self.references += [j[:n].cpu().numpy() for j, n in zip(batch.joints, lengths, strict=True)]
        self.decoded["free"] += [joints.float().cpu().numpy() for joints in free]
        self.decoded["oracle-length"] += [joints.float().cpu().numpy() for joints in oracle]

    def results(self) -> dict[str, dict[str, Any]]:
        """Each key with its value, sentences, protocol and, for free decoding, the same score of four baselines.

        `dtw_pt` and its like are those of `lightning_modules.metrics.pose`; keys of oracle-length decoding end in
        "@oracle-length". `length_within_25` is the share of sentences whose length is within 25 % of the reference's.
        """
        count = {"n": len(self.references)}
        guesses = baselines(self.references, self.texts, [e.joints for e in self.train], [e.text for e in self.train])
        beside = {name: scores(motions, self.references) for name, motions in guesses.items()}
        found: dict[str, dict[str, Any]] = {}
        for key, value in scores(self.decoded["free"], self.references).items():
            others = {name: score[key] for name, score in beside.items()}
            found[key] = {"value": value, **others, "protocol": "free", **count}
        for key, value in scores(self.decoded["oracle-length"], self.references).items():
            found[f"{key}@oracle-length"] = {"value": value, "protocol": "oracle-length", **count}
        ratios = np.array([len(h) / len(r) for h, r in zip(self.decoded["free"], self.references, strict=True)])
        close = float((abs(ratios - 1) <= CLOSE).mean())
        found["length_within_25"] = {"value": close, "protocol": "free", **count}
        return found

    def plots(self) -> dict[str, Any]:
        return {}
