"""A script that is killed at a moment of its own choosing, as by who pulls the plug."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]


def kill_when_it_waits(script: str, beside: str, waits: Path, *arguments: object) -> None:
    """Run a script, which imports what lies beside the test file `beside` too, until it has made the file `waits`."""
    path = os.pathsep.join(map(str, (ROOT, ROOT / "tests", Path(beside).parent)))
    command = [sys.executable, "-c", script, *map(str, arguments)]
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": path}, stderr=subprocess.DEVNULL)
    while not waits.exists():
        assert process.poll() is None, "the script ended before it waited"
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
