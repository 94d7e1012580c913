"""What a test of text to pose says: scores of free and oracle-length decoding, beside the truth and the baselines."""

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from typing import Final, Protocol, Self

import numpy as np
from torch import Tensor

from datamodules.avatar import Performance
from datamodules.catalogue import CATALOGUE
from datamodules.media.drawing_primitives import Image
from datamodules.samples import Split
from datamodules.text_pose.pairs import Sentences, TextPose, TextPoseBatch, TextPoseDataModule
from datamodules.twins import Twin
from datamodules.twins.poses import truths
from lightning_modules.evaluation import plots
from lightning_modules.evaluation.baselines import baselines
from lightning_modules.evaluation.distances import FrechetDistance
from lightning_modules.evaluation.judge import PoseJudge
from lightning_modules.evaluation.results import GROUND_TRUTH, MODEL, Comparison, Results
from lightning_modules.evaluation.sample_strips import motion_pairs, strips
from lightning_modules.metrics.phonology import PARAMETERS, Counts, PhonologicalAccuracy, phonology
from lightning_modules.metrics.pose import POSE_SCORES
from lightning_modules.metrics.score import Array, Mean, Motion
from lightning_modules.metrics.text import SIGNATURE, TEXT_SCORES

FREE: Final = "free"
ORACLE: Final = "oracle-length"
CLOSE: Final = 0.25
"""A length within this share of the reference's counts as right."""
SHOWN: Final = "dtw_p"
"""The key by which plots sort sentences: of the distances, the nearest to human judgement."""
TOLD: Final = 0.95
"""No decoder that is not told them meets this share of the references' lengths to the frame: of the avatar's sentences,
which it signs much alike, the best guess meets 67 % at 12.5 frames a second, and 83 % at 6.25."""
ENOUGH: Final = 8
"""Different lengths from which on meeting them all is no accident."""

ROUNDING: Final = 1e-5
"""What a coordinate may differ by in a file of five decimals, SLP units."""


class Decoder(Protocol):
    """A model under test: sentences to joints (T, 50, 3) each; `frames` (B,) are the lengths to decode to, if told."""

    def __call__(self, sentences: Sentences, frames: Tensor | None = None) -> Sequence[Tensor]: ...


class Close(Mean):
    """Share of motions whose length is within 25 % of the reference's."""

    def measure(self, hypotheses: Sequence[Motion], references: Sequence[Motion]) -> list[bool]:
        pairs = zip(hypotheses, references, strict=True)
        return [abs(len(motion) / len(reference) - 1) <= CLOSE for motion, reference in pairs]


class PoseEvaluation:
    """Has a test set decoded under both protocols and scores it at the end.

    train: where baselines take their poses from. fps: of all motions. judge: reads the motions, where there is one.
    truths: how the avatar performed the references, by name, where it did.
    """

    def __init__(
        self,
        train: Sequence[TextPose],
        fps: float,
        judge: PoseJudge | None = None,
        truths: Mapping[str, Performance] | None = None,
    ) -> None:
        self.train, self.fps, self.judge, self.truths = train, fps, judge, truths
        self.names: list[str] = []
        self.texts: list[str] = []
        self.references: list[Motion] = []
        self.decoded: dict[str, list[Motion]] = {MODEL: [], ORACLE: []}

    @classmethod
    def of(cls, data: TextPoseDataModule, judge: PoseJudge | None) -> Self:
        """Of the data that a model was trained on, with the truth of the split that is tested, if it is known."""
        return cls(data.examples["train"], data.fps, judge, truths_of(data, data.tested))

    def update(self, batch: TextPoseBatch, decode: Decoder) -> None:
        """Have a batch decoded. Under `free` the decoder is handed its sentences, and nothing of the references.

        Raises ValueError for a decoder that asks for more there, and for motions that are not finite.
        """
        self.names += batch.names
        self.texts += batch.texts
        self.references += [j[:n].cpu().numpy() for j, n in zip(batch.joints, batch.lengths.tolist(), strict=True)]
        try:
            free = decode(batch.sentences)
        except AttributeError as error:
            if error.obj.__class__ is not Sentences:
                raise
            raise ValueError(
                f"protocol {FREE}: the decoder asked for `{error.name}` of the batch, and a free decoder has its "
                f"sentences alone; what is told the reference's length reports under {ORACLE}"
            ) from None
        told = decode(batch.sentences, batch.lengths)
        for name, motions in ((MODEL, free), (ORACLE, told)):
            for sentence, joints in zip(batch.names, motions, strict=True):
                if not joints.isfinite().all():
                    raise ValueError(
                        f"sentence {sentence}: the model's motion is not finite; did its training diverge?"
                    )
                self.decoded[name].append(joints.float().cpu().numpy())

    @cached_property
    def answers(self) -> dict[str, list[Motion]]:
        """What every contender makes of every sentence."""
        guesses = baselines(self.references, self.texts, [e.joints for e in self.train], [e.text for e in self.train])
        return {**self.decoded, GROUND_TRUTH: list(self.references), **guesses}

    @cached_property
    def compared(self) -> dict[str, Comparison]:
        """Every score of poses, of all contenders."""
        found = {key: Comparison(make, self.answers) for key, make in POSE_SCORES.items()}
        for comparison in found.values():
            comparison.update(self.answers, self.references)
        return found

    def results(self) -> Results:
        """Each key beside the truth and four baselines; keys of oracle-length decoding end in "@oracle-length".

        Raises ValueError where what was decoded freely has the references' lengths: then the decoder was told.
        """
        refuse_told([len(motion) for motion in self.decoded[MODEL]], [len(motion) for motion in self.references])
        found: dict[str, Comparison | FrechetDistance] = dict(self.compared)
        if self.judge is not None:
            found |= self._read(self.judge)
            found |= self._apart(self.judge)
        if self.truths is not None:
            found |= self._signed(self.truths)
        results: Results = {}
        for protocol, model in ((FREE, MODEL), (ORACLE, ORACLE)):
            beside = [name for name in self.answers if name not in self.decoded]
            for key, comparison in found.items():
                results[_named(key, protocol)] = comparison.row(protocol, model, beside, **self._judged(key))
        lengths = Comparison(Close, [MODEL, "other_reference", "nearest_train"])
        lengths.update(self.answers, self.references)
        return {**results, "length_within_25": lengths.row(FREE)}

    def plots(self) -> dict[str, Image]:
        """`length`: how errors grow with sentences. `samples`: references above what was made of them."""
        errors = self.compared[SHOWN].scores[MODEL].each()
        lengths = np.array([len(motion) for motion in self.references]) / self.fps
        return {
            "length": plots.length_against_error(lengths, errors, SHOWN, "SLP units", per="seconds"),
            "samples": strips(self._samples(errors)),
        }

    def _judged(self, key: str) -> dict[str, str]:
        """What a row says of who read the motions, and of how the texts were compared."""
        if self.judge is None or not (key in TEXT_SCORES or key.startswith("fgd_")):
            return {}
        return {"judge": self.judge.name, **({"variant": SIGNATURE} if key in TEXT_SCORES else {})}

    def _read(self, judge: PoseJudge) -> Mapping[str, Comparison]:
        texts = {name: judge.read(motions, self.fps) for name, motions in self.answers.items()}
        found = {key: Comparison(make, self.answers) for key, make in TEXT_SCORES.items()}
        for comparison in found.values():
            comparison.update(texts, self.texts)
        return found

    def _apart(self, judge: PoseJudge) -> Mapping[str, FrechetDistance]:
        distance = FrechetDistance(judge.model, self.answers)
        features = {name: judge.features(motions, self.fps) for name, motions in self.answers.items()}
        distance.update(features, features[GROUND_TRUTH])
        return {distance.key: distance}

    def _signed(self, truths: Mapping[str, Performance]) -> Mapping[str, Comparison]:
        counts: dict[str, list[Counts]] = {name: [] for name in self.answers}
        for place, name in enumerate(self.names):
            for contender, motions in self.answers.items():
                counts[contender].append(phonology(motions[place], truths[name]))
        found = {}
        for parameter in PARAMETERS:
            found[f"{parameter}_acc"] = Comparison(partial(PhonologicalAccuracy, parameter), self.answers)
            found[f"{parameter}_acc"].update(counts)
        return found

    def _samples(self, errors: Array) -> list[tuple[str, list[tuple[str, Image]]]]:
        order = np.argsort(errors, kind="stable")
        rows = []
        for what, place in (("best", order[0]), ("median", order[len(order) // 2]), ("worst", order[-1])):
            title = f"{what}, {SHOWN} {errors[place]:.3g}: {self.texts[place]}"
            rows.append((title, motion_pairs(self.references[place], self.decoded[MODEL][place])))
        return rows


def refuse_told(decoded: Sequence[int], references: Sequence[int]) -> None:
    """Raise ValueError where lengths that were decoded freely follow the references', more often than chance has it.

    A decoder that is handed the true length, or the true counter, which ends where the reference does, meets them all,
    or misses all by the same frames, as where the published one drops its first. One that is not does not: the same
    sentence is signed faster and slower.
    """
    missed = Counter(own - true for own, true in zip(decoded, references, strict=True))
    (by, met), *_ = missed.most_common(1)
    if len(set(references)) >= ENOUGH and met >= TOLD * len(references):
        found = f"{by:+d} frames from their references' lengths" if by else "as long as their references to the frame"
        raise ValueError(
            f"protocol {FREE}: {met} of {len(references)} motions are {found}; a decoder that is told the length or "
            f"the counter reports under {ORACLE}"
        )


def _named(key: str, protocol: str) -> str:
    return key if protocol == FREE else f"{key}@{protocol}"


def truths_of(data: TextPoseDataModule, split: Split) -> dict[str, Performance] | None:
    """The truth of all sentences of a split as the data module reads them, by name; None for data that has none.

    That is the real data, and a twin whose poses this avatar does not perform, being an earlier one's: of that a line
    on stderr tells.
    """
    mark = data.twin_mark()
    if mark is None or CATALOGUE[data.dataset].spoken is None:
        return None
    twin = Twin(mark["size"], mark["seed"], mark["signers"])
    names, poses = [sample.name for sample, _ in data.pairs(split)], data.poses(split)
    found = truths(data.dataset, twin, split, names, data.stride)
    for name, joints in zip(names, poses, strict=True):
        written, performed = joints[:: data.stride], found[name].joints
        if len(written) != len(performed) or not np.allclose(written, performed, rtol=0, atol=ROUNDING):
            print(
                f"{data.root}: sentence {name} is not as this avatar performs it, so its truth is lost", file=sys.stderr
            )
            return None
    return found
