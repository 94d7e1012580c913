"""SLP-50 joints become a `Pose` that draws right anywhere, and come back unchanged."""

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pose_format import Pose
from pose_format.pose_visualizer import PoseVisualizer

from datamodules.poses.conversion import LEFT_COLOUR, RIGHT_COLOUR, to_joints, to_pose
from datamodules.poses.formats import read_pose
from datamodules.poses.skeletons import LEFT_WRIST, NECK, NOSE, RIGHT_WRIST, SLP_50

some_joints = hnp.arrays(
    np.float32, st.tuples(st.integers(1, 4), st.just(50), st.just(3)), elements=st.floats(-2, 2, width=32)
)


def through_a_file(pose: Pose) -> Pose:
    buffer = io.BytesIO()
    pose.write(buffer)
    return Pose.read(buffer.getvalue())


@settings(max_examples=40, deadline=None)
@given(joints=some_joints, size=st.sampled_from([64, 256, 512, 1000]))
def test_round_trip_through_a_file_is_exact(joints: np.ndarray, size: int) -> None:
    back = to_joints(through_a_file(to_pose(joints, 25.0, size=size)))
    assert back.dtype == np.float32
    np.testing.assert_allclose(back, joints, atol=1e-5)


def test_the_affine_map_is_the_documented_one() -> None:
    joints = np.zeros((1, 50, 3))
    joints[0, NOSE] = (0.1, -0.2, 0.3)
    pose = to_pose(joints, 25.0, size=100)
    np.testing.assert_allclose(pose.body.data[0, 0, NECK], (50, 36, 0), atol=1e-5)
    np.testing.assert_allclose(pose.body.data[0, 0, NOSE], (60, 16, -30), atol=1e-5)


def test_the_header_names_joints_bones_and_rate() -> None:
    pose = through_a_file(to_pose(np.zeros((3, 50, 3)), 29.97))
    assert [(part.name, tuple(part.points)) for part in pose.header.components] == [
        (part.name, part.joints) for part in SLP_50.components
    ]
    assert all(len(part.colors) == len(part.points) for part in pose.header.components)
    assert pose.body.fps == pytest.approx(29.97)
    assert pose.body.confidence.min() == 1


def test_absent_joints_are_masked_and_come_back_as_nan() -> None:
    joints = np.full((2, 50, 3), 0.25)
    joints[0, 4] = np.nan
    confidence = np.ones((2, 50))
    confidence[1, 30] = 0
    pose = through_a_file(to_pose(joints, 25.0, confidence))
    assert np.argwhere(pose.body.confidence[:, 0] == 0).tolist() == [[0, 4], [1, 30]]
    assert np.argwhere(np.isnan(to_joints(pose)).all(-1)).tolist() == [[0, 4], [1, 30]]


def test_pose_formats_own_visualiser_draws_each_wrist_where_a_viewer_sees_it() -> None:
    joints = np.zeros((1, 50, 3))
    joints[0, :8] = [
        (0, -0.2, 0),
        (0, 0, 0),
        (0.17, 0, 0),
        (0.2, 0.2, 0),
        (0.3, 0.3, 0.1),
        (-0.17, 0, 0),
        (-0.2, 0.2, 0),
        (-0.3, 0.3, 0.1),
    ]
    frame = next(iter(PoseVisualizer(to_pose(joints, 25.0, size=200)).draw()))[..., ::-1]
    for joint, colour in ((LEFT_WRIST, LEFT_COLOUR), (RIGHT_WRIST, RIGHT_COLOUR)):
        x, y = (200 * (np.array([0.5, 0.36]) + joints[0, joint, :2])).astype(int)
        np.testing.assert_allclose(frame[y, x], colour, atol=2)


@pytest.mark.parametrize("shape", [(50, 3), (2, 49, 3), (2, 50, 4)])
def test_joints_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"expected joints of shape \(T, 50, 3\), found"):
        to_pose(np.zeros(shape), 25.0)


def test_confidence_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match=r"confidence of shape \(2, 50\), found \(3, 50\)"):
        to_pose(np.zeros((2, 50, 3)), 25.0, np.ones((3, 50)))


def test_a_pose_of_another_layout_is_refused(shared: Path) -> None:
    holistic = read_pose(shared / "data/pose_files/js__pose_viewer__example__example.pose")
    with pytest.raises(ValueError, match="expected an SLP-50 pose"):
        to_joints(holistic)
