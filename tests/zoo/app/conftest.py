"""A server of the app as a user starts it, browsers that visit it, and what every visit is held to.

`axe.min.js` is axe-core 4.14.1 (Deque Systems, MPL 2.0, github.com/dequelabs/axe-core), which is no part of the package.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("gradio", reason="the app needs gradio: pip install 'sign-zoo[app]'")
playwright = pytest.importorskip("playwright.sync_api", reason="its tests need playwright: pip install playwright")

AXE = Path(__file__).with_name("axe.min.js")
PATIENCE = 120_000
"""Milliseconds that a step may take where other tests share the machine."""
WIDE, NARROW = (1280, 900), (360, 740)


@dataclass
class Server:
    """Where it is, and what it prints."""

    address: str
    port: int
    log: Path


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
    assert "Traceback" not in log.read_text()


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


@dataclass
class Visit:
    """A visitor's page, and what it asked of anybody but the server."""

    page: Any
    foreign: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def tab(self, name: str) -> None:
        self.page.get_by_role("tab", name=name).click()

    def violations(self) -> list[str]:
        """What axe finds that is serious or worse."""
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = self.page.evaluate("axe.run()")["violations"]
        bad = [one for one in found if one["impact"] in ("serious", "critical")]
        return [f"{one['id']}: {one['help']}: {[node['html'][:200] for node in one['nodes']]}" for one in bad]

    def overflows(self) -> bool:
        """Whether one has to scroll sideways."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth"))


@pytest.fixture
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
