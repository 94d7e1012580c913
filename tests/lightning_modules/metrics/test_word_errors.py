"""Word error rate: the fewest changes between what was read and what was signed, by kind."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightning_modules.metrics.word_errors import WordErrorRate, edits

sentences = st.lists(st.sampled_from("ABC"), max_size=7)


@pytest.mark.parametrize(
    ("read", "reference", "counts"),
    [
        ("ABC", "ABC", (0, 0, 0)),
        ("AXC", "ABC", (1, 0, 0)),
        ("AC", "ABC", (0, 1, 0)),
        ("ABBC", "ABC", (0, 0, 1)),
        ("", "ABC", (0, 3, 0)),
        ("ABC", "", (0, 0, 3)),
        ("XBCD", "ABC", (1, 0, 1)),
        ("CAB", "ABC", (0, 1, 1)),
    ],
)
def test_changes_are_counted_by_kind(read: str, reference: str, counts: tuple[int, int, int]) -> None:
    assert edits(list(read), list(reference))[:3] == counts


@given(sentences, sentences)
def test_changes_make_one_list_of_the_other(read: list[str], reference: list[str]) -> None:
    substitutions, deletions, insertions, pairs = edits(read, reference)
    assert len(pairs) + substitutions + deletions == len(reference)
    assert len(pairs) + substitutions + insertions == len(read)
    assert all(read[i] == reference[j] for i, j in pairs)
    assert pairs == sorted(pairs)
    other = edits(reference, read)
    assert sum(other[:3]) == substitutions + deletions + insertions


@given(sentences, sentences, sentences)
def test_no_way_round_is_shorter(a: list[str], b: list[str], c: list[str]) -> None:
    def distance(one: list[str], other: list[str]) -> int:
        return sum(edits(one, other)[:3])

    assert distance(a, c) <= distance(a, b) + distance(b, c)
    assert (distance(a, b) == 0) == (a == b)


def test_a_set_is_scored_by_its_sums() -> None:
    score = WordErrorRate()
    score.update([["A"], ["A", "B", "C"]], [["B"], ["A", "B", "C"]])
    assert float(score.compute()) == pytest.approx(1 / 4)
    np.testing.assert_array_equal(score.each(), [1, 0])
    low, high = score.interval()
    assert (low, high) == (0, 1)


def test_who_says_nothing_is_wrong_about_everything() -> None:
    score = WordErrorRate()
    score.update([[], []], [["A"], ["B", "C"]])
    assert float(score.compute()) == 1


@pytest.mark.parametrize(("read", "references"), [([["A"]], []), ([[]], [[]])])
def test_what_cannot_be_scored_is_refused(read: list, references: list) -> None:
    with pytest.raises(ValueError, match="found"):
        WordErrorRate().update(read, references)
