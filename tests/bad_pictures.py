"""Files that are no good picture, each in a way of its own, and what is said of them."""

import io
import re
from pathlib import Path

import numpy as np
from PIL import Image


def encoded(kind: str, mode: str = "RGB", side: int = 40) -> bytes:
    content = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, (side, 2 * side, 3), np.uint8)
    Image.fromarray(noise).convert(mode).save(content, kind)
    return content.getvalue()


FAULTS = {
    "a JPEG cut in half": (encoded("JPEG")[:1500], "cut off: the end marker of a JPEG is missing"),
    "a JPEG cut in its header": (encoded("JPEG")[:90], "90 bytes that are no picture, or not all of one"),
    "a PNG without its last chunk": (encoded("PNG")[:-12], "cut off: the end marker of a PNG is missing"),
    "CMYK": (encoded("JPEG", "CMYK"), "CMYK, the colours of printing, expected RGB or grey; convert it"),
    "one pixel": (encoded("PNG", side=1), "2 x 1 pixels, expected at least 16 x 16"),
    "no bytes": (b"", "a file of no bytes"),
    "a page of HTML": (b"<html>404</html>", "16 bytes that are no picture"),
}


def spoil(root: Path, names: list[str]) -> dict[str, str]:
    """Puts a bad picture in the place of each of so many files; what a finding must say, by file."""
    assert len(names) == len(FAULTS)
    for name, (content, _) in zip(names, FAULTS.values(), strict=True):
        (root / name).write_bytes(content)
    return {name: expected for name, (_, expected) in zip(names, FAULTS.values(), strict=True)}


def named(message: str) -> dict[str, str]:
    """The findings of a message that names them all, by file."""
    return dict(re.findall(r"^  (.*?): (.*)$", message, re.MULTILINE))
