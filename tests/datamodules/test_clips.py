"""Clips to work through: of a plain folder, of WLASL by its index, of How2Sign by its tables."""

import json

import numpy as np
import pytest

from datamodules.clips import list_clips, skipped
from datamodules.media.clip import Clip
from datamodules.media.video import write_video

FRAMES = np.zeros((8, 16, 16, 3), np.uint8)


def videos(folder, *names):
    for name in names:
        write_video(folder / f"{name}.mp4", FRAMES, 25)


def test_a_plain_folder_gives_all_its_videos_by_their_paths(tmp_path):
    videos(tmp_path, "b", "deep/a")
    (tmp_path / "notes.txt").touch()
    assert list_clips(tmp_path) == [
        Clip("b", tmp_path / "b.mp4"),
        Clip("deep/a", tmp_path / "deep" / "a.mp4"),
    ]
    (tmp_path / "b.avi").touch()
    with pytest.raises(ValueError, match="the same name"):
        list_clips(tmp_path)


@pytest.mark.parametrize("suffix", ["gif", "flv", "wmv", "3gp", "ts", "mkv", "avi", "webm", "mov", "mpeg", "MTS"])
def test_every_common_container_is_a_clip(tmp_path, suffix):
    (tmp_path / f"a.{suffix}").touch()
    assert [clip.path.name for clip in list_clips(tmp_path)] == [f"a.{suffix}"]


def test_what_is_no_clip_is_counted_by_its_suffix(tmp_path):
    videos(tmp_path, "a", "deep/b")
    for name in ("a.srt", "deep/b.SRT", "README", ".hidden", "out/a.pose"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert skipped(tmp_path, list_clips(tmp_path), tmp_path / "out") == {".srt": 2, "": 1}


def test_a_folder_without_videos_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no video in it"):
        list_clips(tmp_path)
    with pytest.raises(FileNotFoundError, match="no such folder"):
        list_clips(tmp_path / "none")


def instance(video, **changes):
    return {"video_id": video, "split": "train", "url": f"u{video}", "frame_start": 1, "frame_end": -1, **changes}


def test_a_wlasl_folder_gives_the_clips_of_its_index_with_their_glosses(tmp_path):
    videos(tmp_path / "videos", "00002", "00001", "77777")
    ranged = instance("00002", frame_start=3, frame_end=4)  # of a file that is longer: the source video itself
    content = [
        {"gloss": "book", "instances": [ranged, instance("00009")]},
        {"gloss": "drink", "instances": [instance("00001")]},
    ]
    (tmp_path / "WLASL_v0.3.json").write_text(json.dumps(content))
    clips = list_clips(tmp_path)
    assert clips == [
        Clip("00001", tmp_path / "videos" / "00001.mp4", "drink"),
        Clip("00002", tmp_path / "videos" / "00002.mp4", "book", 2, 4),
    ]
    assert len(list(clips[1].frames()[0])) == 2
    for path in (tmp_path / "videos").iterdir():
        path.unlink()
    with pytest.raises(ValueError, match=r"WLASL_v0\.3\.json names 3 clips, and none is in videos/"):
        list_clips(tmp_path)


def test_a_how2sign_folder_gives_its_sentences(tmp_path):
    header = "VIDEO_ID\tVIDEO_NAME\tSENTENCE_ID\tSENTENCE_NAME\tSTART_REALIGNED\tEND_REALIGNED\tSENTENCE\n"
    rows = "".join(f"v\tv\tv_{n}\tv_{n}-1-rgb_front\t0.0\t1.0\tHi.\n" for n in range(3))
    (tmp_path / "how2sign_realigned_val.csv").write_text(header + rows)
    videos(tmp_path / "clips", "v_2-1-rgb_front", "v_0-1-rgb_front", "other")
    assert [clip.name for clip in list_clips(tmp_path)] == ["v_0-1-rgb_front", "v_2-1-rgb_front"]


def test_real_folders(shared):
    clips = list_clips(shared / "data" / "wlasl")
    assert len(clips) == 68
    assert {clip.name: clip.gloss for clip in clips}["70212"] == "book"
    assert all((clip.first, clip.last) == (0, None) for clip in clips)  # published clips are cut already
    assert [clip.gloss for clip in list_clips(shared / "data" / "how2sign")] == [None]
