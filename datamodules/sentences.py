"""Where sentences end: long texts are signed one sentence at a time."""

import re
from collections.abc import Iterator
from typing import Final

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
