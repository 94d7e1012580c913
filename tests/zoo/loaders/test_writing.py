"""Poses into files: nothing is written that cannot be written whole, and nothing computed in vain."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from datamodules.media.video import read_video
from datamodules.poses.conversion import to_joints, to_pose
from datamodules.poses.formats import read_pose, read_skels
from datamodules.poses.skeletons import SLP_50
from zoo.loaders.writing import WRITERS, refuse_unwritable, write

JOINTS = np.random.default_rng(0).uniform(-0.3, 0.3, (7, SLP_50.joints, 3)).astype(np.float32)


@pytest.mark.parametrize("suffix", [*WRITERS, ".MP4", ".Png"])
def test_the_suffix_says_what_is_written(tmp_path: Path, suffix: str) -> None:
    output = tmp_path / "deep" / f"hello{suffix}"
    refuse_unwritable([output])
    write(to_pose(JOINTS, 12.5), ["hello"] * len(JOINTS), output)
    match suffix.lower():
        case ".pose":
            np.testing.assert_allclose(to_joints(read_pose(output)), JOINTS, atol=1e-4)
        case ".skels":
            np.testing.assert_allclose(read_skels(output)[0], JOINTS, atol=1e-4)
        case ".mp4":
            frames, fps = read_video(output)
            assert (len(list(frames)), fps) == (len(JOINTS), 12.5)
        case ".png":
            assert cv2.imread(str(output)) is not None
    assert os.listdir(output.parent) == [output.name]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("hello.gif", r"hello\.gif: cannot write \.gif; use \.pose, \.skels, \.mp4, \.png"),
        ("hello", "cannot write a file without suffix"),
        ("folder.png", r"folder\.png: this is a folder"),
        ("file.txt/hello.png", r"-o .*hello\.png: .*file\.txt is a file, no folder to write into"),
        ("file.txt/deep/hello.png", r"file\.txt is a file"),
    ],
)
def test_what_cannot_be_written_is_refused_by_its_path(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "file.txt").touch()
    with pytest.raises(ValueError, match=message):
        refuse_unwritable([tmp_path / "good.pose", tmp_path / name])
    assert {path.name for path in tmp_path.iterdir()} == {"folder.png", "file.txt"}


def test_a_folder_without_permission_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    if os.access(tmp_path, os.W_OK):
        pytest.skip("this user may write everywhere")
    with pytest.raises(ValueError, match=f"no permission to write into {tmp_path}"):
        refuse_unwritable([tmp_path / "deep" / "hello.png"])
