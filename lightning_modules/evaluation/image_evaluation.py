"""Pictures of a model beside those of guesses that understand nothing, each against the same true frame."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from torch import Tensor

from datamodules.features.hand_landmarks import HandLandmarker
from datamodules.media.drawing_primitives import Image
from datamodules.media.hand_boxes import Box
from lightning_modules.evaluation.results import GROUND_TRUTH, MODEL, Comparison, Results
from lightning_modules.evaluation.sample_strips import strips
from lightning_modules.metrics.hands import HandFound, HandPose, HandSsim, find_hands, present
from lightning_modules.metrics.images import IMAGE_SCORES, PROTOCOLS, WINDOW

KEPT: Final = 64
"""Pictures that are held for the strips, beside the best and the worst."""
LEAST_FOUND: Final = 0.5
"""Share of the true frames' hands below which `hand_pose` would tell of MediaPipe alone."""


@dataclass(frozen=True)
class Strip:
    """What is shown of a picture: its name, its SSIM, and it between its condition and its reference."""

    name: str
    ssim: float
    pictures: tuple[tuple[str, Image], ...]


class ImageEvaluation:
    """Scores a model's pictures and its baselines' against the same references.

    baselines: their names. bundle: MediaPipe's hand landmarker; without it `hand_pose` and `hand_found` are left out.
    """

    def __init__(self, baselines: Sequence[str], bundle: Path | None = None) -> None:
        contenders = (MODEL, GROUND_TRUTH, *baselines)
        self.bundle = bundle
        self.compared = {key: Comparison(make, contenders) for key, make in IMAGE_SCORES.items()}
        self.hand_ssim = Comparison(HandSsim, contenders)
        self.hands = {"hand_pose": Comparison(HandPose, contenders), "hand_found": Comparison(HandFound, contenders)}
        self.boxed, self.found, self.seen, self.size = 0, 0, 0, (0, 0)
        self.strips: dict[int, Strip] = {}

    def update(
        self,
        references: Tensor,
        pictures: Tensor,
        baselines: Mapping[str, Tensor],
        conditions: Tensor,
        names: Sequence[str],
        boxes: Sequence[Sequence[Box]],
    ) -> None:
        """Add a batch, pictures all (B, 3, H, W) in [0, 1]: references, the model's, every baseline's, and what the
        model was given, which is shown; the pictures' names, and where each has its hands, if that is known."""
        answers = {MODEL: pictures, GROUND_TRUTH: references, **baselines}
        for comparison in self.compared.values():
            comparison.update(answers, references)
        self.size = references.shape[3], references.shape[2]
        self._keep(names, {"drawing": conditions, "model": pictures, "truth": references})
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

    def _keep(self, names: Sequence[str], shown: Mapping[str, Tensor]) -> None:
        """Hold the best, the worst, and of all others evenly spread ones."""
        scores = self.compared["ssim"].scores[MODEL].items[-1][:, 0].tolist()
        images = {caption: as_images(of) for caption, of in shown.items()}
        for at, (name, score) in enumerate(zip(names, scores, strict=True), self.seen):
            pictures = tuple((caption, of[at - self.seen]) for caption, of in images.items())
            self.strips[at] = Strip(name, score, pictures)
        self.seen += len(names)
        step = 1 << (self.seen // KEPT).bit_length()  # doubled whenever twice as many were seen
        extremes = {choose(self.strips, key=lambda at: self.strips[at].ssim) for choose in (min, max)}
        self.strips = {at: strip for at, strip in self.strips.items() if at % step == 0 or at in extremes}

    def results(self) -> Results:
        """`ssim`, `psnr` and `l1`; `hand_ssim` where it was said where hands are; `hand_pose` and `hand_found` where
        MediaPipe finds half of those in the true frames or more."""
        found = {key: comparison.row(PROTOCOLS[key]) for key, comparison in self.compared.items()}
        if self.hand_ssim.scores[MODEL].items:
            found["hand_ssim"] = self.hand_ssim.row(
                f"SSIM of the box beyond each drawn forearm, at least {WINDOW} pixels a side"
            )
        if self.found and self.found >= LEAST_FOUND * self.boxed:
            width, height = self.size
            share = f"in the true frames it finds {self.found} hands of {self.boxed}"
            unit = f"pixels of {width} x {height}, a lost hand costs its box's side; MediaPipe: {share}"
            found["hand_pose"] = self.hands["hand_pose"].row(unit)
            found["hand_found"] = self.hands["hand_found"].row(f"MediaPipe: {share}")
        return found

    def explain(self) -> None:
        """Say in a line why there is no `hand_pose`, where too few hands are found."""
        if self.boxed and self.found < LEAST_FOUND * self.boxed:
            width, height = self.size
            print(
                f"hand_pose and hand_found are left out: MediaPipe finds {self.found} of the {self.boxed} hands in the "
                f"true frames of {width} x {height} pixels",
                file=sys.stderr,
            )

    def plots(self) -> dict[str, Image]:
        """`samples`: the best, the median and the worst picture by SSIM, between what it was made of and the truth."""
        middle = float(np.median(self.compared["ssim"].scores[MODEL].each()))
        kept = sorted(self.strips.values(), key=lambda strip: strip.ssim)
        median = min(kept, key=lambda strip: abs(strip.ssim - middle))
        rows = (("best", kept[-1]), ("median", median), ("worst", kept[0]))
        return {
            "samples": strips(
                [(f"{word}: {strip.name}, SSIM {strip.ssim:.3f}", strip.pictures) for word, strip in rows]
            )
        }


def as_images(pictures: Tensor) -> list[Image]:
    """Pictures (B, 3, H, W) in [0, 1] as such (H, W, 3) of bytes."""
    pixels = (pictures.detach().float().cpu().clamp(0, 1) * 255).round().byte()
    return list(pixels.permute(0, 2, 3, 1).numpy())
