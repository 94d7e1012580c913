"""Glosses while a video runs: answers come as the signs do, from a window of frames, and never at the end alone."""

import json
import time
import tracemalloc
from collections.abc import Iterator
from itertools import count, islice, pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

import zoo
from datamodules.avatar import perform
from datamodules.avatar.renderer.frames import render
from datamodules.avatar.signer import Look
from datamodules.media import camera
from datamodules.media.video import Frame, write_video
from zoo.cli import main
from zoo.loaders.recognition.video_to_gloss import VideoToGloss
from zoo.pipelines.live_gloss import LiveGloss


@pytest.fixture(scope="module")
def model() -> VideoToGloss:
    return zoo.load("gloss-classifier", "starter")


@pytest.fixture(scope="module")
def live(model: VideoToGloss) -> LiveGloss:
    return zoo.load("live-gloss", reader=model)


@pytest.fixture(scope="module")
def film() -> np.ndarray:
    """Three signs, 25 frames a second."""
    return render(perform(["WATER", "NAME", "HELP"]).joints, Look(), 64)


def noise(model: VideoToGloss) -> Iterator[Frame]:
    """A camera that never ends and sees something else all the time."""
    rng = np.random.default_rng(0)
    for _ in count():
        yield from np.repeat(rng.integers(0, 256, (1, 64, 64, 3), np.uint8), 8, axis=0)


def test_a_window_as_long_as_the_video_is_read_as_a_clip(model: VideoToGloss, film: np.ndarray) -> None:
    (only,) = model.stream(iter(film), 25, window=60, least=0)
    best = model.predict(film)[0]
    assert only.gloss == best.gloss
    assert only.probability == pytest.approx(best.probability, abs=1e-5)
    assert only.seconds == pytest.approx(len(film) / 25, abs=1 / 16)


def test_an_answer_does_not_wait_for_the_end(model: VideoToGloss) -> None:
    taken = 0

    def frames() -> Iterator[Frame]:
        nonlocal taken
        for frame in noise(model):
            taken += 1
            yield frame

    first = next(model.stream(frames(), 25, window=0.5, least=0))
    assert first.seconds == 0.5
    assert taken <= 0.5 * 25 + 1


def test_readings_come_every_hop_after_the_first_window(model: VideoToGloss, film: np.ndarray) -> None:
    for fps in (12.5, 25.0, 50.0):
        times = [seconds for seconds, _ in model._judged(iter(film), fps, 0.5, 0.25)]
        assert times[0] == 0.5
        assert {after - before for before, after in pairwise(times[:-1])} <= {0.25}
        assert 0 < times[-1] - times[-2] <= 0.25
        assert times[-1] == pytest.approx(len(film) / fps, abs=1 / 16)


def test_an_answer_is_given_when_it_is_likely_and_another_one(model: VideoToGloss) -> None:
    def shares(*likely: tuple[int, float]) -> list:
        rest = len(model.glosses) - 1
        rows = [torch.full((rest + 1,), (1 - p) / rest) for _, p in likely]
        for row, (index, p) in zip(rows, likely, strict=True):
            row[index] = p
        return [(float(number), row) for number, row in enumerate(rows)]

    def said(least: float, *likely: tuple[int, float]) -> list[tuple[float, str]]:
        return [(found.seconds, found.gloss) for found in model._sightings(shares(*likely), least)]

    one, two = model.glosses[:2]
    assert said(0.5, (0, 0.9), (0, 0.9), (0, 0.9)) == [(0.0, one)]
    assert said(0.5, (0, 0.3), (0, 0.4)) == []
    assert said(0.5, (0, 0.9), (1, 0.55), (0, 0.9)) == [(0.0, one)]  # a flicker is no sign
    assert said(0.5, (0, 0.9), (1, 0.9), (1, 0.9)) == [(0.0, one), (2.0, two)]
    assert said(0.5, (0, 0.9), *[(5, 0.1)] * 6, (0, 0.99)) == [(0.0, one), (7.0, one)]  # the same sign once more
    found = list(model._sightings(shares((0, 0.9), (0, 0.5)), 0.0))
    assert found[0].probability == pytest.approx(0.9)


def test_long_videos_take_no_more_memory_than_short_ones(model: VideoToGloss) -> None:
    def peak(frames: int) -> int:
        tracemalloc.start()
        list(model.stream(islice(noise(model), frames), 25, window=0.5, hop=2))
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    short = peak(100)
    assert peak(1000) < 1.2 * short + 200_000


@pytest.mark.parametrize("wrong", [{"hop": 0}, {"window": 0}, {"window": 1e9}, {"least": 1.5}, {"hop": float("nan")}])
def test_impossible_settings_are_refused_at_once(model: VideoToGloss, wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="expected seconds up to 60 and a probability"):
        model.stream(iter([]), 25, **wrong)


def test_a_video_without_frames_and_a_damaged_one_are_refused(live: LiveGloss, film: np.ndarray, tmp_path) -> None:
    with pytest.raises(ValueError, match="found no frame"):
        list(live.watch(iter([])))
    with pytest.raises(FileNotFoundError):
        live.watch(tmp_path / "none.mp4")
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(ValueError, match="bytes that are no video"):
        live.watch(tmp_path / "text.mp4")


@pytest.mark.parametrize("video", [None, 2.5, True, b"a.mp4", {"frames": 1}, object(), np.zeros((2, 64, 64, 3))])
def test_what_is_no_video_is_refused_at_once(live: LiveGloss, model: VideoToGloss, video: object) -> None:
    for verb in (live.watch, model.stream):
        with pytest.raises(ValueError, match=r"found .*expected .*uint8 RGB frames"):
            verb(video)


def test_what_is_no_frame_is_refused_when_it_comes(live: LiveGloss) -> None:
    for frame in (None, 7, "frame", np.zeros((64, 64), np.uint8), np.zeros((64, 64, 3))):
        with pytest.raises(ValueError, match=r"found a frame that is .*expected uint8 RGB \(H, W, 3\)"):
            list(live.watch([frame]))


def test_a_file_is_not_taken_for_its_letters(model: VideoToGloss) -> None:
    with pytest.raises(ValueError, match=r"found str, expected .*`predict` takes the path of a file"):
        model.stream("clip.mp4")


def test_signs_are_seen_when_they_are_signed_though_frames_were_dropped(live: LiveGloss, shared: Path) -> None:
    """Where only five frames a second are left some signs go unseen; none is seen at another time."""
    videos = shared / "cases" / "videos"
    dropped, even = ({(s.seconds, s.gloss) for s in live.watch(videos / name)} for name in ("vfr.mp4", "cfr.mp4"))
    assert len(dropped) >= 3
    assert dropped <= even


def test_the_command_prints_lines_and_writes_what_it_saw(film: np.ndarray, tmp_path: Path, capsys) -> None:
    write_video(tmp_path / "clip.mp4", film, 25)
    assert main(["run", "live-gloss", str(tmp_path / "clip.mp4"), "-o", str(tmp_path / "glosses.json")]) == 0
    *lines, last = capsys.readouterr().out.splitlines()
    assert last == str(tmp_path / "glosses.json")
    content = json.loads((tmp_path / "glosses.json").read_text())
    assert content["video"] == str(tmp_path / "clip.mp4")
    assert len(lines) == len(content["glosses"])
    for line, seen in zip(lines, content["glosses"], strict=True):
        assert line == f"{seen['seconds']:8.2f} s  {seen['gloss']}  {seen['probability']:.2f}"


class TestCamera:
    @pytest.fixture
    def plugged(self, film: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A camera 0 that sees a file."""
        path, real = tmp_path / "seen.mp4", cv2.VideoCapture
        write_video(path, film, 25, crf=0)
        monkeypatch.setattr(camera.cv2, "VideoCapture", lambda index: real(str(path)))
        return path

    def test_frames_come_in_colour_at_the_rate_that_was_asked_for(self, plugged: Path, film: np.ndarray) -> None:
        frames = camera.watch(0, fps=1000)
        first = next(frames)
        assert min(np.abs(first.astype(int) - frame).mean() for frame in film) < 4
        assert np.abs(first[..., ::-1].astype(int) - film[0]).mean() > 4
        frames.close()

    def test_what_was_seen_is_kept_when_ctrl_c_ends_the_camera(
        self, plugged: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, model: VideoToGloss, film: np.ndarray
    ) -> None:
        def interrupted(index: int) -> Iterator[Frame]:
            yield from film
            raise KeyboardInterrupt

        monkeypatch.setattr(camera, "watch", interrupted)
        zoo.load("live-gloss", reader=model).run("0", [tmp_path / "seen.json"])
        assert json.loads((tmp_path / "seen.json").read_text())["video"] == "0"

    def test_a_camera_that_freezes_ends(self, monkeypatch: pytest.MonkeyPatch) -> None:
        class Frozen:
            """A camera that shows one picture, and never another."""

            def __init__(self, index: int) -> None:
                self.shown = False

            def isOpened(self) -> bool:
                return True

            def read(self) -> tuple[bool, np.ndarray]:
                if self.shown:
                    time.sleep(0.5)
                    return False, np.empty(0)
                self.shown = True
                return True, np.zeros((4, 4, 3), np.uint8)

            def release(self) -> None:
                pass

        monkeypatch.setattr(camera, "PATIENCE", 0.2)
        monkeypatch.setattr(camera.cv2, "VideoCapture", Frozen)
        started = time.monotonic()
        assert len(list(camera.watch(0, fps=100))) in range(1, 30)
        assert time.monotonic() - started < 5

    def test_a_camera_that_is_not_there_is_refused(self, live: LiveGloss, capfd) -> None:
        with pytest.raises(ValueError, match="camera 97 cannot be opened"):
            live.watch(97)
        assert not capfd.readouterr().err
