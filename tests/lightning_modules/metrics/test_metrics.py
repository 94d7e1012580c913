"""Pose scores against independent implementations, cases worked out by hand, and what they refuse."""

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import scipy.linalg
import tslearn.metrics
from dtaidistance import dtw_ndim
from fastdtw import fastdtw
from hypothesis import given, settings
from hypothesis import strategies as st
from pose_scores import scores
from torch import from_numpy, nn
from torchmetrics.image.fid import FrechetInceptionDistance

from datamodules.files import read_lines
from datamodules.poses.formats import read_skels
from datamodules.poses.skeletons import LEFT_WRIST, RIGHT_WRIST
from lightning_modules.evaluation.baselines import baselines
from lightning_modules.evaluation.distances import FrechetDistance
from lightning_modules.evaluation.glossary import MEANINGS, meaning
from lightning_modules.evaluation.results import Comparison
from lightning_modules.metrics import dtw
from lightning_modules.metrics.dtw import Distance, Ragged, alignments, warp_cost, warp_costs, warp_path
from lightning_modules.metrics.frechet import frechet_distance
from lightning_modules.metrics.pose import (
    ABSENT,
    HANDS,
    NEAR,
    POSE_SCORES,
    STILL,
    dtw_mje,
    dtw_p,
    dtw_pt,
    ndtw_mje,
    pck_20,
    total_distance,
)

Motion = np.ndarray
Warp = Callable[[Motion, Motion, str], float]
Pairing = Callable[[Motion, Motion], list[tuple[int, int]]]
Pairs = list[tuple[Motion, Motion]]

EXACT = 1e-6
SEEDS = st.integers(0, 1000)
LENGTHS = st.integers(1, 40)
METRICS = {"cityblock": 1, "euclidean": 2}


def motion(frames: int, seed: int = 0) -> Motion:
    return np.random.default_rng(seed).normal(0, 0.2, (frames, 50, 3)).astype(np.float32)


def motions(lengths: list[int], seed: int = 0) -> list[Motion]:
    return [motion(frames, 100 * seed + i) for i, frames in enumerate(lengths)]


def flat(one: Motion) -> Motion:
    return np.ascontiguousarray(one.reshape(len(one), -1), np.float64)


# Four implementations of the least sum along a path, of points (N, d) and (M, d).


def plain_costs(h: Motion, r: Motion, distance: str) -> np.ndarray:
    differences = h[:, None].astype(float) - r[None].astype(float)
    if distance == "cityblock":
        return np.abs(differences).sum(-1)
    squares = (differences**2).sum(-1)
    return squares if distance == "sqeuclidean" else np.sqrt(squares)


def plain_sums(costs: np.ndarray) -> list[list[float]]:
    rows, columns = costs.shape
    total = [[float("inf")] * (columns + 1) for _ in range(rows + 1)]
    total[0][0] = 0.0
    for i, row in enumerate(costs.tolist()):
        for j, cost in enumerate(row):
            total[i + 1][j + 1] = cost + min(total[i][j], total[i][j + 1], total[i + 1][j])
    return total


def plain_warp(h: Motion, r: Motion, distance: str) -> float:
    return plain_sums(plain_costs(h, r, distance))[-1][-1]


def plain_pairs(h: Motion, r: Motion) -> list[tuple[int, int]]:
    total = plain_sums(plain_costs(h, r, "euclidean"))
    i, j, path = len(h), len(r), []
    while (i, j) != (0, 0):
        path.append((i - 1, j - 1))
        i, j = min([(i - 1, j - 1), (i - 1, j), (i, j - 1)], key=lambda at: total[at[0]][at[1]])
    return path[::-1]


def fastdtw_warp(h: Motion, r: Motion, distance: str) -> float:
    dist = METRICS.get(distance, lambda a, b: float(((a - b) ** 2).sum()))
    return float(fastdtw(h, r, radius=max(len(h), len(r)), dist=dist)[0])


def fastdtw_pairs(h: Motion, r: Motion) -> list[tuple[int, int]]:
    path: list[tuple[int, int]] = fastdtw(h, r, radius=max(len(h), len(r)), dist=2)[1]
    return path


def dtaidistance_warp(h: Motion, r: Motion, distance: str, use_c: bool = True) -> float:
    """Its squared distances come back as the root of their sum."""
    if distance == "sqeuclidean":
        return float(dtw_ndim.distance(h, r, use_c=use_c)) ** 2
    return float(dtw_ndim.distance(h, r, use_c=use_c, inner_dist=distance))


def dtaidistance_in_python(h: Motion, r: Motion, distance: str) -> float:
    return dtaidistance_warp(h, r, distance, use_c=False)


def dtaidistance_pairs(h: Motion, r: Motion) -> list[tuple[int, int]]:
    """In Python: the path that its C gives for vectors costs more than the distance that its C gives."""
    path: list[tuple[int, int]] = dtw_ndim.warping_path(h, r, inner_dist="euclidean")
    return path


def tslearn_warp(h: Motion, r: Motion, distance: str) -> float:
    """Its own distance is the root of summed squares, too."""
    if distance == "sqeuclidean":
        return float(tslearn.metrics.dtw(h, r)) ** 2
    return float(tslearn.metrics.dtw_path_from_metric(h, r, metric=distance)[1])


def tslearn_pairs(h: Motion, r: Motion) -> list[tuple[int, int]]:
    path: list[tuple[int, int]] = tslearn.metrics.dtw_path_from_metric(h, r, metric="euclidean")[0]
    return path


FAST: dict[str, Warp] = {"plain": plain_warp, "dtaidistance": dtaidistance_warp, "tslearn": tslearn_warp}
SLOW: dict[str, Warp] = {"fastdtw": fastdtw_warp, "dtaidistance in Python": dtaidistance_in_python}
PAIRINGS: dict[str, Pairing] = {
    "plain": plain_pairs,
    "fastdtw": fastdtw_pairs,
    "dtaidistance": dtaidistance_pairs,
    "tslearn": tslearn_pairs,
}


# The scores of a test set, from any of them.


def warped(key: str, pairs: Pairs, warp: Warp) -> float:
    of = {
        "dtw_pt": lambda h, r: warp(flat(h), flat(r), "cityblock") / len(r),
        "ndtw_mje": lambda h, r: np.mean([warp(h[:, k], r[:, k], "euclidean") for k in range(50)]),
        "dtw_p": lambda h, r: np.mean([warp(h[:, k], r[:, k], "sqeuclidean") ** 0.5 for k in range(8, 50)]),
    }[key]
    return float(np.mean([of(h, r) for h, r in pairs]))


def paired(key: str, pairs: Pairs, pairing: Pairing) -> float:
    found = [
        float(np.sqrt(((h[i, k] - r[j, k]) ** 2).sum()))
        for h, r in pairs
        for i, j in pairing(flat(h), flat(r))
        for k in range(50)
    ]
    return sum(found) / len(found) if key == "dtw_mje" else sum(error <= NEAR for error in found) / len(found)


def travelled(motion: Motion, wrist: int) -> float:
    return sum(float(np.sqrt(((b[wrist] - a[wrist]) ** 2).sum())) for a, b in pairwise(motion))


def plain_total_distance(pairs: Pairs) -> float:
    ratios = [
        sum(travelled(h, wrist) for h, _ in pairs) / sum(travelled(r, wrist) for _, r in pairs)
        for wrist in (LEFT_WRIST, RIGHT_WRIST)
    ]
    return sum(ratios) / 2


def doubled(hypotheses: list[Motion], references: list[Motion]) -> Pairs:
    return [(h.astype(float), r.astype(float)) for h, r in zip(hypotheses, references, strict=True)]


@pytest.fixture(scope="module")
def real(shared: Path) -> Pairs:
    """People, each against somebody who signs another sentence."""
    folder = shared / "data/progressive_transformers"
    return doubled(read_skels(folder / "dev.skels"), read_skels(folder / "test.skels"))


@pytest.fixture(scope="module")
def random() -> Pairs:
    return doubled(motions([1, 9, 40, 23], 1), motions([6, 1, 31, 23], 2))


@pytest.fixture(params=["random", "real"])
def pairs(request: pytest.FixtureRequest) -> Pairs:
    found: Pairs = request.getfixturevalue(request.param)
    return found


def ours(key: str, pairs: Pairs) -> float:
    score = POSE_SCORES[key]()
    score.update([h for h, _ in pairs], [r for _, r in pairs])
    return float(score.compute())


def every(warps: dict[str, Warp]) -> list[tuple[str, str]]:
    """Keys and who can compute them; dtaidistance has no city-block distance of vectors."""
    keys = ("dtw_pt", "ndtw_mje", "dtw_p")
    return [(key, name) for key in keys for name in warps if not (key == "dtw_pt" and "dtaidistance" in name)]


class TestAgainstOthers:
    @pytest.mark.parametrize(("key", "name"), every(FAST))
    def test_distances_along_a_path(self, key: str, name: str, pairs: Pairs) -> None:
        few = pairs[:2] if name == "plain" else pairs
        assert ours(key, few) == pytest.approx(warped(key, few, FAST[name]), rel=EXACT)

    @pytest.mark.parametrize(("key", "name"), every(SLOW))
    def test_distances_along_a_path_of_short_motions(self, key: str, name: str, pairs: Pairs) -> None:
        few = [(h[-12:], r[-15:]) for h, r in pairs[-1:]]
        assert ours(key, few) == pytest.approx(warped(key, few, SLOW[name]), rel=EXACT)

    @pytest.mark.parametrize("name", PAIRINGS)
    @pytest.mark.parametrize("key", ["dtw_mje", "pck_20"])
    def test_errors_of_aligned_frames(self, key: str, name: str, pairs: Pairs) -> None:
        few = [(h[:60], r[:80]) for h, r in pairs[:3]]
        assert ours(key, few) == pytest.approx(paired(key, few, PAIRINGS[name]), rel=EXACT)

    def test_paths_of_the_wrists(self, pairs: Pairs) -> None:
        moving = pairs[1:]
        assert ours("total_distance", moving) == pytest.approx(plain_total_distance(moving), rel=EXACT)

    @settings(max_examples=15, deadline=None)
    @given(sizes=st.lists(st.tuples(LENGTHS, LENGTHS), min_size=1, max_size=2), seed=SEEDS)
    def test_of_any_lengths(self, sizes: list[tuple[int, int]], seed: int) -> None:
        pairs = doubled(motions([n for n, _ in sizes], seed), motions([m for _, m in sizes], seed + 1))
        for key in ("dtw_pt", "ndtw_mje", "dtw_p"):
            assert ours(key, pairs) == pytest.approx(warped(key, pairs, plain_warp), rel=EXACT)
        for key in ("dtw_mje", "pck_20"):
            assert ours(key, pairs) == pytest.approx(paired(key, pairs, plain_pairs), rel=EXACT)

    @settings(max_examples=10, deadline=None)
    @given(rows=LENGTHS, columns=LENGTHS, seed=SEEDS)
    def test_where_joints_are_absent(self, rows: int, columns: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        h, r = motion(rows, seed), motion(columns, seed + 1)
        for one in (h, r):
            one[rng.random(one.shape[:2]) < 0.3] = np.nan
        sums = []
        for k in range(50):
            costs = plain_costs(h[:, k], r[:, k], "euclidean")
            for i, j in np.ndindex(costs.shape):
                if np.isnan(r[j, k]).any():
                    costs[i, j] = 0
                elif np.isnan(h[i, k]).any():
                    costs[i, j] = float(np.sqrt((r[j, k].astype(float) ** 2).sum())) / 2
            sums.append(plain_sums(costs)[-1][-1])
        assert ndtw_mje(h, r) == pytest.approx(np.mean(sums), rel=EXACT)
        filled = [np.where(np.isnan(one), ABSENT, one) for one in (h, r)]
        assert dtw_p(h, r) == pytest.approx(warped("dtw_p", doubled(*([one] for one in filled)), plain_warp), rel=EXACT)


class TestBatches:
    @settings(max_examples=8, deadline=None)
    @given(sizes=st.lists(st.tuples(LENGTHS, LENGTHS), min_size=1, max_size=8), seed=SEEDS)
    def test_each_pair_scores_as_it_does_alone(self, sizes: list[tuple[int, int]], seed: int) -> None:
        hypotheses, references = motions([n for n, _ in sizes], seed), motions([m for _, m in sizes], seed + 1)
        for make in POSE_SCORES.values():
            score = make()
            score.update(hypotheses, references)
            alone = [make.of(h, r) for h, r in zip(hypotheses, references, strict=True)]
            np.testing.assert_allclose(score.each(), alone, rtol=1e-12)

    def test_batches_add_up(self) -> None:
        hypotheses, references = motions([3] * 70 + [5] * 60, 1), motions([4] * 130, 2)
        for key, value in scores(hypotheses, references).items():
            score = POSE_SCORES[key]()
            for some in (slice(0, 1), slice(1, 100), slice(100, 130)):
                score.update(hypotheses[some], references[some])
            assert float(score.compute()) == pytest.approx(value, rel=1e-12)
            low, high = score.interval()
            assert low < value < high

    @settings(max_examples=20, deadline=None)
    @given(rows=LENGTHS, columns=LENGTHS, seed=SEEDS)
    def test_distances_are_of_both_directions_and_blind_to_pauses(self, rows: int, columns: int, seed: int) -> None:
        h, r = motion(rows, seed), motion(columns, seed + 1)
        for score in (ndtw_mje, dtw_p, dtw_mje):
            assert score(h, r) == pytest.approx(score(r, h))
        for score in (dtw_pt, ndtw_mje, dtw_mje, dtw_p):
            assert score(h, r) > 0
            assert score(np.repeat(h, 3, 0), h) == 0
        assert pck_20(np.repeat(h, 3, 0), h) == 1

    def test_they_are_weighed_as_their_sources_do(self) -> None:
        references = [np.zeros((2, 50, 3)), np.zeros((6, 50, 3))]
        found = scores([references[0] + (0.5, 0, 0), references[1]], references)
        assert list(found) == list(POSE_SCORES)
        assert found["dtw_pt"] == pytest.approx(25 / 2)  # mean over sentences
        assert found["dtw_mje"] == pytest.approx(0.5 * 2 / 8)  # mean over frames
        assert found["pck_20"] == pytest.approx(6 / 8)

    def test_every_key_has_its_meaning(self) -> None:
        assert set(POSE_SCORES) <= set(MEANINGS)
        assert meaning("fgd_back-translation@oracle-length") == MEANINGS["fgd"]

    def test_they_stand_beside_each_other_in_a_row(self) -> None:
        references = motions([5, 9, 7])
        comparison = Comparison(POSE_SCORES["pck_20"], ["value", "ground_truth"])
        comparison.update({"value": motions([6, 6, 6], 1), "ground_truth": references}, references)
        row = comparison.row("free")
        assert row["ground_truth"] == 1
        assert row["interval"][0] <= row["value"] <= row["interval"][1] < 1
        assert row["n"] == 3


class TestByHand:
    def test_a_shifted_pose(self) -> None:
        still = np.zeros((4, 50, 3))
        shifted = still + np.array([0.3, 0.0, 0.4])  # every joint is off by 0.5
        assert dtw_pt(shifted, still) == pytest.approx(50 * 0.7)
        assert dtw_mje(shifted, still) == pytest.approx(0.5)
        assert ndtw_mje(shifted, still) == pytest.approx(4 * 0.5)
        assert dtw_p(shifted, still) == pytest.approx(2 * 0.5)  # root of four squares

    def test_dtw_pt_is_divided_by_the_length_of_the_reference(self) -> None:
        short, long = np.zeros((2, 50, 3)), np.ones((8, 50, 3))
        assert dtw_pt(short, long) == pytest.approx(150)
        assert dtw_pt(long, short) == pytest.approx(600)

    def test_pck_20_counts_joints_within_a_fifth_of_a_shoulder_width(self) -> None:
        reference = np.zeros((2, 50, 3))
        hypothesis = reference.copy()
        hypothesis[:, :30, 1] = 0.99 * 0.2 / 3
        hypothesis[0, 40:, 2] = 1.01 * 0.2 / 3
        assert pck_20(hypothesis, reference) == pytest.approx(90 / 100)

    def test_ndtw_mje_of_absent_joints_is_that_of_ham2pose(self) -> None:
        reference = np.zeros((3, 50, 3))
        reference[:] = (0.6, 0.0, 0.8)
        hypothesis = reference.copy()
        hypothesis[:, 0] = np.nan  # costs half the norm of the reference, 0.5 a frame
        assert ndtw_mje(hypothesis, reference) == pytest.approx(3 * 0.5 / 50)
        assert ndtw_mje(reference, hypothesis) == 0
        hypothesis[:, 0] = 9.0
        reference[:, 0] = np.nan  # what the reference does not know costs nothing
        assert ndtw_mje(hypothesis, reference) == 0

    def test_dtw_p_looks_at_hands_only_and_fills_what_is_absent(self) -> None:
        reference = np.zeros((4, 50, 3))
        hypothesis = reference.copy()
        hypothesis[:, :8] = 5.0
        assert dtw_p(hypothesis, reference) == 0
        hypothesis[:, 8] = np.nan
        assert dtw_p(hypothesis, reference) == pytest.approx((4 * 3 * ABSENT**2) ** 0.5 / len(HANDS))
        reference[:, 8] = np.nan
        assert dtw_p(hypothesis, reference) == 0


class TestTotalDistance:
    @pytest.fixture
    def reference(self) -> Motion:
        joints = np.zeros((3, 50, 3))
        joints[:, RIGHT_WRIST, 0] = (0, 1, 0)  # path 2
        joints[:, LEFT_WRIST, 1] = (0, 2, 4)  # path 4
        return joints

    @pytest.fixture
    def hypothesis(self) -> Motion:
        joints = np.zeros((5, 50, 3))
        joints[:, RIGHT_WRIST, 0] = (0, 1, 0, 0, 0)  # path 2: all of it
        joints[:, LEFT_WRIST, 1] = (0, 1, 1, 1, 1)  # path 1: a quarter
        return joints

    def test_is_the_mean_of_both_wrists(self, hypothesis: Motion, reference: Motion) -> None:
        assert total_distance(hypothesis, reference) == pytest.approx((1 + 0.25) / 2)
        assert total_distance(reference[:1], reference) == 0

    def test_divides_sums_over_sentences(self, hypothesis: Motion, reference: Motion) -> None:
        found = scores([hypothesis, reference], [reference, reference])["total_distance"]
        assert found == pytest.approx((4 / 4 + 5 / 8) / 2)

    def test_leaves_out_a_wrist_that_rests_in_the_references(self, hypothesis: Motion, reference: Motion) -> None:
        reference[:, LEFT_WRIST] = 0
        assert total_distance(hypothesis, reference) == pytest.approx(1)

    def test_stays_finite_where_nothing_was_to_move(self, reference: Motion) -> None:
        still = reference[:1]
        assert total_distance(still, still) == 1
        assert total_distance(reference, still) == pytest.approx((2 + 4) / 2 / STILL)

    def test_resamples_of_sentences_that_rest_are_finite(self, hypothesis: Motion, reference: Motion) -> None:
        score = POSE_SCORES["total_distance"]()
        score.update([hypothesis, hypothesis], [reference, reference[:1]])  # a quarter of the resamples: only the rest
        assert np.isfinite(score.interval()).all()


class TestRefusals:
    @pytest.mark.parametrize("key", ["dtw_pt", "dtw_mje", "pck_20", "total_distance"])
    def test_scores_that_cannot_tell_what_is_absent_say_so(self, key: str) -> None:
        absent = motion(3)
        absent[1, LEFT_WRIST] = np.nan
        for pair in ((absent, motion(3)), (motion(3), absent)):
            with pytest.raises(ValueError, match="NaN"):
                POSE_SCORES[key].of(*pair)

    @pytest.mark.parametrize("key", POSE_SCORES)
    @pytest.mark.parametrize("shape", [(0, 50, 3), (4, 49, 3), (4, 150)])
    def test_another_shape(self, key: str, shape: tuple[int, ...]) -> None:
        with pytest.raises(ValueError, match=r"expected a motion of shape \(T, 50, 3\) with T >= 1, found"):
            POSE_SCORES[key].of(np.zeros(shape), motion(3))

    @pytest.mark.parametrize("key", POSE_SCORES)
    def test_what_is_infinite(self, key: str) -> None:
        with pytest.raises(ValueError, match="infinite coordinate"):
            POSE_SCORES[key].of(np.full((2, 50, 3), np.inf), motion(3))

    @pytest.mark.parametrize("count", [0, 1])
    def test_hypotheses_without_references(self, count: int) -> None:
        with pytest.raises(ValueError, match=f"as many hypotheses as references, found {count} and {2 * count}"):
            scores(motions([3] * count), motions([3, 3] * count))

    @pytest.mark.parametrize("costs", [np.zeros((0, 3)), np.zeros(3), np.full((2, 2), np.nan)])
    def test_costs_that_cannot_be_warped(self, costs: np.ndarray) -> None:
        for warp in (warp_cost, warp_path):
            with pytest.raises(ValueError, match=r"expected costs of shape|found NaN among the costs"):
                warp(costs)

    def test_motions_that_cannot_be_warped_together(self) -> None:
        one, two = Ragged.of([motion(3)]), Ragged.of([motion(3), motion(4)])
        with pytest.raises(
            ValueError, match=r"as many motions of the same points to warp, found \(1, 50, 3\) and \(2,"
        ):
            warp_costs(one, two, Distance.MASKED)
        with pytest.raises(ValueError, match=r"motions of one frame or more, found lengths \[3, 0\]"):
            Ragged.of([motion(3), motion(0)])


class TestWarping:
    @settings(max_examples=50, deadline=None)
    @given(rows=LENGTHS, columns=LENGTHS, seed=SEEDS)
    def test_of_a_matrix_is_that_of_a_plain_loop(self, rows: int, columns: int, seed: int) -> None:
        costs = np.random.default_rng(seed).random((rows, columns))
        before = costs.copy()
        path = warp_path(costs)
        assert warp_cost(costs) == pytest.approx(plain_sums(costs)[-1][-1])
        assert path[0].tolist() == [0, 0]
        assert path[-1].tolist() == [rows - 1, columns - 1]
        assert {tuple(step) for step in np.diff(path, axis=0)} <= {(1, 1), (1, 0), (0, 1)}
        assert costs[path[:, 0], path[:, 1]].sum() == pytest.approx(warp_cost(costs))
        np.testing.assert_array_equal(costs, before)

    def test_by_hand(self) -> None:
        costs = np.array([[1.0, 5.0, 5.0], [5.0, 1.0, 2.0]])
        assert warp_cost(costs) == 4.0
        assert warp_path(costs).tolist() == [[0, 0], [1, 1], [1, 2]]
        assert warp_path(np.zeros((3, 3))).tolist() == [[0, 0], [1, 1], [2, 2]]

    def test_alignments_point_into_the_frames_of_all_motions(self) -> None:
        h, r = Ragged.of(motions([3, 1, 8], 1)), Ragged.of(motions([2, 5, 8], 2))
        paths, counts = alignments(h, r, Distance.EUCLIDEAN)
        for pair, path in enumerate(np.split(paths, np.cumsum(counts)[:-1])):
            one, other = (side.frames[slice(*side.bounds[pair : pair + 2])] for side in (h, r))
            expected = warp_path(plain_costs(flat(one), flat(other), "euclidean"))
            np.testing.assert_array_equal(path - (h.bounds[pair], r.bounds[pair]), expected)

    @pytest.mark.parametrize("home", ["writable", "read-only"])
    def test_needs_no_folder_to_keep_what_was_compiled(self, home: str, tmp_path: Path) -> None:
        (tmp_path / "warping.py").write_bytes(Path(dtw.__file__).read_bytes())
        (tmp_path / "__pycache__").touch()  # a file, so that not even root can write into a folder of that name
        cache = tmp_path / "home"
        cache.mkdir() if home == "writable" else cache.touch()
        env = {**os.environ, "PYTHONPATH": str(tmp_path), "HOME": str(cache), "XDG_CACHE_HOME": str(cache)}
        env.pop("NUMBA_CACHE_DIR", None)
        warp = "import numpy, warping; print(warping.warp_cost(numpy.ones((2, 3))))"
        done = subprocess.run([sys.executable, "-c", warp], env=env, capture_output=True, text=True, check=False)
        assert (done.stdout.strip(), done.stderr) == ("3.0", "")
        assert any(cache.rglob("*.nbc")) == (home == "writable")

    def test_leaves_the_number_of_threads_to_torch(self) -> None:
        """With another one sums round otherwise, and a resumed training is not the same to the last bit."""
        warp = """
import numpy, torch
from lightning_modules.metrics.dtw import Distance, Ragged, alignments, warp_costs
motions = Ragged.of([numpy.ones((3, 2, 2))] * 4)
for work in (warp_costs, alignments):
    work(motions, motions, Distance.EUCLIDEAN)
    print(torch.get_num_threads())
"""
        env = {**os.environ, "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "2"}
        done = subprocess.run([sys.executable, "-c", warp], env=env, capture_output=True, text=True, check=False)
        assert (done.stdout.split(), done.stderr) == (["1", "1"], "")


class Identity(nn.Module):
    num_features = 6

    def forward(self, features):  # type: ignore[no-untyped-def]
        return features


def clouds(count: int, other: int, width: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    first, second = (rng.normal(0, 1, (n, width)) @ rng.normal(0, 1, (width, width)) for n in (count, other))
    return first, second + rng.normal(0, 1, width)


class TestFrechetDistance:
    def test_is_that_of_torchmetrics(self) -> None:
        first, second = clouds(80, 50, 6)
        theirs = FrechetInceptionDistance(feature=Identity()).set_dtype(from_numpy(first).dtype)
        theirs.update(from_numpy(first), real=True)
        theirs.update(from_numpy(second), real=False)
        assert frechet_distance(second, first) == pytest.approx(float(theirs.compute()), rel=EXACT)

    @pytest.mark.parametrize(("count", "other", "width"), [(40, 60, 8), (500, 300, 40), (30, 31, 30)])
    def test_is_that_of_a_matrix_root(self, count: int, other: int, width: int) -> None:
        first, second = clouds(count, other, width)
        mine, yours = np.cov(first.T), np.cov(second.T)
        root = scipy.linalg.sqrtm(mine @ yours).real
        apart = ((first.mean(0) - second.mean(0)) ** 2).sum()
        expected = apart + np.trace(mine + yours - 2 * root)
        assert frechet_distance(first, second) == pytest.approx(expected, rel=1e-5)

    def test_of_fewer_vectors_than_dimensions_is_exact(self) -> None:
        first, second = clouds(12, 9, 4, seed=3)
        turn = np.linalg.qr(np.random.default_rng(4).normal(0, 1, (64, 64)))[0][:4]
        wide = [cloud @ turn for cloud in (first, second)]  # the same points in a plane of a wider space
        assert frechet_distance(*wide) == pytest.approx(frechet_distance(first, second), rel=1e-9)
        assert frechet_distance(wide[0], wide[0]) == pytest.approx(0, abs=1e-9)

    def test_by_hand(self) -> None:
        line = np.array([[-1.0, 0], [1, 0]]) / np.sqrt(2)  # variance 1 along x
        assert frechet_distance(line, line + np.array([0, 3])) == pytest.approx(9)
        assert frechet_distance(line, 3 * line) == pytest.approx((3 - 1) ** 2)
        assert frechet_distance(line, line[:, ::-1]) == pytest.approx(1 + 1)  # nothing in common
        assert frechet_distance(line, np.zeros((5, 2))) == pytest.approx(1)

    def test_of_contenders_stands_in_a_row_without_interval(self) -> None:
        far, reference = clouds(40, 40, 5)
        distance = FrechetDistance("back-translation", ["value", "ground_truth", "frozen_pose"])
        for some in (slice(0, 30), slice(30, 40)):
            answers = {"value": from_numpy(far[some]), "ground_truth": reference[some], "frozen_pose": 0 * far[some]}
            distance.update(answers, reference[some])
        row = distance.row("free", judge="back-translation")
        assert distance.key == "fgd_back-translation"
        assert row["value"] == pytest.approx(frechet_distance(far, reference), rel=1e-9)
        assert row["ground_truth"] == pytest.approx(0, abs=1e-9)
        assert "interval" not in row
        assert (row["protocol"], row["n"], row["judge"]) == ("free", 40, "back-translation")

    def test_refuses_what_has_no_covariance(self) -> None:
        some = np.zeros((3, 4))
        for features in (some[:1], some[0]):
            with pytest.raises(ValueError, match=r"shape \(N, D\) with N >= 2, found"):
                frechet_distance(features, some)
        with pytest.raises(ValueError, match="features of one width, found 4 and 3"):
            frechet_distance(some, some[:, :3])
        with pytest.raises(ValueError, match="NaN or infinite features"):
            frechet_distance(some, some + np.nan)
        with pytest.raises(ValueError, match="fgd_reader: nothing was measured"):
            FrechetDistance("reader", ["value"]).row("free")


class TestBaselines:
    def test_are_what_they_are_called(self) -> None:
        references = [motion(4, 1), motion(7, 2), motion(5, 3)]
        train = [motion(3, 4), motion(6, 5)]
        found = baselines(
            references,
            ["What is your name?", "What is your name?", "My mother sees a book."],
            train,
            ["My mother has a book.", "What is his name?"],
        )
        assert list(found) == ["mean_pose", "frozen_pose", "other_reference", "nearest_train"]
        for hypothesis, reference in zip(found["mean_pose"], references, strict=True):
            assert hypothesis.shape == reference.shape
            np.testing.assert_allclose(hypothesis[-1], np.concatenate(train).mean(0), atol=1e-6)
        for hypothesis, reference in zip(found["frozen_pose"], references, strict=True):
            np.testing.assert_array_equal(hypothesis, np.repeat(reference[:1], len(reference), 0))
        others = [next(i for i, r in enumerate(references) if r is h) for h in found["other_reference"]]
        assert others == [2, 2, 0]
        assert [next(i for i, t in enumerate(train) if t is h) for h in found["nearest_train"]] == [1, 1, 0]

    def test_the_nearest_text_is_that_of_the_largest_jaccard_index_of_word_counts(self) -> None:
        rng = np.random.default_rng(0)

        def text() -> str:
            return " ".join(rng.choice(["no", "NO!", "ja", "größer", "x"], rng.integers(0, 6)))

        def jaccard(one: str, other: str) -> float:
            a, b = (Counter(re.findall(r"\w+", line.lower())) for line in (one, other))
            return (a & b).total() / max((a | b).total(), 1)

        texts, train_texts = [text() for _ in range(60)], [text() for _ in range(40)]
        train = [motion(1, seed) for seed in range(40)]
        found = baselines([motion(2, seed) for seed in range(60)], texts, train, train_texts)["nearest_train"]
        for line, answer in zip(texts, found, strict=True):
            wanted = max(range(40), key=lambda place: jaccard(line, train_texts[place]))
            assert answer is train[wanted]

    def test_the_mean_pose_is_exact_over_many_frames(self) -> None:
        train = [np.broadcast_to(np.float32(value), (100_000, 50, 3)) for value in (0.1, 0.3)]
        mean = baselines([motion(2, 1), motion(2, 2)], ["a", "b"], train, ["a", "b"])["mean_pose"][0]
        np.testing.assert_allclose(mean, 0.2, atol=1e-6)

    def test_want_texts_that_match(self) -> None:
        two = [motion(2, 1), motion(2, 2)]
        with pytest.raises(ValueError, match="a text for each of 2 train_references, found 1"):
            baselines(two, ["a", "b"], two, ["a"])
        with pytest.raises(ValueError, match="at least two different texts"):
            baselines(two, ["a", "a"], two, ["a", "b"])

    def test_of_real_motions_tell_moving_from_not_moving(self, shared: Path) -> None:
        folder = shared / "data/progressive_transformers"
        references, train = read_skels(folder / "dev.skels"), read_skels(folder / "train.skels")
        texts = (read_lines(folder / "dev.text"), read_lines(folder / "train.text"))
        guesses = baselines(references, texts[0], train, texts[1])
        table = {name: scores(hypotheses, references) for name, hypotheses in guesses.items()}
        perfect = scores(references, references)
        assert perfect == {key: float(key in ("pck_20", "total_distance")) for key in POSE_SCORES}
        for name in ("mean_pose", "frozen_pose"):
            assert table[name]["total_distance"] == 0
        # the trap of dtw_mje: a dead pose beats a living signer
        assert table["mean_pose"]["dtw_mje"] < table["other_reference"]["dtw_mje"]
