"""OpenPose folders as How2Sign ships them: what is written comes back, what is missing or broken is named by file."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pose_format.utils.openpose import load_openpose_directory

from datamodules.avatar import perform
from datamodules.poses.formats import followed_openpose, read_openpose, write_openpose
from datamodules.poses.skeletons import SLP_50_IN_OPENPOSE_137

some_keypoints = hnp.arrays(
    np.float32,
    st.tuples(st.integers(1, 3), st.just(137), st.just(3)),
    elements=st.floats(width=32, allow_nan=False, allow_infinity=False),
)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    keypoints = np.random.default_rng(0).uniform(1, 700, (12, 137, 3))
    write_openpose(tmp_path / "a-rgb_front", "a-rgb_front", keypoints)
    return tmp_path / "a-rgb_front"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(keypoints=some_keypoints)
def test_keypoints_come_back_exactly(tmp_path: Path, keypoints: np.ndarray) -> None:
    folder = tmp_path / "clip"
    shutil.rmtree(folder, ignore_errors=True)
    write_openpose(folder, "clip", keypoints)
    np.testing.assert_array_equal(read_openpose(folder), keypoints)


def test_files_are_named_and_filled_as_how2sign_has_them(clip: Path) -> None:
    assert sorted(path.name for path in clip.iterdir())[:2] == [
        "a-rgb_front_000000000000_keypoints.json",
        "a-rgb_front_000000000001_keypoints.json",
    ]
    frame = json.loads((clip / "a-rgb_front_000000000003_keypoints.json").read_text())
    (person,) = frame["people"]
    assert {name: len(numbers) for name, numbers in person.items()} == {
        "person_id": 1,
        "pose_keypoints_2d": 75,
        "face_keypoints_2d": 210,
        "hand_left_keypoints_2d": 63,
        "hand_right_keypoints_2d": 63,
    }


def test_pose_format_reads_the_same(clip: Path) -> None:
    body = load_openpose_directory(str(clip)).body
    keypoints = read_openpose(clip)
    np.testing.assert_allclose(body.data[:, 0], keypoints[..., :2])
    np.testing.assert_allclose(body.confidence[:, 0], keypoints[..., 2])


def test_a_frame_without_people_is_zeros(tmp_path: Path) -> None:
    keypoints = np.ones((3, 137, 3))
    keypoints[1] = 0
    write_openpose(tmp_path / "a", "a", keypoints)
    assert json.loads((tmp_path / "a/a_000000000001_keypoints.json").read_text())["people"] == []
    np.testing.assert_array_equal(read_openpose(tmp_path / "a"), keypoints)


def test_somebody_without_a_body_is_nobody(clip: Path) -> None:
    before = read_openpose(clip)
    path = clip / "a-rgb_front_000000000002_keypoints.json"
    frame = json.loads(path.read_text())
    frame["people"].append({"pose_keypoints_2d": []})
    path.write_text(json.dumps(frame))
    np.testing.assert_array_equal(read_openpose(clip), before)


def test_the_same_person_is_read_throughout(tmp_path: Path) -> None:
    """Two people, whom every frame lists in another order; the larger leaves for a while."""
    joints = perform(["HELLO"]).joints[:12]
    large, small = (keypoints(joints, *place) for place in ((200, 300), (90, 700)))
    for name, person in (("large", large), ("small", small)):
        write_openpose(tmp_path / name, "a", person)
    folder = tmp_path / "both"
    folder.mkdir()
    for number in range(12):
        name = f"a_{number:012d}_keypoints.json"
        frame, other = (json.loads((tmp_path / who / name).read_text()) for who in ("large", "small"))
        people = [*frame["people"] * (number not in (5, 6)), *other["people"]]
        (folder / name).write_text(json.dumps({"people": people[:: -1 if number % 2 else 1]}))
    expected = large.astype(np.float32)
    expected[5:7] = 0
    for person in ("largest", "left", "nearest"):
        np.testing.assert_array_equal(read_openpose(folder, person), expected)
    np.testing.assert_array_equal(read_openpose(folder, "right"), small.astype(np.float32))
    assert followed_openpose(folder)[1] == 2
    with pytest.raises(ValueError, match="person: found 'tallest', expected one of largest, left, right, nearest"):
        read_openpose(folder, "tallest")


def keypoints(joints: np.ndarray, shoulders: float, x: float) -> np.ndarray:
    """The avatar with shoulders that wide, in pixels, and its neck at x."""
    found = np.zeros((len(joints), 137, 3))
    found[:, SLP_50_IN_OPENPOSE_137, :2] = joints[..., :2] * 3 * shoulders + (x, 300)
    found[:, SLP_50_IN_OPENPOSE_137, 2] = 1
    return found


def test_frames_may_be_numbered_from_1(clip: Path) -> None:
    before = read_openpose(clip)
    for number in reversed(range(12)):
        names = (f"a-rgb_front_{count:012d}_keypoints.json" for count in (number, number + 1))
        (clip / next(names)).rename(clip / next(names))
    np.testing.assert_array_equal(read_openpose(clip), before)
    (clip / "a-rgb_front_000000000005_keypoints.json").unlink()
    with pytest.raises(ValueError, match="a-rgb_front: frames 5 are missing, found 11 up to 12"):
        read_openpose(clip)


@pytest.mark.parametrize("face", [[], None])
def test_openpose_may_have_run_without_the_face(clip: Path, face: object) -> None:
    expected = read_openpose(clip)
    expected[:, 25:95] = 0
    for path in clip.iterdir():
        frame = json.loads(path.read_text())
        del frame["people"][0]["face_keypoints_2d"]
        frame["people"][0] |= {"face_keypoints_2d": face} if face is not None else {}
        path.write_text(json.dumps(frame))
    np.testing.assert_array_equal(read_openpose(clip), expected)


def test_without_hands_there_is_no_signing(clip: Path) -> None:
    path = clip / "a-rgb_front_000000000004_keypoints.json"
    frame = json.loads(path.read_text())
    frame["people"][0]["hand_left_keypoints_2d"] = []
    path.write_text(json.dumps(frame))
    with pytest.raises(
        ValueError, match=r"people\[0\]\.hand_left_keypoints_2d: found 0 numbers, .* run OpenPose with --hand"
    ):
        read_openpose(clip)


def test_frames_are_in_the_order_of_their_numbers_not_of_their_names(clip: Path) -> None:
    before = read_openpose(clip)
    for path in list(clip.iterdir()):
        number = int(path.name.split("_")[-2])
        path.rename(clip / f"x_{number}_keypoints.json")
    (clip / "notes.txt").touch()
    np.testing.assert_array_equal(read_openpose(clip), before)


@pytest.mark.parametrize(
    ("gone", "message"),
    [
        ([3], r"frames 3 are missing, found 11 up to 11"),
        ([0, 1, 5, 7, 8], r"frames 0 to 1, 5, 7 to 8 are missing, found 7 up to 11"),
    ],
)
def test_gaps_are_named(clip: Path, gone: list[int], message: str) -> None:
    for number in gone:
        (clip / f"a-rgb_front_{number:012d}_keypoints.json").unlink()
    with pytest.raises(ValueError, match=rf"a-rgb_front: {message}"):
        read_openpose(clip)


def test_a_mad_number_costs_nothing(clip: Path) -> None:
    (clip / "a-rgb_front_999999999999_keypoints.json").write_text("{}")
    with pytest.raises(ValueError, match="frames 12 to 999999999998 are missing"):
        read_openpose(clip)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("b_000000000012_keypoints.json", "frames of several clips .'a-rgb_front' and 'b'."),
        ("a-rgb_front_12_keypoints.json", None),
        ("a-rgb_front_11_keypoints.json", "_000000000011_keypoints.json and .*_11_keypoints.json are both frame 11"),
    ],
)
def test_what_does_not_belong_is_named(clip: Path, name: str, message: str | None) -> None:
    shutil.copy(clip / "a-rgb_front_000000000000_keypoints.json", clip / name)
    if message is None:
        assert len(read_openpose(clip)) == 13
    else:
        with pytest.raises(ValueError, match=message):
            read_openpose(clip)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "0 bytes that are no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[]", "no list 'people'"),
        ('{"people": [7]}', r"pose_keypoints_2d: found none, expected 75"),
        (
            '{"people": [{"pose_keypoints_2d": [1, 2, 3]}]}',
            r"people\[0\].pose_keypoints_2d: found 3 numbers, expected 75",
        ),
        ('{"people": [{"pose_keypoints_2d": [' + "1," * 74 + '"2"]}]}', "found '2', expected numbers alone"),
        ('{"people": [{"pose_keypoints_2d": [' + "1," * 74 + "true]}]}", "found 'True', expected numbers alone"),
        ('{"people": [{"pose_keypoints_2d": [' + "1," * 74 + "NaN]}]}", "found NaN or infinity"),
        ('{"people": [{"pose_keypoints_2d": [' + "1," * 74 + "1e300]}]}", "found NaN or infinity"),
        ('{"people": [{"pose_keypoints_2d": [' + "1," * 74 + "1" * 400 + "]}]}", "found NaN or infinity"),
        (" " * (9 << 20), "more than 8 MiB"),
    ],
    ids=range(11),
)
def test_a_broken_frame_is_named(clip: Path, content: str, message: str) -> None:
    (clip / "a-rgb_front_000000000004_keypoints.json").write_text(content)
    with pytest.raises(ValueError, match=rf"a-rgb_front_000000000004_keypoints\.json: .*{message}"):
        read_openpose(clip)


def test_a_folder_without_frames(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no frame in it"):
        read_openpose(tmp_path)
    with pytest.raises(FileNotFoundError, match="no such folder"):
        read_openpose(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("keypoints", "message"),
    [
        (np.zeros((0, 137, 3)), r"expected keypoints \(T, 137, 3\) with T >= 1, found \(0, 137, 3\)"),
        (np.zeros((2, 50, 3)), r"found \(2, 50, 3\)"),
        (np.full((2, 137, 3), np.nan), "frame 0, point 0 is not finite"),
    ],
)
def test_what_cannot_be_written_leaves_nothing(tmp_path: Path, keypoints: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        write_openpose(tmp_path / "a", "a", keypoints)
    assert not list(tmp_path.iterdir())


def test_nothing_is_overwritten(clip: Path) -> None:
    with pytest.raises(ValueError, match="holds files already"):
        write_openpose(clip, "b", np.ones((1, 137, 3)))
    assert len(read_openpose(clip)) == 12
    assert [path.name for path in clip.parent.iterdir()] == ["a-rgb_front"]
