"""The grammar: natural English, ASL order, only known signs; test sentences combine known words anew."""

import re
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest

from datamodules.avatar.phonology.grammar import Sentence, every, sentences, signs, split_of

SIMPLE_HEAD = {"I/ME": "ME"}  # the table's compound heads shorten to their first part, but for this one


@pytest.fixture(scope="module")
def whole() -> dict[str, tuple[str, ...]]:
    return {sentence.text: sentence.glosses for sentence in every()}


@pytest.fixture(scope="module")
def train() -> list[Sentence]:
    return sentences("train", 5000)


def words(found: list[Sentence]) -> set[str]:
    return {word for sentence in found for word in re.findall(r"[\w']+", sentence.text.lower())}


def test_it_holds_far_more_than_ten_thousand_distinct_sentences(whole: dict[str, tuple[str, ...]]) -> None:
    assert len(whole) > 100_000


@pytest.mark.parametrize(
    ("text", "glosses"),
    [
        ("Hello.", "HELLO"),
        ("What is your name?", "YOUR NAME WHAT"),
        ("My name is Anna.", "MY NAME #ANNA"),
        ("Hello, my name is Anna.", "HELLO MY NAME #ANNA"),
        ("I do not understand.", "ME NOT UNDERSTAND"),
        ("Tomorrow my mother goes to school.", "TOMORROW MY MOTHER GO SCHOOL"),
        ("Do you want water?", "YOU WANT WATER"),
        ("Does your mother want water?", "YOUR MOTHER WANT WATER"),
        ("Where is the bathroom?", "BATHROOM WHERE"),
        ("Yesterday I went to Paris.", "YESTERDAY ME GO #PARIS"),
        ("Why did you eat pizza last night?", "YESTERDAY NIGHT YOU EAT #PIZZA WHY"),
        ("I am not hungry.", "ME NOT HUNGRY"),
        ("You are tired.", "YOU TIRED"),
        ("Zoe is deaf.", "#ZOE DEAF"),
        ("Today my father is drinking coffee.", "TODAY MY FATHER DRINK #COFFEE"),
        ("Please help me.", "PLEASE HELP ME"),
    ],
)
def test_a_sentence_has_its_glosses(whole: dict[str, tuple[str, ...]], text: str, glosses: str) -> None:
    assert whole[text] == tuple(glosses.split())


def test_english_is_finished(whole: dict[str, tuple[str, ...]]) -> None:
    for text in whole:
        assert re.fullmatch(r"[A-Z][A-Za-z' ,]*[.?]", text), text
        assert "  " not in text
    assert not re.search(r"\b(I|You) (is|has|does|goes|wants)\b", "\n".join(whole))
    assert not re.search(r"^(My mother|My father|Anna) (am|are|have|do|go|want)\b", "\n".join(whole), re.M)


def test_sentences_are_one_to_seven_glosses_long_and_ask_last(whole: dict[str, tuple[str, ...]]) -> None:
    assert {len(glosses) for glosses in whole.values()} == set(range(1, 8))
    for text, glosses in whole.items():
        if text.split()[0] in {"What", "Where", "Who", "When", "Why", "How"}:
            assert glosses[-1] in {"WHAT", "WHERE", "WHO", "WHEN", "WHY", "HOW"}, text
        if "TOMORROW" in glosses or "YESTERDAY" in glosses:
            assert glosses[0] in {"TOMORROW", "YESTERDAY"}, text


def test_every_sign_comes_up_about_as_often(train: list[Sentence]) -> None:
    often = Counter(gloss for sentence in train for gloss in set(sentence.glosses) if gloss[0] != "#")
    assert set(often) == set(signs())
    assert len(signs()) == 74
    assert min(often.values()) > len(train) / 100
    assert max(often.values()) < 0.3 * len(train)  # MY, which four nouns share


def test_about_half_of_the_sentences_spell_something_and_all_letters_are_spelled(
    train: list[Sentence],
) -> None:
    spelled = [gloss[1:] for sentence in train for gloss in sentence.glosses if gloss[0] == "#"]
    share = sum(any(gloss[0] == "#" for gloss in sentence.glosses) for sentence in train) / len(train)
    letters = Counter("".join(spelled))
    assert 0.4 < share < 0.6
    assert len(letters) == 26
    assert min(letters.values()) > 0.004 * letters.total()
    assert len(set(spelled)) > 310
    assert all(re.fullmatch("[A-Z]{2,8}", word) for word in spelled)


def test_splits_are_disjoint_and_stable() -> None:
    assert split_of(Sentence("What is your name?", ("YOUR", "NAME", "WHAT"))) == "train"
    assert split_of(Sentence("Hello.", ("HELLO",))) == "train"
    shares = Counter(split_of(sentence) for sentence in islice(every(), 0, 200_000))
    assert {split: round(n / shares.total(), 2) for split, n in shares.items()} == {
        "train": 0.90,
        "dev": 0.05,
        "test": 0.05,
    }


def test_a_test_sentence_is_a_new_combination_of_words_seen_in_training() -> None:
    train = sentences("train", 15_000)
    for split in ("dev", "test"):
        held_out = sentences(split, 300)
        assert not {sentence.text for sentence in held_out} & {sentence.text for sentence in train}
        assert not words(held_out) - words(train)


def test_sampling_repeats_by_seed_and_never_within_a_sample() -> None:
    sample = sentences("train", 500, seed=3)
    assert sample == sentences("train", 600, seed=3)[:500]
    assert sample != sentences("train", 500, seed=4)
    assert len({sentence.text for sentence in sample}) == 500


def test_an_unknown_split_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown split 'validation'; expected 'train', 'dev' or 'test'"):
        sentences("validation", 1)  # type: ignore[arg-type]


def test_its_signs_are_those_of_the_phonological_table(shared: Path) -> None:
    rows = re.findall(r"^\| ([A-Z][A-Z/-]+)(?: \([^)]*\))? \|", (shared / "signer" / "signs.md").read_text(), re.M)
    assert set(signs()) == {SIMPLE_HEAD.get(row, row.split("/")[0]) for row in rows}
