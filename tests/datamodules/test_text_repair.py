"""Spoilt texts: what is certain is restored, what is not is named, and nothing else is touched."""

import pytest

from datamodules.text_repair import doubtful, remarks, repaired


@pytest.mark.parametrize(
    ("spoilt", "meant"),
    [
        ("I donâ€™t know.", "I don’t know."),
        ("my horseâ\x80\x99s nose", "my horse’s nose"),  # as How2Sign has it
        ("donâ\x80\x99t and donâ€™t", "don’t and don’t"),
        ("donÃ¢â‚¬â„¢t", "don’t"),  # spoilt twice
        ("don\x92t", "don’t"),
        ("Es ist schÃ¶n in MÃ¼nchen.", "Es ist schön in München."),
        ("StraÃŸe", "Straße"),
        ("Let?s go, don\ufffd\ufffdt stop", "Let's go, don't stop"),
        ("20Â°C, 1Â½ cups", "20°C, 1½ cups"),
        ("It&#39;s Tom &amp; Anna", "It's Tom & Anna"),
        ("AT&amp;amp;T", "AT&T"),
        ("\ufeffHello", "Hello"),
        ("ï»¿Hello", "Hello"),
        ("exam\u00adple\u200b \x00", "example "),
    ],
)
def test_what_is_certain_is_restored(spoilt: str, meant: str) -> None:
    assert repaired(spoilt) == meant
    assert repaired(meant) == meant


@pytest.mark.parametrize(
    "text",
    [
        "Hello, what is your name?",
        "“Really?” she said — it’s 10 °C.",
        "naïve façade, Å, Zoë, schön, ÄÖÜ, voilà",
        "What?so, really?yes, page?s=1, It is?",
        "R&D, Q&A, fish & chips; a < b",
        "Привет! 你好 😀",
        "tabs\tand\nlines",
    ],
)
def test_a_sound_text_stays_as_it_is(text: str) -> None:
    assert repaired(text) == text
    assert not doubtful(text)
    assert list(remarks([text])) == []


def test_no_real_sentence_is_touched_that_is_sound(shared) -> None:
    lines = (shared / "data" / "phoenix14t_text" / "dev_phoenix2014t.csv").read_text("utf-8").splitlines()
    assert sum(not line.isascii() for line in lines) > 100
    assert [line for line in lines if repaired(line) != line or doubtful(line)] == []


def test_what_is_said_of_texts_has_counts_and_an_example() -> None:
    texts = ["Hello.", "I donâ€™t know.", "It&#39;s so.", "A caf\ufffd.", "It is na?ve.", "Really?"]
    assert list(remarks(texts)) == [
        ("repaired text", texts[1], "2 of 6 texts are repaired, such as 'donâ€™t' to 'don’t'"),
        ("lost characters", texts[3], "2 of 6 texts have characters that were lost for good, such as 'caf\ufffd.'"),
    ]
