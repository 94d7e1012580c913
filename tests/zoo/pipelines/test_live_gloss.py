"""Glosses while a video runs: answers come as the signs do, from a window of frames, and never at the end alone."""

import json
import re
import time
from collections.abc import Iterator
from itertools import chain, repeat
from pathlib import Path

import cv2
import numpy as np
import pytest
from colour_reader import BLACK, COLOURS, ColourReader
from colour_reader import film as colours
from PIL import Image

import zoo
from datamodules.avatar import Signer, perform
from datamodules.avatar.renderer.backdrop import ground
from datamodules.avatar.renderer.frames import render
from datamodules.avatar.renderer.photography import Shot
from datamodules.avatar.signer import Look
from datamodules.media import camera
from datamodules.media.resampling import paced
from datamodules.media.video import Frame, write_video
from zoo.cli import main
from zoo.loaders.recognition.sightings import Judgement
from zoo.loaders.recognition.video_to_gloss import VideoToGloss
from zoo.pipelines.fused_gloss import FusedReader
from zoo.pipelines.live_gloss import LiveGloss

RED = COLOURS["RED"]
FRAME = np.zeros((16, 16, 3), np.uint8)


@pytest.fixture(scope="module")
def model() -> VideoToGloss:
    return zoo.load("gloss-classifier", "starter")


@pytest.fixture(scope="module")
def live(model: VideoToGloss) -> LiveGloss:
    return zoo.load("live-gloss", reader=model)


@pytest.fixture
def coloured() -> LiveGloss:
    return zoo.load("live-gloss", reader=ColourReader())


@pytest.fixture(scope="module")
def film() -> np.ndarray:
    """Three signs, 25 frames a second."""
    return render(perform(["WATER", "NAME", "HELP"]).joints, Look(), 64)


def test_a_window_as_long_as_the_video_is_read_as_a_clip(model: VideoToGloss, film: np.ndarray) -> None:
    (only,) = model.stream(iter(film), 25, window=60, threshold=0)
    best = model.predict(film)[0]
    assert only.gloss == best.gloss
    assert only.probability == pytest.approx(best.probability, abs=1e-5)
    assert only.seconds == pytest.approx(len(film) / 25, abs=1 / 16)


def test_a_moment_counts_as_much_as_the_row_that_it_is_part_of(model: VideoToGloss, film: np.ndarray) -> None:
    *_, last = model.sightings(film, 25, window=1.0)
    pairs = np.reshape(last.attention, (-1, model.settings.tubelet))
    assert len(last.attention) == 16
    assert np.ptp(pairs, axis=1).max() == 0
    assert np.ptp(pairs[:, 0]) > 0


def test_no_gloss_is_seen_in_an_empty_room(model: VideoToGloss) -> None:
    """Whose curtain stands still, before a poor camera in light that flickers; nor of a signer who stands still."""
    rng = np.random.default_rng(0)
    shot = Shot(noise=2.0, mottle=1.0, quality=60)
    still = render(perform(["WATER"]).joints[:1], Look(), 160)[0]
    for scene in (ground("room", 160, rng), still):
        lit = (scene * (1 + 0.05 * np.sin(number)) for number in range(75))
        frames = [shot.take(light, rng) for light in lit]
        assert [sighting.state for sighting in model.stream(frames, 25, threshold=0)] == ["no sign"]


def test_hands_that_move_are_signing(model: VideoToGloss) -> None:
    """Of every signer, before and after the rest that a sign begins and ends with."""
    for seed in range(3):
        signer = Signer.random(seed)
        joints = perform(["WATER", "NAME"], signer, seed=seed).joints
        states = [
            sighting.state for sighting in model.sightings(render(joints, signer.look, 64, seed=seed), threshold=0)
        ]
        assert states.count("sign") > 0.6 * len(states)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"hop": 0}, "hop: found 0, expected seconds, more than 0 and up to 60"),
        ({"window": 0}, "window: found 0, expected seconds"),
        ({"window": 1e9}, "window: found 1000000000.0, expected seconds"),
        ({"threshold": 1.5}, "threshold: found 1.5, expected a probability, from 0 to 1"),
        ({"hop": float("nan")}, "hop: found nan, expected seconds"),
    ],
)
def test_impossible_settings_are_refused_at_once(model: VideoToGloss, wrong: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
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
    """From 3.4 seconds on only five frames a second are left, and some signs cannot be read from so few; the others
    are told at most a frame earlier or later. Were frames spread evenly, it would be told up to 1.5 seconds off."""
    videos = shared / "cases" / "videos"
    dropped, even = (
        [(seen.seconds, seen.gloss) for seen in live.watch(videos / name) if seen.gloss]
        for name in ("vfr.mp4", "cfr.mp4")
    )
    assert [seen for seen in dropped if seen[0] < 3.4] == [seen for seen in even if seen[0] < 3.4]
    both = {gloss for _, gloss in dropped} & {gloss for _, gloss in even}
    assert len(both) >= 3
    for seconds, gloss in even:
        assert gloss not in both or min(abs(seconds - at) for at, other in dropped if other == gloss) <= 1 / 5


class TestCommand:
    @pytest.fixture
    def clip(self, film: np.ndarray, tmp_path: Path) -> Path:
        write_video(tmp_path / "clip.mp4", film, 25)
        return tmp_path / "clip.mp4"

    def test_it_prints_lines_and_writes_what_it_saw(self, clip: Path, capsys) -> None:
        written, drawn = clip.with_suffix(".json"), clip.with_suffix(".png")
        assert main(["run", "live-gloss", str(clip), "-o", str(written), "-o", str(drawn)]) == 0
        *lines, first, second = capsys.readouterr().out.splitlines()
        assert [first, second] == [str(written), str(drawn)]
        content = json.loads(written.read_text())
        assert content["video"] == str(clip)
        assert len(lines) == len(content["glosses"]) >= 2
        for line, seen in zip(lines, content["glosses"], strict=True):
            what = f"{seen['gloss'] or seen['state']}  {seen['probability']:.2f}"
            assert line == f"{seen['seconds']:8.2f} s  {'no sign' if seen['state'] == 'no sign' else what}"
        with Image.open(drawn) as picture:
            assert picture.width == 1000

    def test_the_threshold_is_the_users(self, clip: Path, tmp_path: Path) -> None:
        states = {}
        for threshold in ("0", "1"):
            arguments = ["run", "live-gloss", str(clip), "-o", str(tmp_path / "seen.json"), "--threshold", threshold]
            assert main(arguments) == 0
            states[threshold] = {seen["state"] for seen in json.loads((tmp_path / "seen.json").read_text())["glosses"]}
        assert "sign" in states["0"]
        assert "unsure" not in states["0"]
        assert "sign" not in states["1"]

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["live-gloss", "CLIP", "--threshold", "2"], "threshold: found 2.0, expected a probability, from 0 to 1"),
            (["live-gloss", "CLIP", "--threshold", "high"], "invalid float value: 'high'"),
            (["fingerspell", "A", "--threshold", "0.5"], "--threshold: fingerspell watches nothing"),
            (["letter-judge", "CLIP", "--threshold", "0.5"], "--threshold: letter-judge is no pipeline"),
            (["fingerspell", "A", "--pace"], "--pace: fingerspell watches nothing"),
            (["letter-judge", "CLIP", "--pace"], "--pace: letter-judge is no pipeline"),
        ],
    )
    def test_settings_that_are_none_or_nobodys_are_refused(
        self, arguments: list[str], message: str, clip: Path, tmp_path: Path, capsys
    ) -> None:
        given = [str(clip) if one == "CLIP" else one for one in arguments]
        assert (
            main(["run", *given, "-o", str(tmp_path / "out.json" if "f" not in given[0] else tmp_path / "o.mp4")]) == 2
        )
        assert message in capsys.readouterr().err
        assert not list(tmp_path.glob("o*"))


def slow_down(live: LiveGloss, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Have the reader take so long for each frame, and nothing before the first."""
    observe = live.reader.observe

    def slow(frame: Frame) -> object:
        time.sleep(seconds)
        return observe(frame)

    monkeypatch.setattr(live.reader, "observe", slow)
    monkeypatch.setattr(live.reader, "warm_up", lambda: None)


class TestPace:
    def test_frames_of_a_file_come_no_sooner_than_they_are_shown(self, coloured: LiveGloss, tmp_path: Path) -> None:
        write_video(tmp_path / "red.mp4", colours((RED, 0.8)), 25, crf=0)
        began = time.monotonic()
        first = next(coloured.watch(tmp_path / "red.mp4", pace=True))
        assert first.gloss == "RED"
        assert time.monotonic() - began > 0.6

    def test_a_file_takes_as_long_as_it_lasts(self, coloured: LiveGloss, tmp_path: Path) -> None:
        write_video(tmp_path / "red.mp4", colours((RED, 1.2)), 25, crf=0)
        began = time.monotonic()
        coloured.run(str(tmp_path / "red.mp4"), [tmp_path / "seen.json"], pace=True)
        assert time.monotonic() - began > 1.1

    def test_who_is_too_slow_for_a_file_misses_frames_and_is_never_late(
        self, coloured: LiveGloss, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        slow_down(coloured, monkeypatch, 0.15)
        began = time.monotonic()
        seen = []
        for sighting in coloured.watch(colours((RED, 1.5), (BLACK, 1.0), (COLOURS["BLUE"], 1.5)), 25, pace=True):
            assert time.monotonic() - began - sighting.seconds < 2  # and 5 at the end, were none left out
            seen.append(sighting.gloss)
        assert [gloss for gloss in seen if gloss] == ["RED", "BLUE"]

    def test_the_clock_begins_when_all_is_open(
        self, coloured: LiveGloss, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A model that opens its parts with its first frame; each after that takes a moment."""
        observe, pauses = coloured.reader.observe, chain([1.5], repeat(0.001))

        def opening(frame: Frame) -> object:
            time.sleep(next(pauses))
            return observe(frame)

        monkeypatch.setattr(coloured.reader, "observe", opening)
        write_video(tmp_path / "two.mp4", colours((RED, 0.6), (COLOURS["BLUE"], 0.8), fps=10), 10, crf=0)
        coloured.run(str(tmp_path / "two.mp4"), [tmp_path / "seen.json"], pace=True, window=0.25)
        assert [one["gloss"] for one in json.loads((tmp_path / "seen.json").read_text())["glosses"]] == ["RED", "BLUE"]
        assert "missed" not in capsys.readouterr().err

    def test_all_readers_that_answer_together_are_open_then(self) -> None:
        """Also where one of them sees nobody."""

        class Blind(ColourReader):
            def judge(self, observations: object) -> Judgement:
                raise ValueError("nobody is there")

        classifier = zoo.load("gloss-classifier")
        FusedReader([Blind(), classifier]).warm_up()
        assert classifier._encoder is not None

    def test_missed_frames_are_counted(
        self, coloured: LiveGloss, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        slow_down(coloured, monkeypatch, 0.2)
        write_video(tmp_path / "red.mp4", colours((RED, 1.2)), 25, crf=0)
        coloured.run(str(tmp_path / "red.mp4"), [tmp_path / "seen.json"], pace=True)
        found = re.search(r"zoo: (\d+) of 30 frames were missed", capsys.readouterr().err)
        assert found
        assert 15 < int(found[1]) < 29

    def test_a_frame_that_is_shown_still_is_not_missed(self) -> None:
        seen = []
        for seconds, _ in paced([(at, FRAME) for at in (0.0, 0.5, 0.55, 1.5, 2.5)], 25):
            seen.append(seconds)
            time.sleep(0.7)  # much longer than a frame of 25 a second is shown, and until the second has passed
        assert seen == [0.0, 0.55, 1.5, 2.5]

    def test_an_hour_of_frames_is_not_waited_for_without_it(self, coloured: LiveGloss) -> None:
        assert [seen.gloss for seen in coloured.watch(colours((RED, 3600), fps=1), fps=1, window=30.0, hop=30.0)] == [
            "RED"
        ]


class TestCamera:
    @pytest.fixture
    def plugged(self, film: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A camera 0 that sees a file."""
        path, real = tmp_path / "seen.mp4", cv2.VideoCapture
        write_video(path, film, 25, crf=0)
        monkeypatch.setattr(camera.cv2, "VideoCapture", lambda index: real(str(path)))
        return path

    def test_frames_come_in_colour_with_their_times(self, plugged: Path, film: np.ndarray) -> None:
        frames = camera.watch(0)
        (start, first), (later, _) = next(frames), next(frames)
        assert start == 0 < later
        assert min(np.abs(first.astype(int) - frame).mean() for frame in film) < 4
        assert np.abs(first[..., ::-1].astype(int) - film[0]).mean() > 4
        frames.close()

    def test_a_camera_and_a_file_are_answered_alike(self, coloured: LiveGloss, monkeypatch: pytest.MonkeyPatch) -> None:
        scene = colours((BLACK, 1.0), (RED, 1.0), fps=20)

        class Running:
            """A camera before which the scene happens, twenty frames a second."""

            def __init__(self, index: int) -> None:
                self.began, self.shown = time.monotonic(), 0

            def isOpened(self) -> bool:
                return True

            def read(self) -> tuple[bool, np.ndarray]:
                time.sleep(max(0.0, self.began + self.shown / 20 - time.monotonic()))
                self.shown += 1
                return (True, scene[self.shown - 1, ..., ::-1]) if self.shown <= len(scene) else (False, np.empty(0))

            def release(self) -> None:
                pass

        monkeypatch.setattr(camera.cv2, "VideoCapture", Running)
        seen = [(sighting.state, sighting.gloss) for sighting in coloured.watch(0)]
        assert seen == [(sighting.state, sighting.gloss) for sighting in coloured.watch(scene, 20)]
        assert seen == [("no sign", None), ("sign", "RED")]

    def test_what_was_seen_is_kept_when_ctrl_c_ends_the_camera(
        self, plugged: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, model: VideoToGloss, film: np.ndarray
    ) -> None:
        def interrupted(index: int) -> Iterator[Frame]:
            yield from ((number / 25, frame) for number, frame in enumerate(film))
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
        assert len(list(camera.watch(0))) == 1
        assert time.monotonic() - started < 5

    @pytest.mark.parametrize("number", [-1, -5, 100, 10**12])
    def test_what_can_be_no_camera_is_refused(self, number: int, live: LiveGloss) -> None:
        with pytest.raises(ValueError, match=f"found {number}, expected the number of a camera, from 0 on"):
            live.watch(number)

    def test_a_camera_that_is_not_there_is_refused(self, live: LiveGloss, capfd) -> None:
        with pytest.raises(ValueError, match="camera 97 cannot be opened"):
            live.watch(97)
        assert not capfd.readouterr().err
