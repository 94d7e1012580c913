"""A look at a picture's header and end finds what would stop or spoil a training, and nothing in what is whole."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from bad_pictures import FAULTS, encoded
from PIL import Image

from datamodules.media.frame_files import picture_fault


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


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "WEBP"])
def test_no_cut_picture_passes_for_a_whole_one(tmp_path, kind):
    whole = encoded(kind)
    for length in range(0, len(whole) - 8, 37):
        (tmp_path / "a").write_bytes(whole[:length])
        assert picture_fault(tmp_path, tmp_path / "a") is not None


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: path.symlink_to("nowhere"), os.mkfifo])
def test_what_is_no_file_is_said_to_be_none_and_not_waited_for(tmp_path, make):
    make(tmp_path / "A1.jpg")
    finding = picture_fault(tmp_path, tmp_path / "A1.jpg")
    assert finding is not None
    assert finding.message.startswith("a folder, a link to nothing or the like; expected a picture")


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((8000, 7000), "8000 x 7000 pixels, expected at most 50000000"),
        ((15000, 12500), "Image size (187500000 pixels) exceeds limit"),
    ],
)
def test_a_picture_of_too_many_pixels_is_found_by_its_header(tmp_path, size, expected):
    Image.new("1", size).save(tmp_path / "a.png")
    finding = picture_fault(tmp_path, tmp_path / "a.png")
    assert finding is not None
    assert (finding.kind, finding.message.startswith(expected)) == ("unfit", True)
    assert finding.message.endswith("; scale it down or remove it")


def test_nothing_is_printed_of_what_a_finding_says(tmp_path):
    """Pillow warns of pictures of more than 89 million pixels."""
    Image.new("1", (10000, 9000)).save(tmp_path / "a.png")
    code = f"""
from pathlib import Path
from datamodules.media.frame_files import picture_fault
print(picture_fault(Path({str(tmp_path)!r}), Path({str(tmp_path / "a.png")!r})).kind)
"""
    run = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert (run.stdout, run.stderr) == ("unfit\n", "")


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
