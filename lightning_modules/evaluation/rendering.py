"""What a test of a renderer says: its frames beside guesses that understand nothing, each against the true one."""

import sys
from collections.abc import Mapping, Sequence
from typing import Final, Literal, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Subset

from datamodules.features.bundles import hand_bundle
from datamodules.features.hand_landmarks import HandLandmarker
from datamodules.kinds.paired_frames import PairedFrames, PairedFramesBatch
from datamodules.media.drawing_primitives import Image
from datamodules.media.hand_boxes import Box
from lightning_modules.evaluation.results import GROUND_TRUTH, MODEL, Comparison, Results
from lightning_modules.evaluation.sample_strips import ScoredStrips, as_images
from lightning_modules.metrics.images import (
    IMAGE_SCORES,
    VARIANTS,
    WINDOW,
    Boxes,
    HandFound,
    HandPose,
    HandSsim,
    Keypoints,
    present,
)

Shown = Literal["paper", "pose-only"]
"""Protocols, by what a model is shown: conditions that are made of the true frame, which leak its appearance, or such
as are made of the pose alone."""
COPY, MEAN = "copy_condition", "mean_frame"
LEAST_FOUND: Final = 0.5
"""Share of the true frames' hands below which `hand_pose` would tell of MediaPipe alone."""
MEANT: Final = 4096
"""Training frames whose mean is a baseline, at most: more would hardly change it, and videos take hours to decode."""


class Renderer(Protocol):
    """A model under test: conditions (B, C, S, S) in [0, 1], and further ones by name, to frames (B, 3, S, S) in
    [-1, 1]. It is handed nothing of the true frames."""

    def __call__(self, conditions: Tensor, further: Mapping[str, Tensor], /) -> Tensor: ...


class RenderingEvaluation:
    """Has a test set's conditions rendered and scores the frames at the end, beside two baselines: `copy_condition`,
    the drawing itself, and `mean_frame`, the mean of the training frames.

    Where hands are, the data says. Where MediaPipe and its hand landmarker are missing, a line says so, and
    `hand_pose` and `hand_found` are left out.

    data: what the model was trained on. protocol: what it is shown.
    """

    def __init__(self, data: PairedFrames, protocol: Shown) -> None:
        self.data, self.protocol, self.bundle = data, protocol, hand_bundle("hand_pose and hand_found")
        self.mean = mean_frame(data)
        contenders = (MODEL, GROUND_TRUTH, COPY, MEAN)
        self.compared = {key: Comparison(make, contenders) for key, make in IMAGE_SCORES.items()}
        self.hand_ssim = Comparison(HandSsim, contenders)
        self.hands = {"hand_pose": Comparison(HandPose, contenders), "hand_found": Comparison(HandFound, contenders)}
        self.boxed, self.found = 0, 0
        self.kept = ScoredStrips("SSIM")

    @torch.no_grad()
    def update(self, batch: PairedFramesBatch, render: Renderer) -> None:
        """Have a batch rendered. Raises ValueError for frames that are not finite."""
        rendered = render(batch.conditions, batch.further)
        if not rendered.isfinite().all():
            raise ValueError("the model renders frames that are not finite; did its training diverge?")
        pictures, references, conditions = as_share(rendered), as_share(batch.frames), batch.conditions.float()
        answers = {
            MODEL: pictures,
            GROUND_TRUTH: references,
            COPY: conditions,
            MEAN: self.mean.to(references).expand_as(references),
        }
        for comparison in self.compared.values():
            comparison.update(answers, references)
        scores = self.compared["ssim"].scores[MODEL].items[-1][:, 0].tolist()
        self.kept.add(batch.names, scores, {"drawing": conditions, "model": pictures, "truth": references})
        boxes = self.data.hands(batch.names)
        handed = [at for at, hands in enumerate(boxes) if hands]
        if handed:
            self._add_hands(
                {name: of[handed] for name, of in answers.items()}, references[handed], [boxes[at] for at in handed]
            )

    def _add_hands(self, answers: dict[str, Tensor], references: Tensor, boxes: Sequence[Sequence[Box]]) -> None:
        """Add pictures that all have hands."""
        self.hand_ssim.update(answers, references, boxes)
        if not self.bundle:
            return
        with HandLandmarker(self.bundle) as landmarker:
            true = find_hands(landmarker, as_images(references), boxes)
            counted = present(true)
            self.boxed, self.found = self.boxed + sum(map(len, boxes)), self.found + int(counted.sum())
            sides = np.zeros(counted.shape)
            for at, hands in enumerate(boxes):
                sides[at, : len(hands)] = [max(right - left, bottom - top) for left, top, right, bottom in hands]
            keypoints = {
                name: true if name == GROUND_TRUTH else find_hands(landmarker, as_images(of), boxes)
                for name, of in answers.items()
            }
        some = counted.any(1)
        if some.any():
            for comparison in self.hands.values():
                comparison.update({name: of[some] for name, of in keypoints.items()}, true[some], sides[some])

    def results(self) -> Results:
        """`ssim`, `psnr` and `l1`; `hand_ssim` where the data knows where hands are; `hand_pose` and `hand_found` where
        MediaPipe finds half of those in the true frames or more. Where it does not, a line on stderr says so."""
        found = {key: comparison.row(self.protocol, variant=VARIANTS[key]) for key, comparison in self.compared.items()}
        if self.hand_ssim.scores[MODEL].items:
            box = f"SSIM of the box beyond each forearm, at least {WINDOW} pixels a side"
            found["hand_ssim"] = self.hand_ssim.row(self.protocol, variant=box)
        side = f"{self.data.image_size} x {self.data.image_size}"
        if self.found and self.found >= LEAST_FOUND * self.boxed:
            share = f"MediaPipe: in the true frames it finds {self.found} hands of {self.boxed}"
            unit = f"pixels of {side}, a lost hand costs its box's side; {share}"
            found["hand_pose"] = self.hands["hand_pose"].row(self.protocol, variant=unit)
            found["hand_found"] = self.hands["hand_found"].row(self.protocol, variant=share)
        elif self.boxed and self.bundle:
            print(
                f"hand_pose and hand_found are left out: MediaPipe finds {self.found} of the {self.boxed} hands in the "
                f"true frames of {side} pixels",
                file=sys.stderr,
            )
        return found

    def plots(self) -> dict[str, Image]:
        """`samples`: the best, the median and the worst picture by SSIM, between what it was made of and the truth."""
        return {"samples": self.kept.best_median_worst()}


def mean_frame(data: PairedFrames) -> Tensor:
    """The mean (3, S, S), in [0, 1], of training frames that nothing varies: of all, or of `MEANT` evenly spread."""
    examples = data.examples("train")
    count = len(examples)  # type: ignore[arg-type]
    if count > MEANT:
        examples = Subset(examples, np.linspace(0, count - 1, MEANT).round().astype(int).tolist())
    total, frames = torch.zeros(()), 0
    for batch in data.loader(examples, collate=data.collate):
        total, frames = total + batch.frames.sum(0), frames + len(batch.frames)
    return as_share(total / frames)


def as_share(pictures: Tensor) -> Tensor:
    """Pictures in [-1, 1] as such in [0, 1], single precision."""
    return (pictures.float() + 1) / 2


def find_hands(landmarker: HandLandmarker, pictures: Sequence[Image], boxes: Boxes) -> Keypoints:
    """The hands in pictures (b), (H, W, 3) each; as many of every picture as the one with most boxes has."""
    keypoints = np.full((len(pictures), max(map(len, boxes), default=0), 21, 2), np.nan)
    for at, (picture, hands) in enumerate(zip(pictures, boxes, strict=True)):
        for number, box in enumerate(hands):
            hand = landmarker(picture, box)
            if hand is not None:
                keypoints[at, number] = hand
    return keypoints
