"""Pose scores against plain double loops, cases worked out by hand, and the traps they are known for."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datamodules.formats import read_lines, read_skels
from datamodules.skeletons import LEFT_WRIST, RIGHT_WRIST
from lightning_modules.metrics.dtw import warp_cost, warp_path
from lightning_modules.metrics.pose import (
    ABSENT,
    HANDS,
    baselines,
    dtw_mje,
    dtw_p,
    dtw_pt,
    ndtw_mje,
    scores,
    total_distance,
)

DISTANCES = (dtw_pt, dtw_mje, ndtw_mje, dtw_p)


def motion(frames: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.2, (frames, 50, 3)).astype(np.float32)


def plain_dtw(costs: np.ndarray) -> float:
    rows, columns = costs.shape
    total = [[float("inf")] * (columns + 1) for _ in range(rows + 1)]
    total[0][0] = 0.0
    for i, j in product(range(rows), range(columns)):
        total[i + 1][j + 1] = float(costs[i, j]) + min(total[i][j], total[i][j + 1], total[i + 1][j])
    return total[rows][columns]


def plain_costs(h: np.ndarray, r: np.ndarray, distance) -> np.ndarray:  # type: ignore[no-untyped-def]
    return np.array([[distance(a.astype(float), b.astype(float)) for b in r] for a in h])


def l1(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a - b).sum())


def l2(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.sqrt(((a - b) ** 2).sum()))


lengths = st.integers(1, 9)


@settings(max_examples=50, deadline=None)
@given(rows=lengths, columns=lengths, seed=st.integers(0, 1000))
def test_warping_agrees_with_a_plain_double_loop(rows: int, columns: int, seed: int) -> None:
    costs = np.random.default_rng(seed).random((rows, columns))
    assert warp_cost(costs) == pytest.approx(plain_dtw(costs))


@settings(max_examples=50, deadline=None)
@given(rows=lengths, columns=lengths, seed=st.integers(0, 1000))
def test_the_path_costs_what_the_warping_costs(rows: int, columns: int, seed: int) -> None:
    costs = np.random.default_rng(seed).random((rows, columns))
    path = warp_path(costs)
    assert path[0].tolist() == [0, 0]
    assert path[-1].tolist() == [rows - 1, columns - 1]
    assert {tuple(step) for step in np.diff(path, axis=0)} <= {(1, 1), (1, 0), (0, 1)}
    assert costs[path[:, 0], path[:, 1]].sum() == pytest.approx(warp_cost(costs))


def test_warping_by_hand() -> None:
    costs = np.array([[1.0, 5.0, 5.0], [5.0, 1.0, 2.0]])
    assert warp_cost(costs) == 4.0
    assert warp_path(costs).tolist() == [[0, 0], [1, 1], [1, 2]]
    assert warp_path(np.zeros((3, 3))).tolist() == [[0, 0], [1, 1], [2, 2]]


@pytest.mark.parametrize("costs", [np.zeros((0, 3)), np.zeros(3), np.full((2, 2), np.nan)])
def test_costs_that_cannot_be_warped_are_refused(costs: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"expected costs of shape|found NaN among the costs"):
        warp_cost(costs)


@pytest.mark.parametrize(("frames", "other"), [(7, 9), (9, 4), (1, 5), (6, 1)])
def test_scores_agree_with_plain_double_loops(frames: int, other: int) -> None:
    h, r = motion(frames, 1), motion(other, 2)
    assert dtw_pt(h, r) == pytest.approx(plain_dtw(plain_costs(h, r, l1)) / other)
    joints = range(50)
    assert ndtw_mje(h, r) == pytest.approx(
        np.mean([plain_dtw(plain_costs(h[:, joint], r[:, joint], l2)) for joint in joints])
    )
    assert dtw_p(h, r) == pytest.approx(
        np.mean([plain_dtw(plain_costs(h[:, joint], r[:, joint], l2) ** 2) ** 0.5 for joint in range(8, 50)])
    )
    path = warp_path(plain_costs(h, r, l2))
    assert dtw_mje(h, r) == pytest.approx(
        np.mean([l2(h[i, joint], r[j, joint]) for i, j in path for joint in joints]), rel=1e-5
    )


def test_a_shifted_pose_by_hand() -> None:
    still = np.zeros((4, 50, 3))
    shifted = still + np.array([0.3, 0.0, 0.4])  # every joint is off by 0.5
    assert dtw_pt(shifted, still) == pytest.approx(50 * 0.7)
    assert dtw_mje(shifted, still) == pytest.approx(0.5)
    assert ndtw_mje(shifted, still) == pytest.approx(4 * 0.5)
    assert dtw_p(shifted, still) == pytest.approx(2 * 0.5)  # root of four squares


def test_a_motion_is_at_no_distance_from_itself_nor_from_itself_slowed_down() -> None:
    there = motion(12)
    slow = np.repeat(there, 2, 0)
    for distance in DISTANCES:
        assert distance(there, there) == 0
        assert distance(slow, there) == 0
    assert total_distance(there, there) == 1
    assert total_distance(slow, there) == pytest.approx(1)


def test_dtw_pt_is_divided_by_the_length_of_the_reference() -> None:
    short, long = np.zeros((2, 50, 3)), np.ones((8, 50, 3))
    assert dtw_pt(short, long) == pytest.approx(150)
    assert dtw_pt(long, short) == pytest.approx(600)


def test_ndtw_mje_of_absent_joints_is_that_of_ham2pose() -> None:
    reference = np.zeros((3, 50, 3))
    reference[:] = (0.6, 0.0, 0.8)
    hypothesis = reference.copy()
    hypothesis[:, 0] = np.nan  # costs half the norm of the reference, 0.5 a frame
    assert ndtw_mje(hypothesis, reference) == pytest.approx(3 * 0.5 / 50)
    assert ndtw_mje(reference, hypothesis) == 0
    hypothesis[:, 0] = 9.0
    reference[:, 0] = np.nan  # what the reference does not know costs nothing
    assert ndtw_mje(hypothesis, reference) == 0


def test_dtw_p_looks_at_hands_only_and_fills_what_is_absent() -> None:
    reference = np.zeros((4, 50, 3))
    hypothesis = reference.copy()
    hypothesis[:, :8] = 5.0
    assert dtw_p(hypothesis, reference) == 0
    hypothesis[:, 8] = np.nan
    assert dtw_p(hypothesis, reference) == pytest.approx((4 * 3 * ABSENT**2) ** 0.5 / len(HANDS))
    reference[:, 8] = np.nan
    assert dtw_p(hypothesis, reference) == 0


@pytest.mark.parametrize("distance", [dtw_pt, dtw_mje, total_distance])
def test_scores_that_cannot_tell_what_is_absent_say_so(distance) -> None:  # type: ignore[no-untyped-def]
    absent = motion(3)
    absent[1, LEFT_WRIST] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        distance(absent, motion(3))


@pytest.mark.parametrize("distance", [*DISTANCES, total_distance])
@pytest.mark.parametrize("shape", [(0, 50, 3), (4, 49, 3), (4, 150)])
def test_another_shape_is_refused(distance, shape: tuple[int, ...]) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=r"expected a motion of shape \(T, 50, 3\) with T >= 1, found"):
        distance(np.zeros(shape), motion(3))


def test_total_distance_by_hand() -> None:
    reference, hypothesis = np.zeros((3, 50, 3)), np.zeros((5, 50, 3))
    reference[:, RIGHT_WRIST, 0] = (0, 1, 0)  # path 2
    reference[:, LEFT_WRIST, 1] = (0, 2, 4)  # path 4
    hypothesis[:, RIGHT_WRIST, 0] = (0, 1, 0, 0, 0)  # path 2: all of it
    hypothesis[:, LEFT_WRIST, 1] = (0, 1, 1, 1, 1)  # path 1: a quarter
    assert total_distance(hypothesis, reference) == pytest.approx((1 + 0.25) / 2)
    reference[:, LEFT_WRIST] = 0  # it rests: only the other counts
    assert total_distance(hypothesis, reference) == pytest.approx(1)
    assert total_distance(reference[:1], reference) == 0
    assert total_distance(reference, reference[:1]) == float("inf")
    assert total_distance(reference[:1], reference[:1]) == 1


def test_scores_of_a_test_set_weigh_as_their_sources_do() -> None:
    references = [np.zeros((2, 50, 3)), np.zeros((6, 50, 3))]
    hypotheses = [references[0] + (0.5, 0, 0), references[1]]
    found = scores(hypotheses, references)
    assert list(found) == ["dtw_pt", "dtw_mje", "ndtw_mje", "dtw_p", "total_distance"]
    assert found["dtw_pt"] == pytest.approx(25 / 2)  # mean over sentences
    assert found["dtw_mje"] == pytest.approx(0.5 * 2 / 8)  # mean over frames
    with pytest.raises(ValueError, match="as many hypotheses as references, found 1 and 2"):
        scores(hypotheses[:1], references)


def test_baselines_are_what_they_are_called() -> None:
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
    assert [next(i for i, r in enumerate(references) if r is h) for h in found["other_reference"]] == [
        2,
        2,
        0,
    ]
    assert [next(i for i, t in enumerate(train) if t is h) for h in found["nearest_train"]] == [1, 1, 0]


def test_baselines_want_texts_that_match() -> None:
    two = [motion(2, 1), motion(2, 2)]
    with pytest.raises(ValueError, match="a text for each of 2 train_references, found 1"):
        baselines(two, ["a", "b"], two, ["a"])
    with pytest.raises(ValueError, match="at least two different texts"):
        baselines(two, ["a", "a"], two, ["a", "b"])


def test_real_motions_tell_moving_from_not_moving(shared: Path) -> None:
    folder = shared / "data/progressive_transformers"
    references, train = read_skels(folder / "dev.skels"), read_skels(folder / "train.skels")
    texts = (read_lines(folder / "dev.text"), read_lines(folder / "train.text"))
    table = {
        name: scores(hypotheses, references)
        for name, hypotheses in baselines(references, texts[0], train, texts[1]).items()
    }
    assert all(value == (name == "total_distance") for name, value in scores(references, references).items())
    for name in ("mean_pose", "frozen_pose"):
        assert table[name]["total_distance"] == pytest.approx(0, abs=1e-6)
    # the trap of dtw_mje: a dead pose beats a living signer
    assert table["mean_pose"]["dtw_mje"] < table["other_reference"]["dtw_mje"]
