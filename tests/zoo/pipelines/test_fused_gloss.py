"""Readers that answer together: what both know is weighed, what one knows counts, frames are looked at once."""

import numpy as np
import pytest
from colour_reader import BLACK, COLOURS, ColourReader, film

import zoo
from zoo.pipelines.fused_gloss import FusedGloss, FusedReader

RED, GREEN, BLUE = COLOURS.values()
WARM, COLD = ("RED", "GREEN", "FOURTH"), ("GREEN", "BLUE", "FOURTH")


def fused(*readers: ColourReader, weights=None) -> FusedReader:
    pipeline = zoo.load("fused-gloss", **dict(zip(("first", "second"), readers, strict=True)))
    assert isinstance(pipeline, FusedGloss)
    pipeline.weights = weights
    return pipeline.reader


def shares(reader: ColourReader | FusedReader, video: np.ndarray) -> dict[str, float]:
    return {guess.gloss: guess.probability for guess in reader.predict(video)}


def test_it_knows_what_one_of_them_knows() -> None:
    assert fused(ColourReader(WARM), ColourReader(COLD)).glosses == ["RED", "GREEN", "FOURTH", "BLUE"]
    for gloss, colour in COLOURS.items():
        assert fused(ColourReader(WARM), ColourReader(COLD)).predict(film((colour, 1.0)))[0].gloss == gloss


@pytest.mark.parametrize("weights", [None, (1, 1), (3, 1), (0.2, 0.6)])
def test_what_both_know_is_a_weighted_mean(weights: tuple[float, float] | None) -> None:
    video = film((RED, 0.5), (GREEN, 0.5), fps=16)
    one, other = shares(ColourReader(WARM), video), shares(ColourReader(COLD), video)
    first, second = (0.5, 0.5) if weights is None else np.array(weights) / sum(weights)
    told = {gloss: first * one[gloss] + second * other[gloss] for gloss in ("GREEN", "FOURTH")}
    told |= {"RED": one["RED"], "BLUE": other["BLUE"]}
    found = shares(fused(ColourReader(WARM), ColourReader(COLD), weights=weights), video)
    assert found == pytest.approx({gloss: share / sum(told.values()) for gloss, share in told.items()})


def test_its_threshold_is_the_weighted_mean_of_theirs() -> None:
    one, other = ColourReader(WARM), ColourReader(COLD)
    one.threshold, other.threshold = 0.8, 0.4
    assert fused(one, other, weights=(3, 1)).threshold == pytest.approx(0.7)


def test_of_the_same_glosses_the_mean_needs_no_scaling() -> None:
    video = film((RED, 0.3), (GREEN, 0.5))
    assert shares(fused(ColourReader(), ColourReader()), video) == pytest.approx(
        shares(ColourReader(), video), rel=1e-5
    )


def test_each_looks_at_a_frame_once_however_many_windows_it_is_in() -> None:
    first, second = ColourReader(WARM), ColourReader(COLD)
    reader = fused(first, second)
    found = list(reader.stream(film((BLACK, 1.0), (BLUE, 1.0), fps=16), 16, window=0.5, hop=0.125))
    assert [sighting.gloss or sighting.state for sighting in found] == ["no sign", "BLUE"]
    assert first.observed == second.observed == 32


def test_each_is_given_as_many_frames_as_it_wants() -> None:
    class Counting(ColourReader):
        def judge(self, observations):
            kept = list(observations)
            self.judged = [round(float(one.max())) for one in kept]
            return super().judge(kept)

    slow, fast = Counting(rate=8.0), Counting(rate=25.0)
    grey = np.stack([np.full((4, 4, 3), 100 + number, np.uint8) for number in range(25)])
    judged = fused(slow, fast).judge(map(fused(slow, fast).observe, grey))
    assert fast.judged == [100 + number for number in range(25)]
    assert slow.judged == [100 + int((tick + 0.5) * 25 / 8) for tick in range(8)]
    assert judged.attention.shape == (25,)
    assert judged.attention.sum() == pytest.approx(1)


def test_hands_rest_where_one_of_them_says_so() -> None:
    class Sceptic(ColourReader):
        def resting(self, observations):
            return np.ones(len(observations), bool)

    video = film((RED, 1.0))
    assert [one.state for one in fused(ColourReader(), ColourReader()).stream(video)] == ["sign"]
    assert [one.state for one in fused(ColourReader(), Sceptic()).stream(video)] == ["no sign"]


def test_who_is_left_out_has_no_say() -> None:
    alone = zoo.load("fused-gloss", first=ColourReader(), second=None)
    assert alone.reader.predict(film((RED, 1.0)))[0].gloss == "RED"


@pytest.mark.parametrize("weights", [(1,), (1, 2, 3), (0, 1), (-1, 1), (float("inf"), 1), ("1", 1), (True, 1)])
def test_weights_that_are_none_are_refused(weights: tuple) -> None:
    with pytest.raises(ValueError, match="expected a positive number for each of 2 readers"):
        fused(ColourReader(), ColourReader(), weights=weights)


def test_what_reads_no_video_is_refused() -> None:
    with pytest.raises(ValueError, match="fused-gloss: begins with video, but second drawing takes pose"):
        zoo.load("fused-gloss", first=ColourReader(), second="drawing")
