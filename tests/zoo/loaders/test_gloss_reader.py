"""Readers of glosses, whatever they see of a frame: states, times, latency and pictures of what is signed."""

import json
import time
import tracemalloc
from collections import deque
from collections.abc import Iterator
from itertools import count, islice, pairwise
from pathlib import Path

import numpy as np
import pytest
from colour_reader import BLACK, COLOURS, WHITE, ColourReader, film
from PIL import Image

from datamodules.media.video import write_video
from zoo.loaders.recognition.sightings import Debouncer, Latency, Segment, Sighting, changes, segments

RED, GREEN, BLUE = COLOURS.values()
SCENE = ((BLACK, 1.5), (RED, 1.5), (GREEN, 1.5), (WHITE, 1.5), (BLUE, 1.0), (BLACK, 1.5))


@pytest.fixture
def reader() -> ColourReader:
    return ColourReader()


def said(sightings) -> list[str]:
    return [sighting.gloss or sighting.state for sighting in sightings]


class TestStream:
    def test_each_state_is_told_once_when_it_begins(self, reader: ColourReader) -> None:
        found = list(reader.stream(iter(film(*SCENE)), 25))
        assert said(found) == ["no sign", "RED", "GREEN", "unsure", "BLUE", "no sign"]
        begins = np.cumsum([0, *(seconds for _, seconds in SCENE)])
        for sighting, begin in zip(found[1:], begins[1:], strict=False):
            assert 0 < sighting.seconds - begin <= (1.5 if sighting.state == "unsure" else 0.8)
        for sighting in found:
            assert (sighting.gloss is None) == (sighting.state != "sign")
            assert sighting.gloss is None or sighting.probability >= 0.4

    def test_no_gloss_is_seen_in_an_empty_room_or_before_hands_at_rest(self, reader: ColourReader) -> None:
        room = np.random.default_rng(0).integers(0, 12, (250, 16, 16, 3), np.uint8)
        assert said(reader.stream(room, 25)) == ["no sign"]

    def test_what_is_likely_but_not_enough_is_unsure(self, reader: ColourReader) -> None:
        scene = film((WHITE, 2.0))
        assert said(reader.stream(scene, 25)) == ["unsure"]
        assert [one.state for one in reader.stream(scene, 25, threshold=0.1)] == ["sign"]
        reader.threshold = 0.1
        assert [one.state for one in reader.stream(scene, 25)] == ["sign"]

    def test_a_window_is_read_every_hop_and_the_rest_at_the_end(self, reader: ColourReader) -> None:
        for fps in (12.5, 25.0, 50.0):
            scene = film((RED, 2.4), fps=fps)
            ends = [sighting.seconds for sighting in reader.sightings(scene, fps, window=0.5, hop=0.25)]
            assert ends[0] == 0.5
            assert {after - before for before, after in pairwise(ends[:-1])} == {0.25}
            assert ends[-1] == pytest.approx(2.4, abs=1 / 16)

    def test_attention_is_over_the_moments_of_the_window(self, reader: ColourReader) -> None:
        *_, last = reader.sightings(film((WHITE, 0.5), (RED, 0.5), fps=16), 16, window=1.0)
        assert (last.start, last.seconds, len(last.attention)) == (0.0, 1.0, 16)
        assert sum(last.attention) == pytest.approx(1)
        assert sum(last.attention[8:]) > 0.95

    def test_a_frame_is_looked_at_once_in_however_many_windows_it_is(self, reader: ColourReader) -> None:
        list(reader.stream(film((RED, 2.0), fps=16), 16, window=1.0, hop=0.125))
        assert reader.observed == 32
        slow = ColourReader()
        list(slow.stream(film((RED, 2.0), fps=4), 4))
        assert slow.observed == 8  # each is shown at four ticks

    def test_what_is_shown_for_long_is_no_hand_at_rest(self, reader: ColourReader, monkeypatch) -> None:
        """As where frames were missed: a reader that looks for movement sees none in a frame that merely stays."""

        def moved(seen: list[np.ndarray]) -> np.ndarray:
            changes = [np.abs(after - before).max() < 1 for before, after in pairwise(seen)]
            return np.array([*changes[:1], *changes])

        monkeypatch.setattr(reader, "resting", moved)
        colours = [tuple(np.add(COLOURS["RED"], (shade, 0, 0))) for shade in (0, 20, 40)]
        moving = [(second / 2, film((colours[second % 3], 0.1))[0]) for second in range(6)]  # two frames a second
        assert said(reader.stream(moving, 25)) == ["RED"]
        held = [(second / 2, moving[0][1]) for second in range(6)]
        assert said(reader.stream(held, 25)) == ["no sign"]

    def test_a_frame_alone_shows_no_sign(self, reader: ColourReader) -> None:
        assert said(reader.stream(film((RED, 0.04)), 25)) == ["no sign"]

    def test_an_answer_does_not_wait_for_the_end(self, reader: ColourReader) -> None:
        endless = (frame for _ in count() for frame in film((RED, 1.0)))
        assert next(reader.stream(endless, 25)).gloss == "RED"

    def test_long_videos_take_no_more_memory_than_short_ones(self, reader: ColourReader) -> None:
        def peak(frames: int) -> int:
            endless = (np.full((64, 64, 3), 200 * (number // 50 % 2), np.uint8) for number in count())
            tracemalloc.start()
            deque(reader.stream(islice(endless, frames), 25), maxlen=0)
            found = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            return found

        short = peak(100)
        assert peak(1500) < 1.2 * short + 20_000


class TestTimes:
    def test_uneven_frames_give_the_answers_of_even_ones(self, reader: ColourReader) -> None:
        """Of a camera that leaves out frames in which nothing changed, and is late by up to a few milliseconds."""
        scene, rng = film(*SCENE, fps=50), np.random.default_rng(0)
        changed = [0, *(np.flatnonzero((scene[1:] != scene[:-1]).any((1, 2, 3))) + 1).tolist()]
        kept = sorted({*changed, *np.flatnonzero(rng.random(len(scene)) < 0.4).tolist(), len(scene) - 1})
        uneven = [(1000.0 + number / 50 + rng.uniform(0, 0.003), scene[number]) for number in kept]
        assert len(kept) < 0.6 * len(scene)
        even = list(reader.sightings(scene, 50))
        found = list(reader.sightings(uneven, 50))
        assert said(found) == said(even)
        for one, other in zip(found, even, strict=True):
            assert one.seconds - 1000 == pytest.approx(other.seconds, abs=0.004)
            assert one.probability == pytest.approx(other.probability)

    def test_latency_counts_from_the_last_moment_of_signing(self, reader: ColourReader) -> None:
        found = list(reader.sightings(film((RED, 1.0), (BLACK, 0.5)), 25, window=1.0, hop=0.25))
        assert [round(sighting.latency.video, 4) for sighting in found] == [0.0, 0.25, 0.5]

    def test_latency_counts_the_wait_for_a_late_frame(self, reader: ColourReader) -> None:
        frames = [
            *((number / 16, frame) for number, frame in enumerate(film((RED, 1.0), fps=16))),
            (3.0, film((RED, 1))[0]),
        ]
        first = next(reader.stream(frames, 16, window=1.0))
        assert first.seconds == 1.0
        assert first.latency.video == pytest.approx(2.0)

    def test_latency_counts_the_work(self) -> None:
        class Slow(ColourReader):
            def judge(self, observations):
                time.sleep(0.05)
                return super().judge(observations)

        assert next(Slow().stream(film((RED, 1.0)), 25)).latency.processing >= 0.05
        assert next(ColourReader().stream(film((RED, 1.0)), 25)).latency.processing < 0.05

    def test_times_that_run_backwards_are_refused(self, reader: ColourReader) -> None:
        frame = film((RED, 0.04))[0]
        with pytest.raises(ValueError, match=r"found a frame at 0.5 s after one at 1 s; expected times that rise"):
            list(reader.stream([(1.0, frame), (0.5, frame)]))


class TestStates:
    GLOSSES = ("ONE", "TWO", "THREE", "FOUR")

    def states(self, threshold: float, *likely: tuple[int, float] | None) -> list[str]:
        debounced = Debouncer(self.GLOSSES, threshold)
        found = []
        for one in likely:
            shares = None
            if one is not None:
                shares = np.full(4, (1 - one[1]) / 3)
                shares[one[0]] = one[1]
            state, gloss, _ = debounced(shares)
            found.append(gloss or state)
        return found

    def test_a_gloss_lasts_until_another_is_likely(self) -> None:
        assert self.states(0.5, (0, 0.9), (0, 0.9)) == ["ONE", "ONE"]
        assert self.states(0.5, (0, 0.9), (1, 0.55), (0, 0.9)) == ["ONE", "ONE", "ONE"]  # a flicker is no sign
        assert self.states(0.5, (0, 0.9), (1, 0.9), (1, 0.9)) == ["ONE", "ONE", "TWO"]

    def test_it_ends_when_it_is_half_as_likely_as_it_has_to_be(self) -> None:
        assert self.states(0.6, (0, 0.9), (1, 0.5), (2, 0.5), (3, 0.5)) == ["ONE", "ONE", "ONE", "unsure"]
        assert self.states(0.5, (0, 0.3), (0, 0.4)) == ["unsure", "unsure"]

    def test_rest_ends_it_at_once_and_is_forgotten_by_what_follows(self) -> None:
        assert self.states(0.5, (0, 0.9), None, (1, 0.6)) == ["ONE", "no sign", "TWO"]


class TestRead:
    def test_signs_are_found_where_they_lie(self, reader: ColourReader) -> None:
        found = reader.read(film((BLACK, 1.5), (RED, 1.5), (GREEN, 1.5), (BLACK, 1.5), (BLUE, 1.0), (BLACK, 1.5)), 25)
        assert [segment.gloss for segment in found] == ["RED", "GREEN", "BLUE"]
        for segment, (start, end) in zip(found, [(1.5, 3.0), (3.0, 4.5), (6.0, 7.0)], strict=True):
            assert segment.start == pytest.approx(start, abs=0.3)
            assert segment.end == pytest.approx(end, abs=0.3)
            assert segment.probability > 0.9
        assert all(one.end <= other.start for one, other in pairwise(found))

    def test_a_file_reads_as_its_frames_do(self, reader: ColourReader, tmp_path: Path) -> None:
        write_video(tmp_path / "scene.mp4", film(*SCENE), 25, crf=0)
        glosses = [segment.gloss for segment in reader.read(tmp_path / "scene.mp4")]
        assert glosses == [segment.gloss for segment in reader.read(film(*SCENE), 25)]

    def test_what_stream_says_is_what_is_read(self, reader: ColourReader) -> None:
        glosses = [one.gloss for one in reader.stream(film(*SCENE), 25) if one.gloss]
        assert [segment.gloss for segment in reader.read(film(*SCENE), 25)] == glosses

    def test_segments_share_their_edges(self) -> None:
        def window(end: float, gloss: str | None) -> Sighting:
            return Sighting(end, end - 1, "sign" if gloss else "unsure", gloss, 0.5, (), Latency(0, 0))

        windows = [window(1, "A"), window(2, "A"), window(3, "B"), window(4, None)]
        assert segments(windows) == [Segment(0, 2, "A", 0.5), Segment(2, 3, "B", 0.5)]
        assert [one.seconds for one in changes(windows)] == [1, 3, 4]
        assert segments([]) == []


class TestHeatMap:
    def test_run_draws_what_was_looked_at(self, reader: ColourReader, tmp_path: Path) -> None:
        write_video(tmp_path / "scene.mp4", film((BLACK, 1.0), (RED, 1.0), (BLACK, 1.0)), 25)
        outputs = [tmp_path / "heat.png", tmp_path / "ranked.json"]
        assert reader.run(str(tmp_path / "scene.mp4"), outputs) == outputs
        with Image.open(outputs[0]) as picture:
            pixels = np.asarray(picture.convert("RGB")).astype(int)
        assert pixels.shape[1] == 1000
        third = pixels[: len(pixels) // 3]  # the frames: black, red, black
        red = ((third[..., 0] > 120) & (third[..., 1:].max(-1) < 80)).any(0)
        assert json.loads(outputs[1].read_text())["glosses"][0]["gloss"] == "RED"
        assert 200 < np.flatnonzero(red).min() < np.flatnonzero(red).max() < 750

    def test_frames_of_a_picture_stand_at_their_times(self) -> None:
        from zoo.loaders.recognition.heat_map import Strip

        strip = Strip()
        times = [0.0, 0.5, 1.0, 7.5, 8.0, 8.5, 9.0, 9.5]
        list(strip.through(((seconds, np.full((120, 120, 3), 20 * seconds, np.uint8)) for seconds in times), 25))
        assert strip.picture(0, 10)[60, ::120, 0].tolist() == [10, 255, 255, 255, 150, 160, 190]  # white: none came

    def test_a_picture_of_a_long_video_keeps_few_frames(self, reader: ColourReader) -> None:
        from zoo.loaders.recognition.heat_map import SHOWN, Strip

        def numbered() -> Iterator[np.ndarray]:
            for number in range(1000):
                yield np.full((16, 16, 3), number // 4, np.uint8)

        strip = Strip()
        assert sum(1 for _ in strip.through(numbered(), 25)) == 1000
        assert 4 * SHOWN <= len(strip.frames) < 8 * SHOWN
        steps = np.diff([int(frame[0, 0, 0]) for _, frame in strip.frames])
        assert set(steps.tolist()) == {4}
