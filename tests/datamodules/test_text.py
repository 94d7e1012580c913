"""Sentences as tokens and back: nothing that can be signed is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamodules.text import END, PUNCTUATION, START, UNREADABLE, Tokenizer, words

TEXTS = ["My name is Anna.", "My name is Bob.", "What is your name?", "Das ist schön."]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.build(TEXTS, min_count=2)


def test_known_words_are_one_token_and_others_are_spelled(tokenizer):
    assert tokenizer.split_words("My name is Anna") == [["my"], ["name"], ["is"], ["#a", "#n", "#n", "#a"]]


def test_a_spelled_letter_is_not_the_word_that_looks_like_it():
    tokenizer = Tokenizer.build(["I see", "I am", "a b"], min_count=2)
    assert tokenizer.encode("i") != tokenizer.encode("b i")[1:]
    assert tokenizer.split_words("I") == [["i"]]
    assert tokenizer.split_words("ix") == [["#i", "#x"]]


def test_characters_of_the_training_texts_are_kept_and_others_lose_their_accents(tokenizer):
    assert tokenizer.split_words("schön") == [["#s", "#c", "#h", "#ö", "#n"]]
    assert tokenizer.split_words("Zoë") == [["#z", "#o", "#e"]]


def test_contractions_and_numbers_are_words():
    assert words("I don’t know, it's 10 o'clock!") == ["i", "don't", "know", ",", "it's", "10", "o'clock", "!"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1½ cups", ["1", "1", "2", "cups"]),
        ("½ or 2⅓", ["1", "2", "or", "2", "1", "3"]),
        ("10² m² CO₂", ["10", "2", "m2", "co2"]),
        ("①②", ["1", "2"]),
        ("１２ Ａｎｎａ ﬁne Ⅳ", ["12", "anna", "fine", "iv"]),
        ("Windows™ No. №5, 5㎏, 20℃", ["windows", "no", ".", "no", "5", ",", "5", "kg", ",", "20", "c"]),
        ("5'4\" tall", ["5", "4", "tall"]),
        ("İstanbul", ["istanbul"]),
        ("donâ€™t exam\u00adple &amp; It&#39;s", ["don't", "example", "it's"]),
    ],
)
def test_what_plainer_characters_say_is_what_was_written(text, said):
    assert words(text) == said


@pytest.mark.parametrize("apostrophe", ["'", "’", "‘", "‛", "ʼ", "´", "`", "′", "＇", "''"])
def test_an_apostrophe_of_any_kind_keeps_a_word_together(apostrophe):
    assert words(f"I don{apostrophe}t know.") == ["i", "don't", "know", "."]
    assert words(f"{apostrophe}Hello{apostrophe} {apostrophe}twas") == ["hello", "twas"]


@pytest.mark.parametrize("text", ["", "   ", "?!", "…", "🙂", "日本"])
def test_text_without_anything_to_sign_is_refused(tokenizer, text):
    with pytest.raises(ValueError, match="nothing to sign"):
        tokenizer.encode(text)


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyzö '-,.?0123456789", min_size=1))
def test_every_letter_of_every_word_is_in_the_tokens(text):
    tokenizer = Tokenizer.build(TEXTS, min_count=2)
    spelled = "".join("".join(word).replace("#", "") for word in tokenizer.split_words(text))
    assert [c for c in spelled if c.isalnum()] == [c for c in text if c.isalnum()]


def natural(tokenizer: Tokenizer, text: str) -> str:
    """A text as it can come back: what was spelled has lost its apostrophes, accents and unknown characters."""
    written = ""
    for word in tokenizer.split_words(text):
        plain = "".join(token.replace("<unk>", UNREADABLE).replace("#", "") for token in word)
        written += plain if plain in PUNCTUATION or not written else f" {plain}"
    return written


@given(st.text(alphabet="abcmynaeiswht öé日'’ -,.?!0123"))
def test_what_was_encoded_is_written_again(rest):
    text = f"a{rest}"  # there is something to sign
    tokenizer = Tokenizer.build(TEXTS, min_count=2).with_ends()
    written = tokenizer.decode(tokenizer.encode(text))
    assert written == natural(tokenizer, text)
    assert tokenizer.decode(tokenizer.encode(written)) == written or UNREADABLE in written


@given(st.lists(st.sampled_from(["my", "name", "is", "?", ".", "anna", "bob", "o'hara", "42"]), min_size=1))
def test_words_stay_apart_though_both_are_spelled(spoken):
    tokenizer = Tokenizer.build(TEXTS, min_count=2).with_ends()
    if any(word[0].isalnum() for word in spoken):
        known = [word for word in spoken if word != "?"]  # seen once: passed over
        written = tokenizer.decode(tokenizer.encode(" ".join(spoken)))
        assert words(written) == [word.replace("'", "") for word in known]


@given(st.lists(st.integers(0, 60)))
def test_any_ids_are_text(ids):
    tokenizer = Tokenizer.build(TEXTS, min_count=1).with_ends()
    written = tokenizer.decode(number % len(tokenizer) for number in ids)
    assert written == written.strip()
    assert "  " not in written
    assert not {"#", "<"} & set(written)


def test_text_is_written_as_people_do():
    tokenizer = Tokenizer.build(TEXTS, min_count=1).with_ends()
    assert tokenizer.decode(tokenizer.encode("WHAT is your name ?")) == "what is your name?"
    assert tokenizer.decode(tokenizer.encode("Anna Bob Zoë Eve, my name.")) == "anna bob zoe eve my name."
    assert tokenizer.decode([*tokenizer.encode("my name")[:2], tokenizer.tokens.index(END), 5]) == "my"
    assert tokenizer.decode([tokenizer.tokens.index(START)]) == ""


def test_ends_of_spelled_words_are_told_only_where_they_are_asked_for(tokenizer):
    ended = tokenizer.with_ends()
    assert ended.tokens[: len(tokenizer)] == tokenizer.tokens
    assert ended.split_words("My name is Bob")[-1] == ["#b", "#o", "#b", "#"]
    assert tokenizer.split_words("My name is Bob")[-1] == ["#b", "#o", "#b"]
    assert ended.with_ends() == ended


def test_a_saved_tokenizer_comes_back(tokenizer, tmp_path):
    tokenizer.save(tmp_path / "tokens.json")
    assert Tokenizer.open(tmp_path / "tokens.json") == tokenizer


@pytest.mark.parametrize("content", ["", "{}", '["a", "b"]', '["<pad>", "<unk>", "<s>", "</s>", 3]', "[1"])
def test_a_file_that_is_no_token_list_is_refused_by_name(tmp_path, content):
    path = tmp_path / "tokens.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"tokens\.json"):
        Tokenizer.open(path)
