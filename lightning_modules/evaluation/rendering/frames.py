"""What a test of a renderer says: its frames beside guesses that understand nothing, each against the true one."""

import sys
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from datamodules.features.bundles import hand_bundle
from datamodules.features.hand_landmarks import HandLandmarker
from datamodules.kinds.paired_frames import PairedFrames, PairedFramesBatch
from datamodules.media.drawing_primitives import Image
from datamodules.media.hand_boxes import Box
from lightning_modules.evaluation.distances import Fid
from lightning_modules.evaluation.rendering.contenders import Beside, Contenders, Renderer, Rival, Shown, some
from lightning_modules.evaluation.results import GROUND_TRUTH, MODEL, Comparison, Results
from lightning_modules.evaluation.sample_strips import ScoredStrips, as_images, strips
from lightning_modules.metrics.images import (
    IMAGE_SCORES,
    NEAR,
    STILL,
    VARIANTS,
    WINDOW,
    Boxes,
    ConditionResponse,
    Flicker,
    HandFound,
    HandPose,
    HandSsim,
    Keypoints,
    present,
)

LEAST_FOUND: Final = 0.5
"""Share of the true frames' hands below which `hand_pose` would tell of MediaPipe alone."""
SEQUENCES: Final = 8
LENGTH: Final = 16
"""How many sequences of neighbouring frames are rendered, and how many frames of each: at 24 a second, poses that are
exchanged are a third of a second apart."""
FILMED: Final = 8
"""Frames of a sequence that are shown."""


class RenderingEvaluation:
    """Has a test set's conditions rendered, under one protocol or several, and scores the frames at the end beside the
    baselines of `Contenders`; and of a few sequences of neighbouring frames, how they change.

    Where hands are, the data says. Where MediaPipe and its hand landmarker are missing, a line says so, and
    `hand_pose` and `hand_found` are left out.

    data: what the model was trained on.
    protocols: what it is shown; of the first, keys are as they are.
    beside: what stands beside it, by name, as the autoencoder's `reconstruction` of the true frame does.
    features: networks over whose features `fid_<name>` is taken, by name; see `Fid`.
    most: frames that are rendered, evenly spaced over the split, where each takes many steps; None for all.
    rivals: models that render the same conditions, by name, as the one does that a model was distilled from.
    evaluations: how often the model's networks are computed for a frame, where it has rivals.
    """

    def __init__(
        self,
        data: PairedFrames,
        *protocols: Shown,
        beside: Mapping[str, Beside] | None = None,
        features: Mapping[str, nn.Module] | None = None,
        most: int | None = None,
        rivals: Mapping[str, Rival] | None = None,
        evaluations: int | None = None,
    ) -> None:
        self.data, self.bundle = data, hand_bundle("hand_pose and hand_found")
        self.contenders, self.evaluations = Contenders(data, protocols, beside or {}, rivals), evaluations
        names = self.contenders.names
        count = len(data.examples(data.tested))  # type: ignore[arg-type]
        self.chosen = set(np.linspace(0, count - 1, min(count, most or count)).round().astype(int).tolist())
        self.seen = 0
        self.compared = {key: Comparison(make, names) for key, make in IMAGE_SCORES.items()}
        self.hand_ssim = Comparison(HandSsim, names)
        self.hands = {"hand_pose": Comparison(HandPose, names), "hand_found": Comparison(HandFound, names)}
        self.boxed, self.found = 0, 0
        pictured = (*self.contenders.rendered, *self.contenders.baselines)
        self.apart = [Fid(of, name, pictured, "true frames") for name, of in (features or {}).items()]
        self.response, self.flicker = Comparison(ConditionResponse, names), Comparison(Flicker, names)
        self.followed = False
        self.film: list[tuple[str, list[tuple[str, Image]]]] = []
        self.kept = ScoredStrips("SSIM")

    @torch.no_grad()
    def update(self, batch: PairedFramesBatch, render: Renderer) -> None:
        """Have those frames of a batch rendered that were chosen; and before the first, the sequences. Raises
        ValueError for frames that are not finite."""
        device = batch.frames.device
        if not self.followed:
            self._follow(render, device)
        numbers = range(self.seen, self.seen + len(batch.names))
        self.seen += len(batch.names)
        if not (here := [place for place, number in enumerate(numbers) if number in self.chosen]):
            return
        batch = some(batch, here, device)
        answers = self.contenders.answers(batch, render)
        references = answers[GROUND_TRUTH]
        for comparison in self.compared.values():
            comparison.update(answers, references)
        for distance in self.apart:
            distance.refer(references)
            distance.update(answers)
        scores = self.compared["ssim"].scores[MODEL].items[-1][:, 0].tolist()
        self.kept.add(batch.names, scores, {"drawing": batch.conditions.float(), **self._shown(answers)})
        boxes = self.data.hands(batch.names)
        handed = [at for at, hands in enumerate(boxes) if hands]
        if handed:
            self._add_hands(
                {name: of[handed] for name, of in answers.items()}, references[handed], [boxes[at] for at in handed]
            )

    def _follow(self, render: Renderer, device: torch.device) -> None:
        """Have the sequences rendered, as many frames at once as in any batch."""
        self.followed = True
        for sequence in self.data.sequences(self.data.tested, SEQUENCES, LENGTH):
            places = range(len(sequence.names))
            starts = range(0, len(places), self.data.batch_size)
            batches = [some(sequence, places[start : start + self.data.batch_size], device) for start in starts]
            parts = [self.contenders.answers(batch, render) for batch in batches]
            answers = {name: torch.cat([part[name].cpu() for part in parts]) for name in self.contenders.names}
            for comparison in (self.response, self.flicker):
                comparison.update(answers, answers[GROUND_TRUTH])
            if not self.film:
                step = max(1, len(places) // FILMED)
                names = [name.rpartition("/")[2] for name in sequence.names[::step]]
                self.film = [
                    (caption, list(zip(names, as_images(of[::step]), strict=True)))
                    for caption, of in self._shown(answers).items()
                ]

    def _shown(self, answers: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The model's pictures, by protocol where there are several, those of its rivals under the first, and the true
        ones."""
        models, rivals = self.contenders.models, self.contenders.rivals
        own = {protocol if len(models) > 1 else "model": answers[name] for protocol, name in models.items()}
        return {**own, **{name: answers[name] for name in rivals}, "truth": answers[GROUND_TRUTH]}

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
        known = counted.any(1)
        if known.any():
            for comparison in self.hands.values():
                comparison.update({name: of[known] for name, of in keypoints.items()}, true[known], sides[known])

    def results(self) -> Results:
        """`ssim`, `psnr` and `l1`; `hand_ssim` where the data knows where hands are; `hand_pose` and `hand_found` where
        MediaPipe finds half of those in the true frames or more, else a line on stderr says so. `condition_response`
        and `flicker` where the data has sequences, and `fid_<name>` of each network. Beside rivals `evaluations`, and a
        line on stderr for each that says how long it took."""
        found: Results = {}
        rows = self.contenders.rows
        for key, comparison in self.compared.items():
            found |= rows(key, comparison, variant=VARIANTS[key])
        if self.hand_ssim.scores[MODEL].items:
            box = f"SSIM of the box beyond each forearm, at least {WINDOW} pixels a side"
            found |= rows("hand_ssim", self.hand_ssim, variant=box)
        side = f"{self.data.image_size} x {self.data.image_size}"
        if self.found and self.found >= LEAST_FOUND * self.boxed:
            share = f"MediaPipe: in the true frames it finds {self.found} hands of {self.boxed}"
            unit = f"pixels of {side}, a lost hand costs its box's side; {share}"
            found |= rows("hand_pose", self.hands["hand_pose"], variant=unit)
            found |= rows("hand_found", self.hands["hand_found"], variant=share)
        elif self.boxed and self.bundle:
            print(
                f"hand_pose and hand_found are left out: MediaPipe finds {self.found} of the {self.boxed} hands in the "
                f"true frames of {side} pixels",
                file=sys.stderr,
            )
        if self.flicker.scores[MODEL].items:
            of = f"sequences of up to {LENGTH} neighbouring frames, n counts them"
            found |= rows("condition_response", self.response, variant=f"{of}; poses half a sequence apart")
            still = f"the true ones change by at most {255 * STILL:.0f} / 255, the mean of 1 / {NEAR} of a side around"
            found |= rows("flicker", self.flicker, variant=f"{of}; where {still}")
        for distance in self.apart:
            found |= rows(distance.key, distance, self.contenders.baselines, **{GROUND_TRUTH: 0.0})
        if rivals := self.contenders.rivals:
            found["evaluations"] = {
                MODEL: self.evaluations,
                "interval": [self.evaluations] * 2,  # the same for every frame
                **{name: rival.evaluations for name, rival in rivals.items()},
                "protocol": next(iter(self.contenders.models)),
                "n": len(self.chosen),
                "variant": "a guided step counts twice",
            }
            print("\n".join(self.contenders.speeds()), file=sys.stderr)
        return found

    def plots(self) -> dict[str, Image]:
        """`samples`: the best, the median and the worst picture by SSIM, between what it was made of and the truth.
        `sequence`: frames of the first sequence, above the true ones."""
        return {"samples": self.kept.best_median_worst(), **({"sequence": strips(self.film)} if self.film else {})}


def find_hands(landmarker: HandLandmarker, pictures: Sequence[Image], boxes: Boxes) -> Keypoints:
    """The hands in pictures (b), (H, W, 3) each; as many of every picture as the one with most boxes has."""
    keypoints = np.full((len(pictures), max(map(len, boxes), default=0), 21, 2), np.nan)
    for at, (picture, hands) in enumerate(zip(pictures, boxes, strict=True)):
        for number, box in enumerate(hands):
            hand = landmarker(picture, box)
            if hand is not None:
                keypoints[at, number] = hand
    return keypoints
