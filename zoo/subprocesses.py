"""This Python once more, in a process that knows nothing else: what a stranger would find after installing the zoo."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def run(module: str, *arguments: str, **options: Any) -> tuple[int, str]:
    """`python -m module` without network: its exit code, and the last line of its stderr, which says why it failed.

    The zoo is this one, wherever it lies. `options` are those of `subprocess.run`, and so is what is raised.
    """
    paths = [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH")]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    command = [sys.executable, "-P", "-m", module, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, **options)
    lines = done.stderr.strip().splitlines() or [f"the process ended with {done.returncode}"]
    return done.returncode, lines[-1]
