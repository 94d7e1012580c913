"""OpenPose keypoints: where the avatar's lie, and the drawing of any."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from red_signer import LOOK, is_skin, pose

from datamodules.avatar.renderer.frames import Camera, film
from datamodules.avatar.renderer.openpose import openpose_keypoints
from datamodules.media.conditions.openpose_drawing import (
    BODY,
    BODY_COLOURS,
    BODY_LIMBS,
    FACE,
    HANDS,
    WHITE,
    draw_openpose,
)

WIDE = Camera(320, 180, 60.0, (150.0, 80.0))


def person():
    return openpose_keypoints(pose(), WIDE)[0]


def test_hands_and_face_lie_on_skin():
    skin = is_skin(next(film(pose(), LOOK, WIDE)))
    for part, share in ((HANDS[0], 1.0), (HANDS[1], 1.0), (slice(*FACE.indices(42)), 0.8)):
        x, y = person()[part, :2].round().astype(int).T  # of the face its outline alone
        assert skin[y, x].mean() >= share


def test_left_is_the_signers_left():
    points = person()
    for right, left in ((2, 5), (4, 7), (9, 12), (15, 16), (17, 18)):
        assert points[right, 0] < points[left, 0]
    assert points[HANDS[1], 0].mean() < points[HANDS[0], 0].mean()
    assert points[FACE][0, 0] < points[FACE][16, 0]
    assert np.allclose(points[4], points[116], atol=1)  # wrist of the body, wrist of the hand


def test_the_face_turns_with_the_head():
    turned = pose()
    turned[:, 0, 0] += 0.04
    nose, jaw = (openpose_keypoints(joints, WIDE)[0, FACE][[30, 8], 0] for joints in (pose(), turned))
    assert jaw[0] - nose[0] > 2


def test_what_is_outside_the_picture_is_absent():
    points = openpose_keypoints(pose(right=(-4.0, -0.1, 0.5)), WIDE)[0]
    assert (points[HANDS[1]] == 0).all()
    assert (points[4] == 0).all()
    assert (points[HANDS[0], 2] > 0).all()


def test_only_who_sits_has_legs():
    tall = Camera(320, 320, 60.0, (150.0, 80.0))
    legs = [10, 11, 13, 14]
    assert (openpose_keypoints(pose(), tall)[0, legs] == 0).all()
    assert (openpose_keypoints(pose(), tall, seated=True)[0, legs, 2] > 0).all()


def test_joints_and_limbs_have_their_colours():
    points = person()
    image = draw_openpose(points, 320, 180)
    assert image.shape == (180, 320, 3)
    assert image.dtype == np.uint8
    for a, b in ((2, 3), (5, 6), (1, 8)):
        if points[a, 2] and points[b, 2]:
            x, y = ((points[a] + points[b]) / 2)[:2].round().astype(int)
            assert tuple(image[y, x]) == BODY_COLOURS[b]
    x, y = points[3, :2].round().astype(int)
    assert tuple(image[y, x]) == BODY_COLOURS[3]


def test_a_limb_is_an_ellipse_from_joint_to_joint():
    points, side = np.zeros((137, 3)), 400
    points[[2, 3]] = (50.3, 60.2, 1), (171.7, 113.1, 1)
    centre, half = points[[2, 3], :2].mean(0), (points[3] - points[2])[:2] / 2
    u, v = np.moveaxis(np.stack(np.meshgrid(np.arange(side), np.arange(side)), -1) - centre, -1, 0)
    x, y = half / np.hypot(*half)
    limb = ((u * x + v * y) / np.hypot(*half)) ** 2 + ((v * x - u * y) / (side / 140)) ** 2 <= 1
    joints = np.hypot(abs(u * x + v * y) - np.hypot(*half), v * x - u * y) <= side / 100 + 1
    image = draw_openpose(points, side, side)
    assert (image[limb & ~joints] == BODY_COLOURS[3]).all()
    assert not image[~limb & ~joints].any()


def test_hands_and_face_are_veils_over_the_body():
    points = np.zeros((137, 3))
    points[FACE][0] = 50, 50, 1
    assert draw_openpose(points, 100, 100)[50, 50].tolist() == [round(0.6 * value) for value in WHITE]


def test_absent_points_take_their_limbs_with_them():
    points = person()
    whole = draw_openpose(points, 320, 180)
    points[3] = 200, 100, 0.0
    points[4] = np.nan
    points[HANDS[0]] = 0
    fewer = draw_openpose(points, 320, 180)
    assert (whole[:, :130] > 0).sum() > (fewer[:, :130] > 0).sum()
    drawn = {tuple(colour) for colour in fewer.reshape(-1, 3)}
    assert BODY_COLOURS[3] not in drawn
    assert BODY_COLOURS[4] not in drawn
    assert BODY_COLOURS[6] in drawn
    assert not draw_openpose(np.zeros((137, 3)), 320, 180).any()


def test_what_openpose_is_not_sure_of_is_dark_where_asked_for():
    points = person()
    points[:, 2] = 1.0
    sure = draw_openpose(points, 320, 180, confidence=True)
    assert (sure == draw_openpose(points, 320, 180)).all()
    points[:, 2] = 0.5
    assert (draw_openpose(points, 320, 180) == sure).all()
    assert np.abs(draw_openpose(points, 320, 180, confidence=True).astype(int) - sure / 2).max() <= 1
    points[3, 2] = 1.0
    x, y = points[3, :2].round().astype(int)
    assert tuple(draw_openpose(points, 320, 180, confidence=True)[y, x]) == BODY_COLOURS[3]


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"found shape \(25, 3\), expected \(137, 3\)"):
        draw_openpose(np.zeros((25, 3)), 10, 10)


@settings(max_examples=25, deadline=None)
@given(arrays(np.float64, (137, 3), elements=st.floats(width=64) | st.floats(-200, 200)), st.integers(1, 60))
def test_any_keypoints_can_be_drawn(points, side):
    with np.errstate(all="ignore"):
        assert draw_openpose(points, side, 40).shape == (40, side, 3)


def test_real_drawings_use_the_same_colours_and_widths(shared):
    folder = shared / "data" / "rwth_boston50" / "train"
    known = np.array([BODY_COLOURS[b] for _, b in BODY_LIMBS] + list(BODY_COLOURS[BODY]))
    for number in (65, 200, 350):
        right = cv2.imread(str(folder / f"image{number}.jpg"))[:, 336:, ::-1].astype(int)
        bright = right[(right.max(-1) > 230) & (right.min(-1) < 40)]
        away = np.abs(bright[:, None] - known).max(-1).min(1)
        assert (away < 60).mean() > 0.95
        points = np.zeros((137, 3))
        points[[1, 8]] = (168, 102, 1), (168, 200, 1)
        ours = cv2.imdecode(cv2.imencode(".jpg", draw_openpose(points, 336, 312)[..., ::-1])[1], 1)[..., ::-1]
        assert abs(spine_width(right) - spine_width(ours)) <= 1.5


def spine_width(drawing):
    """The median width of the red line from neck to hips where it is widest, pixels."""
    rows = drawing[130:165]
    return np.median(((rows[..., 0] > 100) & (rows[..., 1:].max(-1) < 100)).sum(1))
