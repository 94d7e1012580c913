"""Pictures of unknown origin, as uint8 RGB arrays or one clear error, and as the tensors' input."""

import io
import os
import warnings
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

from datamodules.media.drawing_primitives import Image

FORMATS: Final = ("JPEG", "PNG", "BMP", "WEBP")
IMAGE_SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp"})
END_MARKERS: Final = {"JPEG": b"\xff\xd9", "PNG": b"IEND"}
TAIL: Final = 4096
"""Bytes at a file's end among which its end marker stands: some cameras append a few of their own."""
REDUCED: Final = {8: cv2.IMREAD_REDUCED_COLOR_8, 4: cv2.IMREAD_REDUCED_COLOR_4, 2: cv2.IMREAD_REDUCED_COLOR_2}
MOST_PIXELS: Final = 50_000_000
MOST_BYTES: Final = 64_000_000

cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # what it would print, we raise
warnings.simplefilter("ignore", Pillow.DecompressionBombWarning)


def read_image(path: str | os.PathLike[str], least: int | None = None) -> Image:
    """A picture as (H, W, 3) uint8 RGB, upright; of any depth and colour space.

    The header is read before a pixel is decoded, so that a small file cannot unfold into gigabytes.

    least: pixels that the shorter side must keep; a larger JPEG is decoded at a half, a quarter or an eighth, which
        saves more than half of the time. None decodes all.

    Raises:
        ValueError: no picture of a known format, a cut or damaged one, or one of more than 50 million pixels.
        FileNotFoundError: no such file.
    """
    size = os.path.getsize(path)
    if size > MOST_BYTES:
        raise ValueError(f"{path}: {size} bytes, expected a picture of at most {MOST_BYTES}; convert or remove it")
    content = Path(path).read_bytes()
    kind, width, height = _header(path, content)
    if width * height > MOST_PIXELS:
        raise ValueError(
            f"{path}: {width} x {height} pixels, expected at most {MOST_PIXELS}; scale it down or remove it"
        )
    flag = _reduced(min(width, height), least) if kind == "JPEG" else cv2.IMREAD_COLOR
    picture: Image | None = None
    if END_MARKERS.get(kind, b"") in content[-TAIL:]:  # some decoders fill a cut one with grey
        with suppress(cv2.error):
            picture = cv2.imdecode(np.frombuffer(content, np.uint8), flag)
    if picture is None:
        raise ValueError(
            f"{path}: a {width} x {height} picture that is cut off or damaged; fetch it again or remove it"
        )
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB, dst=picture)  # type: ignore[no-any-return]


def picture_size(path: str | os.PathLike[str]) -> tuple[int, int]:
    """Width and height that a picture's header states; no pixel is decoded. Raises as `read_image`."""
    _, width, height = _header(path, Path(path).read_bytes())
    return width, height


def _reduced(side: int, least: int | None) -> int:
    """The flag that decodes to the smallest of the sizes that keep `least` pixels of a side."""
    for divisor, flag in REDUCED.items():
        if least is not None and side >= divisor * least:
            return flag
    return cv2.IMREAD_COLOR


def _header(path: str | os.PathLike[str], content: bytes) -> tuple[str, int, int]:
    """The format, width and height that it states."""
    try:
        with Pillow.open(io.BytesIO(content), formats=FORMATS) as header:
            width, height = header.size
            return str(header.format), int(width), int(height)
    except Pillow.DecompressionBombError as error:
        raise ValueError(f"{path}: {error}; scale it down or remove it") from None
    except Exception as error:  # a broken header surfaces as whatever its bytes provoke
        raise ValueError(
            f"{path}: {len(content)} bytes that are no picture ({', '.join(FORMATS)}); fetch it again or remove it"
        ) from error


def resize(image: Image, width: int, height: int) -> Image:
    """The picture at another size: averaged over its pixels where it shrinks, so that thin lines survive."""
    if image.shape[:2] == (height, width):
        return image
    shrinks = image.shape[0] >= height and image.shape[1] >= width
    scaled: Image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return scaled


def centre_square(height: int, width: int) -> tuple[int, int, int]:
    """The largest square in the middle of a picture: its top, its left and its side, in pixels."""
    side = min(height, width)
    return (height - side) // 2, (width - side) // 2, side


def stack(images: Sequence[Image] | Image) -> npt.NDArray[np.uint8]:
    """N pictures (H, W, 3) of one size as (N, 3, H, W), the order of networks."""
    return np.ascontiguousarray(np.asarray(images, np.uint8).transpose(0, 3, 1, 2))
