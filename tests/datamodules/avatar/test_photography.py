"""What a camera makes of a scene: contrast, noise and blocks as asked, and movement smeared where it is alone."""

import cv2
import numpy as np
import pytest

from datamodules.avatar.renderer.backdrop import KINDS, ground
from datamodules.avatar.renderer.footage import recorded
from datamodules.avatar.renderer.frames import Camera
from datamodules.avatar.renderer.letters import Arm, Setting, Stance, photograph
from datamodules.avatar.renderer.photography import Shot, smear
from datamodules.avatar.signer import Look
from datamodules.poses import skeletons

CAMERA = Camera(160, 160, 40.0, (80.0, 60.0))


def scene():
    return np.random.default_rng(0).uniform(90, 150, (64, 64, 3)).astype(np.float32)


def taken(**shot):
    return Shot(**shot).take(scene(), np.random.default_rng(1)).astype(float)


def test_a_perfect_camera_takes_a_scene_as_it_is():
    assert np.abs(taken() - scene()).max() <= 1


@pytest.mark.parametrize("contrast", [12.0, 18.0])
def test_exposure_gives_the_contrast_that_is_asked_for(contrast):
    assert taken(contrast=contrast).mean(-1).std() == pytest.approx(contrast, rel=0.05)


def test_exposure_makes_no_picture_of_nothing():
    flat = Shot(contrast=60.0).take(np.full((64, 64, 3), 120.0, np.float32), np.random.default_rng(0))
    assert np.ptp(flat) == 0


def test_noise_is_as_strong_as_asked_for_and_softness_takes_detail():
    assert (taken(noise=4.0) - taken()).std() == pytest.approx(4, rel=0.1)
    assert taken(blur=4.0).std() < 0.7 * taken().std()
    assert taken(sharpening=1.0).std() > 1.2 * taken().std()


def test_a_poor_jpeg_has_blocks():
    across = np.abs(np.diff(taken(quality=12).mean(-1), axis=1)).mean(0)
    assert across[7::8].mean() > 1.5 * np.delete(across, slice(7, None, 8)).mean()


def test_what_moves_is_smeared_along_its_way_alone():
    image = np.zeros((41, 41, 1), np.float32)
    image[20, 20] = 1
    smeared = smear(image, (11.0, 0.0))
    smeared = smeared.reshape(41, 41)
    assert smeared.sum() == pytest.approx(1, abs=0.01)
    assert (smeared[20] > 0.01).sum() == pytest.approx(12, abs=1)
    assert np.delete(smeared, 20, axis=0).max() < 0.02
    assert smear(image, (0.3, 0.2)) is image


def test_a_moving_hand_is_blurred_and_the_rest_is_not():
    joints = np.zeros((3, 50, 3), np.float32)
    joints[:, skeletons.RIGHT_HAND, :2] = np.random.default_rng(0).uniform(-0.06, 0.06, (21, 2))
    moving = joints.copy()
    moving[:, skeletons.RIGHT_HAND, 0] += np.array([-0.2, 0.0, 0.2], np.float32)[:, None]
    stripes = np.zeros((160, 160, 3), np.uint8)
    stripes[:, ::4] = 255
    still, blurred = (
        list(recorded([stripes] * 3, pose, CAMERA, Shot(), np.random.default_rng(0)))[1] for pose in (joints, moving)
    )
    x, y = CAMERA.project(joints)[0, skeletons.RIGHT_HAND].mean(0).round().astype(int)
    assert np.array_equal(still, stripes)
    assert blurred[y - 3 : y + 3, x - 3 : x + 3].std() < 0.5 * stripes.std()
    assert np.array_equal(blurred[130:], stripes[130:])


@pytest.mark.parametrize("kind", KINDS)
def test_grounds_are_what_they_are_called_and_differ(kind):
    grounds = [ground(kind, 64, np.random.default_rng(seed)) for seed in range(8)]
    assert len({one.tobytes() for one in grounds}) == 8
    levels = [float(one.mean()) for one in grounds]
    if kind == "black":
        assert max(levels) < 45
    elif kind == "white":
        assert min(levels) > 200
    else:
        assert np.ptp(levels) > 40
    if kind in ("room", "clutter"):
        edges = [cv2.Canny(one, 30, 60).astype(bool).mean() for one in grounds]
        assert np.median(edges) > 0.01


def test_an_arm_is_bare_or_sleeved_or_not_seen():
    rng = np.random.default_rng(0)
    stance, setting = Stance.draw(rng), Setting.draw(rng, 96, Look(skin=(222, 178, 145))).calm()
    black = np.zeros_like(setting.scene)

    def shown(arm):
        own = Setting(**{**vars(setting), "arm": arm, "scene": black})
        return photograph("B", stance, own, np.random.default_rng(0)).astype(int)

    bare, sleeved, cut = shown(None), shown(Arm(0.5, (30, 60, 220))), shown(Arm(0.5, None))
    blue = (sleeved[..., 2] > sleeved[..., 0] + 40).mean()
    assert blue > 0.01
    assert (bare[..., 2] > bare[..., 0] + 40).mean() == 0
    assert (cut.max(-1) > 20).mean() < (bare.max(-1) > 20).mean() - 0.01
    assert np.array_equal(bare[:30], sleeved[:30])


def test_a_hand_may_be_large_and_cut_by_the_edge():
    rng = np.random.default_rng(0)
    stances = [Stance.draw(rng, (0.13, 0.42), careful=False) for _ in range(200)]
    beyond = [bool(np.abs(stance.cut).max() > 0) for stance in stances]
    assert 0.08 < np.mean(beyond) < 0.28
    setting = Setting.draw(rng, 64).calm()
    setting = Setting(**{**vars(setting), "scene": np.zeros_like(setting.scene)})
    covered = [(photograph("B", stance, setting, rng).max(-1) > 15) for stance in stances[:40]]
    assert max(one.any(1).mean() for one in covered) > 0.75
