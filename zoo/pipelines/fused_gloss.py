"""Several readers of glosses whose answers are put together: what `zoo.load("fused-gloss")` returns."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from datamodules.media.video import Frame
from zoo.loaders.inputs import is_number
from zoo.loaders.recognition.gloss_reader import GlossReader
from zoo.loaders.recognition.sightings import Judgement
from zoo.pipelines.live_gloss import LiveGloss

Seen = tuple[Any, ...]
"""What each of the readers keeps of a frame."""


class FusedReader(GlossReader[Seen]):
    """Readers that look at the same frames, once each, and know together what one of them knows.

    How likely a gloss is is the weighted mean over those that know it, and of all glosses it sums to 1 again. Hands are
    at rest where any of them says so. Each is given as many observations of a second as it wants. The threshold is the
    weighted mean of theirs.

    weights: how much the word of each counts, positive; None: alike.
    """

    def __init__(self, readers: Sequence[GlossReader[Any]], weights: Sequence[float] | None = None) -> None:
        weights = [1.0] * len(readers) if weights is None else list(weights)
        good = all(is_number(weight) and 0 < weight < float("inf") for weight in weights)
        if len(weights) != len(readers) or not good:
            raise ValueError(f"weights: found {weights}, expected a positive number for each of {len(readers)} readers")
        super().__init__(
            list(dict.fromkeys(gloss for reader in readers for gloss in reader.glosses)), readers[0].gives.language
        )
        self.readers, self.weights = readers, weights
        self.rate = max(reader.rate for reader in readers)
        self.threshold = float(np.average([reader.threshold for reader in readers], weights=weights))
        places = {gloss: place for place, gloss in enumerate(self.glosses)}
        self._places = [[places[gloss] for gloss in reader.glosses] for reader in readers]

    def warm_up(self) -> None:
        for reader in self.readers:
            reader.warm_up()

    def observe(self, frame: Frame) -> Seen:
        return tuple(reader.observe(frame) for reader in self.readers)

    def judge(self, observations: Iterable[Seen]) -> Judgement:
        seen = list(observations)
        shares, known, attention = np.zeros(len(self.glosses)), np.zeros(len(self.glosses)), np.zeros(len(seen))
        for number, (reader, weight, places) in enumerate(zip(self.readers, self.weights, self._places, strict=True)):
            judged = reader.judge(self._own(seen, number))
            shares[places] += weight * judged.probabilities
            known[places] += weight
            looked = self._spread(judged.attention, len(seen), reader.rate)
            attention += weight * looked / looked.sum()
        shares /= known
        return Judgement(shares / shares.sum(), attention / attention.sum())

    def resting(self, observations: Sequence[Seen]) -> npt.NDArray[np.bool_]:
        length = len(observations)
        found = (
            self._spread(reader.resting(self._own(observations, number)), length, reader.rate)
            for number, reader in enumerate(self.readers)
        )
        resting: npt.NDArray[np.bool_] = np.any(list(found), axis=0)
        return resting

    def _own(self, seen: Sequence[Seen], number: int) -> list[Any]:
        """What one reader kept, as often of a second as it wants: what the frames show in the middle of its ticks."""
        rate = self.readers[number].rate
        count = max(1, round(len(seen) * rate / self.rate))
        middles = ((np.arange(count) + 0.5) * self.rate / rate).astype(int).clip(max=len(seen) - 1)
        return [seen[place][number] for place in middles.tolist()]

    def _spread(self, own: npt.NDArray[Any], length: int, rate: float) -> npt.NDArray[Any]:
        """What a reader says of its own ticks, told of all `length` of them."""
        places = ((np.arange(length) + 0.5) * rate / self.rate).astype(int)
        told: npt.NDArray[Any] = own[places.clip(max=len(own) - 1)]
        return told


class FusedGloss(LiveGloss):
    """Readers of signs that answer together while a video runs.

    weights: how much the word of each counts; None: alike.
    """

    weights: Sequence[float] | None = None

    @property
    def reader(self) -> FusedReader:
        """Who reads: it has `predict` and `read` as each of them has."""
        return FusedReader(self.stages, self.weights)
