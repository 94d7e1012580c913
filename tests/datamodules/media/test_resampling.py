"""A video on an even clock: which frame each tick shows, of frames that come evenly or each with its time."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamodules.media.resampling import resample, ticks


def numbered(count: int) -> list[np.ndarray]:
    """Frames that say which they are."""
    return [np.full((2, 2, 3), number, np.uint8) for number in range(count)]


def shown(count: int, fps: float) -> list[int]:
    return [int(frame[0, 0, 0]) for frame in resample(numbered(count), fps, 16)]


@pytest.mark.parametrize(
    ("count", "fps", "expected"),
    [
        (5, 16, [0, 1, 2, 3, 4]),
        (6, 32, [1, 3, 5]),
        (3, 8, [0, 0, 1, 1, 2, 2]),
        (1, 1000, [0]),
        (3, 1000, [2]),
        (15, 29.97, [0, 2, 4, 6, 8, 10, 12, 14]),
    ],
)
def test_sixteen_frames_a_second_are_shown_of_any_rate(count, fps, expected):
    assert shown(count, fps) == expected


@given(st.integers(1, 120), st.floats(1, 1000))
def test_each_sixteenth_shows_the_frame_of_its_middle(count, fps):
    found = shown(count, fps)
    assert len(found) == max(1, sum(int((k + 0.5) * fps / 16) < count for k in range(16 * count)))
    if count * 16 / fps > 1:
        assert found == [int((k + 0.5) * fps / 16) for k in range(len(found))]


@pytest.mark.parametrize("fps", [0, 0.01, 90_000, float("nan"), float("inf")])
def test_an_impossible_rate_is_refused_before_a_frame_is_decoded(fps):
    def never():
        raise AssertionError("decoded")
        yield

    with pytest.raises(ValueError, match="frames a second, expected 1 to 1000"):
        list(resample(never(), fps, 16))


class TestTimed:
    def test_even_times_show_what_an_even_rate_shows(self):
        for fps in (8, 24, 50):
            timed = [(number / fps, frame) for number, frame in enumerate(numbered(40))]
            found = [int(tick.frame[0, 0, 0]) for tick in ticks(timed, fps, 16)]
            assert found == shown(40, fps)

    @given(st.lists(st.floats(0, 0.4), min_size=1, max_size=40), st.sampled_from([10.0, 16.0, 30.0]))
    def test_each_tick_shows_the_newest_frame_before_its_middle(self, gaps, rate):
        times = np.cumsum([5.0, *gaps])
        found = list(ticks(zip(map(float, times), numbered(len(times)), strict=True), 25, rate))
        for place, tick in enumerate(found):
            middle = 5.0 + (place + 0.5) / rate
            assert tick.end == pytest.approx(middle + 0.5 / rate)
            if place:  # the first may come before its middle, where the whole video does
                assert tick.number == np.flatnonzero(times <= middle + 1e-9).max()
            assert int(tick.frame[0, 0, 0]) == tick.number
        assert all(after.end > before.end for before, after in pairwise(found))

    def test_a_tick_does_not_wait_for_more_than_the_next_frame(self):
        taken = []

        def camera():
            for number, frame in enumerate(numbered(9)):
                taken.append(number)
                yield number / 8, frame

        first = next(ticks(camera(), 25, 16))
        assert (first.number, first.newest, taken) == (0, 0.125, [0, 1])

    @pytest.mark.parametrize("times", [(0, 1, 0.5), (0, float("nan")), (0, 700), (0, "1"), (0, True), (0, None)])
    def test_times_that_run_backwards_or_leap_are_refused(self, times):
        with pytest.raises(ValueError, match=r"expected (times that rise|pairs \(seconds, frame\))"):
            list(ticks(zip(times, numbered(3), strict=False), 25, 16))

    def test_frames_without_a_time_among_others_are_refused(self):
        with pytest.raises(ValueError, match=r"found ndarray among timed frames, expected pairs \(seconds, frame\)"):
            list(ticks([(0.0, numbered(1)[0]), numbered(1)[0]], 25, 16))
