"""The points of recognition: the same of a motion whatever its layout, size and rate; what is not seen stays unseen."""

import numpy as np
import pytest

from datamodules.avatar import perform
from datamodules.avatar.renderer.frames import Camera
from datamodules.features.signing_points import HANDS, MIRRORED, POINTS, RATE, resample, signing_points
from datamodules.poses.layouts import make_pose
from datamodules.poses.skeletons import HOLISTIC_108, OPENPOSE_137, SLP_50, Skeleton
from datamodules.twins.landmarks import BODY_IN, BODY_OF, HANDS_IN, HANDS_OF
from datamodules.twins.wlasl import seen_pose

CAMERA = Camera(320, 240, 60.0, (160.0, 80.0))


@pytest.fixture(scope="module")
def signed():
    return perform(["HELLO"], fps=RATE)


def holistic(signed, confidence=1.0):
    """The true joints in the layout of MediaPipe."""
    points, seen = np.zeros((len(signed.joints), 108, 2)), np.zeros((len(signed.joints), 108))
    for into, of in ((BODY_IN, BODY_OF), *zip(HANDS_IN, HANDS_OF, strict=True)):
        points[:, into], seen[:, into] = CAMERA.project(signed.joints)[:, of], confidence
    return make_pose(HOLISTIC_108, points, seen, signed.fps, (CAMERA.width, CAMERA.height))


def test_a_motion_is_the_same_in_every_layout_and_size(signed):
    of_mediapipe = signing_points(holistic(signed))
    of_openpose = signing_points(seen_pose(signed, CAMERA))
    seen = of_openpose[..., 2] > 0
    assert seen.mean() > 0.9
    np.testing.assert_allclose(of_openpose[seen], of_mediapipe[seen], atol=1e-3)
    np.testing.assert_allclose(signing_points(signed.pose), of_mediapipe, atol=1e-3)


def test_shoulders_are_one_apart_and_their_middle_is_the_origin(signed):
    points = signing_points(holistic(signed))
    left, right = points[:, POINTS.index("LEFT_SHOULDER"), :2], points[:, POINTS.index("RIGHT_SHOULDER"), :2]
    assert np.median(np.linalg.norm(left - right, axis=1)) == pytest.approx(1, abs=1e-3)
    np.testing.assert_allclose(np.median((left + right) / 2, axis=0), 0, atol=1e-3)
    assert np.median(left[:, 0]) > 0  # the signer's left is on the right of an unmirrored picture


def test_a_clip_lasts_as_long_at_any_rate():
    counted = np.arange(50.0)[:, None, None] * np.ones((50, 49, 3))
    counted[..., 2] = 1
    points = resample(counted, fps=25)
    assert points.shape == (32, 49, 3)
    np.testing.assert_allclose(points[:, 0, 0], np.arange(32) * 25 / 16, atol=1e-4)
    assert resample(counted, fps=1000).shape == (1, 49, 3)


def test_between_a_frame_that_is_seen_and_one_that_is_not_the_nearer_decides():
    points = np.full((3, 1, 3), 4.0)
    points[..., 2] = 1
    points[1] = 0
    assert resample(points, fps=1, rate=4)[:, 0].tolist() == [[4, 4, 1]] * 3 + [[0, 0, 0]] * 3 + [[4, 4, 1]] * 6


def test_what_a_detector_hardly_believes_is_absent(signed):
    confidence = np.ones(7)
    confidence[POINTS.index("LEFT_WRIST")] = 0.1
    pose = holistic(signed)
    pose.body.confidence[:, 0, BODY_IN] = confidence
    points = signing_points(pose)
    assert not points[:, POINTS.index("LEFT_WRIST")].any()
    assert points[:, POINTS.index("RIGHT_WRIST"), 2].all()


def test_mirrored_twice_is_as_before_and_hands_change_places():
    assert [MIRRORED[place] for place in MIRRORED] == list(range(len(POINTS)))
    for place, other in enumerate(MIRRORED):
        assert POINTS[other] == POINTS[place].replace("LEFT", "x").replace("RIGHT", "LEFT").replace("x", "RIGHT")
    assert [POINTS[hand.start] for hand in HANDS] == ["LEFT_HAND.WRIST", "RIGHT_HAND.WRIST"]


def test_what_has_no_shoulders_or_no_hands_is_refused(signed):
    body = Skeleton("body", OPENPOSE_137.components[:1])
    pose = make_pose(body, np.ones((3, 25, 2)), np.ones((3, 25)), 25, (64, 64))
    with pytest.raises(ValueError, match=r"with shoulders and a hand; found pose_keypoints_2d \(25 points\)"):
        signing_points(pose)
    hands = Skeleton("hands", SLP_50.components[1:])
    with pytest.raises(ValueError, match="with shoulders and a hand; found RIGHT_HAND"):
        signing_points(make_pose(hands, np.ones((3, 42, 2)), np.ones((3, 42)), 25, (64, 64)))
    with pytest.raises(ValueError, match="the shoulders are never seen together"):
        signing_points(holistic(signed, confidence=0.0))
    with pytest.raises(ValueError, match=r"expected a pose_format\.Pose"):
        signing_points("clip.pose")


@pytest.mark.parametrize("fps", [0, -25, 0.01, float("inf"), float("nan")])
def test_a_pose_of_an_impossible_rate_is_refused(signed, fps):
    pose = holistic(signed)
    pose.body.fps = fps
    with pytest.raises(ValueError, match=r"found .* frames a second, expected 1 to 1000"):
        signing_points(pose)
