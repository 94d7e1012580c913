"""The tabs that read, before a camera that shows the avatar: signs, letters, and an empty room."""

import asyncio
import base64
import json
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from app_visits import NARROW, PATIENCE, WIDE, Server, Visit
from camera_visits import watched
from PIL import Image
from playwright.sync_api import expect

from datamodules.avatar import Signer, perform
from datamodules.avatar.renderer.backdrop import ground
from datamodules.avatar.renderer.frames import render
from datamodules.avatar.renderer.letters import letter_frame
from datamodules.features.bundles import HAND, POSE, lying_here
from datamodules.media.video import Frame, write_video
from zoo.app.recognise import LANDMARKS, lacking

pytest.importorskip("mediapipe", reason="gloss-landmarks needs MediaPipe: pip install 'sign-zoo[landmarks]'")
if not (lying_here(POSE) and lying_here(HAND)):
    pytest.skip("gloss-landmarks needs MediaPipe's models in $ZOO_MODELS", allow_module_level=True)

GLOSS, FPS = "hello", 25
LETTER = "L"


def data_url(frame: Frame) -> str:
    """A frame as a page hands it in."""
    return f"data:image/jpeg;base64,{base64.b64encode(cv2.imencode('.jpg', frame[..., ::-1])[1]).decode()}"


def camera(path: Path, frames: list[Frame]) -> Path:
    """A film that a browser takes for its camera, which shows it again and again."""
    height, width = frames[0].shape[:2]
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{width} H{height} F{FPS}:1 Ip A1:1 C420jpeg\n".encode())
        for frame in frames:
            file.write(b"FRAME\n" + cv2.cvtColor(np.ascontiguousarray(frame), cv2.COLOR_RGB2YUV_I420).tobytes())
    return path


@pytest.fixture(scope="module")
def hello() -> list[Frame]:
    """Somebody right-handed who says hello, with the right hand alone."""
    signer = Signer()
    return list(render(perform([GLOSS.upper()], signer).joints, signer.look, 256))


def started(visit: Visit, tab: str, camera: str) -> Visit:
    """The visit with its camera on, on a tab."""
    visit.tab(tab)
    place = visit.page.locator(f"#{camera}")
    place.get_by_role("button").filter(visible=True).first.click()
    place.get_by_role("button", name="Record").click()
    return visit


@pytest.fixture(scope="module")
def sent() -> list[Frame]:
    """The frames that reached the server."""
    return []


@pytest.fixture(scope="module")
def signing(visit: Callable[..., Visit], hello: list[Frame], sent: list[Frame], tmp_path_factory) -> Visit:
    one = visit(WIDE, camera(tmp_path_factory.mktemp("films") / "hello.y4m", hello))

    def keep(request) -> None:
        if "/stream/" in request.url and (found := re.search(r"data:image/jpeg;base64,([\w+/=]+)", request.post_data)):
            picture = np.frombuffer(base64.b64decode(found[1]), np.uint8)
            sent.append(cv2.imdecode(picture, cv2.IMREAD_COLOR)[..., ::-1])

    one.page.on("request", keep)
    return started(one, "Recognise", "camera")


def seen(visit: Visit, text: str) -> None:
    """Wait until the live tab says it."""
    visit.page.locator("#seen .seen").filter(has_text=re.compile(rf"\b{text}\b")).wait_for()


def said(visit: Visit, seconds: float) -> set[str]:
    """What it says meanwhile: glosses, and marks where there is none."""
    found, end = set(), time.monotonic() + seconds
    while time.monotonic() < end:
        found.add(visit.page.locator("#seen .gloss").inner_text())
        visit.page.wait_for_timeout(50)
    return found


@pytest.fixture(scope="module")
def picture() -> Frame:
    return letter_frame(LETTER, np.random.default_rng(0))


@pytest.fixture(scope="module")
def reading(visit: Callable[..., Visit], hello: list[Frame], tmp_path_factory) -> Visit:
    path = tmp_path_factory.mktemp("clips") / "hello.mp4"
    write_video(path, hello, FPS)
    one = visit()
    one.tab("Recognise")
    one.tab("File")
    one.page.locator("#watched input[type=file]").set_input_files(path)
    one.page.locator("#watched video").wait_for()
    one.page.get_by_role("button", name="Read the signs").click()
    return one


@pytest.fixture(scope="module")
def spelling(visit: Callable[..., Visit], picture: Frame, tmp_path_factory) -> Visit:
    one = visit(WIDE, camera(tmp_path_factory.mktemp("films") / "letter.y4m", [picture] * FPS))
    one.tab("Letters")
    return one


def test_who_lacks_mediapipes_models_is_told_how_to_get_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert lacking() is None
    monkeypatch.setenv("ZOO_MODELS", str(tmp_path))
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path))
    assert re.search(
        rf"fetches them once, or put {POSE.name} and {HAND.name} into the folder .* gloss-classifier does without",
        lacking(),
    )


def test_the_threshold_is_the_readers_until_somebody_moves_it(visit: Callable[..., Visit]) -> None:
    one = visit(WIDE)
    one.tab("Recognise")
    threshold = one.page.get_by_role("spinbutton", name="Threshold")
    for name, usual in ((LANDMARKS, "0.4"), ("gloss-classifier", "0.7")):
        one.page.get_by_role("radio", name=name).check()
        expect(threshold).to_have_value(usual, timeout=PATIENCE)


class TestCamera:
    def test_the_sign_before_it_is_named(self, signing: Visit) -> None:
        seen(signing, GLOSS)
        detail = signing.page.locator("#detail")
        detail.get_by_text(re.compile(r"^Answered \d+\.\d\d s after the hands moved")).wait_for()
        detail.get_by_role("table").get_by_role("rowheader", name=GLOSS, exact=True).wait_for()
        assert GLOSS in detail.get_by_role("img", name="Seconds").get_attribute("aria-label")

    def test_it_is_seen_as_in_a_mirror_and_read_as_it_is(
        self, signing: Visit, hello: list[Frame], sent: list[Frame]
    ) -> None:
        """Of who stands before a camera, the right hand is on the picture's left."""
        seen(signing, GLOSS)
        shown = signing.page.locator("#camera video").evaluate("video => getComputedStyle(video).transform")
        assert shown.startswith("matrix(-1, 0, 0, 1")
        for frames in (hello, sent):
            left, right = np.array_split(np.std(np.stack(frames).astype(float), axis=0).mean((0, 2)), 2)
            assert left.mean() > 3 * right.mean()

    def test_the_signs_that_it_knows_are_listed(self, signing: Visit) -> None:
        signing.page.get_by_role("button", name="The signs that it knows").click()
        signing.page.get_by_text(re.compile(rf"again, .*\b{GLOSS}\b.*, yesterday")).wait_for()

    @pytest.mark.parametrize("size", [WIDE, NARROW])
    def test_everybody_can_use_it(self, signing: Visit, size: tuple[int, int]) -> None:
        signing.page.set_viewport_size({"width": size[0], "height": size[1]})
        assert not signing.violations()
        assert not signing.overflows()

    def test_the_threshold_hides_what_is_less_likely(self, signing: Visit) -> None:
        signing.page.get_by_role("spinbutton", name="Threshold").fill("1")
        signing.page.get_by_role("spinbutton", name="Threshold").press("Tab")
        seen(signing, "unsure")
        assert said(signing, 2 * 40 / FPS) <= {"?", "–"}

    def test_who_stops_it_sends_nothing_more(self, signing: Visit, sent: list[Frame]) -> None:
        signing.page.locator("#camera").get_by_role("button", name="Stop").click()
        signing.page.wait_for_timeout(2000)
        count = len(sent)
        signing.page.wait_for_timeout(1000)
        assert len(sent) == count

    def test_in_an_empty_room_there_is_no_sign(self, visit: Callable[..., Visit], tmp_path: Path) -> None:
        rng = np.random.default_rng(0)
        room = ground("room", 256, rng)
        noisy = [(room + rng.normal(0, 2, room.shape)).clip(0, 255).astype(np.uint8) for _ in range(FPS)]
        one = started(visit(WIDE, camera(tmp_path / "room.y4m", noisy)), "Recognise", "camera")
        seen(one, "no sign")
        assert said(one, 3) == {"–"}
        one.page.locator("#camera").get_by_role("button", name="Stop").click()


class TestTenCamerasAtOnce:
    def test_each_is_told_what_it_shows_and_nothing_of_the_others(self, server: Server, hello: list[Frame]) -> None:
        shows = {GLOSS: hello[:: FPS // 10], "–": [ground("room", 256, np.random.default_rng(0))]}
        films = [(said, [data_url(frame) for frame in frames]) for said, frames in shows.items()]
        with ThreadPoolExecutor(1) as apart:  # a browser's loop runs in this thread
            looking = apart.submit(asyncio.run, watched(server.address, 5 * films, LANDMARKS, PATIENCE / 1000))
        told = [set(answers) for answers in looking.result()]
        assert all(GLOSS in glosses for glosses in told[::2])
        assert all(glosses <= {"–", "?"} for glosses in told[1::2]), told[1::2]


class TestFile:
    def test_its_signs_are_named(self, reading: Visit) -> None:
        reading.page.get_by_role("status").filter(
            has_text=re.compile(rf"^Signs in this video: .*\b{GLOSS}\b")
        ).wait_for()

    def test_the_downloads_open(self, reading: Visit, tmp_path: Path) -> None:
        reading.page.get_by_alt_text("which moments counted").wait_for()
        files = {}
        for suffix in ("png", "json"):
            with reading.page.expect_download() as download:
                reading.page.get_by_role("button", name=f"Download .{suffix}").click()
            files[suffix] = download.value.path()
        assert Image.open(files["png"]).width > 500
        content = json.loads(Path(files["json"]).read_text())
        assert content["video"] == "hello.mp4"
        assert GLOSS in {one["gloss"] for one in content["glosses"]}

    def test_what_is_no_video_is_refused_in_words(self, reading: Visit, tmp_path: Path) -> None:
        (tmp_path / "notes.mp4").write_text("no video")
        reading.page.get_by_role("button", name="Clear").click()
        reading.page.locator("#watched input[type=file]").set_input_files(tmp_path / "notes.mp4")
        reading.page.locator("#watched video").wait_for(state="attached")
        reading.page.get_by_role("button", name="Read the signs").click()
        reading.page.get_by_role("alert").filter(has_text="no video that can be read").wait_for()


class TestLetters:
    def test_a_word_is_generated_by_each_model_side_by_side(self, spelling: Visit) -> None:
        spelling.page.get_by_role("textbox", name="Word").fill("a1 b!")
        spelling.page.get_by_role("button", name="Generate").click()
        spelling.page.get_by_role("status").filter(has_text="Generated A B. Left out: 1 !").wait_for()
        for model in ("letter-ddpm", "letter-vae", "letter-gan"):
            for letter in "AB":
                shown = spelling.page.get_by_alt_text(f"{letter}, generated by {model}")
                assert shown.evaluate("image => image.complete && image.naturalWidth") >= 128

    def test_a_word_without_a_letter_is_refused(self, spelling: Visit) -> None:
        spelling.page.get_by_role("textbox", name="Word").fill("42!")
        spelling.page.get_by_role("button", name="Generate").click()
        spelling.page.get_by_role("alert").filter(has_text="'42!' has no letter").wait_for()

    def test_a_hand_before_the_camera_is_read(self, spelling: Visit) -> None:
        started(spelling, "Letters", "hand-camera")
        spelling.page.locator("#letter .gloss").filter(has_text=LETTER).wait_for()
        assert "probability 0." in spelling.page.locator("#letter .state").inner_text()

    @pytest.mark.parametrize("size", [WIDE, NARROW])
    def test_everybody_can_use_it(self, spelling: Visit, size: tuple[int, int]) -> None:
        spelling.page.set_viewport_size({"width": size[0], "height": size[1]})
        assert not spelling.violations()
        assert not spelling.overflows()

    def test_a_picture_is_read(self, visit: Callable[..., Visit], picture: Frame, tmp_path: Path) -> None:
        Image.fromarray(picture).save(tmp_path / "hand.png")
        one = visit()
        one.tab("Letters")
        one.tab("Picture")
        one.page.locator("#hand-picture input[type=file]").set_input_files(tmp_path / "hand.png")
        one.page.locator("#letter .gloss").filter(has_text=LETTER).wait_for()
