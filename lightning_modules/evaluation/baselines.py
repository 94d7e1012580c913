"""What answers a sentence with a motion, or a motion with a text, without understanding it: the scale of all scores."""

import math
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from datamodules.text import words
from lightning_modules.metrics.score import Motion


def baselines(
    references: Sequence[Motion],
    texts: Sequence[str],
    train_references: Sequence[Motion],
    train_texts: Sequence[str],
) -> dict[str, list[Motion]]:
    """Four ways to answer without understanding the text; a model worth its name beats the first three.

    Returns:
        For each name a hypothesis for every reference:
        `mean_pose`, the mean of all training frames, held for the reference's length; `frozen_pose`, the
        reference's own first frame, held for its length; `other_reference`, the next reference whose text
        differs; `nearest_train`, the training motion whose text shares the most words (Jaccard of word
        counts; the first of equals).

    Raises:
        ValueError: texts that do not match their motions, or references that all have one text.
    """
    for name, motions, lines in (("", references, texts), ("train_", train_references, train_texts)):
        if len(motions) != len(lines) or not len(motions):
            raise ValueError(f"expected a text for each of {len(motions)} {name}references, found {len(lines)}")
    if len(set(texts)) < 2:
        raise ValueError("expected references of at least two different texts, to take another sentence's")
    mean, nearest = _mean_pose(train_references), _Nearest(train_texts)
    return {
        "mean_pose": [np.repeat(mean[None], len(motion), 0) for motion in references],
        "frozen_pose": [np.repeat(motion[:1], len(motion), 0) for motion in references],
        "other_reference": [references[_next_other(texts, i)] for i in range(len(references))],
        "nearest_train": [train_references[nearest(text)] for text in texts],
    }


def most_frequent(texts: Sequence[str]) -> str:
    """The text that occurs most often; of equals the most central one, whose word counts have the largest cosine with
    those of all texts together; then the first."""
    whole = Counter(texts)
    every = Counter(word for text in texts for word in words(text))

    def centrality(text: str) -> float:
        counts = Counter(words(text))
        return sum(every[word] * count for word, count in counts.items()) / (math.hypot(*counts.values()) or 1)

    return max(whole, key=lambda text: (whole[text], centrality(text)))


def _mean_pose(motions: Sequence[Motion]) -> Motion:
    """The mean frame (50, 3), one motion at a time: they may be more than memory holds, and than single precision."""
    total = sum(motion.sum(0, dtype=np.float64) for motion in motions)
    return np.asarray(total / sum(map(len, motions)), motions[0].dtype)


class _Nearest:
    """The place of the text that shares the most words with another.

    Every word, and every second and third one of a kind, knows the texts that have it, so that what two texts share is
    counted for all texts at once.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        bags = [_words(text) for text in texts]
        self.totals = np.array(list(map(len, bags)))
        holders: dict[tuple[str, int], list[int]] = {}
        for place, bag in enumerate(bags):
            for word in bag:
                holders.setdefault(word, []).append(place)
        self.holders: dict[tuple[str, int], npt.NDArray[np.int64]] = {
            word: np.array(places) for word, places in holders.items()
        }

    def __call__(self, text: str) -> int:
        bag = _words(text)
        shared = np.zeros(len(self.totals))
        for word in bag:
            shared[self.holders.get(word, [])] += 1
        return int(np.argmax(shared / np.maximum(self.totals + len(bag) - shared, 1)))


def _words(text: str) -> list[tuple[str, int]]:
    """Words, each with how many of its kind come before it: as a set, the text's word counts."""
    seen: Counter[str] = Counter()
    counted = []
    for word in re.findall(r"\w+", text.lower()):
        counted.append((word, seen[word]))
        seen[word] += 1
    return counted


def _next_other(texts: Sequence[str], i: int) -> int:
    return next(j % len(texts) for j in range(i + 1, i + len(texts)) if texts[j % len(texts)] != texts[i])
