"""A pose means its points: whatever order, part or history a file has, the same signer is read out of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from foreign_poses import holistic, openpose
from hypothesis import given, settings
from hypothesis import strategies as st
from pose_format import Pose
from pose_format.numpy import NumPyPoseBody
from pose_format.pose_visualizer import PoseVisualizer
from pose_format.utils.generic import (
    correct_wrists,
    hands_components,
    normalize_hands_3d,
    normalize_pose_size,
    pose_hide_legs,
    pose_normalization_info,
    reduce_holistic,
)

from datamodules.avatar import perform
from datamodules.media.skeleton_frames import draw_skeletons
from datamodules.poses.conversion import to_joints, to_pose
from datamodules.poses.formats import read_pose
from datamodules.poses.lifting import lift
from datamodules.poses.motions import read_motions, slp_joints
from datamodules.poses.points import ANATOMY, coordinates
from datamodules.poses.skeletons import (
    HAND_JOINTS,
    HOLISTIC_543,
    HOLISTIC_576,
    LEFT_ELBOW,
    LEFT_HAND,
    LEFT_WRIST,
    NOSE,
    OPENPOSE_137,
    RIGHT_ELBOW,
    RIGHT_HAND,
    RIGHT_WRIST,
    SLP_50,
)
from datamodules.poses.skeletons import holistic as holistic_layout

JOINTS = perform(["HELLO", "FRIEND"], seed=1).joints
WIDTH = 3 * np.median(np.linalg.norm((JOINTS[:, 2] - JOINTS[:, 5])[:, :2], axis=-1))  # of shoulders, in SLP's
WRISTS, ELBOWS = [LEFT_WRIST, RIGHT_WRIST], [LEFT_ELBOW, RIGHT_ELBOW]
HANDS = ["LEFT_HAND_LANDMARKS", "RIGHT_HAND_LANDMARKS"]
CLOSE = 2e-4  # SLP units: what float32 pixels leave


def normalized(pose: Pose) -> Pose:
    return pose.normalize()


def focused(pose: Pose) -> Pose:
    pose.focus()
    return pose


def sized(pose: Pose) -> Pose:
    normalize_pose_size(pose.normalize())
    return pose


def normalized_by(pose: Pose) -> Pose:
    return focused(pose.normalize(pose_normalization_info(pose.header), scale_factor=300))


HISTORIES = [normalized, focused, sized, normalized_by]


def same(found: np.ndarray, expected: np.ndarray, atol: float = CLOSE) -> None:
    np.testing.assert_allclose(found, expected, atol=atol)


class TestNames:
    @settings(max_examples=15, deadline=None)
    @given(order=st.permutations([part.name for part in HOLISTIC_576.components]), data=st.data())
    def test_neither_order_nor_what_else_is_there_matters(self, order: list[str], data: st.DataObject) -> None:
        """Components in any order and any of those that are not a signer's joints; points within them in any order."""
        kept = data.draw(st.sets(st.sampled_from(["FACE_LANDMARKS", "POSE_WORLD_LANDMARKS"])))
        order = [name for name in order if name in kept or name in ("POSE_LANDMARKS", *HANDS)]
        points = {
            part.name: data.draw(st.permutations(part.joints)) for part in HOLISTIC_576.components if part.name in HANDS
        }
        pose = holistic(JOINTS[:20], HOLISTIC_576)
        expected = slp_joints(pose)
        same(slp_joints(pose.get_components(order, points)), expected, 1e-6)

    @pytest.mark.parametrize("face", [0, 468, 478])
    def test_any_face_will_do(self, face: Literal[0, 468, 478]) -> None:
        same(slp_joints(holistic(JOINTS, holistic_layout(face))), slp_joints(holistic(JOINTS)))

    def test_a_reduced_pose_has_all_but_the_nose_which_is_said(self, capsys: pytest.CaptureFixture[str]) -> None:
        """`reduce_holistic` leaves 8 points of the body."""
        reduced = reduce_holistic(holistic(JOINTS))
        assert [len(part.points) for part in reduced.header.components] == [8, 128, 21, 21]
        found = slp_joints(reduced)
        assert "zoo: the pose has no NOSE (found POSE_LANDMARKS (8 points)" in capsys.readouterr().err
        expected = slp_joints(holistic(JOINTS))
        assert capsys.readouterr().err == ""
        assert np.isnan(found[:, NOSE]).all()
        same(np.delete(found, NOSE, axis=1), np.delete(expected, NOSE, axis=1), 1e-6)

    @pytest.mark.parametrize("make", [holistic, openpose, lambda joints: to_pose(joints, 25)])
    def test_a_hand_without_a_component_is_absent_and_said(
        self, make: Callable[[np.ndarray], Pose], capsys: pytest.CaptureFixture[str]
    ) -> None:
        whole = make(JOINTS)
        left = next(part.name for part in whole.header.components if "LEFT" in part.name.upper())
        found = slp_joints(whole.get_components([part.name for part in whole.header.components if part.name != left]))
        assert "the pose has no left hand" in capsys.readouterr().err
        assert np.isnan(found[:, LEFT_HAND]).all()
        assert np.isfinite(found[:, RIGHT_HAND]).all()
        if make is not openpose:  # which is lifted as a whole
            same(found[:, :29], slp_joints(whole)[:, :29], 1e-6)

    def test_coordinates_are_found_by_the_format(self) -> None:
        pose = holistic(JOINTS)
        for part in pose.header.components:
            part.format = "ZYXC"
        flipped = NumPyPoseBody(25, pose.body.data[..., ::-1], pose.body.confidence)
        same(slp_joints(Pose(pose.header, flipped)), slp_joints(holistic(JOINTS)), 1e-6)

    def test_components_of_other_people_are_known(self) -> None:
        """COCO-WholeBody, as pose-format has it, names what SLP-50 names and a face; it has no neck and no depth."""
        pose = to_pose(JOINTS, 25).remove_components([], {"BODY": ["neck"]})
        flat = Pose(pose.header, NumPyPoseBody(25, pose.body.data[..., :2], pose.body.confidence))
        for part in flat.header.components:
            part.format = "XYC"
        same(slp_joints(flat)[..., :2], lift(keypoints(openpose(JOINTS)))[..., :2], 0.01)
        for suffix in ("_133", "_136"):
            for part in flat.header.components:
                part.name = part.name.removesuffix("_133") + suffix
            assert np.isfinite(slp_joints(flat)).all()

    @pytest.mark.parametrize(
        "components", [["POSE_LANDMARKS"], HANDS, ["FACE_LANDMARKS"], ["POSE_LANDMARKS", "FACE_LANDMARKS"]]
    )
    def test_what_is_no_signer_is_refused(self, components: list[str]) -> None:
        message = rf"expected a pose of one of the layouts slp-50, .* found {components[0]} \(\d+ points\)"
        with pytest.raises(ValueError, match=message):
            slp_joints(holistic(JOINTS).get_components(components))
        if components != HANDS:
            with pytest.raises(ValueError, match=message):
                draw_skeletons(holistic(JOINTS).get_components(components))

    @pytest.mark.parametrize("thing", ["a.pose", Path("a.pose"), None, JOINTS])
    def test_what_is_no_pose_is_refused(self, thing: object) -> None:
        with pytest.raises(ValueError, match=f"found {type(thing).__name__}, expected a pose_format.Pose"):
            slp_joints(thing)
        with pytest.raises(ValueError, match=f"found {type(thing).__name__}, expected a pose_format.Pose"):
            draw_skeletons(thing)


def keypoints(pose: Pose) -> np.ndarray:
    points, confidence = coordinates(pose, OPENPOSE_137.anatomy)
    return np.dstack([np.nan_to_num(points[..., :2]), confidence])


class TestAbsence:
    @pytest.mark.parametrize("depth", [0, 256])
    def test_where_every_depth_is_the_same_there_is_none(self, depth: float) -> None:
        flat = holistic(JOINTS)
        flat.body.data[..., 2] = depth
        same(slp_joints(flat), slp_joints(openpose(JOINTS)), 0.02)

    def test_a_tracker_writes_nan_with_confidence(self) -> None:
        pose = holistic(JOINTS)
        start = HOLISTIC_543.anatomy.index("LEFT_HAND.WRIST")
        pose.body.data[10:20, 0, start : start + 21] = np.nan
        found, expected = slp_joints(pose), slp_joints(holistic(JOINTS))
        assert np.isnan(found[10:20, LEFT_HAND]).all()
        found[10:20, LEFT_HAND] = expected[10:20, LEFT_HAND]
        same(found, expected)

    def test_what_pose_format_masks_is_absent(self) -> None:
        pose = holistic(JOINTS)
        pose.body.data[3, 0, HOLISTIC_543.anatomy.index("RIGHT_HAND.INDEX_TIP")] = np.ma.masked
        assert np.argwhere(np.isnan(slp_joints(pose)[..., 0])).tolist() == [[3, RIGHT_HAND.start + 8]]

    def test_a_wrist_that_only_its_hand_shows_is_the_hands(self) -> None:
        pose = holistic(JOINTS)
        pose.body.confidence[5:9, 0, HOLISTIC_543.anatomy.index("RIGHT_WRIST")] = 0
        found, expected = slp_joints(pose), slp_joints(holistic(JOINTS))
        assert np.isfinite(found[5:9, RIGHT_HAND]).all()
        same(found[5:9, RIGHT_WRIST, :2], expected[5:9, RIGHT_WRIST, :2])
        same(found[5:9, RIGHT_WRIST, 2], expected[5:9, RIGHT_WRIST, 2], 0.1)


class TestHistory:
    def test_depth_is_true_where_bones_keep_their_length(self) -> None:
        middle = (JOINTS[:, 2] + JOINTS[:, 5]) / 2  # Holistic has no neck
        expected = JOINTS - middle[:, None]
        expected[:, 1] = 0
        same(slp_joints(holistic(JOINTS)) * WIDTH, expected)

    @pytest.mark.parametrize("change", HISTORIES)
    @pytest.mark.parametrize("make", [holistic, openpose])
    def test_joints_do_not_depend_on_what_was_done(
        self, change: Callable[[Pose], Pose], make: Callable[[np.ndarray], Pose]
    ) -> None:
        same(slp_joints(change(make(JOINTS))), slp_joints(make(JOINTS)))

    @pytest.mark.parametrize("change", HISTORIES)
    @pytest.mark.parametrize("frames", [1, 2, 40])
    def test_nor_where_depth_is_a_trackers(self, change: Callable[[Pose], Pose], frames: int) -> None:
        """Bones that change in length with every frame, as MediaPipe's do."""

        def tracked() -> Pose:
            pose = holistic(JOINTS[:frames])
            noise = np.random.default_rng(0).normal(0, 0.05, pose.body.data.shape[:3])
            noise[:, 0, [HOLISTIC_543.anatomy.index(f"{side}_HAND.WRIST") for side in ("LEFT", "RIGHT")]] = 0
            pose.body.data[..., 2] = 3 * (pose.body.data[..., 2] + noise)
            return pose

        found = slp_joints(tracked())
        arms = 3 * np.linalg.norm(found[:, WRISTS] - found[:, ELBOWS], axis=-1)
        assert 0.4 < np.median(arms) < 0.95  # shoulder widths; 2.2 in picture widths
        same(slp_joints(change(tracked())), found)

    @pytest.mark.parametrize("change", [lambda pose: pose, *HISTORIES])
    def test_hands_stay_where_they_are_though_wrists_were_corrected(self, change: Callable[[Pose], Pose]) -> None:
        """`correct_wrists` gives the body's wrists the depth of the hands' own, which is none. It comes back out of the
        forearm's length, on the whole to a quarter of a shoulder width."""
        joints = slp_joints(reduce_holistic(correct_wrists(change(holistic(JOINTS)))))
        expected = slp_joints(holistic(JOINTS))
        for wrist in WRISTS:
            assert 3 * np.abs(joints - expected)[:, wrist, 2].mean() < 0.25

    def test_fingers_point_the_same_way(self) -> None:
        found, expected = slp_joints(correct_wrists(holistic(JOINTS))), slp_joints(holistic(JOINTS))
        for hand in (LEFT_HAND, RIGHT_HAND):
            same(found[:, hand] - found[:, hand.start, None], expected[:, hand] - expected[:, hand.start, None])

    @pytest.mark.parametrize("change", HISTORIES)
    def test_slp_50_comes_back_too(self, change: Callable[[Pose], Pose]) -> None:
        same(slp_joints(change(to_pose(JOINTS, 25))) * WIDTH, JOINTS - JOINTS[:, 1, None])
        same(slp_joints(to_pose(JOINTS, 25)), JOINTS, 1e-6)


class TestSlp50:
    def test_pose_formats_tools_work_on_it(self) -> None:
        pose = to_pose(JOINTS, 25)
        pose.normalize(pose_normalization_info(pose.header))
        shoulders = [pose.header.get_point_index("BODY", f"{side}_shoulder") for side in ("left", "right")]
        apart = np.linalg.norm(np.diff(pose.body.data[:, 0, shoulders], axis=1), axis=-1)
        assert apart.mean() == pytest.approx(1)
        (left, right), plane, _ = hands_components(pose.header)
        assert all(pose.header.get_point_index(hand, point) for hand in (left, right) for point in plane[1:])
        same(slp_joints(correct_wrists(pose)), slp_joints(pose))
        pose_hide_legs(pose)
        normalize_hands_3d(pose)

    def test_its_visualizer_draws_what_was_normalized(self) -> None:
        pose = sized(to_pose(JOINTS[:2], 25))
        frame = next(iter(PoseVisualizer(pose).draw()))
        assert frame.shape == (512, 512, 3)
        assert 0.01 < (frame != 255).any(-1).mean() < 0.3

    def test_files_of_before_are_read(self) -> None:
        """SLP-50 had names of its own: NOSE, WRIST, THUMB_CMC."""
        pose = to_pose(JOINTS, 25)
        for part, names in zip(
            pose.header.components, (SLP_50.components[0].anatomy, HAND_JOINTS, HAND_JOINTS), strict=True
        ):
            part.points = list(names)
        same(slp_joints(pose), JOINTS, 1e-6)
        with pytest.raises(ValueError, match="expected an SLP-50 pose as to_pose makes it"):
            to_joints(pose)


def test_a_name_means_one_joint() -> None:
    for part in (*SLP_50.components, *OPENPOSE_137.components, *holistic_layout(478, world=True).components):
        assert tuple(ANATOMY[part.name][joint] for joint in part.joints) == part.anatomy


def test_the_cases_of_others_are_the_same_sentence(shared: Path) -> None:
    """One Holistic file, and what trackers and pose-format made of it."""
    folder = shared / "cases" / "poses"
    expected = slp_joints(read_pose(folder / "whole.pose"))
    absent = {"nan_hand": 10 * 21, "one_hand": 61 * 21, "reduced": 61}
    for path in sorted(folder.glob("*.pose")):
        ((found, fps),) = read_motions(path)
        assert np.isnan(found[..., 0]).sum() == absent.get(path.stem, 0), path
        assert fps == 25
        np.testing.assert_allclose(np.where(np.isnan(found), expected, found), expected, atol=1e-6)


def test_published_files_of_a_signer_are_read(shared: Path) -> None:
    refused = []
    for path in sorted((shared / "data/pose_files").glob("*.pose")):
        try:
            joints = slp_joints(read_pose(path))
        except ValueError:
            refused.append(path.stem.rpartition("__")[2])
            continue
        forearms = joints[:, WRISTS] - joints[:, ELBOWS]
        assert 0.3 < 3 * np.nanmedian(np.linalg.norm(forearms, axis=-1)) < 1.2, path  # shoulder widths
    assert refused == ["mediapipe_hand_normalized", "mediapipe_long_hand_normalized"]  # a hand, nobody's
