"""`.skels` and `.pose` files: what is written comes back, what is broken is named by file, line and place."""

from pathlib import Path

import numpy as np
import pytest

from datamodules.formats import (
    atomic,
    iterate_skels,
    read_lines,
    read_pose,
    read_skels,
    write_pose,
    write_skels,
)
from datamodules.poses import to_joints, to_pose


@pytest.fixture
def sequences() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.normal(0, 0.3, (length, 50, 3)).astype(np.float32) for length in (1, 7, 30)]


def line_of(frames: int) -> list[str]:
    return [word for frame in range(frames) for word in [*["0.12500"] * 150, f"{frame / frames:.5f}"]]


def test_sequences_come_back_to_five_decimals(tmp_path: Path, sequences: list[np.ndarray]) -> None:
    write_skels(tmp_path / "a.skels", sequences)
    back = read_skels(tmp_path / "a.skels")
    assert len(back) == 3
    for given, found in zip(sequences, back, strict=True):
        assert found.dtype == np.float32
        assert found.flags.c_contiguous
        np.testing.assert_allclose(found, given, atol=6e-6)


def test_the_counter_is_written_as_published_files_have_it(tmp_path: Path) -> None:
    write_skels(tmp_path / "a.skels", [np.zeros((4, 50, 3))])
    numbers = np.array((tmp_path / "a.skels").read_text().split(), float).reshape(4, 151)
    assert numbers[:, -1].tolist() == [0.0, 0.25, 0.5, 0.75]


def test_published_samples_are_read_and_written_back(tmp_path: Path, shared: Path) -> None:
    folder = shared / "data/progressive_transformers"
    for split in ("train", "dev", "test"):
        sequences = read_skels(folder / f"{split}.skels")
        assert len(sequences) == len(read_lines(folder / f"{split}.text")) == 5
        assert len(read_lines(folder / f"{split}.gloss")) == len(read_lines(folder / f"{split}.files")) == 5
        assert all(not joints[:, 1].any() for joints in sequences)  # the neck is the origin
        write_skels(tmp_path / "copy.skels", sequences)
        for given, found in zip(sequences, read_skels(tmp_path / "copy.skels"), strict=True):
            np.testing.assert_allclose(found, given, atol=6e-6)


def test_sequences_are_read_one_by_one(tmp_path: Path) -> None:
    (tmp_path / "a.skels").write_text(" ".join(line_of(2)) + "\nbroken\n")
    lines = iterate_skels(tmp_path / "a.skels")
    assert next(lines).shape == (2, 50, 3)
    with pytest.raises(ValueError, match="line 2"):
        next(lines)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (line_of(2)[:-3], r"line 2: found 299 numbers, expected a multiple of 151 .* cut off in frame 1"),
        (line_of(9)[: 6 * 151], r"line 2: found 6 frames, but their counter ends at 0\.556 and counts to 9 frames"),
        (["x1", *line_of(1)[1:]], r"line 2: found 'x1' at frame 0, joint 0, expected a number"),
        ([*line_of(1)[:7], "nan", *line_of(1)[8:]], r"line 2: found 'nan' at frame 0, joint 2 .*finite"),
        ([*line_of(2)[:-1], "inf"], r"line 2: found 'inf' at frame 1, the counter"),
        ([], r"line 2: empty; expected T x 151 numbers; remove the line here and in"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, words: list[str], message: str) -> None:
    path = tmp_path / "dev.skels"
    path.write_text("\n".join([" ".join(line_of(1)), " ".join(words), " ".join(line_of(1))]))
    with pytest.raises(ValueError, match=r"dev\.skels, " + message):
        read_skels(path)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.full((2, 50, 3), np.nan), "sequence 2: frame 0, joint 0 is not finite"),
        (np.zeros((0, 50, 3)), r"sequence 2: expected \(T, 50, 3\) with T >= 1, found \(0, 50, 3\)"),
        (np.zeros((3, 21, 3)), r"sequence 2: expected \(T, 50, 3\) with T >= 1, found \(3, 21, 3\)"),
    ],
)
def test_what_cannot_be_written_leaves_the_old_file_alone(tmp_path: Path, bad: np.ndarray, message: str) -> None:
    path = tmp_path / "a.skels"
    path.write_text("precious")
    with pytest.raises(ValueError, match=message):
        write_skels(path, [np.zeros((2, 50, 3)), bad])
    assert path.read_text() == "precious"
    assert [file.name for file in tmp_path.iterdir()] == ["a.skels"]


def test_atomic_makes_the_folder_and_ordinary_permissions(tmp_path: Path) -> None:
    with atomic(tmp_path / "new/a.txt") as temporary:
        temporary.write_text("done")
        assert not (tmp_path / "new/a.txt").exists()
    (tmp_path / "b.txt").touch()
    assert (tmp_path / "new/a.txt").read_text() == "done"
    assert (tmp_path / "new/a.txt").stat().st_mode == (tmp_path / "b.txt").stat().st_mode


def test_lines_stay_parallel(tmp_path: Path) -> None:
    (tmp_path / "a.text").write_text("hello .\n\n  wetter für morgen\u2028süd \r\n", encoding="utf-8")
    assert read_lines(tmp_path / "a.text") == ["hello .", "", "wetter für morgen\u2028süd"]


def test_a_pose_comes_back(tmp_path: Path, sequences: list[np.ndarray]) -> None:
    write_pose(tmp_path / "a.pose", to_pose(sequences[2], 25.0))
    np.testing.assert_allclose(to_joints(read_pose(tmp_path / "a.pose")), sequences[2], atol=1e-5)


def test_published_poses_are_read(shared: Path) -> None:
    poses = [read_pose(path) for path in sorted((shared / "data/pose_files").glob("*.pose"))]
    assert len(poses) == 16
    assert all(len(pose.body.data) and pose.body.fps > 0 for pose in poses)


@pytest.mark.parametrize("content", [b"", b"hello", b"x" * 20_000])
def test_bytes_that_are_no_pose_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.pose").write_bytes(content)
    with pytest.raises(ValueError, match=rf"a\.pose: {len(content)} bytes that are no \.pose"):
        read_pose(tmp_path / "a.pose")
