"""Sentences as tokens and back: a word of the vocabulary is one token, any other word is spelled out in characters."""

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from datamodules.text_repair import repaired

PAD, UNKNOWN, START, END = "<pad>", "<unk>", "<s>", "</s>"
SPECIAL = (PAD, UNKNOWN, START, END)
SPELLED = "#"
"""Alone it ends a spelled word; before a character it says that the character is spelled."""
UNREADABLE = "\ufffd"
LETTERS_AND_DIGITS = "abcdefghijklmnopqrstuvwxyz0123456789"

PUNCTUATION = "?!.,"

_LETTERS = r"(?:[^\W_][\u0300-\u036f]*)+"
_WORD = re.compile(rf"{_LETTERS}(?:(?:(?<!\d)'|'(?!\d)){_LETTERS})*|[{PUNCTUATION}]")  # 5'4 are two numbers
_APOSTROPHES = re.compile(r"(?<=[^\W_])'{2,}(?=[^\W_])")
_SIGNS = str.maketrans({**dict.fromkeys("’‘‛ʼʻʹʽˈ´`′＇ꞌ❛❜", "'"), **dict.fromkeys("™℠", " "), "İ": "I"})
"""What people and their keyboards write for an apostrophe; marks that nobody signs; a letter that falls apart in lower
case."""


def words(text: str) -> list[str]:
    """Lower-case words and the punctuation that changes how a sentence is signed; spoilt text as `repaired`."""
    return _WORD.findall(plain(text).lower())


def plain(text: str) -> str:
    """A text, repaired, in the plainest characters that say the same (NFKC): one kind of apostrophe, ligatures and full
    width resolved. Numbers that become several characters stay apart from their neighbours: "1½" is "1 1/2"."""
    text = repaired(text).translate(_SIGNS)
    if not text.isascii():
        signs = enumerate(text)
        text = unicodedata.normalize("NFKC", "".join(_apart(text, place, sign) for place, sign in signs))
    return _APOSTROPHES.sub("'", text.replace("\u2044", "/"))


def _apart(text: str, place: int, sign: str) -> str:
    """A character with blanks around it where its plain form would run into other words or numbers."""
    kind = unicodedata.category(sign)
    if kind == "So":
        return f" {sign} "
    before, after = text[place - 1 : place], text[place + 1 : place + 2]
    if sign in "ºª" and before.isdecimal():
        return " "
    if kind == "No":
        return " " * before.isnumeric() + sign + " " * after.isnumeric()
    return sign


@dataclass(frozen=True)
class Tokenizer:
    """Token ids by position in `tokens`: special ones, characters as "#a", then words.

    Characters carry a mark because a letter that is spelled ("#i") is not the word it looks like ("i"). Where spelled
    words end is told only if the token "#" is there, see `with_ends`: signing needs no mark of it, writing does.
    """

    tokens: tuple[str, ...]
    _ids: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_ids", {token: number for number, token in enumerate(self.tokens)})

    def __len__(self) -> int:
        return len(self.tokens)

    @classmethod
    def build(cls, texts: Iterable[str], min_count: int) -> "Tokenizer":
        """Vocabulary of the words that occur at least `min_count` times; the rarer ones teach spelling."""
        counts = Counter(word for text in texts for word in words(text))
        characters = sorted({c for word in counts for c in word if c.isalnum()} | set(LETTERS_AND_DIGITS))
        known = sorted(word for word, count in counts.items() if count >= min_count)
        return cls((*SPECIAL, *(f"#{c}" for c in characters), *known))

    def with_ends(self) -> "Tokenizer":
        """The same tokens and one more, "#", with which each spelled word ends: two in a row can be told apart, so that
        `decode` is the inverse of `encode`."""
        return self if SPELLED in self._ids else Tokenizer((*self.tokens, SPELLED))

    def split_words(self, text: str) -> list[list[str]]:
        """Each word's tokens: the word itself, or its characters. No word is ever dropped.

        A character that was never seen loses its accents; if still unseen it becomes one unknown token. Punctuation
        that was never seen is passed over.
        """
        known = (word for word in words(text) if word in self._ids or word[0].isalnum())
        end = [SPELLED] if SPELLED in self._ids else []
        return [[word] if word in self._ids else [*self._spell(word), *end] for word in known]

    def encode(self, text: str) -> list[int]:
        """Token ids with start and end. Raises ValueError for a text without a single letter or digit."""
        found = [token for word in self.split_words(text) for token in word]
        if not any(token[-1].isalnum() for token in found):
            raise ValueError(f"nothing to sign in {text[:40]!r}: expected a letter or digit that the model knows")
        return [self._ids[token] for token in (START, *found, END)]

    def decode(self, ids: Iterable[int]) -> str:
        """The text of token ids, lower-case, punctuation attached to the word before it: "what is your name?".

        Any ids are read. Reading ends at the first end; padding and starts say nothing, an unknown character is U+FFFD.
        A spelled word ends at its "#" or at whatever is no character; it has lost the apostrophes that it had.
        """
        written, spelling = "", False
        for token in map(self.tokens.__getitem__, ids):
            if token == END:
                break
            if token in (PAD, START, SPELLED):
                spelling = False
                continue
            character = UNREADABLE if token == UNKNOWN else token.removeprefix(SPELLED)
            goes_on = spelling if (spelled := token == UNKNOWN or token.startswith(SPELLED)) else token in PUNCTUATION
            written += character if goes_on or not written else f" {character}"
            spelling = spelled
        return written

    def _spell(self, word: str) -> list[str]:
        spelled = []
        for character in filter(str.isalnum, word):
            forms = (character, *unicodedata.normalize("NFKD", character))
            known = next((form for form in forms if f"#{form}" in self._ids), None)
            spelled.append(UNKNOWN if known is None else f"#{known}")
        return spelled

    def unknown(self, text: str) -> list[str]:
        """The characters of a text that become unknown tokens, each once, in order."""
        spelled = (word for word in words(text) if word not in self._ids)
        return list(dict.fromkeys(c for word in spelled for c in word if self._spell(c) == [UNKNOWN]))

    def save(self, path: Path) -> None:
        """Write as a JSON list of tokens."""
        path.write_text(json.dumps(self.tokens, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")

    @classmethod
    def open(cls, path: Path) -> "Tokenizer":
        """Read what `save` wrote. Raises ValueError when the file is anything else."""
        try:
            tokens: Sequence[object] = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"{path}: not a JSON list of tokens ({error})") from None
        if (
            not isinstance(tokens, list)
            or tuple(tokens[: len(SPECIAL)]) != SPECIAL
            or not all(isinstance(token, str) for token in tokens)
            or len(set(tokens)) != len(tokens)
        ):
            raise ValueError(f"{path}: expected a list of distinct tokens that starts with {', '.join(SPECIAL)}")
        return cls(tuple(str(token) for token in tokens))


LONGEST: Final = 200
"""Characters of a piece; what is longer is parted where it has a comma, or else between words."""

_END = re.compile(r"(?P<mark>[.!?…]+|[。！？]+)(?P<close>[\"'”’»)\]]*)(?=\s|$|(?<=[。！？]))")
_NEVER_LAST: Final = re.compile(
    "mr|mrs|ms|mx|dr|prof|st|rev|hon|sen|rep|gov|gen|col|capt|lt|sgt|messrs|vs|e.g|i.e|cf|viz|approx|dept|"
    "ca|hr|fr|bzw|z.b|d.h|u.a|sog|bspw|vgl|evtl|ggf"
)
"""Abbreviations after which a sentence goes on, in lower case and without their last dot."""
_NUMBERED: Final = re.compile(
    "nos?|figs?|vol|pp?|ch|art|nr|abs|jan|feb|mar|apr|jun|jul|aug|sept?|oct|okt|nov|dec|dez",
)
"""Those after which it goes on where a number follows."""
_PERHAPS_LAST: Final = re.compile(r"etc|usw|inc|ltd|co|corp|jr|sr|ph\.d|bros|(?:[^\W\d_]\.)+[^\W\d_]")
"""Those that end a sentence unless a small letter follows; any with dots inside (p.m., U.S.) is one."""
_COUNTED: Final = re.compile(
    "januar|februar|märz|april|mai|juni|juli|august|september|oktober|november|dezember|jahrhundert|klasse"
)
"""What German ordinals (3. Oktober) stand before."""


def sentences(text: str, longest: int = LONGEST) -> list[str]:
    """The sentences of an English or German text in order, stripped; a line break between paragraphs ends one too.

    Decimals (3.14), abbreviations (Dr., e.g.), initials (J. R.) and ordinals (3. Oktober) end none. What has neither
    letter nor digit is left out. A piece has at most `longest` characters.
    """
    pieces = []
    for paragraph in re.split(r"\n\s*\n|\r|[\v\f\u2028\u2029]", text.replace("\r\n", "\n")):
        for sentence in _split(" ".join(paragraph.split())):
            pieces += [piece for piece in _parted(sentence, longest) if any(map(str.isalnum, piece))]
    return pieces


def _split(paragraph: str) -> Iterator[str]:
    start = 0
    for end in _END.finditer(paragraph):
        before = paragraph[max(start, end.start() - 40) : end.start()]
        after = paragraph[end.end() : end.end() + 20].lstrip()
        if _ends(before, end["mark"], end["close"], after):
            yield paragraph[start : end.end()].strip()
            start = end.end()
    yield paragraph[start:].strip()


def _ends(before: str, mark: str, close: str, after: str) -> bool:
    """Whether a sentence ends at `mark` and the quotes or brackets that `close` it, from what stands around them."""
    goes_on = after[:1].islower()
    if mark != ".":
        return not (goes_on and (mark in ("…", "...") or close))
    word = before.rpartition(" ")[2].lstrip("\"'“‘«([").lower()
    if _NUMBERED.fullmatch(word) and after[:1].isdigit():
        return False
    if _NEVER_LAST.fullmatch(word) or re.fullmatch(r"[^\W\d_]", word):
        return word == "i"
    if _PERHAPS_LAST.fullmatch(word):
        return not goes_on
    counts = re.fullmatch(r"\d{1,2}", word) and _COUNTED.match(after.lower())
    return not counts


def _parted(sentence: str, longest: int) -> Iterator[str]:
    start = 0
    while len(sentence) - start > longest:
        window = sentence[start : start + longest]
        cuts = [cut.end() for cut in re.finditer(r"[,;:–—](?=\s)", window)]
        if not cuts or cuts[-1] < longest // 4:
            whole = sentence[start + longest].isspace()
            cuts = [longest if whole else window.rfind(" ") + 1 or longest]
        yield window[: cuts[-1]].strip()
        start += cuts[-1]
    yield sentence[start:].strip()
