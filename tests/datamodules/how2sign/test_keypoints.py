"""Keypoints that are parsed once: whole or not at all, and anew where a file changed."""

import json
import resource
import shutil
from pathlib import Path

import numpy as np
import pytest
from killed_script import kill_when_it_waits

from datamodules.features import cached_tensors
from datamodules.features.cached_tensors import NoRoomError
from datamodules.how2sign import keypoints as module
from datamodules.how2sign.keypoints import FRAME, SLACK, ParsedClips
from datamodules.media.video import write_video
from datamodules.poses.formats import read_openpose, write_openpose
from datamodules.samples import Sample

LENGTH, HEIGHT, WIDTH, CLIPS = 6, 36, 64, 3
SCRIPT = """
import sys, time
from pathlib import Path
from test_keypoints import clips
from datamodules.how2sign import keypoints
from datamodules.how2sign.keypoints import ParsedClips
root, whole = Path(sys.argv[1]), int(sys.argv[2])
save = keypoints.save_file
def until(tensors, path, metadata):
    if len(list(parsed.folder.glob("[!.]*.safetensors"))) == whole:
        path.write_bytes(b"half of it")
        (root / "waits").touch()
        time.sleep(600)
    save(tensors, path, metadata)
keypoints.save_file, parsed = until, ParsedClips()
parsed.parse(clips(root))
"""


def clips(root: Path) -> list[Sample]:
    """What lies at `root`, as samples."""
    return [Sample(f"clip{n}", "train", f"{n}", files=(root / f"{n}.mp4", root / f"{n}")) for n in range(CLIPS)]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "keypoints"


@pytest.fixture
def root(tmp_path):
    rng = np.random.default_rng(0)
    for n in range(CLIPS):
        write_video(tmp_path / "data" / f"{n}.mp4", np.zeros((LENGTH, HEIGHT, WIDTH, 3), np.uint8), 24)
        points = rng.uniform(0, HEIGHT, (LENGTH, 137, 3)).round(2).astype(np.float32)
        write_openpose(tmp_path / "data" / f"{n}", f"clip{n}", points)
    return tmp_path / "data"


@pytest.fixture
def read(monkeypatch):
    """The folders whose JSON was parsed."""
    found, parse = [], module.read_openpose
    monkeypatch.setattr(module, "read_openpose", lambda folder: found.append(folder) or parse(folder))
    return found


def contents(cache):
    return {path.name: path.read_bytes() for path in cache.glob("[!.]*.safetensors")}


def test_keypoints_are_those_of_the_files_in_the_middle_square(root):
    parsed, samples = ParsedClips(), clips(root)
    expected = read_openpose(root / "1")
    expected[..., 0] -= (WIDTH - HEIGHT) / 2
    expected[..., :2] *= 72 / HEIGHT
    np.testing.assert_allclose(parsed.keypoints(samples[1], slice(None), 72), expected, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(parsed.keypoints(samples[1], [4, 0], 72), expected[[4, 0]], rtol=1e-5, atol=1e-4)
    assert parsed.measure(samples[1]) == (LENGTH, WIDTH, HEIGHT)


def test_a_clip_is_parsed_only_once(root, read):
    for parsed in (ParsedClips(), ParsedClips()):
        parsed.parse(clips(root))
        for sample in clips(root):
            parsed.keypoints(sample, [0], HEIGHT)
    assert sorted(read) == [root / str(n) for n in range(CLIPS)]


def test_without_having_been_prepared_a_clip_is_parsed_when_it_is_asked_for(root, read):
    for parsed in (ParsedClips(), ParsedClips()):
        parsed.measure(clips(root)[2])
        parsed.keypoints(clips(root)[2], [0], HEIGHT)
    assert read == [root / "2"]


@pytest.mark.parametrize("change", ["rewritten", "removed", "another video"])
def test_a_clip_of_which_a_file_changed_is_parsed_anew_and_no_other(root, read, cache, change):
    ParsedClips().parse(clips(root))
    read.clear()
    path = sorted((root / "1").iterdir())[-1]
    if change == "rewritten":
        content = json.loads(path.read_text())
        content["people"][0]["pose_keypoints_2d"][0] = 5.0
        path.write_text(json.dumps(content))
    elif change == "removed":
        path.unlink()
    else:
        write_video(root / "1.mp4", np.zeros((LENGTH + 1, HEIGHT, WIDTH, 3), np.uint8), 24)
    parsed = ParsedClips()
    parsed.parse(clips(root))
    assert read == [root / "1"]
    np.testing.assert_array_equal(
        parsed.keypoints(clips(root)[1], slice(None), HEIGHT)[..., 1:], read_openpose(root / "1")[..., 1:]
    )
    assert parsed.measure(clips(root)[1]).frames == LENGTH + (change == "another video")
    assert len(contents(cache)) == CLIPS


def test_a_file_that_is_cut_off_is_made_anew(root, cache):
    ParsedClips().parse(clips(root))
    whole = contents(cache)
    path = next(cache.glob("*.safetensors"))
    path.write_bytes(path.read_bytes()[:-10])
    ParsedClips().parse(clips(root))
    assert contents(cache) == whole


@pytest.mark.parametrize("files", [0, 2])
def test_killed_while_parsing_the_next_process_ends_with_the_same_bytes(root, cache, files, tmp_path, monkeypatch):
    ParsedClips().parse(clips(root))
    whole = contents(cache)
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "another"))
    kill_when_it_waits(SCRIPT, __file__, root / "waits", root, files)
    ParsedClips().parse(clips(root))
    assert contents(tmp_path / "another" / "keypoints") == whole


def test_keypoints_of_another_clip_are_refused(root):
    for path in sorted((root / "1").iterdir())[LENGTH - SLACK - 1 :]:
        path.unlink()
    with pytest.raises(ValueError, match=rf"1: keypoints of {LENGTH - SLACK - 1} frames, but 1\.mp4 has {LENGTH}"):
        ParsedClips().parse(clips(root))


def test_a_disk_that_is_full_on_the_way_leaves_whole_files_to_go_on_with(root, cache, tmp_path, monkeypatch):
    """A file that may not become larger, as the second clip's, which is longer."""
    for frame in range(LENGTH, LENGTH + SLACK):
        for path in sorted((root / "1").glob("*_000000000000_*")):
            shutil.copy(path, root / "1" / path.name.replace("_000000000000_", f"_{frame:012d}_"))
    ParsedClips().parse(clips(root))
    whole = contents(cache)
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "full"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LENGTH * FRAME + 1_000, hard))
    try:
        with pytest.raises(NoRoomError, match=r"no room for keypoints of 3 clips \(file too large\): found ") as caught:
            ParsedClips().parse(clips(root))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    folder = tmp_path / "full" / "keypoints"
    assert caught.value.filename == str(folder)
    found = contents(folder)
    assert found
    assert found.items() < whole.items()
    assert {path.name for path in folder.iterdir()} == {".lock", *found}  # none is half written
    ParsedClips().parse(clips(root))
    assert contents(folder) == whole


def test_a_disk_without_room_is_said_before_anything_is_parsed(root, read, monkeypatch):
    monkeypatch.setattr(cached_tensors, "ROOM", 10**18)
    with pytest.raises(OSError, match=r"no room for keypoints of 3 clips: .* set ZOO_CACHE"):
        ParsedClips().parse(clips(root))
    assert not read
