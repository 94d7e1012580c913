"""`python -m zoo data landmarks`, run as its users run it, on videos of the avatar, whose joints are known."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from datamodules.avatar import perform
from datamodules.avatar.renderer.frames import project, render
from datamodules.avatar.signer import Signer
from datamodules.features.landmarks import BODY, LEFT_HAND, RIGHT_HAND, WORLD, Landmarker, find_landmarks
from datamodules.files import locked
from datamodules.media.clip import Clip
from datamodules.media.video import write_video
from datamodules.poses import skeletons
from datamodules.poses.formats import read_pose
from datamodules.poses.people import PERSONS
from zoo.cli import data, main

JOINTS = perform(["HELLO", "SIGN"]).joints[4:52:4]
PLACES = {11: 2, 13: 3, 15: 4, 12: 5, 14: 6, 16: 7}  # of Holistic's body, in SLP-50


@pytest.fixture(scope="module")
def models(shared: Path) -> Path:
    """Bundles that stand in for the vendor's."""
    pytest.importorskip("mediapipe")
    return shared / "models"


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three good clips of the avatar, one of a wall, and three that are not what they should be."""
    folder = tmp_path_factory.mktemp("videos")
    frames = np.array(list(render(JOINTS, Signer().look, 256)))
    write_video(folder / "long.mp4", frames, 25)
    write_video(folder / "deep" / "short.mp4", frames[:4], 25)
    write_video(folder / "odd.mp4", frames[6:9, :, 1:-1], 12.5)
    write_video(folder / "wall.mp4", np.full((3, 64, 64, 3), 90, np.uint8), 25)
    with av.open(str(folder / "empty.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width = stream.height = 64
        container.start_encoding()
    (folder / "page.mp4").write_text("<html>404</html>")
    (folder / "notes.txt").write_text("signed by an avatar")
    whole = (folder / "long.mp4").read_bytes()
    (folder / "half.mp4").write_bytes(whole[: len(whole) // 2])
    return folder


@pytest.fixture(scope="module")
def made(videos: Path, models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an undisturbed run makes of them."""
    out = tmp_path_factory.mktemp("made") / "out"
    result = landmarks(videos, out, models, "--jobs", "1")
    assert result.returncode == 1, result.stderr  # some clips could not be read
    assert result.stderr == ""
    assert "frames with a hand" in result.stdout
    return out


def command(videos: Path, out: Path, models: Path, *more: str) -> list[str]:
    fixed = ["data", "landmarks", str(videos), str(out), "--models", str(models), "--frames", "6", "--skeletons"]
    return [sys.executable, "-m", "zoo", *fixed, *more]


def landmarks(*arguments: Any) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command(*arguments), capture_output=True, text=True)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_landmarks_lie_where_the_avatar_has_its_joints(made: Path) -> None:
    pose = read_pose(made / "long.pose")
    truth = project(JOINTS[1::2], 256)
    assert [part.name for part in pose.header.components] == [
        "POSE_LANDMARKS",
        "LEFT_HAND_LANDMARKS",
        "RIGHT_HAND_LANDMARKS",
        "POSE_WORLD_LANDMARKS",
    ]
    assert (pose.header.dimensions.width, pose.header.dimensions.height) == (256, 256)
    assert pose.body.fps == pytest.approx(12.5)
    assert pose.body.data.shape == (6, 1, 108, 3)
    assert pose.header._get_point_index("RIGHT_HAND_LANDMARKS", "INDEX_FINGER_TIP") == RIGHT_HAND.start + 8
    points = np.asarray(pose.body.data[:, 0, :, :2])
    for hand, slp in ((LEFT_HAND, skeletons.LEFT_HAND), (RIGHT_HAND, skeletons.RIGHT_HAND)):
        shown = (truth[:, slp] < 256).all((1, 2))  # a hand with nothing to sign hangs below the picture
        found = np.asarray(pose.body.confidence[:, 0, hand]).all(1)
        assert found[shown].mean() > 0.6
        assert np.linalg.norm(points[found, hand] - truth[found, slp], axis=-1).mean() < 6
    for joint, slp in PLACES.items():
        assert np.linalg.norm(points[:, joint] - truth[:, slp], axis=-1).mean() < 25
    assert np.asarray(pose.body.confidence[:, 0, BODY]).any()
    assert np.abs(np.asarray(pose.body.data[:, 0, WORLD])).max() < 3  # metres


def test_the_report_names_what_is_wrong(made: Path, videos: Path) -> None:
    report = json.loads((made / "report.json").read_text())
    assert (report["clips"], report["frames"]) == (7, 6 + 4 + 3 + 3)
    assert 8 <= report["frames with a hand"] <= 13
    assert report["clips without a hand"] == ["wall"]
    assert report["empty clips"] == ["empty"] or "empty" in report["unreadable clips"]
    assert {"page", "half"} <= set(report["unreadable clips"]) <= {"page", "half", "empty"}
    assert str(videos / "page.mp4") in report["unreadable clips"]["page"]
    assert report["skipped files"] == {".txt": 1}
    assert all(len(sha256) == 64 for sha256 in report["settings"]["bundles"].values())
    assert not read_pose(made / "wall.pose").body.confidence.any()


def test_every_pose_has_its_skeletons(made: Path) -> None:
    names = {"long": 6, "deep/short": 4, "odd": 3, "wall": 3}
    assert {str(path.relative_to(made).with_suffix("")) for path in made.rglob("*.pose")} == set(names)
    for name, frames in names.items():
        pictures = sorted((made / "skeletons" / name).glob("*.png"))
        assert [path.name for path in pictures] == [f"{number:05d}.png" for number in range(frames)]


def test_a_frame_gets_the_same_landmarks_in_any_company(made: Path, videos: Path, models: Path) -> None:
    with Landmarker(models / "pose_full.task", models / "hand_landmarker.task") as landmarker:
        every = find_landmarks(Clip("long", videos / "long.mp4"), landmarker)
    assert every is not None
    some = read_pose(made / "long.pose")
    assert np.array_equal(every.body.data.data[1::2].astype(np.float32), some.body.data.data)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two people side by side, the one at the right larger."""
    folder = tmp_path_factory.mktemp("two")
    left = np.array(list(render(JOINTS, Signer().look, 192)))
    right = np.array(list(render(JOINTS[::-1], Signer.random(3).look, 256)))
    left = np.pad(left, ((0, 0), (64, 0), (0, 0), (0, 0)), mode="edge")
    write_video(folder / "two.mp4", np.concatenate([left, right], axis=2), 25)
    write_video(folder / "one.mp4", right, 25)
    return folder


@pytest.mark.parametrize(("person", "whose"), [("largest", "right"), ("left", "left")])
def test_of_two_people_one_is_followed(
    two: Path, models: Path, person: str, whose: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    arguments = ["--models", str(models), "--frames", "all", "--jobs", "1", "--person", person]
    assert main(["data", "landmarks", str(two), str(out), *arguments]) == 0
    pose = read_pose(out / "two.pose")
    shoulders = np.asarray(pose.body.data[:, 0, [11, 12], 0])
    assert (shoulders < 192).all() if whose == "left" else (shoulders > 192).all()
    for hand in (LEFT_HAND, RIGHT_HAND):
        found = np.asarray(pose.body.confidence[:, 0, hand]).all(1)
        wrists = np.asarray(pose.body.data[found, 0, hand.start, 0])
        assert (wrists < 192).all() if whose == "left" else (wrists > 192).all()
    assert json.loads((out / "two.people.json").read_text()) == {"people": 2, "followed": person}
    assert json.loads((out / "report.json").read_text())["clips of several people"] == {"two": 2}
    assert "two: 2 people in view; the " in capsys.readouterr().out
    assert not (out / "one.people.json").exists()


def test_the_one_at_the_right_of_another_recording(shared: Path, models: Path) -> None:
    """Two people of one size, which a detector lists in changing order."""
    clip = Clip("two", shared / "cases" / "videos" / "two_people.mp4")
    with Landmarker(models / "pose_full.task", models / "hand_landmarker.task") as landmarker:
        pose = find_landmarks(clip, landmarker, 8, "right")
    assert pose is not None
    assert (np.asarray(pose.body.data[:, 0, [11, 12], 0]) > pose.header.dimensions.width / 2).all()


def test_every_choice_of_a_person_is_offered() -> None:
    assert data.PERSONS == PERSONS


def test_a_training_beside_it_does_not_end_the_process(models: Path) -> None:
    """Lightning puts signal handlers back that it never saw change; MediaPipe's profiling timers go on."""
    code = f"""
import sys, numpy as np
from pathlib import Path
from lightning.pytorch import Trainer
from lightning.pytorch.demos.boring_classes import BoringModel
from datamodules.features.landmarks import Landmarker
models = Path({str(models)!r})
with Landmarker(models / "pose_full.task", models / "hand_landmarker.task") as landmarker:
    trainer = Trainer(max_steps=1, logger=False, enable_checkpointing=False, enable_progress_bar=False)
    trainer.fit(BoringModel())
    for _ in range(60):  # unprotected it ends at once
        landmarker(np.zeros((64, 64, 3), np.uint8))
print("alive")
"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True)
    assert done.stdout.endswith("alive\n"), (done.returncode, done.stderr[-500:])


def test_killed_and_resumed_equals_undisturbed(made: Path, videos: Path, models: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = subprocess.Popen(command(videos, out, models, "--jobs", "2"), stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not list(out.glob("[!.]*.pose")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    process.wait()
    time.sleep(1.5)  # its workers end by themselves
    (out / ".long-abcd1234.pose").write_text("half a pose")  # as a killed worker may leave it
    before = {path: path.stat().st_mtime_ns for path in out.glob("[!.]*.pose")}
    assert before
    assert not (out / "report.json").exists()
    assert landmarks(videos, out, models, "--jobs", "1").returncode == 1
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert files(out) == files(made)


def test_other_settings_are_refused(
    made: Path, videos: Path, models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files(made)
    arguments = ["data", "landmarks", str(videos), str(made), "--models", str(models)]
    assert main([*arguments, "--frames", "7"]) == 2
    assert "were made with frames = 6, now it is 7; choose another folder" in capsys.readouterr().err
    others = Path(shutil.copytree(models, tmp_path / "models", copy_function=shutil.copyfile))
    (others / "pose_full.task").replace(others / "pose_landmarker_full.task")
    (others / "hand_landmarker.task").write_bytes(b"not a bundle")
    assert main([*arguments[:-1], str(others)]) == 2
    assert "hand_landmarker.task: no bundle that MediaPipe can open" in capsys.readouterr().err
    assert files(made) == before


@pytest.mark.parametrize(
    ("videos", "out", "message"),
    [
        ("nowhere", "out", "nowhere: no such folder"),
        ("no videos", "out", "no videos: no video in it"),
        ("good", "taken", "taken: holds something else than landmarks of this command"),
        ("good", "a file", "a file: holds something else"),
    ],
)
def test_wrong_folders_are_said_before_bundles_are_looked_for(
    videos: str, out: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "no videos").mkdir()
    write_video(tmp_path / "good" / "wall.mp4", np.zeros((1, 16, 16, 3), np.uint8), 25)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "thesis.txt").touch()
    (tmp_path / "a file").touch()
    assert main(["data", "landmarks", str(tmp_path / videos), str(tmp_path / out), "--models", "none"]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert [path.name for path in (tmp_path / "taken").iterdir()] == ["thesis.txt"]


def test_two_at_once_do_not_disturb_each_other(
    videos: Path, models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with locked(tmp_path / ".out.lock"):
        command = ["data", "landmarks", str(videos), str(tmp_path / "out"), "--models", str(models)]
        assert main(command) == 2
    assert "out: another process is writing landmarks there; wait for its end" in capsys.readouterr().err
    assert not any((tmp_path / "out").iterdir())


def test_without_mediapipe(videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("pose_full.task", "hand_landmarker.task"):
        (tmp_path / name).touch()
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    with pytest.raises(ValueError, match=r"landmarks need MediaPipe .*pip install 'sign-zoo\[landmarks\]'"):
        Landmarker(tmp_path / "pose_full.task", tmp_path / "hand_landmarker.task")
