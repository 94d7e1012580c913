"""Texts that came through wrong hands: what was certainly meant is restored, what cannot be told is named."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

LOST: Final = "\ufffd"
"""What decoders write for bytes that they cannot read."""
_PLACE: Final = rf"[?{LOST}]{{1,3}}"
"""Of a character that was lost, at one mark or one a byte of it."""
_LOST: Final = re.compile(_PLACE)
_CONTRACTED: Final = re.compile(
    rf"\b((?:let|it|that|what|here|there|he|she|who|where|how){_PLACE}s"
    rf"|(?:i|you|we|they){_PLACE}(?:ve|ll|d)|(?:he|she|it|that){_PLACE}(?:ll|d)|(?:you|we|they){_PLACE}re|i{_PLACE}m"
    rf"|(?:do|does|did|is|are|was|were|have|has|had|ca|wo|would|could|should|must|need|ai)n{_PLACE}t)\b",
    re.IGNORECASE,
)
"""English words that have an apostrophe there, and no others are like them."""
_SWALLOWED: Final = re.compile(r"(?<=[^\W\d_])\?(?=(?:[tsdm]|re|ve|ll)\b(?!=))")
"""Where an apostrophe may have been, or an accent: "horse?s", "na?ve"."""
_ROUNDS: Final = 3


@lru_cache(maxsize=1 << 16)
def repaired(text: str) -> str:
    """The text as it was written: mojibake undone ("donâ€™t", "don?t"), character references ("don&#39;t") resolved,
    what nobody sees (soft hyphens, byte order marks, controls) removed. What is not certain stays as it is."""
    if not (text.isascii() and text.isprintable() and "&" not in text):
        text = _decoded(text)
    return _CONTRACTED.sub(lambda word: _LOST.sub("'", word[0]), text)


def _decoded(text: str) -> str:
    from ftfy import fix_encoding  # takes longer than all else here, and most texts need none of it
    from ftfy.fixes import fix_c1_controls, unescape_html

    for _ in range(_ROUNDS):  # what was spoilt twice
        before, text = text, unescape_html(fix_c1_controls(fix_encoding(text)))
        if text == before:
            break
    return "".join(sign for sign in text if sign.isspace() or unicodedata.category(sign) not in ("Cc", "Cf"))


def doubtful(text: str) -> bool:
    """Whether a text has lost characters, or has some that are hardly meant, and nothing tells what they were."""
    text = repaired(text)
    if LOST in text or _SWALLOWED.search(text):
        return True
    if text.isascii():
        return False
    from ftfy.badness import is_bad

    return is_bad(text)


def remarks(texts: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """What there is to say of texts: a kind of finding, the first text that it is of, and a message with an example.

    "repaired text" is read otherwise than it is written, "lost characters" are those that no repair was found for.
    """
    changed = [text for text in texts if repaired(text) != text]
    lost = [text for text in texts if doubtful(text)]
    if changed:
        was, becomes = _first_change(changed[0])
        message = f"{len(changed)} of {len(texts)} texts are repaired, such as {was!r} to {becomes!r}"
        yield "repaired text", changed[0], message
    if lost:
        word = next((word for word in repaired(lost[0]).split() if doubtful(word)), lost[0])
        message = f"{len(lost)} of {len(texts)} texts have characters that were lost for good, such as {word!r}"
        yield "lost characters", lost[0], message


def _first_change(text: str) -> tuple[str, str]:
    """The first word that becomes another, and that; the whole text where words part or join."""
    words, others = text.split(), repaired(text).split()
    changes = [(a, b) for a, b in zip(words, others, strict=False) if a != b]
    return changes[0] if len(words) == len(others) and changes else (text, repaired(text))
