"""Pictures of any kind come out as uint8 RGB, or are refused with one clear message."""

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from datamodules.media.images import centre_square, read_image, resize, stack

HEIGHT, WIDTH = 40, 60


@pytest.fixture(scope="module")
def truth():
    """A smooth picture, so that lossy formats keep it."""
    corners = np.random.default_rng(0).integers(40, 216, (2, 3, 3)).astype(np.uint8)
    return cv2.resize(corners, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)


def encoded(image, kind, **options):
    content = io.BytesIO()
    image.save(content, kind, **options)
    return content.getvalue()


@pytest.mark.parametrize(
    ("kind", "mode"),
    [(kind, "RGB") for kind in ("JPEG", "PNG", "BMP", "WEBP")] + [("JPEG", "CMYK"), ("PNG", "RGBA"), ("WEBP", "RGBA")],
)
def test_colour_pictures_keep_their_colours(tmp_path, truth, kind, mode):
    (tmp_path / "a").write_bytes(encoded(Image.fromarray(truth).convert(mode), kind))
    image = read_image(tmp_path / "a")
    assert image.dtype == np.uint8
    assert image.shape == truth.shape
    assert np.abs(image.astype(int) - truth).mean() < 4


@pytest.mark.parametrize("mode", ["L", "LA", "I;16", "P", "1"])
def test_pictures_of_other_depths_become_rgb(tmp_path, truth, mode):
    grey = truth[..., 1]
    if mode == "I;16":
        picture = Image.fromarray(grey.astype(np.uint16) * 257)
    else:
        picture = Image.fromarray(grey).convert(mode, dither=Image.Dither.NONE)
    (tmp_path / "a.png").write_bytes(encoded(picture, "PNG"))
    image = read_image(tmp_path / "a.png")
    expected = np.where(grey > 127, 255, 0) if mode == "1" else grey
    assert image.shape == truth.shape
    assert np.abs(image.astype(int) - expected[..., None]).max() <= 1


def test_a_picture_stands_upright(tmp_path, truth):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    (tmp_path / "a.jpg").write_bytes(encoded(Image.fromarray(truth), "JPEG", exif=exif))
    image = read_image(tmp_path / "a.jpg")
    assert np.abs(image.astype(int) - np.rot90(truth, -1)).mean() < 4


def test_a_large_jpeg_is_decoded_small_where_that_will_do(tmp_path, truth):
    Image.fromarray(truth).resize((8 * WIDTH, 8 * HEIGHT)).save(tmp_path / "a.jpg")
    for least, divisor in ((None, 1), (HEIGHT, 8), (HEIGHT + 1, 4), (4 * HEIGHT, 2), (8 * HEIGHT, 1), (9999, 1)):
        image = read_image(tmp_path / "a.jpg", least)
        assert image.shape == (8 * HEIGHT // divisor, 8 * WIDTH // divisor, 3)
        assert np.abs(resize(image, WIDTH, HEIGHT).astype(int) - truth).mean() < 4


def test_one_pixel_is_a_picture(tmp_path):
    (tmp_path / "a.png").write_bytes(encoded(Image.new("RGB", (1, 1), (1, 2, 3)), "PNG"))
    assert read_image(tmp_path / "a.png").tolist() == [[[1, 2, 3]]]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "WEBP"])
def test_no_cut_picture_passes_for_a_whole_one(tmp_path, truth, kind):
    whole = encoded(Image.fromarray(truth), kind)
    for length in range(0, len(whole) - 16, max(1, len(whole) // 60)):
        (tmp_path / "a").write_bytes(whole[:length])
        with pytest.raises(ValueError, match=str(tmp_path / "a")):
            read_image(tmp_path / "a")


@pytest.mark.parametrize("side", [8_000, 60_000, 2_000_000_000])
def test_a_small_file_never_becomes_gigabytes(tmp_path, side):
    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + header + body)
    with pytest.raises(ValueError, match=r"bomb\.png.*scale it down"):
        read_image(tmp_path / "bomb.png")


@settings(max_examples=60, deadline=None)
@given(
    start=st.sampled_from([b"", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"BM", b"RIFF"]),
    rest=st.binary(max_size=200),
)
def test_any_bytes_are_a_picture_or_one_error(tmp_path_factory, start, rest):
    path = tmp_path_factory.getbasetemp() / "bytes"
    path.write_bytes(start + rest)
    message = str(path)
    try:
        assert read_image(path).ndim == 3
    except ValueError as error:
        message = str(error)
    assert str(path) in message


def test_a_missing_picture_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_image(tmp_path / "none.jpg")


def test_shrinking_averages_so_that_thin_lines_survive():
    image = np.zeros((64, 64, 3), np.uint8)
    image[:, 31] = 255
    assert resize(image, 8, 8).max() == pytest.approx(255 / 8, abs=1)
    assert resize(image, 64, 64) is image


def test_the_middle_square_is_the_middle():
    assert centre_square(4, 10) == (0, 3, 4)
    assert centre_square(11, 4) == (3, 0, 4)


def test_a_stack_is_in_the_order_of_networks():
    images = np.random.default_rng(0).integers(0, 256, (2, 4, 5, 3), dtype=np.uint8)
    assert np.array_equal(stack(list(images))[1, 2], images[1, :, :, 2])
