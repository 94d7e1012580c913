"""Bodies rendered from poses: they stand where the signer stands, in an order that a 2D pose allows."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from red_signer import LOOK, is_skin, pose

from datamodules.avatar.renderer.frames import Camera, film
from datamodules.avatar.renderer.openpose import openpose_keypoints
from datamodules.media.conditions.body_rendering import BACKDROP, hand_confidences, render_body
from datamodules.media.conditions.openpose_drawing import HANDS

CAMERA = Camera(240, 240, 70.0, (120.0, 90.0))


def person(**hands):
    return openpose_keypoints(pose(**hands), CAMERA)[0]


def painted(image):
    return (image != BACKDROP).any(-1)


def is_orange(image):
    return image[..., 0].astype(int) > image[..., 2]


def is_blue(image):
    return image[..., 0].astype(int) < image[..., 2]


def test_a_body_covers_what_the_signer_covers():
    joints = pose()
    frame = next(film(joints, LOOK, CAMERA, scene=np.full((240, 240, 3), (0, 200, 0), np.uint8)))
    signer, body = frame[..., 1] < 150, painted(render_body(person(), 240, 240))
    assert (signer & body).sum() / (signer | body).sum() > 0.75


def test_left_and_right_hand_have_colours_by_switch_and_lie_on_the_signers():
    plain, coloured = (render_body(person(), 240, 240, switch) for switch in (False, True))
    assert not (is_orange(plain) | is_blue(plain)).any()
    skin = is_skin(next(film(pose(), LOOK, CAMERA)))
    for hand, mine in zip(HANDS, (is_orange(coloured), is_blue(coloured)), strict=True):
        x, y = person()[hand, :2].round().astype(int).T
        assert mine[y, x].mean() > 0.9
        assert skin[mine].mean() > 0.7


def test_fingers_that_stand_apart_are_told_apart():
    """Along a line across the fingertips of an open hand, there is the backdrop between two of them."""
    points = person()
    shown = painted(render_body(points, 240, 240))
    tips = points[HANDS[1]][[8, 12, 16, 20], :2]
    for one, other in pairwise(tips):
        along = (one + (other - one) * np.linspace(0, 1, 20)[:, None]).round().astype(int)
        covered = shown[along[:, 1], along[:, 0]]
        assert covered[0]
        assert covered[-1]
        assert not covered.all()


@pytest.mark.parametrize("turned", [False, True], ids=["palm", "back"])
def test_a_curled_finger_is_seen_before_the_palm_and_not_behind_it(turned):
    points, hand = person(), HANDS[1]
    wrist, knuckle, little = points[hand][0, :2], points[hand][9, :2].copy(), points[hand][17, :2].copy()
    middle = (2 * wrist + knuckle + little) / 4
    points[hand][10:13, :2] = middle  # the middle finger ends in the middle of the palm
    points[hand][18:21, 2] = 0
    if turned:
        points[hand, 0] = 2 * wrist[0] - points[hand, 0]
    wide = points * (6, 6, 1) - (*(6 * points[hand][0, :2] - 360), 0)
    shown = render_body(wide, 720, 720)
    x, y = wide[hand][10, :2].round().astype(int)
    around = shown[y - 16 : y + 17, x - 16 : x + 17, 0].astype(int)
    assert (around.max() - around.min() > 60) != turned


def test_the_larger_hand_is_painted_last():
    """Both hands in one place, one of them a third larger, so nearer."""
    for larger, smaller, mine in ((0, 1, is_orange), (1, 0, is_blue)):
        points = person()
        for side, scale in ((larger, 1.3), (smaller, 1.0)):
            hand = points[HANDS[1], :2] if side == 1 else points[HANDS[0], :2] * (-1, 1) + (240, 0)
            points[HANDS[side], :2] = (120, 200) + scale * (hand - hand[9])
        x, y = points[HANDS[larger]][9, :2].astype(int)
        assert mine(render_body(points, 240, 240, coloured_hands=True))[y, x]


def test_what_was_not_found_is_left_out():
    whole = render_body(person(), 240, 240)
    for part in (HANDS[0], HANDS[1], [0, 15, 16, 17, 18], [6, 7], [3, 4]):
        points = person()
        points[part, 2] = 0
        fewer = render_body(points, 240, 240)
        assert (fewer != whole).any()
        assert (painted(fewer) & ~painted(whole)).mean() < 1e-3  # a shade of skin is the backdrop's grey
    handless = person()
    handless[95:, 2] = 0
    shown = render_body(handless, 240, 240, coloured_hands=True)
    assert not (is_orange(shown) | is_blue(shown)).any()


@pytest.mark.parametrize("shoulder", [2, 5])
def test_without_shoulders_nothing_tells_how_thick_a_body_is(shoulder):
    points = person()
    points[shoulder, 2] = 0
    assert not painted(render_body(points, 240, 240)).any()


def test_thickness_follows_the_shoulders():
    large, small = (render_body(person() * (scale, scale, 1), 240 * scale, 240 * scale) for scale in (2, 1))
    assert painted(large).mean() == pytest.approx(painted(small).mean(), rel=0.02)


def test_hands_are_where_their_keypoints_are_with_their_confidence():
    points = person()
    points[HANDS[0], 2], points[HANDS[1], 2] = 0.8, 0.4
    found = hand_confidences(points, 240, 240)
    assert set(np.unique(found)) == {0, 102, 204}
    for hand, value in zip(HANDS, (204, 102), strict=True):
        x, y = points[hand, :2].astype(int).T
        assert (found[y, x] == value).all()
    skin = is_skin(next(film(pose(), LOOK, CAMERA)))
    assert skin[found > 0].mean() > 0.4  # there is something between fingers
    assert (found > 0).mean() < 0.06


def test_keypoints_that_were_not_found_make_a_hand_less_certain_and_no_hand_is_nowhere():
    points = person()
    points[HANDS[0], 2] = np.arange(21) % 2
    points[HANDS[1], 2] = 0
    assert set(np.unique(hand_confidences(points, 240, 240))) == {0, round(255 * 10 / 21)}
    assert not hand_confidences(np.zeros((137, 3)), 240, 240).any()


def test_other_shapes_are_refused():
    for work in (render_body, hand_confidences):
        with pytest.raises(ValueError, match=r"found shape \(25, 3\), expected \(137, 3\)"):
            work(np.zeros((25, 3)), 10, 10)


@settings(max_examples=25, deadline=None)
@given(arrays(np.float64, (137, 3), elements=st.floats(width=64) | st.floats(-200, 200)), st.integers(1, 60))
def test_any_keypoints_can_be_rendered(points, side):
    with np.errstate(all="ignore"):
        assert render_body(points, side, 40).shape == (40, side, 3)
        assert hand_confidences(points, side, 40).shape == (40, side)
