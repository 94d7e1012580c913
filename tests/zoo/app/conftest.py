"""A server of the app as a user starts it, and browsers that visit it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from app_visits import PATIENCE, WIDE, Server, Visit

pytest.importorskip("gradio", reason="the app needs gradio: pip install 'sign-zoo[app]'")
playwright = pytest.importorskip("playwright.sync_api", reason="its tests need playwright: pip install playwright")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """`python -m zoo app`, once for all tests of a worker; ended as Ctrl-C ends it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path_factory.mktemp("app") / "log.txt"
    command = [sys.executable, "-m", "zoo", "app", "--port", str(port)]
    with log.open("w") as out:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=out, text=True, env=dict(os.environ))
        assert process.stdout
        said = process.stdout.readline()
        assert f"http://127.0.0.1:{port}" in said, log.read_text()
        yield Server(f"http://127.0.0.1:{port}", port, log)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    assert "zoo/app/" not in log.read_text(), "a traceback goes through the app"


@pytest.fixture(scope="session")
def launch() -> Iterator[Callable[[Path | None], Any]]:
    """A headless Chromium, one for each film that its camera shows (.y4m or .mjpeg), or without a camera."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("needs chromium: apt-get install chromium")
    browsers: dict[Path | None, Any] = {}
    with playwright.sync_playwright() as driver:

        def launched(film: Path | None = None) -> Any:
            if film not in browsers:
                camera = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
                camera += [f"--use-file-for-fake-video-capture={film}"]
                browsers[film] = driver.chromium.launch(executable_path=chromium, args=camera if film else [])
            return browsers[film]

        yield launched
        for browser in browsers.values():
            browser.close()


@pytest.fixture(scope="module")
def visit(server: Server, launch: Callable[[Path | None], Any]) -> Iterator[Callable[..., Visit]]:
    """Open the page as somebody who was never there: at a size, and with what a camera shows. No visit may ask anybody
    else, nor end with an error in its console."""
    visits = []

    def opened(size: tuple[int, int] = WIDE, film: Path | None = None) -> Visit:
        context = launch(film).new_context(viewport={"width": size[0], "height": size[1]}, accept_downloads=True)
        context.set_default_timeout(PATIENCE)
        if film:
            context.grant_permissions(["camera"])
        one = Visit(context.new_page())
        visits.append(one)
        own = (server.address, "data:", "blob:")
        one.page.on("request", lambda sent: sent.url.startswith(own) or one.foreign.append(sent.url))
        one.page.on("console", lambda line: line.type == "error" and one.errors.append(line.text))
        one.page.goto(server.address)
        one.page.get_by_role("heading", level=1).wait_for()
        return one

    yield opened
    for one in visits:
        one.page.context.close()
        assert not one.foreign
        assert not one.errors
