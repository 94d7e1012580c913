"""Landmarks with MediaPipe's errors: near the true joints, hands lost as real ones are, the same for the same seed."""

import json

import numpy as np
import pytest

from datamodules.avatar import perform
from datamodules.avatar.renderer.frames import Camera
from datamodules.features.signing_points import picture_points, signing_points
from datamodules.poses.formats import read_pose
from datamodules.poses.layouts import layout_of
from datamodules.poses.skeletons import HOLISTIC_108
from datamodules.twins import Twin, ensure_twin, wlasl
from datamodules.twins.landmarks import (
    BODY_IN,
    BODY_OF,
    HANDS_IN,
    HANDS_OF,
    Spells,
    Wander,
    circumstances,
    detected,
    looks,
    usual_errors,
)
from datamodules.twins.signers import cast
from datamodules.twins.wlasl import studio

CAMERA, FPS = studio(0)
HELLO = perform(["HELLO"], fps=FPS).joints


def seen(seed):
    """x, y (T, 108, 2) in pixels and confidence (T, 108) of what is found of HELLO."""
    body = detected(HELLO, CAMERA, FPS, np.random.default_rng(seed)).body
    return np.asarray(body.data.data[:, 0]), np.asarray(body.confidence[:, 0])


def test_they_have_the_layout_of_data_landmarks_and_are_those_of_a_seed():
    pose = detected(HELLO, CAMERA, FPS, np.random.default_rng(0))
    assert layout_of(pose) == HOLISTIC_108
    np.testing.assert_array_equal(pose.body.data.data, detected(HELLO, CAMERA, FPS, np.random.default_rng(0)).body.data)
    assert (seen(0)[0] != seen(1)[0]).any()


def test_what_is_found_lies_near_what_is_there_and_what_is_not_is_absent():
    true = CAMERA.project(HELLO) / CAMERA.unit
    off, found = [], []
    for seed in range(20):
        points, confidence = seen(seed)
        assert not points[confidence == 0].any()
        off.append(np.linalg.norm(points[:, BODY_IN] / CAMERA.unit - true[:, BODY_OF], axis=-1)[:, 1:])
        found.append(confidence[:, HANDS_IN[1]] > 0)
        error = np.linalg.norm(points[:, HANDS_IN[1]] / CAMERA.unit - true[:, HANDS_OF[1]], axis=-1)
        off.append(error[found[-1]].reshape(-1, 1))
    assert 0.03 < np.median(np.concatenate([part.ravel() for part in off])) < 0.12  # shoulder widths
    assert 0.3 < np.mean(found) < 0.9
    assert all((hand.all(1) == hand.any(1)).all() for hand in found)


def test_a_hand_errs_alike_whenever_it_looks_alike_and_a_left_one_as_a_right_one_mirrored():
    true = CAMERA.project(HELLO).astype(float)
    usual = usual_errors(looks(HELLO, true, CAMERA, FPS, side=1), side=1)
    errors = []
    for seed in range(60):
        points, confidence = seen(seed)
        error = (points[:, HANDS_IN[1]] - true[:, HANDS_OF[1]]) / CAMERA.unit
        errors.append(np.where(confidence[:, HANDS_IN[1], None] > 0, error, np.nan))
    often = np.isfinite(errors)[..., 0, 0].sum(0) > 20
    mean = np.nanmedian(np.stack(errors)[:, often], axis=0)
    assert often.sum() > 10
    assert np.corrcoef(mean.ravel(), usual[often].ravel())[0, 1] > 0.8
    mirrored = HELLO * (-1, 1, 1)
    mirrored[:, [*HANDS_OF[0], *HANDS_OF[1]]] = mirrored[:, [*HANDS_OF[1], *HANDS_OF[0]]]
    square = Camera.square(256)
    right, left = (
        usual_errors(looks(joints, square.project(joints).astype(float), square, FPS, side), side)
        for joints, side in ((HELLO, 1), (mirrored, 0))
    )
    np.testing.assert_allclose(left, right * (-1, 1), atol=1e-3)


def test_a_hand_is_lost_where_it_is_fast_and_outside_the_picture():
    joints = np.repeat(HELLO[len(HELLO) // 2, None], 80, axis=0)
    fast, below = joints.copy(), joints.copy()
    fast[:, HANDS_OF[1], 0] += np.linspace(-1, 1, 80)[:, None]
    below[:, HANDS_OF[1], 1] += 2

    def share(moved):
        poses = [detected(moved, CAMERA, FPS, np.random.default_rng(seed)) for seed in range(20)]
        return np.mean([pose.body.confidence[:, 0, HANDS_IN[1]].any(1) for pose in poses])

    assert share(below) < share(joints)
    assert share(fast) < share(joints)
    facts = circumstances(CAMERA.project(below).astype(float), CAMERA, FPS, side=1)
    assert (facts[:, 1] == 1).all()


def test_errors_remember_and_spells_last_as_their_numbers_say():
    rng = np.random.default_rng(0)
    errors = Wander(between=0.0, within=0.5, memory=0.8).draw(rng, 4000, 2)
    assert errors.std() == pytest.approx(0.5, abs=0.05)
    assert np.corrcoef(errors[1:, 0], errors[:-1, 0])[0, 1] == pytest.approx(0.8, abs=0.05)
    there = Spells(clips=1.0, frames=0.25, run=4.0).draw(rng, 20000)
    assert there.mean() == pytest.approx(0.25, abs=0.03)
    assert there.sum() / np.diff(there.astype(int)).clip(0).sum() == pytest.approx(4, abs=0.3)
    assert not Spells(clips=0.0, frames=0.5, run=4.0).draw(rng, 100).any()


def test_the_joints_of_a_clip_are_what_an_errorless_detector_finds_and_those_outside_the_picture(tmp_path):
    twin = Twin(4, signers=3)
    glosses, clips = wlasl.cut(twin)
    for clip in clips[:2]:
        signed = clip, glosses[clip.gloss], cast(twin)[clip.signer], twin.seed
        wlasl.write_clip_joints(tmp_path, *signed)
        camera, fps = studio(clip.signer)
        there = picture_points(read_pose(tmp_path / f"{clip.name}.pose"), fps)
        found = picture_points(wlasl.seen_pose(wlasl.performed(*signed), camera), fps)
        assert there[..., 2].all()
        assert found[..., 2].mean() > 0.5
        np.testing.assert_allclose(there * found[..., 2:], found, atol=1e-5)


def test_a_twin_of_landmarks_has_them_in_place_of_videos_and_is_no_other_twin(tmp_path, monkeypatch):
    root = tmp_path / "twin"
    ensure_twin("wlasl", root, Twin(4, signers=3), only="landmarks")
    index = json.loads((root / "WLASL_v0.3.json").read_text())
    clips = [clip["video_id"] for entry in index for clip in entry["instances"]]
    assert sorted(path.stem for path in (root / "landmarks").iterdir()) == sorted(clips)
    assert not (root / "videos").exists()
    written = (root / "landmarks" / f"{clips[0]}.pose").read_bytes()
    assert signing_points(read_pose(root / "landmarks" / f"{clips[0]}.pose"))[..., 2].any()
    ensure_twin("wlasl", root, Twin(4, signers=3), only="landmarks")
    assert (root / "landmarks" / f"{clips[0]}.pose").read_bytes() == written
    mark = json.loads((root / "twin.json").read_text())
    (root / "twin.json").write_text(json.dumps({key: mark[key] for key in mark if key != "landmarks"}))
    (root / "landmarks" / f"{clips[0]}.pose").write_bytes(written[::-1])
    ensure_twin("wlasl", root, Twin(4, signers=3), only="landmarks")
    assert json.loads((root / "twin.json").read_text()) == mark, "landmarks with errors of an earlier kind were kept"
    assert (root / "landmarks" / f"{clips[0]}.pose").read_bytes() == written
    asked = []
    monkeypatch.setattr(wlasl, "write_skeletons", lambda *twin: asked.append(twin))  # drawing takes a minute
    ensure_twin("wlasl", root, Twin(4, signers=3), only="skeletons")
    assert asked
    assert not (root / "landmarks").exists()
