"""A look at a picture's header and end finds what would stop or spoil a training, and nothing in what is whole."""

import io
import time

import numpy as np
import pytest
from bad_pictures import FAULTS, encoded
from PIL import Image

from datamodules.picture_faults import picture_fault


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_wrong_is_said(tmp_path, fault):
    content, expected = FAULTS[fault]
    (tmp_path / "a.jpg").write_bytes(content)
    finding = picture_fault(tmp_path, tmp_path / "a.jpg")
    assert finding is not None
    assert (finding.where, finding.severity) == ("a.jpg", "error")
    assert expected in finding.message
    assert finding.message.endswith(("it again or remove it", "or remove it"))


@pytest.mark.parametrize(
    ("kind", "mode"),
    [("JPEG", "RGB"), ("JPEG", "L"), ("PNG", "RGB"), ("PNG", "RGBA"), ("PNG", "P"), ("BMP", "RGB"), ("WEBP", "RGB")],
)
def test_nothing_is_wrong_with_a_whole_picture(tmp_path, kind, mode):
    for after in (b"", bytes(100)):  # which some cameras append
        (tmp_path / "a.jpg").write_bytes(encoded(kind, mode) + after)
        assert picture_fault(tmp_path, tmp_path / "a.jpg") is None


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_no_cut_picture_passes_for_a_whole_one(tmp_path, kind):
    whole = encoded(kind)
    for length in range(0, len(whole) - 8, 37):
        (tmp_path / "a").write_bytes(whole[:length])
        assert picture_fault(tmp_path, tmp_path / "a") is not None


def test_a_folder_of_a_picture_s_name_is_none(tmp_path):
    (tmp_path / "A1.jpg").mkdir()
    finding = picture_fault(tmp_path, tmp_path / "A1.jpg")
    assert finding is not None
    assert finding.message.startswith("Is a directory; expected a picture")


def test_a_picture_of_too_many_pixels_is_found_by_its_header(tmp_path):
    content = io.BytesIO()
    Image.new("1", (8000, 7000)).save(content, "PNG")
    (tmp_path / "a.png").write_bytes(content.getvalue())
    finding = picture_fault(tmp_path, tmp_path / "a.png")
    assert finding is not None
    assert finding.message.startswith("8000 x 7000 pixels, expected at most 50000000")


def test_a_look_is_many_times_faster_than_decoding(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (800, 800, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.jpg")
    seconds = []
    for look in (lambda: picture_fault(tmp_path, tmp_path / "a.jpg"), lambda: Image.open(tmp_path / "a.jpg").load()):
        start = time.process_time()
        for _ in range(20):
            look()
        seconds.append(time.process_time() - start)
    assert 5 * seconds[0] < seconds[1]
