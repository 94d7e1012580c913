"""How each shipped spec is trained within seconds and its verb called, for the tests that run over all of them.

A new spec needs a line in TINY, a new task one in CALLS.
"""

from collections.abc import Callable
from pathlib import Path

TEXT_TO_POSE = ("--model.width=16", "--model.heads=2", "--model.feedforward=16", "--data.twin.size=30")

TINY: dict[str, tuple[str, ...]] = {
    "asl-slp": (*TEXT_TO_POSE, "--data.batch_size=4"),
    "asl-slp-phoenix14t": (*TEXT_TO_POSE, "--data.batch_size=4"),
}
"""Overrides of a starter that make it as small as its code allows."""


def starter(name: str, root: Path) -> list[str]:
    """The command line of a tiny starter of a spec; its twin goes to `root`."""
    return ["--starter", *TINY[name], f"--data.root={root}", "--trainer.max_epochs=2"]


def _sentence(folder: Path) -> str:
    return "hello"


CALLS: dict[str, tuple[Callable[[Path], str], str]] = {
    "text-to-pose": (_sentence, ".pose"),
}
"""Task to what makes an input of its verb in a folder, and the suffix of an output."""
