"""`.pose` and `.npz`: good files read as pose-format reads them; a count that lies is found before it is believed."""

import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pose_format import Pose
from pose_format.numpy import NumPyPoseBody

from datamodules.poses.conversion import to_pose
from datamodules.poses.formats import Recording, read_npz, read_pose, write_npz, write_pose
from datamodules.poses.skeletons import LAYOUTS, OPENPOSE_137, Skeleton

DIMENSIONS, COMPONENTS = 4, 10  # where they stand in a header
numbers = st.floats(width=32, allow_nan=False, allow_infinity=False)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_pose(tmp_path / "a.pose", to_pose(np.random.default_rng(0).normal(0, 0.3, (4, 50, 3)), 25.0))
    return tmp_path / "a.pose"


def patched(path: Path, change: Callable[[bytearray], None]) -> None:
    content = bytearray(path.read_bytes())
    change(content)
    path.write_bytes(content)


def body_at(content: bytes) -> int:
    return content.index(struct.pack("<fI", 25.0, 4))


def as_version_0_1(content: bytes, frames: int = 4) -> bytes:
    body = body_at(content)
    return struct.pack("<f", 0.1) + content[4:body] + struct.pack("<HH", 25, frames % 65536) + content[body + 8 :]


def test_published_files_read_as_pose_format_reads_them(shared: Path) -> None:
    paths = sorted((shared / "data/pose_files").glob("*.pose"))
    assert len(paths) == 16
    for path in paths:
        ours, theirs = read_pose(path), Pose.read(path.read_bytes())
        np.testing.assert_array_equal(ours.body.data.data, theirs.body.data.data)
        np.testing.assert_array_equal(ours.body.data.mask, theirs.body.data.mask)
        np.testing.assert_array_equal(ours.body.confidence, theirs.body.confidence)
        assert ours.body.fps == theirs.body.fps
        assert ours.header.version == theirs.header.version
        assert vars(ours.header.dimensions) == vars(theirs.header.dimensions)
        for one, other in zip(ours.header.components, theirs.header.components, strict=True):
            assert (one.name, one.points, one.format) == (other.name, other.points, other.format)
            assert (one.limbs, one.relative_limbs) == (other.limbs, other.relative_limbs)
            np.testing.assert_array_equal(one.colors, other.colors)


def test_published_files_survive_writing(shared: Path, tmp_path: Path) -> None:
    for path in (shared / "data/pose_files").glob("*.pose"):
        pose = read_pose(path)
        write_pose(tmp_path / "copy.pose", pose)
        copy = read_pose(tmp_path / "copy.pose")
        np.testing.assert_array_equal(copy.body.data.data, pose.body.data.data)
        np.testing.assert_array_equal(copy.body.confidence, pose.body.confidence)
        assert copy.body.fps == pose.body.fps


def test_two_poses_share_no_header(path: Path) -> None:
    first, second = read_pose(path), read_pose(path)
    first.header.dimensions.width = 1
    first.header.components[0].points[0] = "CHANGED"
    assert second.header.dimensions.width == read_pose(path).header.dimensions.width == 512
    assert second.header.components[0].points[0] == "nose"


def test_version_0_1_reads_the_same(path: Path) -> None:
    expected = read_pose(path)
    path.write_bytes(as_version_0_1(path.read_bytes()))
    found = read_pose(path)
    np.testing.assert_array_equal(found.body.data, expected.body.data)
    assert found.body.fps == 25


def test_the_count_of_a_long_video_may_wrap_round_in_version_0_1(tmp_path: Path) -> None:
    frames = 65536 + 3
    header = struct.pack("<fHHHH", 0.1, 10, 10, 0, 1) + b"".join(
        (struct.pack("<H4s", 4, b"ONES"), struct.pack("<H3s", 3, b"XYC"), struct.pack("<HHH", 1, 0, 0), b"\1\0p")
    )
    body = struct.pack("<HHH", 25, 3, 1) + np.ones(3 * frames, "<f4").tobytes()
    (tmp_path / "long.pose").write_bytes(header + body)
    assert read_pose(tmp_path / "long.pose").body.data.shape == (frames, 1, 1, 2)


def replace(offset: int, form: str, *values: float) -> Callable[[bytearray], None]:
    def change(content: bytearray) -> None:
        at = body_at(content) + offset if offset >= 1000 else offset
        struct.pack_into(form, content, at - 1000 * (offset >= 1000), *values)

    return change


def cut(size: int) -> Callable[[bytearray], None]:
    def change(content: bytearray) -> None:
        del content[len(content) - size :]

    return change


BODY = 1000  # offsets from here count from the body


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content.clear(), r"it ends in the version: 4 bytes expected, 0 there"),
        (replace(0, "<f", 0.7), r"version 0\.7, expected 0\.1 or 0\.2"),
        (replace(0, "<f", float("nan")), r"version nan"),
        (replace(COMPONENTS, "<H", 65535), r"component 3|it ends in"),
        (replace(COMPONENTS, "<H", 0), "a header without a point"),
        (replace(BODY, "<f", 0.0), r"0\.0 frames a second, expected more than 0, up to 1000"),
        (replace(BODY, "<f", float("nan")), "nan frames a second"),
        (replace(BODY, "<f", float("inf")), "inf frames a second"),
        (replace(BODY, "<f", -25.0), r"-25\.0 frames a second"),
        (replace(BODY + 4, "<I", 0xFFFFFFFF), r"4294967295 frames of 800 bytes in the header, then 3200 bytes"),
        (replace(BODY + 4, "<I", 3), r"3 frames of 800 bytes in the header, then 3200 bytes, that is 4\.00"),
        (replace(BODY + 8, "<H", 0), "a pose without a person"),
        (replace(BODY + 8, "<H", 65535), "4 frames of 52428000 bytes"),
        (cut(1), r"3199 bytes, that is 4\.00"),
        (cut(3200), "then 0 bytes"),
        (cut(3205), "it ends in"),
        (lambda content: content.extend(b"\n"), "3201 bytes"),
    ],
    ids=range(17),
)
def test_a_damaged_file_is_refused(path: Path, change: Callable[[bytearray], None], message: str) -> None:
    patched(path, change)
    with pytest.raises(ValueError, match=r"a\.pose: \d+ bytes that are no \.pose \(.*" + message):
        read_pose(path)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_point_that_is_no_number_is_absent(path: Path, number: float) -> None:
    patched(path, replace(BODY + 10, "<f", number))
    pose = read_pose(path)
    assert np.argwhere(pose.body.confidence == 0).tolist() == [[0, 0, 0]]
    assert pose.body.data.mask[0, 0, 0].all()
    assert np.isfinite(pose.body.data.data).all()


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """NaN in joints or in confidence, and what pose-format makes of them."""
    pose = to_pose(np.random.default_rng(0).normal(0, 0.3, (4, 50, 3)), 25.0)
    pose.body.data[1, 0, 8:29] = np.nan
    pose.body.confidence[2, 0, 3] = np.nan
    write_pose(tmp_path / "a.pose", pose)
    back = read_pose(tmp_path / "a.pose")
    expected = [[1, 0, point] for point in range(8, 29)] + [[2, 0, 3]]
    assert np.argwhere(back.body.confidence == 0).tolist() == expected
    assert np.isnan(pose.body.confidence).sum() == 1  # what was given is left as it was


def nobody(body: NumPyPoseBody) -> tuple[np.ndarray, np.ndarray]:
    return body.data[:, :0], body.confidence[:, :0]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda pose: Pose(pose.header, pose.body[:0]), "a pose without a frame"),
        (lambda pose: Pose(pose.header, NumPyPoseBody(25, *nobody(pose.body))), "a pose without a person"),
        (lambda pose: pose.get_components([]), "a header without a point"),
        (lambda pose: "a.pose", "found str, expected a pose_format.Pose"),
    ],
    ids=range(4),
)
def test_what_could_not_be_read_is_not_written(tmp_path: Path, spoil: Callable[[Pose], Pose], message: str) -> None:
    pose = spoil(to_pose(np.zeros((2, 50, 3)), 25.0))
    with pytest.raises(ValueError, match=rf"b\.pose: .*{message}"):
        write_pose(tmp_path / "b.pose", pose)
    assert not list(tmp_path.iterdir())


def test_a_cut_file_of_version_0_1_is_refused(path: Path) -> None:
    content = as_version_0_1(path.read_bytes())
    for size in (4, 800):  # pose-format reads the latter with confidences from among the coordinates
        path.write_bytes(content[:-size])
        with pytest.raises(ValueError, match="4 frames of 800 bytes in the header"):
            read_pose(path)


def test_a_rate_that_could_not_be_read_is_not_written(tmp_path: Path) -> None:
    for fps in (0.0, float("nan")):
        with pytest.raises(ValueError, match=r"a\.pose: found (0\.0|nan) frames a second"):
            write_pose(tmp_path / "a.pose", to_pose(np.zeros((1, 50, 3)), fps))
    assert not list(tmp_path.iterdir())


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), layout=st.sampled_from(LAYOUTS[:4]), fps=st.floats(1, 1000))
def test_recordings_come_back_exactly(tmp_path: Path, data: st.DataObject, layout: Skeleton, fps: float) -> None:
    frames = data.draw(st.integers(1, 3))
    joints = data.draw(hnp.arrays(np.float32, (frames, layout.joints, 3), elements=numbers))
    confidence = data.draw(hnp.arrays(np.float32, (frames, layout.joints), elements=st.floats(0, 1, width=32)))
    write_npz(tmp_path / "a.npz", Recording(layout, joints, confidence, fps))
    back = read_npz(tmp_path / "a.npz")
    assert (back.layout, back.fps) == (layout, fps)
    np.testing.assert_array_equal(back.joints, joints)
    np.testing.assert_array_equal(back.confidence, confidence)


def a_recording() -> dict[str, object]:
    return {
        "joints": np.zeros((2, 137, 2), np.float32),
        "confidence": np.ones((2, 137), np.float32),
        "fps": np.float64(25),
        "layout": np.str_("openpose-137"),
    }


def test_numpy_opens_what_we_write_and_we_what_numpy_writes(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", **a_recording())
    recording = read_npz(tmp_path / "a.npz")
    assert recording.layout is OPENPOSE_137
    write_npz(tmp_path / "b.npz", recording)
    write_npz(tmp_path / "c.npz", recording)
    assert (tmp_path / "b.npz").read_bytes() == (tmp_path / "c.npz").read_bytes()
    with np.load(tmp_path / "b.npz", allow_pickle=False) as archive:
        assert sorted(archive) == ["confidence", "fps", "joints", "layout"]
        assert str(archive["layout"]) == "openpose-137"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layout": np.str_("mine")}, "layout: found 'mine', expected one of slp-50, openpose-137"),
        ({"layout": np.array(["openpose-137"], object)}, "key 'layout': found another header"),
        ({"joints": np.zeros((2, 50, 3), np.float32)}, r"joints: found \(2, 50, 3\), expected \(T, 137, 2 or 3\)"),
        ({"joints": np.zeros((0, 137, 3), np.float32)}, r"with T >= 1"),
        ({"joints": np.full((2, 137, 2), np.nan)}, "frame 0, joint 0 is not finite"),
        ({"confidence": np.ones((3, 137), np.float32)}, r"confidence: found \(3, 137\), expected \(2, 137\)"),
        ({"confidence": np.full((2, 137), -1.0)}, "confidence: found NaN, infinity or a negative number"),
        ({"fps": np.float64(0)}, "fps: found 0.0, expected more than 0"),
        ({"fps": np.float64([25, 25])}, r"fps: found an array \(2,\)"),
        ({"fps": None}, "key 'fps': not in it, found confidence.npy"),
    ],
    ids=range(10),
)
def test_what_is_no_recording_is_refused(tmp_path: Path, change: dict[str, object], message: str) -> None:
    kept = {key: value for key, value in (a_recording() | change).items() if value is not None}
    np.savez(tmp_path / "a.npz", **kept)
    with pytest.raises(ValueError, match=rf"a\.npz: .*{message}"):
        read_npz(tmp_path / "a.npz")


@pytest.mark.parametrize("shape", ["(9, 137, 2)", "(1, 137, 2)", "(500000000, 137, 2)", "(99999999999999999999,)"])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_shape_that_the_file_does_not_hold_is_not_believed(tmp_path: Path, shape: str, method: int) -> None:
    np.savez(tmp_path / "good.npz", **a_recording())
    with zipfile.ZipFile(tmp_path / "good.npz") as good, zipfile.ZipFile(tmp_path / "a.npz", "w", method) as lying:
        for name in good.namelist():
            content = good.read(name)
            if name == "joints.npy":
                header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
                content = content[:8] + struct.pack("<H", 118) + header.encode() + content[128:]
            lying.writestr(name, content)
    with pytest.raises(ValueError, match=r"a\.npz: .*key 'joints': .*(expected them to agree|another header)"):
        read_npz(tmp_path / "a.npz")


def test_what_is_no_zip_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(b"PK\3\4 hello")
    with pytest.raises(ValueError, match=r"a\.npz: no \.npz of joints \(File is not a zip file\)"):
        read_npz(tmp_path / "a.npz")
