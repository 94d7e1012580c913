"""Pictures that a verb was given, as a file's path, a PIL image or an array."""

import os
from typing import Any, Final, TypeAlias

import numpy as np
from PIL import ImageOps
from PIL.Image import Image as Picture

from datamodules.media.drawing_primitives import Image
from datamodules.media.images import MOST_PIXELS, centre_square, read_image

GivenPicture: TypeAlias = str | os.PathLike[str] | Picture | Image
LEAST: Final = 32
"""Pixels of the shorter side of a picture of somebody, below which nobody is to be recognised."""


def as_array(picture: Any) -> Any:
    """The pixels (H, W, 3) uint8 RGB of a file or a PIL image, turned upright; anything else as it is. Raises as
    `read_image`."""
    if isinstance(picture, str | os.PathLike):
        return read_image(picture)
    if isinstance(picture, Picture):
        return np.asarray(ImageOps.exif_transpose(picture).convert("RGB"))
    return picture


def given_square(name: str, picture: GivenPicture) -> Image:
    """The middle square (S, S, 3) uint8 RGB of the picture that was given as `name`.

    Raises:
        ValueError: what is no picture, and one that is too small or too large.
        FileNotFoundError: no such file.
    """
    pixels = as_array(picture)
    shape: tuple[int, ...] = getattr(pixels, "shape", ())
    kind = getattr(pixels, "dtype", type(pixels).__name__)
    if kind != np.uint8 or len(shape) != 3 or shape[-1] != 3:
        found = f"{kind} of shape {tuple(shape)}" if shape else kind
        raise ValueError(f"{name}: found {found}, expected a uint8 RGB picture (H, W, 3), a PIL image, or a path")
    height, width, _ = shape
    if min(height, width) < LEAST or height * width > MOST_PIXELS:
        raise ValueError(
            f"{name}: found {width} x {height} pixels, expected {LEAST} a side at least, and {MOST_PIXELS:,} at most"
        )
    top, left, side = centre_square(height, width)
    square: Image = pixels[top : top + side, left : left + side]
    return square
