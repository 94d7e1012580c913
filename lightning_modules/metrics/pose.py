"""Scores of a produced motion against the true one, both (T, 50, 3) in SLP units (three shoulder widths).

The literature calls several different things "DTW"; each function here is one of them, by the name of its
key. None is to be read alone: a hypothesis that hardly moves does well on `dtw_mje`, so `total_distance`
and the four `baselines` belong beside every score.
"""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist

from datamodules.skeletons import LEFT_HAND, LEFT_WRIST, RIGHT_HAND, RIGHT_WRIST, SLP_50
from lightning_modules.metrics.dtw import warp_cost, warp_path

Motion = npt.NDArray[np.floating]
Array = npt.NDArray[np.float64]

HANDS: Final = np.r_[RIGHT_HAND, LEFT_HAND]
WRISTS: Final = (LEFT_WRIST, RIGHT_WRIST)
ABSENT: Final = 10.0  # what `dtw_p` puts in the place of an absent coordinate
STILL: Final = 1e-6  # a shorter path is no movement


def dtw_pt(hypothesis: Motion, reference: Motion) -> float:
    """DTW as Progressive Transformers (Saunders et al. 2020, `calculate_dtw`) measure it, the usual "DTW".

    min over paths of sum |h_i - r_j|_1 over all 150 coordinates, divided by the number of reference frames.
    Their code first drops the hypothesis's first frame and everything from the largest counter on; this
    takes what it gets.

    Returns:
        SLP units a frame, summed over coordinates; 0 is perfect, unbounded above.

    Raises:
        ValueError: another shape, no frame, or an absent (NaN) joint.
    """
    h, r = _flat(hypothesis), _flat(reference)
    return warp_cost(cdist(h, r, "cityblock")) / len(r)


def dtw_mje(hypothesis: Motion, reference: Motion) -> float:
    """DTW mean joint error (Huang et al. 2021; SLRTP 2025 challenge).

    Frames are aligned by DTW over the euclidean distance of whole poses; the score is the mean euclidean
    distance of a joint over the aligned pairs of frames. Exact DTW; published numbers use fastdtw.

    Returns:
        SLP units; 0 is perfect, unbounded above.

    Raises:
        ValueError: another shape, no frame, or an absent (NaN) joint.
    """
    return float(_aligned_errors(hypothesis, reference).mean())


def ndtw_mje(hypothesis: Motion, reference: Motion) -> float:
    """nDTW-MJE of Ham2Pose (Shalev-Arkushin et al. 2023): DTW joint by joint, then the mean.

    The cost of a pair of points is their euclidean distance; 0 where the reference's is absent (NaN), half
    the norm of the reference's where only the hypothesis's is. The path's costs are summed, not averaged.
    Exact DTW; theirs is fastdtw on 2D poses in units of one shoulder width.

    Returns:
        SLP units summed over a path; 0 is perfect, grows with length.

    Raises:
        ValueError: another shape or no frame.
    """
    h, r = _checked(hypothesis), _checked(reference)
    joints = range(SLP_50.joints)
    return float(np.mean([warp_cost(_masked_costs(h[:, joint], r[:, joint])) for joint in joints]))


def dtw_p(hypothesis: Motion, reference: Motion) -> float:
    """DTW_p of pose-evaluation (Jiang et al. 2025), there the distance that agrees best with human judgement.

    The 42 hand joints only. Absent (NaN) coordinates become 10.0. For each joint the root of the least sum
    of squared euclidean distances along a warping path; then the mean over joints. Theirs also trims frames
    before and after the signing, which these motions do not have.

    Returns:
        SLP units times the root of frames; 0 is perfect, grows with length.

    Raises:
        ValueError: another shape or no frame.
    """
    h, r = (np.where(np.isnan(motion), ABSENT, motion)[:, HANDS] for motion in map(_checked, (hypothesis, reference)))
    squares = (warp_cost(cdist(h[:, joint], r[:, joint], "sqeuclidean")) for joint in range(len(HANDS)))
    return float(np.mean(np.sqrt(list(squares))))


def total_distance(hypothesis: Motion, reference: Motion) -> float:
    """How far the wrists travel against how far they should (SLRTP 2025 challenge); below 1 is timid.

    Path length of a wrist in the hypothesis / in the reference, mean of the two wrists; a wrist that rests
    in the reference is left out.

    Returns:
        1 is ideal, 0 a frozen pose; infinity when only the hypothesis moves, 1 when neither does.

    Raises:
        ValueError: another shape, no frame, or an absent (NaN) wrist.
    """
    return _travel_ratio(_travel(hypothesis), _travel(reference))


def scores(hypotheses: Sequence[Motion], references: Sequence[Motion]) -> dict[str, float]:
    """Every score of a test set by its key.

    `dtw_pt`, `ndtw_mje` and `dtw_p` are means over sentences; `dtw_mje` is a mean over aligned frames and
    `total_distance` a ratio of summed paths, as the challenge has them.

    Raises:
        ValueError: not as many hypotheses as references, none at all, or what the single scores refuse.
    """
    if len(hypotheses) != len(references) or not len(references):
        raise ValueError(f"expected as many hypotheses as references, found {len(hypotheses)} and {len(references)}")
    pairs = list(zip(hypotheses, references, strict=True))
    errors = np.concatenate([_aligned_errors(h, r) for h, r in pairs])
    travelled, due = (np.sum([_travel(motion) for motion in side], 0) for side in (hypotheses, references))
    return {
        "dtw_pt": float(np.mean([dtw_pt(h, r) for h, r in pairs])),
        "dtw_mje": float(errors.mean()),
        "ndtw_mje": float(np.mean([ndtw_mje(h, r) for h, r in pairs])),
        "dtw_p": float(np.mean([dtw_p(h, r) for h, r in pairs])),
        "total_distance": _travel_ratio(travelled, due),
    }


def baselines(
    references: Sequence[Motion],
    texts: Sequence[str],
    train_references: Sequence[Motion],
    train_texts: Sequence[str],
) -> dict[str, list[Motion]]:
    """Four ways to answer without understanding the text; a model worth its name beats the first three.

    Returns:
        For each name a hypothesis for every reference:
        `mean_pose`, the mean of all training frames, held for the reference's length; `frozen_pose`, the
        reference's own first frame, held for its length; `other_reference`, the next reference whose text
        differs; `nearest_train`, the training motion whose text shares the most words (Jaccard of word
        counts; the first of equals).

    Raises:
        ValueError: texts that do not match their motions, or references that all have one text.
    """
    for name, motions, lines in (("", references, texts), ("train_", train_references, train_texts)):
        if len(motions) != len(lines) or not len(motions):
            raise ValueError(f"expected a text for each of {len(motions)} {name}references, found {len(lines)}")
    if len(set(texts)) < 2:
        raise ValueError("expected references of at least two different texts, to take another sentence's")
    mean = np.concatenate(list(train_references)).mean(0)
    bags = [_words(text) for text in train_texts]
    return {
        "mean_pose": [np.repeat(mean[None], len(motion), 0) for motion in references],
        "frozen_pose": [np.repeat(motion[:1], len(motion), 0) for motion in references],
        "other_reference": [references[_next_other(texts, i)] for i in range(len(references))],
        "nearest_train": [train_references[_nearest(_words(text), bags)] for text in texts],
    }


def _checked(motion: Motion) -> Array:
    checked: Array = np.asarray(motion, np.float64)
    if checked.ndim != 3 or checked.shape[1:] != (SLP_50.joints, 3) or not len(checked):
        raise ValueError(f"expected a motion of shape (T, 50, 3) with T >= 1, found {checked.shape}")
    return checked


def _flat(motion: Motion) -> Array:
    return _checked(motion).reshape(len(motion), 3 * SLP_50.joints)


def _aligned_errors(hypothesis: Motion, reference: Motion) -> Array:
    """(K, 50) distances of joints over the aligned pairs of frames."""
    h, r = _checked(hypothesis), _checked(reference)
    path = warp_path(cdist(_flat(h), _flat(r)))
    errors: Array = np.linalg.norm(h[path[:, 0]] - r[path[:, 1]], axis=-1)
    return errors


def _masked_costs(h: Array, r: Array) -> Array:
    """Costs (N, M) of one joint's trajectories (N, 3) and (M, 3) with absent points."""
    costs: Array = cdist(h, r)
    costs[np.isnan(h).any(-1)] = np.linalg.norm(r, axis=-1) / 2
    costs[:, np.isnan(r).any(-1)] = 0.0
    return costs


def _travel(motion: Motion) -> Array:
    """Path lengths of the left and the right wrist."""
    wrists = _checked(motion)[:, WRISTS]
    if np.isnan(wrists).any():
        raise ValueError("found an absent (NaN) wrist; total_distance needs both throughout: interpolate first")
    lengths: Array = np.linalg.norm(np.diff(wrists, axis=0), axis=-1).sum(0)
    return lengths


def _travel_ratio(travelled: Array, due: Array) -> float:
    moving = due > STILL
    if not moving.any():
        return 1.0 if travelled.max() <= STILL else float("inf")
    return float((travelled[moving] / due[moving]).mean())


def _words(text: str) -> Counter[str]:
    return Counter(re.findall(r"\w+", text.lower()))


def _nearest(words: Counter[str], bags: Sequence[Counter[str]]) -> int:
    overlaps = [(words & bag).total() / max((words | bag).total(), 1) for bag in bags]
    return int(np.argmax(overlaps))


def _next_other(texts: Sequence[str], i: int) -> int:
    return next(j % len(texts) for j in range(i + 1, i + len(texts)) if texts[j % len(texts)] != texts[i])
