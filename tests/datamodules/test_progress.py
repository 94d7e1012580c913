"""Progress of long work, as a terminal and as a log shows it."""

import os
import pty
import subprocess
import sys

import pytest

from datamodules import progress as told
from datamodules.progress import progress

COUNT = "from datamodules.progress import progress; print(list(progress(range({}), 'counting')))"


def seen_by_a_terminal(items: int) -> str:
    """What stderr shows while so many items are counted."""
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb") as screen:
        command = [sys.executable, "-c", COUNT.format(items)]
        subprocess.run(command, stderr=theirs, check=True, env={**os.environ, "TERM": "xterm", "COLUMNS": "80"})
        os.close(theirs)
        shown = b""
        while True:
            try:
                block = os.read(screen.fileno(), 4096)
            except OSError:  # the terminal has nothing more
                return shown.decode()
            if not block:
                return shown.decode()
            shown += block


def test_a_terminal_shows_a_bar() -> None:
    assert "counting" in seen_by_a_terminal(3)


def test_of_a_single_item_it_shows_nothing() -> None:
    assert not seen_by_a_terminal(1)


@pytest.mark.parametrize("total", [(), (3,)])
def test_a_log_has_a_line_now_and_then(
    total: tuple[int, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(told, "SILENT", -1.0)
    items = iter("abc") if total else "abc"
    assert "".join(progress(items, "spelling", *total)) == "abc"
    assert capsys.readouterr().err.splitlines() == [f"zoo: spelling: {done} of 3" for done in range(3)]


def test_a_log_says_nothing_of_short_work(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(progress("abc", "spelling")) == list("abc")
    assert not capsys.readouterr().err
