"""Scores of produced motions against the true ones, (T, 50, 3) in SLP units (three shoulder widths).

The literature calls several different things "DTW"; each class here is one of them, by the name of its key, and the
function of that name scores a single pair. None is to be read alone: a hypothesis that hardly moves does well on
`dtw_mje`, so `total_distance` and the four `baselines.baselines` belong beside every score.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from datamodules.poses.skeletons import LEFT_HAND, LEFT_WRIST, RIGHT_HAND, RIGHT_WRIST, SLP_50
from lightning_modules.metrics.dtw import Array, Distance, Ragged, alignments, warp_costs
from lightning_modules.metrics.score import Mean, Motion, Ratio, Score

HANDS: Final = np.r_[RIGHT_HAND, LEFT_HAND]
WRISTS: Final = (LEFT_WRIST, RIGHT_WRIST)
ABSENT: Final = 10.0
"""What `dtw_p` puts in the place of an absent coordinate."""
STILL: Final = 1e-3
"""A path of a wrist that is shorter is no movement; SLP units."""
NEAR: Final = 0.2 / 3
"""A fifth of a shoulder width, in SLP units."""
_AT_ONCE: Final = 64
"""Pairs whose coordinates are copied and scored together."""


class PoseScore(Score):
    """A Score whose items are pairs of motions (T, 50, 3), T >= 1, of any two lengths; absent joints are NaN."""

    def measure(self, hypotheses: Sequence[Motion], references: Sequence[Motion]) -> Array:
        """Statistics of as many pairs as there are references.

        Raises:
            ValueError: not as many hypotheses as references, none at all, another shape, an infinite coordinate, or
                an absent joint that the score cannot do without.
        """
        if len(hypotheses) != len(references) or not len(references):
            found = f"found {len(hypotheses)} and {len(references)}"
            raise ValueError(f"expected as many hypotheses as references, {found}")
        pairs = [slice(start, start + _AT_ONCE) for start in range(0, len(references), _AT_ONCE)]
        of_pairs = [self.compare(_ragged(hypotheses[some]), _ragged(references[some])) for some in pairs]
        return np.concatenate(of_pairs)

    @abstractmethod
    def compare(self, h: Ragged, r: Ragged) -> Array:
        """Statistics of each pair of hypothesis and reference."""

    @classmethod
    def of(cls, hypothesis: Motion, reference: Motion) -> float:
        """The score of one pair; raises as `measure`."""
        score = cls()
        score.update([hypothesis], [reference])
        return float(score.compute())


class DtwPt(PoseScore, Mean):
    """DTW as Progressive Transformers (Saunders et al. 2020, `calculate_dtw`) measure it, the usual "DTW".

    min over paths of sum |h_i - r_j|_1 over all 150 coordinates, divided by the number of reference frames; the mean
    over sentences. Their code first drops the hypothesis's first frame and everything from the largest counter on; this
    takes what it gets.

    SLP units a frame, summed over coordinates; 0 is perfect, unbounded above. No joint may be absent.
    """

    def compare(self, h: Ragged, r: Ragged) -> Array:
        costs: Array = warp_costs(_flat(h), _flat(r), Distance.CITYBLOCK)[:, 0] / np.diff(r.bounds)
        return costs


class DtwMje(PoseScore, Ratio):
    """DTW mean joint error (Huang et al. 2021; SLRTP 2025 challenge).

    Frames are aligned by DTW over the euclidean distance of whole poses; the score is the mean euclidean distance of a
    joint over all aligned pairs of frames of the test set, so that long sentences weigh more. Exact DTW; published
    numbers use fastdtw.

    SLP units; 0 is perfect, unbounded above. No joint may be absent. Frozen and mean poses do well on it.
    """

    def compare(self, h: Ragged, r: Ragged) -> Array:
        return _summed(*_aligned_errors(h, r))


class Pck20(PoseScore, Ratio):
    """Percentage of correct keypoints, PCK@0.2 of the shoulder width, after DTW.

    The share of joints that lie within a fifth of a shoulder width (1/15 SLP unit, inclusive) of the true one, over the
    aligned pairs of frames of `DtwMje`. PCK is Yang and Ramanan's (2013); they take the share of a bounding box, others
    of the torso or the head. Hips are not in the layout, so this takes the shoulder width: the layout's, which is one
    length for all frames, also where a signer turns.

    A share from 0 to 1, 1 is perfect; papers print it times 100. No joint may be absent.
    """

    def compare(self, h: Ragged, r: Ragged) -> Array:
        errors, counts = _aligned_errors(h, r)
        return _summed(errors <= NEAR, counts)


class NdtwMje(PoseScore, Mean):
    """nDTW-MJE of Ham2Pose (Shalev-Arkushin et al. 2023): DTW joint by joint, then the mean.

    The cost of a pair of points is their euclidean distance; 0 where the reference's is absent (NaN), half the norm of
    the reference's where only the hypothesis's is. The path's costs are summed, not averaged; the score is the mean
    over joints and sentences. Exact DTW; theirs is fastdtw on 2D poses in units of one shoulder width.

    SLP units summed over a path; 0 is perfect, grows with length.
    """

    def compare(self, h: Ragged, r: Ragged) -> Array:
        costs: Array = warp_costs(h, r, Distance.MASKED).mean(1)
        return costs


class DtwP(PoseScore, Mean):
    """DTW_p of pose-evaluation (Jiang et al. 2025), there the distance that agrees best with human judgement.

    The 42 hand joints only. Absent (NaN) coordinates become 10.0. For each joint the root of the least sum of squared
    euclidean distances along a warping path; the mean over joints, then over sentences. Theirs also trims frames before
    and after the signing, which these motions do not have.

    SLP units times the root of frames; 0 is perfect, grows with length.
    """

    def compare(self, h: Ragged, r: Ragged) -> Array:
        costs: Array = np.sqrt(warp_costs(_filled_hands(h), _filled_hands(r), Distance.SQUARED)).mean(1)
        return costs


class TotalDistance(PoseScore):
    """How far the wrists travel against how far they should (SLRTP 2025 challenge); below 1 is timid.

    Of each wrist the paths of all hypotheses, summed, divided by those of all references; the mean of the two wrists. A
    wrist that rests in every reference (a path under a thousandth) is left out; where both rest, the score is 1 for
    hypotheses that rest too, else their path in thousandths.

    1 is ideal, 0 a frozen pose; unbounded above but finite. No wrist may be absent.
    """

    def compare(self, h: Ragged, r: Ragged) -> Array:
        return np.concatenate([_travel(h), _travel(r)], 1)

    def score(self, sums: Array) -> Array:
        travelled, due = sums[..., :2], sums[..., 2:]
        moves = due > STILL
        ratios = np.where(moves, travelled, np.maximum(travelled, STILL)) / np.maximum(due, STILL)
        counted = moves | ~moves.any(-1, keepdims=True)
        score: Array = (ratios * counted).sum(-1) / counted.sum(-1)
        return score


POSE_SCORES: Final[dict[str, type[PoseScore]]] = {
    "dtw_pt": DtwPt,
    "dtw_mje": DtwMje,
    "ndtw_mje": NdtwMje,
    "dtw_p": DtwP,
    "pck_20": Pck20,
    "total_distance": TotalDistance,
}
"""Every score of motions by its key."""

dtw_pt, dtw_mje, ndtw_mje, dtw_p = DtwPt.of, DtwMje.of, NdtwMje.of, DtwP.of
pck_20, total_distance = Pck20.of, TotalDistance.of


def _ragged(motions: Sequence[Motion]) -> Ragged:
    arrays = [np.asarray(motion) for motion in motions]
    for motion in arrays:
        if motion.ndim != 3 or motion.shape[1:] != (SLP_50.joints, 3) or not len(motion):
            raise ValueError(f"expected a motion of shape (T, 50, 3) with T >= 1, found {motion.shape}")
        if np.isinf(motion).any():
            raise ValueError("found an infinite coordinate in a motion; joints are finite, or NaN where absent")
    return Ragged.of(arrays)


def _flat(motions: Ragged) -> Ragged:
    """Whole poses as one point of all coordinates."""
    return Ragged(motions.frames.reshape(len(motions.frames), 1, -1), motions.bounds)


def _filled_hands(motions: Ragged) -> Ragged:
    return Ragged(np.nan_to_num(motions.frames[:, HANDS], nan=ABSENT), motions.bounds)


def _aligned_errors(h: Ragged, r: Ragged) -> tuple[Array, npt.NDArray[np.int64]]:
    """Distances (K, 50) of joints over the aligned frames of all pairs, and how many frames each pair has of them."""
    path, counts = alignments(h, r, Distance.EUCLIDEAN)
    return np.linalg.norm(h.frames[path[:, 0]] - r.frames[path[:, 1]], axis=-1), counts


def _summed(of_frames: npt.NDArray[np.generic], counts: npt.NDArray[np.int64]) -> Array:
    """(pairs, 2): the sum over a pair's frames (K, 50), and how many numbers were added."""
    sums = np.add.reduceat(of_frames.sum(1, dtype=np.float64), np.cumsum(counts) - counts)
    return np.stack([sums, counts * SLP_50.joints], 1)


def _travel(motions: Ragged) -> Array:
    """Path lengths (motions, 2) of the left and the right wrist."""
    wrists = motions.frames[:, WRISTS]
    if np.isnan(wrists).any():
        raise ValueError("found an absent (NaN) wrist; total_distance needs both throughout: interpolate first")
    steps = np.linalg.norm(np.diff(wrists, axis=0, prepend=wrists[:1]), axis=-1)
    steps[motions.bounds[:-1]] = 0.0
    lengths: Array = np.add.reduceat(steps, motions.bounds[:-1], 0)
    return lengths
