"""Of several people in view one is followed, whoever a detector lists first."""

from typing import Any

import numpy as np
import pytest
from foreign_poses import holistic, openpose
from hypothesis import given, settings
from hypothesis import strategies as st
from pose_format import Pose
from pose_format.numpy import NumPyPoseBody

from datamodules.avatar import perform
from datamodules.poses.motions import slp_joints
from datamodules.poses.people import PERSONS, follow

ONE, OTHER = perform(["HELLO"], seed=0).joints[:30], perform(["FRIEND"], seed=1).joints[:30]


def body(x: float, size: float = 1.0) -> np.ndarray:
    """Eight joints of somebody who stands at x, y 0, with shoulders that wide."""
    places = [(0, -0.6), (0, 0), (0.5, 0), (0.7, 0.8), (0.5, 1.4), (-0.5, 0), (-0.7, 0.8), (-0.5, 1.4)]
    return np.array([(x + size * a, size * b, 1) for a, b in places])


def seen(*people: np.ndarray) -> np.ndarray:
    return np.array(people).reshape(-1, 8, 3)


class TestFollowing:
    @settings(max_examples=40, deadline=None)
    @given(data=st.data(), person=st.sampled_from(PERSONS))
    def test_it_is_always_the_same_person(self, data: st.DataObject, person: Any) -> None:
        """Three who sway, in any order, each of whom is missed now and then."""
        places, sizes = np.array([0.0, 3.0, 6.0]), np.array([1.0, 1.3, 0.8])
        frames, who = [], []
        for number in range(20):
            order = data.draw(st.permutations(range(3)))
            there = [one for one in order if number == 0 or data.draw(st.integers(0, 5))]
            sway = np.array(data.draw(st.lists(st.floats(-0.3, 0.3), min_size=3, max_size=3)))
            frames.append(seen(*(body(places[one] + sway[one], sizes[one]) for one in there)))
            who.append(there)
        expected = {"largest": 1, "left": 0, "right": 2, "nearest": 1}[person]
        found = follow(frames, person)
        assert found.rows == [there.index(expected) if expected in there else None for there in who]
        assert found.people == max(map(len, who))

    def test_who_was_beside_them_is_not_taken_for_them(self) -> None:
        both, alone = seen(body(0, 1.2), body(3)), seen(body(3))
        assert follow([both, both, alone, alone, both[::-1]]).rows == [0, 0, None, None, 1]

    def test_a_cut_does_not_lose_the_only_person(self) -> None:
        frames = [seen(body(0)), seen(body(0)), seen(body(9)), seen(body(9, 2)), seen()]
        assert follow(frames).rows == [0, 0, 0, 0, None]

    def test_somebody_who_walks_by_is_not_followed(self) -> None:
        frames = [seen(*([body(4 - number / 2, 2)] * (3 < number < 7)), body(0)) for number in range(20)]
        assert follow(frames).rows == [len(people) - 1 for people in frames]

    def test_a_few_points_are_nobody(self) -> None:
        ghost = body(5)
        ghost[2:, 2] = 0
        found = follow([seen(ghost, body(0))] * 3)
        assert (found.rows, found.people) == ([1, 1, 1], 1)

    def test_nobody_at_all(self) -> None:
        assert follow([seen(), seen()]).rows == [None, None]
        assert follow([]).rows == []


@pytest.mark.parametrize("make", [holistic, openpose])
def test_a_pose_of_two_is_read_as_one_of_them(make: Any, capsys: pytest.CaptureFixture[str]) -> None:
    one, other = make(ONE), make(OTHER)
    other.body.data[..., :2] += 600
    other.body.data[..., :2] *= 0.8
    swapped = np.arange(len(ONE)) % 3 == 0
    data = np.concatenate([one.body.data, other.body.data], axis=1)
    confidence = np.concatenate([one.body.confidence, other.body.confidence], axis=1)
    data[swapped], confidence[swapped] = data[swapped, ::-1], confidence[swapped, ::-1]
    pose = Pose(one.header, NumPyPoseBody(25, data, confidence))
    for person, expected in (("largest", one), ("left", one), ("nearest", one), ("right", other)):
        np.testing.assert_allclose(slp_joints(pose, person), slp_joints(expected), atol=1e-6)
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "zoo: 2 people are in view; the largest is followed"
