"""Lifting, against the truth that only the avatar knows: bones keep their length, depth beats its baselines."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from benchmarks.lifting import CONDITIONS, detect, drift, errors, flat, median
from datamodules.avatar.perform import perform
from datamodules.avatar.phonology.grammar import sentences
from datamodules.avatar.signer import Signer
from datamodules.poses.anatomy import BONES, LENGTHS, REST
from datamodules.poses.formats import read_pose
from datamodules.poses.lifting import lift
from datamodules.poses.lifting.cleaning import clean, fill
from datamodules.poses.skeletons import (
    LEFT_HAND,
    LEFT_SHOULDER,
    LEFT_WRIST,
    NECK,
    RIGHT_ELBOW,
    RIGHT_HAND,
    RIGHT_SHOULDER,
    RIGHT_WRIST,
    SLP_50_IN_OPENPOSE_137,
)

SHOULDERS_IN_OPENPOSE = SLP_50_IN_OPENPOSE_137[[RIGHT_SHOULDER, LEFT_SHOULDER]]


@pytest.fixture(scope="module")
def truths() -> list[np.ndarray]:
    return [
        perform(sentence.glosses, Signer.random(number), seed=number).joints
        for number, sentence in enumerate(sentences("train", 8, seed=3))
    ]


def seen(truth: np.ndarray, condition: str = "clean", seed: int = 0) -> np.ndarray:
    return detect(truth, np.random.default_rng(seed), *CONDITIONS[condition])


@pytest.mark.parametrize("condition", CONDITIONS)
def test_bones_keep_their_length(truths: list[np.ndarray], condition: str) -> None:
    for truth in truths:
        found = lift(seen(truth, condition))
        assert found.shape == truth.shape
        assert found.dtype == np.float32
        assert np.isfinite(found).all()
        assert drift(found) < 1e-5


@pytest.mark.parametrize(
    ("condition", "arms", "hands", "picture"), [("clean", 0.17, 0.055, 0.01), ("usual", 0.18, 0.075, 0.02)]
)
def test_joints_come_near_to_the_truth(
    truths: list[np.ndarray], condition: str, arms: float, hands: float, picture: float
) -> None:
    """In shoulder widths; a hand is 0.27 of them from wrist to knuckle."""
    each = {
        method: [errors(method(seen(truth, condition)), truth) for truth in truths] for method in (lift, flat, median)
    }
    mean = {
        method.__name__: {key: np.mean([row[key] for row in rows]) for key in rows[0]} for method, rows in each.items()
    }
    assert mean["lift"]["elbows"] < min(arms, 0.7 * mean["flat"]["elbows"], 0.8 * mean["median"]["elbows"])
    assert mean["lift"]["wrists"] < min(arms, 0.6 * mean["flat"]["wrists"], 0.9 * mean["median"]["wrists"])
    assert mean["lift"]["in hands"] < min(hands, 0.6 * mean["flat"]["in hands"], 0.8 * mean["median"]["in hands"])
    assert mean["lift"]["in picture"] < picture


def test_it_speaks_slp_units(truths: list[np.ndarray]) -> None:
    found = lift(seen(truths[0]))
    assert not found[:, NECK].any()
    width = np.linalg.norm(found[:, LEFT_SHOULDER] - found[:, RIGHT_SHOULDER], axis=-1)
    np.testing.assert_allclose(width, 1 / 3, atol=1e-3)
    assert (found[:, LEFT_SHOULDER, 0] > 0).all()  # the signer's left
    assert found[:, RIGHT_ELBOW, 1].mean() > 0.1  # y points down
    assert found[:, RIGHT_WRIST, 2].mean() > 0  # z to the viewer


def test_hands_begin_at_the_wrists(truths: list[np.ndarray]) -> None:
    found = lift(seen(truths[1], "usual"))
    np.testing.assert_array_equal(found[:, RIGHT_HAND.start], found[:, RIGHT_WRIST])
    np.testing.assert_array_equal(found[:, LEFT_HAND.start], found[:, LEFT_WRIST])


def test_position_and_size_in_the_picture_do_not_matter(truths: list[np.ndarray]) -> None:
    keypoints = seen(truths[2]).astype(np.float64)
    moved = keypoints.copy()
    moved[..., :2] = (3.7 * moved[..., :2] + (210, -45)) * (moved[..., 2:] > 0)
    np.testing.assert_allclose(lift(moved), lift(keypoints), atol=1e-3)


def test_the_mirror_image_is_lifted_to_the_mirror_image(truths: list[np.ndarray]) -> None:
    keypoints = seen(truths[3]).astype(np.float64)
    mirrored = keypoints.copy()
    mirrored[..., 0] = 512 - mirrored[..., 0]
    swap = np.r_[0, 1, 5:8, 2:5, 29:50, 8:29]
    mirrored[:, SLP_50_IN_OPENPOSE_137] = mirrored[:, SLP_50_IN_OPENPOSE_137[swap]]
    np.testing.assert_allclose(lift(mirrored), lift(keypoints)[:, swap] * (-1, 1, 1), atol=1e-3)


def test_a_misplaced_joint_is_brought_back(truths: list[np.ndarray]) -> None:
    truth = truths[0]
    keypoints = seen(truth)
    expected = lift(keypoints)
    wrist = SLP_50_IN_OPENPOSE_137[RIGHT_WRIST]
    keypoints[[10, 30], wrist, :2] += 140
    keypoints[20, 116:137, :2] -= 200  # a hand somewhere else
    found = lift(keypoints)
    assert 3 * np.linalg.norm(found - expected, axis=-1)[..., :2].max() < 0.1
    assert 3 * np.linalg.norm((found - truth)[[10, 20, 30]][..., :2], axis=-1).mean() < 0.05


def test_published_detections_are_lifted(shared: Path) -> None:
    for name in ("js__pose_viewer__example__example.pose", "python__tests__data__openpose.pose"):
        body = read_pose(shared / "data/pose_files" / name).body
        keypoints = np.dstack([body.data.data[:, 0], body.confidence[:, 0]])
        found = lift(keypoints)
        assert np.isfinite(found).all()
        assert drift(found) < 1e-5
        flat_joints, known = clean(keypoints)
        assert np.linalg.norm(3 * found[..., :2] - flat_joints, axis=-1)[known].mean() < 0.03
        assert 3 * np.linalg.norm(np.diff(found, axis=0), axis=-1).max() < 0.5  # nothing jumps
        signing = found[:, RIGHT_WRIST, 1] < 0.3
        assert (found[signing, RIGHT_WRIST, 2] > 0).all()  # raised hands are before the body


def test_what_is_lost_for_a_while_goes_on(truths: list[np.ndarray]) -> None:
    keypoints = seen(truths[4])
    whole = lift(keypoints)
    keypoints[12:18, 95:] = 0
    off = 3 * np.linalg.norm(lift(keypoints) - whole, axis=-1)
    assert off[12:18, 8:].mean() < 0.15
    assert off[:8].max() < 0.1


@pytest.mark.parametrize(
    "gone", [slice(95, 116), slice(116, 137), slice(95, 137), [3, 4], [0], [4, 7, *range(95, 137)]]
)
def test_what_is_never_seen_rests(truths: list[np.ndarray], gone: object) -> None:
    keypoints = seen(truths[5])
    keypoints[:, gone] = 0
    found = lift(keypoints)
    assert np.isfinite(found).all()
    assert drift(found) < 1e-5
    assert 3 * np.abs(found).max() < 3


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 5, 6])
def test_the_shortest_clips_are_lifted(truths: list[np.ndarray], frames: int) -> None:
    found = lift(seen(truths[6])[:frames])
    assert found.shape == (frames, 50, 3)
    assert np.isfinite(found).all()


def test_fingers_curl_toward_the_palm(truths: list[np.ndarray]) -> None:
    """In the truth and in what is found, and not away from it; where a bone has depth to speak of."""
    wrong = total = 0
    for truth in truths:
        found = lift(seen(truth))
        for hand in (RIGHT_HAND, LEFT_HAND):
            for finger in (5, 9, 13, 17):
                for joint in (finger, finger + 1, finger + 2):
                    a, b = ((x[:, hand][:, joint + 1] - x[:, hand][:, joint])[:, 2] for x in (truth, found))
                    deep = np.abs(a) > 0.01
                    wrong += (np.sign(a) != np.sign(b))[deep].sum()
                    total += deep.sum()
    assert total > 1000
    assert wrong / total < 0.06


def test_a_joint_that_is_seen_where_its_parent_is_keeps_its_bone(truths: list[np.ndarray]) -> None:
    keypoints = seen(truths[6])
    keypoints[2, [3, 4]] = keypoints[2, 2]
    keypoints[4, 95:] = keypoints[4, 95]
    found = lift(keypoints)
    assert np.isfinite(found).all()
    assert drift(found) < 1e-5


@settings(max_examples=30, deadline=None)
@given(
    keypoints=hnp.arrays(
        np.float32,
        st.tuples(st.integers(1, 7), st.just(137), st.just(3)),
        elements=st.floats(-1e4, 1e4, width=32) | st.sampled_from([0.0, 1.0, np.nan, np.inf]),
    )
)
def test_nonsense_is_refused_or_lifted_to_a_body(keypoints: np.ndarray) -> None:
    try:
        found = lift(keypoints)
    except ValueError as error:
        if "the shoulders are" in str(error):
            return
        raise
    assert np.isfinite(found).all()
    assert np.abs(found).max() < 3
    assert drift(found) < 1e-4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda keypoints: keypoints[:, :136],
            r"expected OpenPose keypoints \(T, 137, 3\) with T >= 1, found \(\d+, 136",
        ),
        (lambda keypoints: keypoints[:0], r"found \(0, 137, 3\)"),
        (lambda keypoints: 0 * keypoints, "shoulders are never seen together"),
        (lambda keypoints: keypoints * (0.001, 0.001, 1), r"shoulders are 0\.\d+ pixels apart"),
    ],
)
def test_what_cannot_be_lifted_is_refused(truths: list[np.ndarray], change, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=message):
        lift(change(seen(truths[7])))


def test_a_neck_that_is_not_seen_is_the_middle_of_the_shoulders(truths: list[np.ndarray]) -> None:
    keypoints = seen(truths[1])
    expected = clean(keypoints)[0]
    keypoints[:, 1] = 0
    middle = expected[:, [LEFT_SHOULDER, RIGHT_SHOULDER]].mean(1)
    np.testing.assert_allclose(
        clean(keypoints)[0], expected - middle[:, None] * (np.arange(50) != NECK)[:, None], atol=4e-3
    )


def test_gaps_are_filled_along_the_bone() -> None:
    frames = 5
    xy = np.cumsum(np.full((frames, 50, 2), 0.1), axis=0)
    xy[:, 3] += np.linspace(0, 0.4, frames)[:, None] * (1, 0)
    known = np.ones((frames, 50), bool)
    known[1:4, 3] = False
    holes = np.where(known[..., None], xy, np.nan)
    np.testing.assert_allclose(fill(holes, known), xy)
    known[:, 3] = False
    np.testing.assert_allclose(fill(holes, known)[:, 3], xy[:, 2] + REST[3])


def test_every_joint_hangs_on_the_neck() -> None:
    reached = {NECK}
    for child, parent in BONES:
        assert parent in reached
        reached.add(child)
    assert reached == set(range(50))
    assert (LENGTHS[[child for child, parent in BONES if parent not in (RIGHT_WRIST, LEFT_WRIST)]] > 0).all()
