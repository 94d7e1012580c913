"""Captions under the signing: what is being signed stands in brackets."""

from itertools import groupby

import numpy as np

from zoo.loaders.text_to_pose.text_to_pose import captions, highlighted

WORDS = [["my"], ["name"], ["#b", "#o"], ["."]]


def test_each_token_is_shown_for_its_share_of_the_frames():
    durations = np.array([1, 2, 3, 4, 5, 1, 0])  # start, my, name, b, o, ., end
    shown = [(caption, len(list(same))) for caption, same in groupby(captions(WORDS, durations, 32))]
    assert shown == [
        ("my name BO.", 2),
        ("[my] name BO.", 4),
        ("my [name] BO.", 6),
        ("my name [B]O.", 8),
        ("my name B[O].", 10),
        ("my name BO[.]", 2),
    ]


def test_without_durations_nothing_is_in_brackets():
    assert captions(WORDS, None, 3) == ["my name BO."] * 3


def test_what_the_model_cannot_read_shows_as_a_question_mark():
    assert highlighted([["hello"], [","], ["#a", "<unk>"]], 3) == "hello, A[?]"


def test_highlight_of_the_end_is_none():
    assert highlighted(WORDS, 5) == "my name BO."
