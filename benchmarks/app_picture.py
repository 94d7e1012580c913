"""Takes the picture of the app that the README shows: a sentence that was translated while it ran.

    python benchmarks/app_picture.py [docs/app.png]

Starts the app at a free port and Debian's chromium, and waits for what a visitor waits for.
"""

import shutil
import signal
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import Final

from PIL import Image
from playwright.sync_api import sync_playwright

PICTURE: Final = Path(__file__).parents[1] / "docs" / "app.png"
SIZE: Final = {"width": 1120, "height": 860}
PATIENCE: Final = 300_000
"""Milliseconds for a step."""
MOMENT: Final = 1.9
"""Seconds into the video: a hand is up."""
SEEK: Final = """moment => new Promise(done => {
    const video = document.querySelector("#translated video");
    video.onseeked = done;
    video.currentTime = moment;
})"""


def main(picture: Path) -> None:
    server = subprocess.Popen([sys.executable, "-m", "zoo", "app"], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout
        address = server.stdout.readline().split("at ")[-1].partition(";")[0]
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=shutil.which("chromium"))
            page = browser.new_page(viewport=SIZE)
            page.set_default_timeout(PATIENCE)
            page.goto(address)
            page.get_by_role("button", name="Translate", exact=True).click()
            page.get_by_text("seconds of signing").wait_for()
            page.evaluate(SEEK, MOMENT)
            page.mouse.move(0, 0)
            taken = page.screenshot(animations="disabled")
            browser.close()
    finally:
        server.send_signal(signal.SIGINT)
        server.wait()
    picture.parent.mkdir(parents=True, exist_ok=True)
    Image.open(BytesIO(taken)).convert("RGB").quantize(128).save(picture, optimize=True)
    print(f"{picture}: {picture.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURE)
