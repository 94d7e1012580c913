"""Captions that follow the signing: a sentence, the word or letter that is being signed in brackets."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from datamodules.text import PUNCTUATION, UNKNOWN


def captions(words: Sequence[Sequence[str]], durations: npt.NDArray[np.floating] | None, frames: int) -> list[str]:
    """One caption a frame.

    words: the tokens of each word, as `Tokenizer.split_words` gives them.
    durations: of every token with the start and end token around them, in any unit; they are stretched over the
        frames. None, for a network that knows none, puts no bracket anywhere.
    """
    if durations is None:
        return [highlighted(words, None)] * frames
    ends = np.cumsum(durations)
    times = (np.arange(frames) + 0.5) * ends[-1] / frames
    return [highlighted(words, int(index) - 1) for index in np.searchsorted(ends, times)]


def highlighted(words: Sequence[Sequence[str]], token: int | None) -> str:
    """The words of a sentence with one token in brackets; spelled words in capitals, unknown characters as `?`."""
    shown: list[str] = []
    place = 0
    for word in words:
        letters = []
        for piece in word:
            visible = piece.removeprefix("#").upper() if piece.startswith("#") else piece
            visible = "?" if piece == UNKNOWN else visible
            letters.append(f"[{visible}]" if place == token else visible)
            place += 1
        joint = "" if word[0] in PUNCTUATION or not shown else " "
        shown.append(joint + "".join(letters))
    return "".join(shown)
