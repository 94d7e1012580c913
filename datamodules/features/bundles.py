"""MediaPipe's model bundles (`.task` files): found on this machine, or downloaded once from the vendor and checked."""

import hashlib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPException
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from urllib.request import urlopen

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from datamodules.files import atomic, cache_folder, user_path

VENDOR: Final = "https://storage.googleapis.com/mediapipe-models"
FOLDER_VARIABLE: Final = "ZOO_MODELS"
PATIENCE: Final = 30.0  # seconds without a byte


@dataclass(frozen=True)
class Bundle:
    """A bundle of the vendor's: its file's name, the names under which it may lie here, and what a download must be."""

    name: str
    names: tuple[str, ...]
    url: str
    sha256: str


# The vendor publishes no checksums of these files. These are what many public projects, which pin the same addresses
# (revision 1, never "latest"), independently state for their downloads: 7,819,105 and 9,398,198 bytes. A file that
# differs is refused.
HAND: Final = Bundle(
    "hand_landmarker.task",
    ("hand_landmarker.task",),
    f"{VENDOR}/hand_landmarker/hand_landmarker/float16/1/hand_landmarker.task",
    "fbc2a30080c3c557093b5ddfc334698132eb341044ccee322ccf8bcf3607cde1",
)
POSE: Final = Bundle(
    "pose_landmarker_full.task",
    ("pose_landmarker_full.task", "pose_full.task"),
    f"{VENDOR}/pose_landmarker/pose_landmarker_full/float16/1/pose_landmarker_full.task",
    "5134a3aad27a58b93da0088d431f366da362b44e3ccfbe3462b3827a839011b1",
)


def find_bundle(bundle: Bundle, models: Path | None = None) -> Path:
    """The bundle's file: in `models` if given; else in $ZOO_MODELS or the cache, where it is downloaded if in neither.

    A file that lies there is used as it is, whatever its checksum.

    Raises:
        FileNotFoundError: not in `models`, or `models` is no folder.
        OSError, ValueError: it could not be downloaded, or is not what was expected.
    """
    if path := lying_here(bundle, models):
        return path
    if models:
        raise FileNotFoundError(
            f"{models}: no {' or '.join(bundle.names)} there; put {bundle.url} there, or leave --models out to have it "
            "downloaded"
        )
    path = cache_folder() / bundle.name
    download(bundle, path)
    return path


def lying_here(bundle: Bundle, models: Path | None = None) -> Path | None:
    """The bundle's file as `find_bundle` looks for it, or None where it would be downloaded."""
    variable = os.environ.get(FOLDER_VARIABLE)
    folders = [models] if models else [*([user_path(variable)] if variable else []), cache_folder()]
    paths = (folder / name for folder in folders for name in bundle.names)
    return next((path for path in paths if path.is_file()), None)


def download(bundle: Bundle, path: Path) -> None:
    """Fetch a bundle into `path`, which appears whole and checked or not at all; with a progress bar on a terminal.

    Raises:
        ConnectionError: no connection, a refusal, or one that broke off.
        ValueError: another file than expected.
    """
    by_hand = f"try again, or put the file into a folder and name it with --models or ${FOLDER_VARIABLE}"
    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn()
    bar = Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True)
    digest, size, expected = hashlib.sha256(), 0, None
    with atomic(path) as temporary, open(temporary, "wb") as out, bar:
        try:
            with urlopen(bundle.url, timeout=PATIENCE) as response:
                length = response.headers.get("Content-Length")
                expected = int(length) if length else None
                task = bar.add_task(bundle.name, total=expected)
                while block := response.read(1 << 16):
                    out.write(block)
                    digest.update(block)
                    size += len(block)
                    bar.update(task, completed=size)
        except (OSError, HTTPException) as error:
            raise ConnectionError(f"{bundle.url}: not downloaded ({error}); {by_hand}") from error
        if expected is not None and size < expected:
            raise ConnectionError(f"{bundle.url}: broke off after {size} of {expected} bytes; {by_hand}")
        if digest.hexdigest() != bundle.sha256:
            raise ValueError(
                f"{bundle.url}: found {size} bytes of sha256 {digest.hexdigest()}, expected {bundle.sha256}; the "
                f"vendor's file has changed or something on the way changed it; {by_hand} if you trust it"
            )


def checksums(paths: Sequence[Path]) -> dict[str, str]:
    """The sha256 of each file, by its name."""
    found = {}
    for path in paths:
        with path.open("rb") as file:
            found[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def hand_bundle(left_out: str) -> Path | None:
    """The hand landmarker's file; where it or MediaPipe is missing None, and a line says what is left out, and how to
    have it.

    Nothing is downloaded: a test has the same keys with and without a network.
    """
    path = lying_here(HAND)
    how = None
    if not find_spec("mediapipe"):
        how = "MediaPipe is not installed: pip install 'sign-zoo[landmarks]'"
    elif not path:
        how = f"no {HAND.name} in ${FOLDER_VARIABLE} or {cache_folder()}: put {HAND.url} there"
    if how:
        print(f"{left_out} are left out: {how}", file=sys.stderr)
    return None if how else path
