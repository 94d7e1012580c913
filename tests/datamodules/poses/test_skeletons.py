"""Layouts: joints bear the names that pose-format's tools look for; what two layouts share maps exactly."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pose_format.utils.generic import (
    detect_known_pose_format,
    hands_components,
    pose_hide_legs,
    pose_normalization_info,
)
from pose_format.utils.openpose import OpenPose_Components

from datamodules.avatar.perform import perform
from datamodules.avatar.renderer.frames import project
from datamodules.poses.formats import read_pose
from datamodules.poses.layouts import convert, layout_of, make_pose, slp_from_holistic, slp_from_openpose
from datamodules.poses.skeletons import (
    HOLISTIC_75,
    HOLISTIC_543,
    HOLISTIC_576,
    LAYOUTS,
    LEFT_HAND,
    LEFT_WRIST,
    OPENPOSE_137,
    RIGHT_HAND,
    RIGHT_WRIST,
    SLP_50,
    SLP_50_IN_OPENPOSE_137,
    Skeleton,
    holistic,
    joint_indices,
)

CONTAINED = [
    (SLP_50, OPENPOSE_137),
    (HOLISTIC_75, HOLISTIC_543),
    (HOLISTIC_75, HOLISTIC_576),
    (HOLISTIC_543, HOLISTIC_576),
    (HOLISTIC_543, holistic(478, world=True)),
    (SLP_50, SLP_50),
]


def coordinates(layout: Skeleton, channels: int = 3) -> st.SearchStrategy[np.ndarray]:
    shape = st.tuples(st.integers(0, 3), st.just(layout.joints), st.just(channels))
    return hnp.arrays(np.float32, shape, elements=st.floats(width=32, allow_nan=False))


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_a_layout_names_each_joint_once(layout: Skeleton) -> None:
    assert len(layout.anatomy) == len(set(layout.anatomy)) == layout.joints
    for part in layout.components:
        assert len(part.joints) == len(set(part.joints)) == len(part.anatomy)
        assert all(0 <= joint < len(part.joints) for bone in part.bones for joint in bone)


def test_layouts_have_the_published_sizes() -> None:
    assert [layout.joints for layout in LAYOUTS] == [50, 137, 75, 108, 543, 576, 553, 586]
    assert [layout.joints for layout in (HOLISTIC_75, HOLISTIC_543, HOLISTIC_576)] == [75, 543, 576]


def test_openpose_is_named_as_pose_format_names_it() -> None:
    ours = [(part.name, list(part.joints)) for part in OPENPOSE_137.components]
    assert ours == [(part.name, part.points) for part in OpenPose_Components]


@pytest.mark.parametrize(("smaller", "larger"), CONTAINED, ids=lambda layout: layout.name)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_there_and_back_nothing_is_lost(smaller: Skeleton, larger: Skeleton, data: st.DataObject) -> None:
    values = data.draw(coordinates(smaller))
    there = convert(values, smaller, larger)
    assert there.shape == (len(values), larger.joints, 3)
    assert np.isnan(there).sum() == 3 * len(values) * (larger.joints - smaller.joints)
    np.testing.assert_array_equal(convert(there, larger, smaller), values)


def test_a_map_carries_each_joint_to_its_namesake() -> None:
    numbers = np.arange(137.0)[None, :, None]
    mapped = convert(numbers, OPENPOSE_137, SLP_50)[0, :, 0].astype(int)
    assert mapped.tolist() == SLP_50_IN_OPENPOSE_137.tolist()
    names = [name for part in OPENPOSE_137.components for name in part.joints]
    assert [names[index] for index in mapped[:8]] == [
        *("Nose", "Neck", "LShoulder", "LElbow", "LWrist", "RShoulder", "RElbow", "RWrist")
    ]
    assert (mapped[RIGHT_HAND] == np.arange(116, 137)).all()
    assert (mapped[LEFT_HAND] == np.arange(95, 116)).all()


def test_left_is_the_signers_left_in_every_layout() -> None:
    joints = perform(["HELLO"], seed=0).joints
    assert (joints[:, LEFT_WRIST, 0] > joints[:, RIGHT_WRIST, 0]).mean() > 0.9
    for layout in (OPENPOSE_137, HOLISTIC_543):
        left, right = (layout.anatomy.index(f"{side}_WRIST") for side in ("LEFT", "RIGHT"))
        parts = [name for part in layout.components for name in part.joints]
        assert {parts[left], parts[right]} in ({"LWrist", "RWrist"}, {"LEFT_WRIST", "RIGHT_WRIST"})
        assert parts[left].startswith("L")
        assert parts[right].startswith("R")


def test_what_has_no_map_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"holistic-543 lacks 1 of the 50 joints of slp-50: NECK$"):
        joint_indices(HOLISTIC_543, SLP_50)
    with pytest.raises(ValueError, match=r"openpose-137 lacks \d+ .*: LEFT_EYE_INNER, LEFT_EYE_OUTER.* and \d+ more"):
        convert(np.zeros((1, 137, 3)), OPENPOSE_137, HOLISTIC_543)
    with pytest.raises(ValueError, match=r"expected slp-50 values \(T, 50, C\), found \(2, 137, 3\)"):
        convert(np.zeros((2, 137, 3)), SLP_50, OPENPOSE_137)


@pytest.mark.parametrize("layout", LAYOUTS[1:], ids=lambda layout: layout.name)
def test_pose_formats_own_tools_work_on_what_we_make(layout: Skeleton) -> None:
    dimensions = 2 if layout is OPENPOSE_137 else 3
    points = np.random.default_rng(0).uniform(1, 100, (2, layout.joints, dimensions))
    pose = make_pose(layout, points, np.ones(points.shape[:2]), 25.0, (640, 480))
    assert layout_of(pose) is layout
    assert detect_known_pose_format(pose) == ("openpose" if layout is OPENPOSE_137 else "holistic")
    pose.normalize(pose_normalization_info(pose.header))
    (left, right), plane, _ = hands_components(pose.header)
    assert all(pose.header.get_point_index(hand, point) for hand in (left, right) for point in plane)
    pose_hide_legs(pose)
    assert (pose.body.confidence == 0).any()


def test_published_poses_are_told_apart(shared: Path) -> None:
    found = []
    for path in sorted((shared / "data/pose_files").glob("*.pose")):
        try:
            found.append(layout_of(read_pose(path)).name)
        except ValueError:
            found.append("other")
    assert {name: found.count(name) for name in set(found)} == {
        "holistic-543": 4,
        "holistic-576": 3,
        "holistic-586": 3,
        "openpose-137": 2,
        "other": 4,
    }


def test_openpose_keypoints_of_the_avatar_come_back_flat() -> None:
    joints = perform(["HELLO", "FRIEND"], seed=1).joints
    keypoints = np.zeros((len(joints), 137, 3))
    keypoints[:, SLP_50_IN_OPENPOSE_137] = np.dstack([project(joints, 512), np.ones(joints.shape[:2])])
    keypoints[3, 116:] = 0
    flat = slp_from_openpose(keypoints)
    assert np.isnan(flat[3, RIGHT_HAND]).all()
    seen = np.isfinite(flat).all(-1)
    assert seen.mean() > 0.9
    np.testing.assert_allclose(flat[seen][:, :2], joints[seen][:, :2], atol=1e-4)
    assert not flat[seen][:, 2].any()


def test_a_holistic_pose_of_the_avatar_comes_back_in_depth() -> None:
    joints = perform(["HELLO", "FRIEND"], seed=1).joints.astype(np.float64)
    size, layout = 512, HOLISTIC_543
    points = np.zeros((len(joints), layout.joints, 3))
    confidence = np.zeros(points.shape[:2])
    places = [layout.anatomy.index(name) if name in layout.anatomy else -1 for name in SLP_50.anatomy]
    for joint, place in enumerate(places):
        if place >= 0:
            points[:, place, :2] = project(joints.astype(np.float32), size)[:, joint]
            depth = joints[:, joint, 2]
            if joint >= 8:
                depth = depth - joints[:, RIGHT_WRIST if joint < 29 else LEFT_WRIST, 2]
            points[:, place, 2] = -3 * depth / 2.6  # MediaPipe's: picture widths, smaller is nearer
            confidence[:, place] = 1
    confidence[5, places[8] :] = 0
    pose = make_pose(layout, points, confidence, 25.0, (size, size))
    back = slp_from_holistic(pose)
    assert np.isnan(back[5, RIGHT_HAND]).all()
    middle = (joints[:, 2] + joints[:, 5]) / 2  # Holistic has no neck
    expected = joints - middle[:, None]
    expected[:, 1] = 0
    seen = np.isfinite(back).all(-1)
    np.testing.assert_allclose(back[seen], expected[seen], atol=1e-4)


def test_without_shoulders_there_is_no_scale() -> None:
    with pytest.raises(ValueError, match="shoulders are never seen together"):
        slp_from_openpose(np.zeros((4, 137, 3)))
    pose = make_pose(HOLISTIC_543, np.zeros((2, 543, 3)), np.zeros((2, 543)), 25.0, (100, 100))
    with pytest.raises(ValueError, match="shoulders are never seen together"):
        slp_from_holistic(pose)
    flat = make_pose(OPENPOSE_137, np.zeros((2, 137, 2)), np.zeros((2, 137)), 25.0, (100, 100))
    with pytest.raises(ValueError, match="expected a Holistic pose, found the layout openpose-137"):
        slp_from_holistic(flat)
