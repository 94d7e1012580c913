from dataclasses import replace

import numpy as np
import pytest
from red_signer import LOOK, is_skin, pose

from datamodules.avatar.renderer.frames import Camera, film, project, render
from datamodules.avatar.renderer.letters import Setting, Stance, letter_frame, letter_landmarks, photograph
from datamodules.avatar.renderer.views import GESTURES, SECOND_FORMS, SYMBOLS
from datamodules.features.landmarks import ignore_profiling
from datamodules.poses import skeletons


def test_same_arguments_give_the_same_bytes():
    joints = np.repeat(pose(), 2, axis=0)
    frames = render(joints, LOOK, seed=3)
    assert frames.shape == (2, 256, 256, 3)
    assert frames.dtype == np.uint8
    assert frames.tobytes() == render(joints, LOOK, seed=3).tobytes()
    assert frames.tobytes() != render(joints, LOOK, seed=4).tobytes()
    assert np.array_equal(frames[0], frames[1])


def test_the_size_is_the_callers():
    assert render(pose(), LOOK, size=96).shape == (1, 96, 96, 3)
    assert letter_frame("A", np.random.default_rng(0), size=96).shape == (96, 96, 3)


def test_any_camera_films_what_it_projects():
    camera = Camera(320, 160, 50.0, (120.0, 60.0))
    frame = next(film(pose(), LOOK, camera))
    assert frame.shape == (160, 320, 3)
    x, y = camera.project(pose())[0, 8:].round().astype(int).T
    assert is_skin(frame)[y, x].mean() > 0.95  # the least of fingertips may be a pixel off


def test_the_square_camera_renders():
    frames = list(film(pose(), LOOK, Camera.square(64), seed=3))
    assert np.array_equal(frames, render(pose(), LOOK, 64, seed=3))


def test_a_scene_stands_behind_the_signer():
    scene = np.full((160, 320, 3), (10, 200, 30), np.uint8)
    frame = next(film(pose(), LOOK, Camera(320, 160, 50.0, (160.0, 60.0)), scene=scene))
    assert (frame[:, :20] == (10, 200, 30)).all()
    assert is_skin(frame).any()


def test_who_sits_has_a_lap():
    standing, seated = (next(film(pose(), LOOK, Camera(160, 160, 40.0, (80.0, 60.0)), seated=s)) for s in (False, True))
    assert np.array_equal(standing[:60], seated[:60])
    assert not np.array_equal(standing[110:], seated[110:])


def test_every_hand_joint_lies_on_skin():
    joints = pose()
    skin = is_skin(render(joints, LOOK)[0])
    x, y = project(joints)[0, 8:].round().astype(int).T
    assert skin[y, x].all()


def test_a_left_handed_signer_is_the_mirror_image():
    joints = pose(right=(-0.1, -0.2, 0.5))
    mirrored = joints * (-1, 1, 1)
    order = [0, 1, 5, 6, 7, 2, 3, 4, *range(29, 50), *range(8, 29)]
    skin, mirror = (is_skin(render(p.astype(np.float32), LOOK)[0]) for p in (joints, mirrored[:, order]))
    assert (skin == mirror[:, ::-1]).mean() > 0.99


def test_the_nearer_hand_hides_the_farther():
    right = (0, -0.5, 0.5)
    x, y = project(pose(right))[0, skeletons.RIGHT_HAND].round().astype(int).T
    alone, before, behind = (
        render(pose(right, left), LOOK)[0, y, x].astype(float)
        for left in ((1.0, -0.6, 0.0), (0.1, -0.5, 0.9), (0.1, -0.5, 0.2))
    )
    assert np.abs(behind - alone).mean() < 2
    assert np.abs(before - alone).mean() > 10


def test_a_hand_behind_the_chest_is_hidden():
    joints = pose(right=(0, -0.8, -1.5), left=(1.0, -0.6, 0.0))
    x, y = project(joints)[0, skeletons.RIGHT_HAND].round().astype(int).T
    assert not is_skin(render(joints, LOOK)[0])[y, x].any()


@pytest.mark.parametrize("spoil", [0.0, 1e-4, 50.0])
def test_a_degenerate_pose_is_drawn(spoil):
    joints = np.random.default_rng(0).normal(0, spoil, (2, 50, 3)).astype(np.float32)
    assert render(joints, LOOK, size=64).shape == (2, 64, 64, 3)


def test_bad_joints_are_refused():
    with pytest.raises(ValueError, match=r"\(frames, 50, 3\)"):
        render(np.zeros((2, 21, 3), np.float32), LOOK)
    with pytest.raises(ValueError, match="NaN"):
        render(np.full((1, 50, 3), np.nan, np.float32), LOOK)
    with pytest.raises(ValueError, match="letter A-Z"):
        letter_frame("Ä", np.random.default_rng(0))


def test_letters_are_reproducible_and_differ():
    frames = {symbol: letter_frame(symbol, np.random.default_rng(1), 64) for symbol in SYMBOLS}
    assert np.array_equal(frames["A"], letter_frame("A", np.random.default_rng(1), 64))
    same = {"O": "0", "F": "9"}
    assert len({frame.tobytes() for frame in frames.values()}) == len(SYMBOLS) - len(same)


@pytest.mark.parametrize("symbol", [*SYMBOLS, *GESTURES])
def test_letter_landmarks_lie_in_the_frame_on_a_hand_of_a_good_size(symbol):
    for seed in range(5):
        points = letter_landmarks(symbol, np.random.default_rng(seed))
        assert points.shape == (21, 2)
        assert points.min() > 0
        assert points.max() < 256
        assert 0.2 * 256 < np.ptp(points, axis=0).max() < 0.75 * 256


def test_letters_face_as_in_photographs():
    def points(symbol):
        return letter_landmarks(symbol, np.random.default_rng(0))

    thumb, little, index = 4, 17, 8
    assert points("L")[thumb, 0] > points("L")[little, 0]  # palm to the viewer: a right hand's thumb is on the right
    assert points("5")[thumb, 0] < points("5")[little, 0]  # counting: the back of the hand
    for symbol in "GHPQ":
        assert points(symbol)[index, 0] < points(symbol)[0, 0]
    assert points("Q")[index, 1] > points("Q")[5, 1]
    assert points("M")[index, 1] > points("M")[5, 1]
    wrist, knuckle, tip = 0, 9, 12
    for symbol in GESTURES:
        assert points(symbol)[knuckle, 0] < points(symbol)[wrist, 0]
    assert points("del")[tip, 1] > points("del")[knuckle, 1]  # drooping
    assert points("space")[tip, 1] < points("space")[knuckle, 1]  # a cup
    assert points("space")[thumb, 1] < points("space")[wrist, 1]


@pytest.mark.parametrize("symbol", SYMBOLS[:26])
def test_letters_of_two_forms_are_shown_in_both(symbol):
    rng = np.random.default_rng(0)
    stances, setting = [Stance.draw(rng) for _ in range(20)], Setting.draw(rng, 64)
    assert {stance.form for stance in stances} == {0, 1}
    first, second = (
        photograph(symbol, replace(stances[0], form=form), setting, np.random.default_rng(1)) for form in (0, 1)
    )
    assert np.array_equal(first, second) == (symbol not in SECOND_FORMS)


def test_stances_blend_and_settings_stay():
    rng = np.random.default_rng(0)
    here, there, setting = Stance.draw(rng), Stance.draw(rng), Setting.draw(rng, 64).calm()  # its exposure is fixed
    assert vars(here.toward(there, 0.0))["zoom"] == here.zoom
    assert np.allclose(here.toward(there, 0.5).place, (here.place + there.place) / 2)
    assert here.toward(replace(there, form=1 - here.form), 0.9).form == here.form
    empty, first, near, far = (
        photograph(symbol, here.toward(there, share), setting, np.random.default_rng(1)).astype(int)
        for symbol, share in ((None, 0.0), ("B", 0.0), ("B", 0.1), ("B", 1.0))
    )
    assert np.abs(first - near).mean() < np.abs(first - far).mean()
    assert (np.abs(first - empty).max(-1) == 0).mean() > 0.3


def test_a_landmarker_of_real_hands_finds_the_letters(shared):
    mediapipe = pytest.importorskip("mediapipe")
    from mediapipe.tasks.python import BaseOptions, vision

    model = shared / "models" / "hand_landmarker.task"
    if not model.is_file():
        pytest.skip(f"no landmarker at {model}")
    ignore_profiling()
    options = vision.HandLandmarkerOptions(BaseOptions(model_asset_path=str(model)), num_hands=1)
    errors = []
    with vision.HandLandmarker.create_from_options(options) as landmarker:
        for symbol in SYMBOLS[:26]:
            for seed in range(3):
                image = letter_frame(symbol, np.random.default_rng(seed))
                result = landmarker.detect(mediapipe.Image(mediapipe.ImageFormat.SRGB, image))
                if result.hand_landmarks:
                    found = np.array([[256 * p.x, 256 * p.y] for p in result.hand_landmarks[0]])
                    truth = letter_landmarks(symbol, np.random.default_rng(seed))
                    errors.append(np.linalg.norm(found - truth, axis=1).mean())
    assert len(errors) / 78 >= 0.8
    assert np.median(errors) < 10
