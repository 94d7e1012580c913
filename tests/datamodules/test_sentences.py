"""Where a text is parted: at the ends of sentences, and nowhere else."""

import random

import pytest

from datamodules.text import LONGEST, sentences


@pytest.mark.parametrize(
    "parts",
    [
        ["What is your name?", "My name is Anna.", "Hello!"],
        ["hello.", "my name is anna.", "what is your name?"],
        ["Dr. Smith paid $3.14 on Jan. 3.", "He left."],
        ["He came at 5 p.m. with Mr. Jones.", "She lives in the U.S.", "It is big."],
        ["J. R. R. Tolkien wrote it.", "So do I.", "No.", "I do not."],
        ["See fig. 2, e.g. the hand.", "Is No. 5 alive?"],
        ["Wait... what?", "Well… maybe.", "Really?!", "Yes."],
        ['He said "Stop!" and left.', "(Really.)", "“Good.”", "Then he went."],
        ["Am 3. Oktober kommt Regen, z.B. im Norden.", "Um 20 Uhr 15."],
        ["你好。", "我叫安娜。", "谢谢！"],
        ["Version 2.0.1 of example.org is out.", "Get it."],
    ],
)
def test_a_text_is_parted_where_its_sentences_end(parts: list[str]) -> None:
    joint = "" if not parts[0].isascii() and "。" in parts[0] else " "
    assert sentences(joint.join(parts)) == parts


def test_paragraphs_end_sentences_and_broken_lines_do_not() -> None:
    assert sentences("Shopping\n\nI need\nmilk\r\n\r\nbread") == ["Shopping", "I need milk", "bread"]


@pytest.mark.parametrize("text", ["", "   \n\n ", "😀😀 !!", "...", "- - -", "\x00\x01", "\ud800"])
def test_nothing_to_sign_is_no_sentence(text: str) -> None:
    assert sentences(text) == []


def test_what_never_ends_is_parted_at_commas_or_between_words_and_nothing_is_lost() -> None:
    words = [f"word{number}" for number in range(10_000)]
    pieces = sentences(" ".join(words))
    assert " ".join(pieces).split() == words
    assert max(map(len, pieces)) <= LONGEST
    clauses = ", ".join(["and then she signed it all again"] * 40)
    assert all(piece.endswith((",", "again")) for piece in sentences(clauses))
    assert "".join(sentences("x" * 950)) == "x" * 950


def test_any_text_is_parted_without_a_crash_and_keeps_its_letters() -> None:
    rng = random.Random(0)
    for _ in range(300):
        text = "".join(rng.choice("aB3. !?…,;\n\t\"'()。é😀-") for _ in range(rng.randrange(400)))
        pieces = sentences(text, longest=40)
        assert all(len(piece) <= 40 for piece in pieces)
        assert [c for c in "".join(pieces) if c.isalnum()] == [c for c in text if c.isalnum()]
