"""Pictures of somebody: cut to their middle, or refused in one line."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from zoo.loaders.pictures import given_square


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)


def test_its_middle_square_is_taken_whatever_it_comes_as(picture: np.ndarray, tmp_path: Path) -> None:
    square = picture[:, 10:50]
    Image.fromarray(picture).save(tmp_path / "signer.png")
    for given in (picture, Image.fromarray(picture), tmp_path / "signer.png", str(tmp_path / "signer.png"), square):
        np.testing.assert_array_equal(given_square("reference", given), square)
    np.testing.assert_array_equal(given_square("reference", picture.swapaxes(0, 1)), square.swapaxes(0, 1))


def test_a_photograph_is_turned_upright(picture: np.ndarray, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    Image.fromarray(picture).save(tmp_path / "turned.png", exif=exif)
    with Image.open(tmp_path / "turned.png") as turned:
        np.testing.assert_array_equal(given_square("reference", turned), np.rot90(picture[:, 10:50], -1))


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        (3, "found int, expected a uint8 RGB picture"),
        ([[1, 2, 3]], "found list, expected"),
        (np.zeros((40, 40, 3)), r"found float64 of shape \(40, 40, 3\), expected"),
        (np.zeros((40, 40), np.uint8), r"found uint8 of shape \(40, 40\), expected"),
        (np.zeros((40, 40, 4), np.uint8), r"found uint8 of shape \(40, 40, 4\), expected"),
        (np.zeros((2, 40, 40, 3), np.uint8), r"found uint8 of shape \(2, 40, 40, 3\), expected"),
        (np.zeros((31, 40, 3), np.uint8), "found 40 x 31 pixels, expected 32 a side at least"),
        (np.zeros((0, 40, 3), np.uint8), "found 40 x 0 pixels, expected 32 a side at least"),
        (np.broadcast_to(np.uint8(0), (50_001, 1_000, 3)), "found 1000 x 50001 pixels, .* 50,000,000 at most"),
    ],
)
def test_what_is_no_picture_of_a_signer_is_refused_in_one_line(reference: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^reference: {message}") as error:
        given_square("reference", reference)
    assert "\n" not in str(error.value)
