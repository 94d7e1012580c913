"""Still pictures as a video: what is shown when, and how one becomes the next."""

import numpy as np
import pytest

from datamodules.media.fades import FADED, HELD, faded, held


def plain(level: int) -> np.ndarray:
    return np.full((4, 6, 3), level, np.uint8)


def levels(seconds: list[float], fps: float, *pictures: int, fade: float = FADED) -> list[int]:
    frames = list(faded(zip(map(plain, pictures), seconds, strict=True), fps, fade))
    assert all(frame.dtype == np.uint8 and frame.shape == (4, 6, 3) for frame in frames)
    return [int(frame[0, 0, 0]) for frame in frames]


def test_the_later_picture_weighs_half_a_cosine() -> None:
    frames = levels([0, 0], 100, 0, 200, fade=0.1)
    moments = np.arange(10) + 0.5
    np.testing.assert_allclose(frames, 200 * (0.5 - 0.5 * np.cos(np.pi * moments / 10)), atol=0.5)
    assert sum(frames) == pytest.approx(200 * 10 / 2, abs=2)  # both are left and reached alike
    steps = np.diff([0, *frames, 200])
    assert steps[0] < steps[len(steps) // 2] / 5 > steps[-1]
    assert (steps >= 0).all()


def test_a_picture_into_itself_is_still() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    for frame in faded([(noise, 0.3), (noise, 0.2), (noise, 0.1)], 30):
        np.testing.assert_array_equal(frame, noise)


@pytest.mark.parametrize("fps", [12.5, 23.976, 25, 29.97, 60])
def test_it_lasts_as_long_as_it_should_however_many_pictures_there_are(fps: float) -> None:
    for count in (1, 2, 7, 300):
        frames = levels([HELD] * count, fps, *([0, 255] * count)[:count])
        assert len(frames) == round((count * HELD + (count - 1) * FADED) * fps)


def test_each_is_held_for_its_seconds() -> None:
    frames = levels([0.4, 1.2, 0.8], 10, 0, 100, 200, fade=0.2)
    assert frames == [0] * 4 + [15, 85] + [100] * 12 + [115, 185] + [200] * 8


def test_frames_come_one_at_a_time() -> None:
    asked = []

    def pictures():
        for level in range(3):
            asked.append(level)
            yield plain(level), 1.0

    frames = faded(pictures(), 5)
    assert not asked
    next(frames)
    assert asked == [0]


def test_the_last_letter_of_a_word_stands_twice_as_long() -> None:
    assert held("  hi you \n a ") == [HELD, 2 * HELD, HELD, HELD, 2 * HELD, 2 * HELD]
    assert held(" ") == []
