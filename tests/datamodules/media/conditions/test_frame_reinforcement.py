"""FR-Net: the lines of a frame, and those of a body rendered from its pose."""

import cv2
import numpy as np
import pytest
from red_signer import LOOK, pose

from datamodules.avatar.renderer.frames import Camera, film
from datamodules.avatar.renderer.openpose import openpose_keypoints
from datamodules.media.conditions.body_rendering import render_body
from datamodules.media.conditions.frame_reinforcement import FRNet
from datamodules.media.conditions.openpose_drawing import HANDS
from datamodules.media.images import resize

CAMERA = Camera(512, 512, 150.0, (256.0, 190.0))


@pytest.fixture(scope="module")
def frame():
    return next(film(pose(), LOOK, CAMERA))


@pytest.fixture(scope="module")
def keypoints():
    return openpose_keypoints(pose(), CAMERA)[0]


def black(picture):
    return picture[..., 0] < 128


def test_it_is_an_adaptive_threshold_and_an_erosion_by_five_pixels(frame):
    """As the paper says, at the size of the paper's pictures."""
    grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    binary = cv2.adaptiveThreshold(grey, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, 31, 6)
    expected = cv2.erode(binary, np.ones((5, 5), np.uint8))
    found = FRNet(31, 6.0).of_frame(frame)
    assert found.dtype == np.uint8
    assert (found == expected[..., None]).all()


def test_a_plain_picture_is_white():
    assert (FRNet().of_frame(np.full((512, 512, 3), 90, np.uint8)) == 255).all()


@pytest.mark.parametrize("side", [128, 256])
def test_smaller_pictures_keep_the_same_lines(frame, side):
    """Worked on at their own size, most of a small picture would be black."""
    found = FRNet().of_frame(resize(frame, side, side))
    large = resize(FRNet().of_frame(frame), side, side)
    assert found.shape == (side, side, 3)
    assert np.abs(found.astype(int) - large).mean() < 20
    assert 0 < black(found).mean() < 0.2


def test_wide_pictures_keep_their_shape(frame):
    found = FRNet().of_frame(frame[100:300])
    assert found.shape == (200, 512, 3)


def test_of_a_pose_it_is_that_of_the_rendered_body(keypoints):
    fr_net = FRNet()
    assert (fr_net.of_pose(keypoints, 512, 512) == fr_net.of_frame(render_body(keypoints, 512, 512))).all()


def test_lines_of_the_pose_lie_near_lines_of_the_frame(frame, keypoints):
    of_frame, of_pose = (black(of) for of in (FRNet().of_frame(frame), FRNet().of_pose(keypoints, 512, 512)))
    away = cv2.distanceTransform((~of_frame).astype(np.uint8), cv2.DIST_L2, 5)
    assert (away[of_pose] < 10).mean() > 0.7
    assert (away < 10).mean() < 0.6  # which is not so of any place


def test_a_pose_in_a_small_picture_is_the_same_pose(keypoints):
    small, large = FRNet().of_pose(keypoints / (4, 4, 1), 128, 128), FRNet().of_pose(keypoints, 512, 512)
    assert np.abs(small.astype(int) - resize(large, 128, 128)).mean() < 1


def test_hands_keep_their_colours_where_they_are_asked_to(keypoints):
    plain, coloured = (FRNet(coloured_hands=switch).of_pose(keypoints, 512, 512) for switch in (False, True))
    assert (plain[..., 0] == plain[..., 2]).all()
    warmth = coloured[..., 0].astype(int) - coloured[..., 2]
    for hand, mine in zip(HANDS, (warmth > 0, warmth < 0), strict=True):
        y, x = np.nonzero(mine)
        assert len(x) > 200
        left, top = keypoints[hand, :2].min(0) - 15
        right, bottom = keypoints[hand, :2].max(0) + 15
        assert ((left < x) & (x < right) & (top < y) & (y < bottom)).all()
    assert (black(plain) == (coloured.max(-1) < 128)).mean() > 0.99


@pytest.mark.parametrize("block_size", [1, 2, 20, -3])
def test_a_block_that_has_no_middle_is_refused(block_size):
    with pytest.raises(ValueError, match=rf"fr_net.block_size: found {block_size}, expected an odd number from 3"):
        FRNet(block_size)
