"""A video as a player shows it in any container: upright, of square pixels, every frame for as long as it lasts."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from video_files import CONTAINERS, grey, levels, write

from datamodules.media.clip_frames import frame_count, frame_times, read_square, video_format
from datamodules.media.decoding import MOST_PIXELS
from datamodules.media.video import read_video

COLOURS = np.array([[(220, 40, 40), (40, 220, 40)], [(40, 40, 220), (220, 220, 40)]], np.uint8)
"""Of the quarters of a picture: no two turns of it are alike."""
PICTURE = np.kron(COLOURS, np.ones((24, 32, 1), np.uint8))
ONE, UNIT = 1 << 16, 1 << 30
KEEP_TIMES = [suffix for suffix, kind in CONTAINERS.items() if kind.times]
QUICK = settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def quarters(frame: np.ndarray) -> list[list[int]]:
    """Which of COLOURS each quarter of a frame has."""
    height, width = frame.shape[:2]
    middles = frame[np.ix_([height // 4, 3 * height // 4], [width // 4, 3 * width // 4])].astype(int)
    return np.abs(middles[:, :, None] - COLOURS.reshape(4, 3)).sum(-1).argmin(-1).tolist()


def matrix(a: int, b: int, c: int, d: int) -> tuple[int, ...]:
    """A display matrix that shows the point (x, y) at (a x + c y, b x + d y)."""
    return (a * ONE, b * ONE, 0, c * ONE, d * ONE, 0, 0, 0, UNIT)


TURNS = {
    "upright": (matrix(1, 0, 0, 1), lambda x: x),
    "clockwise": (matrix(0, 1, -1, 0), lambda x: np.rot90(x, -1)),
    "upside down": (matrix(-1, 0, 0, -1), lambda x: np.rot90(x, 2)),
    "counter-clockwise": (matrix(0, -1, 1, 0), np.rot90),
    "mirrored": (matrix(-1, 0, 0, 1), np.fliplr),
    "flipped": (matrix(1, 0, 0, -1), np.flipud),
    "mirrored and clockwise": (matrix(0, 1, 1, 0), lambda x: np.rot90(np.fliplr(x))),
    "mirrored and counter-clockwise": (matrix(0, -1, -1, 0), lambda x: np.rot90(np.fliplr(x), -1)),
}


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("suffix", [suffix for suffix, kind in CONTAINERS.items() if kind.matrix])
def test_a_picture_is_turned_and_mirrored_as_its_file_says(suffix: str, turn: str, tmp_path: Path) -> None:
    shown, apply = TURNS[turn]
    path = write(tmp_path / f"a.{suffix}", [PICTURE] * 3, matrix=shown)
    expected = apply(PICTURE)
    frames = list(read_video(path)[0])
    assert {frame.shape for frame in frames} == {expected.shape}
    assert quarters(frames[0]) == quarters(expected)
    assert video_format(path) == (*expected.shape[1::-1], 25)
    assert quarters(read_square(path, [1], 32)[0]) == quarters(expected)


def test_a_sideways_recording_of_a_phone_is_the_upright_one(shared: Path) -> None:
    phone, upright = (
        np.stack(list(read_video(shared / f"cases/videos/{name}.mp4")[0])) for name in ("phone", "upright")
    )
    assert phone.shape == upright.shape
    assert np.abs(phone.astype(int) - upright).mean() < 2


@pytest.mark.parametrize("suffix", [suffix for suffix, kind in CONTAINERS.items() if kind.aspect])
@pytest.mark.parametrize("squeezed", [(1, 2), (2, 1)])
def test_pixels_become_square_and_no_detail_is_lost(suffix: str, squeezed: tuple[int, int], tmp_path: Path) -> None:
    """A disc that was squeezed to half of its width or height is round again."""
    rows, columns = np.ogrid[:96, :128]
    disc = np.where(((rows - 48) ** 2 + (columns - 64) ** 2 < 40**2)[..., None], 230, 20).astype(np.uint8).repeat(3, 2)
    down, across = squeezed
    stored = np.ascontiguousarray(disc[::down, ::across])
    path = write(tmp_path / f"a.{suffix}", [stored] * 20, aspect=Fraction(across, down))
    frame = next(read_video(path)[0])
    assert frame.shape == (96, 128, 3)
    assert np.abs(frame.astype(int) - disc).mean() < 8
    assert video_format(path)[:2] == (128, 96)
    assert read_square(path, [0], 64)[0, :, 32].mean() == pytest.approx(
        read_square(path, [0], 64)[0, 32].mean(), rel=0.1
    )


def test_pixels_that_are_all_but_square_stay_as_they_are(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", [PICTURE], aspect=Fraction(203, 202))
    assert next(read_video(path)[0]).shape == PICTURE.shape


def test_a_pixel_that_would_blow_a_frame_up_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", grey([10], 480, 640), aspect=Fraction(255, 1))
    with pytest.raises(ValueError, match=rf"frames of 163200 x 480, expected at most {MOST_PIXELS} pixels"):
        read_video(path)


@pytest.mark.parametrize("suffix", CONTAINERS)
def test_a_frame_at_every_tick_is_shown_once(suffix: str, tmp_path: Path) -> None:
    expected = list(range(20, 240, 10))
    path = write(tmp_path / f"a.{suffix}", grey(expected))
    frames, fps = read_video(path)
    assert fps == pytest.approx(25)
    assert levels(frames) == expected
    assert frame_count(path) == (len(expected), pytest.approx(25))


@pytest.mark.parametrize("suffix", KEEP_TIMES)
@given(gaps=st.lists(st.integers(1, 6), min_size=11, max_size=20))
@QUICK
def test_where_frames_were_dropped_the_others_keep_their_times(suffix: str, gaps: list[int], tmp_path: Path) -> None:
    ticks = np.cumsum([0, *gaps])
    shades = [10 * (2 + number) for number in range(len(ticks))]
    path = write(tmp_path / f"a.{suffix}", grey(shades), ticks / 25)
    frames, fps = read_video(path)
    found = levels(frames)
    for tick, shade in zip(ticks, shades, strict=True):
        assert found[round(tick / 25 * fps)] == shade
    assert found == sorted(found)
    assert len(found) / fps == pytest.approx(ticks[-1] / 25, abs=0.5)
    assert frame_times(path).total == len(found)
    assert frame_count(path)[0] == len(shades)


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "flv", "webm"])
@given(gaps=st.lists(st.integers(5, 120), min_size=5, max_size=20))
@QUICK
def test_at_any_times_each_moment_shows_the_frame_of_that_moment(suffix: str, gaps: list[int], tmp_path: Path) -> None:
    """Recorders stamp frames to the millisecond, whenever they come."""
    times = np.cumsum([0, *gaps]) / 1000
    shades = [10 * (2 + number) for number in range(len(times))]
    path = write(tmp_path / f"a.{suffix}", grey(shades), times)
    frames, fps = read_video(path)
    found = levels(frames)
    assert set(found) == set(shades)
    ends = np.append(times[1:], np.inf)
    for tick, shade in enumerate(found):
        number, middle = shades.index(shade), (tick + 0.5) / fps
        assert times[number] - 0.002 <= middle <= ends[number] + 0.002


def test_dropped_frames_move_nothing_in_time(shared: Path) -> None:
    (dropped, rate), (even, fps) = (read_video(shared / f"cases/videos/{name}.mp4") for name in ("vfr", "cfr"))
    assert rate == fps == 25
    uneven, whole = np.stack(list(dropped)), np.stack(list(even))
    assert abs(len(uneven) - len(whole)) <= 1
    assert np.abs(uneven[::5].astype(int) - whole[: len(uneven) : 5]).mean((1, 2, 3)).max() < 2


def test_a_square_is_of_the_frame_that_is_shown_then(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mkv", grey([50, 100, 150, 200]), [0, 0.04, 0.48, 0.52])
    assert levels(read_square(path, [0, 1, 2, 11, 12, 13, 99], 16)) == [50, 100, 100, 100, 150, 200, 200]


def test_a_slide_show_is_as_long_as_it_is_shown(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gif", grey([50, 100, 150]), [0, 2, 4])
    frames, fps = read_video(path)
    found = levels(frames)
    assert 1 <= fps <= 60
    assert [found.count(shade) / fps for shade in (50, 100)] == [2, 2]


def test_two_recordings_in_one_stream_are_read_through(tmp_path: Path) -> None:
    """Joined end to end, as people join .ts files: the clock starts again in the middle."""
    one, other = (write(tmp_path / f"{shade}.ts", grey([shade] * 30)) for shade in (50, 150))
    (tmp_path / "both.ts").write_bytes(one.read_bytes() + other.read_bytes())
    frames, fps = read_video(tmp_path / "both.ts")
    assert levels(frames) == [50] * 30 + [150] * 30
    assert fps == 25


def test_frames_that_change_their_size_are_shown_as_large_as_the_first(tmp_path: Path) -> None:
    parts = [write(tmp_path / f"{side}.ts", grey([side] * 30, side, side)) for side in (64, 128)]
    (tmp_path / "both.ts").write_bytes(b"".join(part.read_bytes() for part in parts))
    assert {frame.shape for frame in read_video(tmp_path / "both.ts")[0]} == {(64, 64, 3)}


def test_a_folder_is_no_video(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="found a folder or a device, expected a video file"):
        read_video(tmp_path)
