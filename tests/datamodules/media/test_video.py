"""Videos that a browser plays: H.264, yuv420p, index in front, streamed, whole or not at all."""

import queue
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import av
import numpy as np
import pytest

from datamodules.media.video import read_video, write_video


def moving_bar(frames: int, height: int, width: int) -> Iterator[np.ndarray]:
    for i in range(frames):
        frame = np.full((height, width, 3), (20, 40, 60), np.uint8)
        frame[:, 4 * i : 4 * i + 8] = (220, 180, 40)
        yield frame


def test_frames_come_back(tmp_path: Path) -> None:
    given = np.stack(list(moving_bar(12, 64, 96)))
    write_video(tmp_path / "a.mp4", given, 25)
    frames, fps = read_video(tmp_path / "a.mp4")
    found = np.stack(list(frames))
    assert fps == 25
    assert found.shape == given.shape
    assert found.dtype == np.uint8
    assert np.abs(found.astype(int) - given).mean() < 4


@pytest.mark.parametrize(("height", "width"), [(63, 97), (64, 97), (1, 1)])
def test_odd_sides_grow_by_a_repeated_edge(tmp_path: Path, height: int, width: int) -> None:
    write_video(tmp_path / "a.mp4", moving_bar(3, height, width), 25)
    frames, _ = read_video(tmp_path / "a.mp4")
    assert next(frames).shape == (height + height % 2, width + width % 2, 3)


@pytest.mark.parametrize("fps", [12.5, 23.976, 29.97, 30000 / 1001, 60])
def test_fractional_rates_are_kept(tmp_path: Path, fps: float) -> None:
    write_video(tmp_path / "a.mp4", moving_bar(5, 16, 32), fps)
    frames, found = read_video(tmp_path / "a.mp4")
    assert found == pytest.approx(fps, rel=1e-4)
    assert len(list(frames)) == 5


def test_it_is_what_browsers_play(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", moving_bar(5, 16, 32), 25)
    with av.open(str(tmp_path / "a.mp4")) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.pix_fmt) == ("h264", "yuv420p")
    content = (tmp_path / "a.mp4").read_bytes()
    assert 0 < content.find(b"moov") < content.find(b"mdat")


def test_no_frames_are_refused_and_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"a\.mp4: no frames to write"):
        write_video(tmp_path / "a.mp4", iter(()), 25)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (np.zeros((16, 30, 3), np.uint8), r"frame 1 is \(16, 30, 3\), the first was \(16, 32, 3\)"),
        (np.zeros((16, 32, 3), np.float32), r"frame 1 is \(16, 32, 3\) float32, expected \(H, W, 3\) uint8"),
        (np.zeros((16, 32), np.uint8), r"frame 1 is \(16, 32\) uint8"),
    ],
)
def test_a_bad_frame_leaves_the_old_file_alone(tmp_path: Path, second: np.ndarray, message: str) -> None:
    (tmp_path / "a.mp4").write_text("precious")
    with pytest.raises(ValueError, match=message):
        write_video(tmp_path / "a.mp4", [np.zeros((16, 32, 3), np.uint8), second], 25)
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("a.mp4", "precious")]


@pytest.mark.parametrize("fps", [0, -1, float("nan")])
def test_a_rate_that_is_none_is_refused(tmp_path: Path, fps: float) -> None:
    with pytest.raises(ValueError, match="expected fps > 0"):
        write_video(tmp_path / "a.mp4", moving_bar(1, 16, 16), fps)


def test_a_file_that_is_no_video_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("hello")
    with pytest.raises(ValueError, match=r"a\.mp4: 5 bytes that are no video"):
        read_video(tmp_path / "a.mp4")


def test_real_clips_are_read_whatever_their_metadata(shared: Path) -> None:
    for path in sorted((shared / "data/wlasl/videos").glob("*.mp4")):
        frames, fps = read_video(path)
        assert next(frames).shape[2] == 3
        assert 10 < fps < 61


class Listener(BaseHTTPRequestHandler):
    """Takes the one request by which a page says what it saw."""

    def do_GET(self) -> None:
        self.server.heard.put(unquote(self.path))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_a_browser_plays_what_is_written(tmp_path: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no chromium on this machine")
    write_video(tmp_path / "a.mp4", [np.full((64, 64, 3), level, np.uint8) for level in range(0, 250, 10)], 12.5)
    with ThreadingHTTPServer(("127.0.0.1", 0), Listener) as server:
        server.heard = queue.Queue()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        (tmp_path / "page.html").write_text(
            "<video id=v src=a.mp4 muted></video><script>"
            f"const say = (what) => {{ new Image().src = 'http://127.0.0.1:{server.server_port}/' + what }};"
            "v.onloadeddata = () => { v.currentTime = 1 };"
            "v.onseeked = () => say(`at ${v.currentTime} of ${v.duration}, ${v.videoWidth} wide`);"
            "v.onerror = () => say(v.error.message);"
            "</script>"
        )
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
        profile, page = f"--user-data-dir={tmp_path / 'profile'}", (tmp_path / "page.html").as_uri()
        process = subprocess.Popen(
            [browser, *flags, profile, "--remote-debugging-port=0", page],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            assert server.heard.get(timeout=60) == "/at 1 of 2, 64 wide"
        finally:
            process.kill()
            process.wait()
            server.shutdown()
