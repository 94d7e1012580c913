"""Trainings that are killed with -9, as a machine that fails would: they go on to the same bytes."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_a_base_that_was_killed_at_two_moments_comes_to_the_same_weights_and_log() -> None:
    command = [sys.executable, "benchmarks/killing.py", "sd-starter", "--kills", "2"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 kills, " in done.stdout
