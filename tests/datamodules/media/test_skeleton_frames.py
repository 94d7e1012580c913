"""Skeleton frames against the avatar, whose joints are known."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from foreign_poses import holistic, openpose
from pose_format import Pose

from datamodules.avatar import perform
from datamodules.avatar.renderer.frames import project
from datamodules.features.landmarks import BODY, LEFT_HAND, RIGHT_HAND, holistic_pose
from datamodules.media.skeleton_frames import WHITE, draw_skeletons, write_skeletons
from datamodules.poses import skeletons
from datamodules.poses.conversion import FINGER_COLOURS

JOINTS = {11: 2, 13: 3, 15: 4, 12: 5, 14: 6, 16: 7}  # of Holistic's body, in SLP-50


def avatar_pose(width: int = 256, height: int = 256) -> Pose:
    """Three frames of the avatar as landmarks in pixels of a picture in whose upper left corner it stands."""
    pixels = project(perform(["THANK-YOU"]).joints[10:40:10], 256)
    points = np.zeros((3, 108, 4), np.float32)
    for joint, slp in JOINTS.items():
        points[:, joint] = np.insert(pixels[:, slp], 2, [[0], [1]], axis=1)
    for hand, slp in ((LEFT_HAND, skeletons.LEFT_HAND), (RIGHT_HAND, skeletons.RIGHT_HAND)):
        points[:, hand, :2], points[:, hand, 3] = pixels[:, slp], 1
    return holistic_pose(points, 25.0, width, height)


def has(frame: np.ndarray, colour: tuple[int, int, int], point: np.ndarray, within: int = 5) -> bool:
    x, y = point.round().astype(int)
    patch = frame[max(0, y - within) : y + within + 1, max(0, x - within) : x + within + 1]
    return bool((patch == colour).all(-1).any())


def test_fingers_have_their_colours_and_the_body_is_white() -> None:
    pose = avatar_pose()
    points = 2 * np.asarray(pose.body.data[:, 0, :, :2])
    for frame, place in zip(draw_skeletons(pose), points, strict=True):
        assert frame.shape == (512, 512, 3)
        assert {tuple(colour) for colour in np.unique(frame.reshape(-1, 3), axis=0).tolist()} <= {
            (0, 0, 0),
            WHITE,
            *FINGER_COLOURS,
        }
        assert all(has(frame, WHITE, (place[a] + place[b]) / 2) for a, b in ((11, 12), (11, 13), (12, 14)))
        for hand in (LEFT_HAND, RIGHT_HAND):
            tips = place[hand][[4, 8, 12, 16, 20]]
            inside = ((tips > 5) & (tips < 507)).all(1)
            seen = [has(frame, colour, tip, 8) for tip, colour in zip(tips, FINGER_COLOURS, strict=True)]
            assert sum(seen) >= inside.sum() - 1  # fingers cover one another


def test_lines_are_thin_and_equally_thick() -> None:
    pose = avatar_pose()
    for frame in draw_skeletons(pose):
        for colour in (WHITE, *FINGER_COLOURS):
            mask = (frame == colour).all(-1).astype(np.uint8)
            assert cv2.distanceTransform(np.pad(mask, 1), cv2.DIST_C, 3).max() <= 4  # where bones meet at sharp angles
            assert not cv2.erode(mask, np.ones((9, 9), np.uint8)).any()


def test_the_picture_is_centred_and_nothing_is_drawn_beyond_it() -> None:
    square = next(draw_skeletons(avatar_pose()))
    wide = next(draw_skeletons(avatar_pose(width=512)))
    assert not wide[:127].any()
    assert not wide[385:].any()
    assert wide[128:384].any()
    points = np.asarray(avatar_pose(width=512).body.data[0, 0, :, :2])
    middle = (points[11] + points[12]) / 2
    assert has(wide, WHITE, middle + np.array([0, 128]))
    assert has(square, WHITE, 2 * middle)


def test_what_is_absent_is_not_drawn() -> None:
    pose = avatar_pose()
    pose.body.confidence[:, :, LEFT_HAND] = 0
    pose.body.confidence[:, :, RIGHT_HAND] = 0
    pose.body.confidence[:, :, 13] = 0.2
    points = 2 * np.asarray(pose.body.data[:, 0, :, :2].data)
    for frame, place in zip(draw_skeletons(pose), points, strict=True):
        assert {tuple(colour) for colour in np.unique(frame.reshape(-1, 3), axis=0).tolist()} == {(0, 0, 0), WHITE}
        assert not has(frame, WHITE, (0.8 * place[13] + 0.2 * place[11]))
    pose.body.confidence[:] = 0
    assert not any(frame.any() for frame in draw_skeletons(pose))


def test_other_layouts_look_alike() -> None:
    joints = perform(["THANK-YOU"]).joints[10:40:10]
    for one, other in zip(draw_skeletons(openpose(joints)), draw_skeletons(holistic(joints)), strict=True):
        assert np.array_equal(one, other)


def test_a_pose_without_hands_is_refused() -> None:
    with pytest.raises(ValueError, match=r"expected a pose of one of the layouts .* found BODY \(8 points\)"):
        draw_skeletons(perform(["HELLO"]).pose.get_components(["BODY"]))


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pose = avatar_pose()
    write_skeletons(tmp_path / "deep" / "clip", pose)
    files = sorted((tmp_path / "deep" / "clip").iterdir())
    assert [path.name for path in files] == ["00000.png", "00001.png", "00002.png"]
    for path, frame in zip(files, draw_skeletons(pose), strict=True):
        assert np.array_equal(cv2.imread(str(path))[..., ::-1], frame)

    def fails_at_the_second(path: str, image: np.ndarray) -> bool:
        return not path.endswith("00001.png")

    monkeypatch.setattr("datamodules.media.skeleton_frames.cv2.imwrite", fails_at_the_second)
    with pytest.raises(OSError, match=r"00001\.png: this frame could not be written"):
        write_skeletons(tmp_path / "deep" / "other", pose)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["clip"]


def test_the_body_keeps_to_its_part() -> None:
    """Fingers that the body guesses at are not drawn: the hands are."""
    pose = avatar_pose()
    plain = list(draw_skeletons(pose))
    pose.body.confidence[:, :, 17:23] = 1
    assert BODY.start <= 17 < 23 <= BODY.stop
    assert all(np.array_equal(a, b) for a, b in zip(plain, draw_skeletons(pose), strict=True))
