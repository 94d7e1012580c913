"""What a person wrote in a card, what was generated around it, and how an edit by hand is told from both."""

import hashlib
import re
from typing import Final, NamedTuple

OPEN: Final = "<!-- prose -->"
CLOSE: Final = "<!-- /prose -->"
SEAL: Final = re.compile(r"\n*<!-- sha256: prose ([0-9a-f]{64}), generated ([0-9a-f]{64}) -->\s*\Z")


class Sums(NamedTuple):
    """SHA-256 of both parts of a card, as hex digits."""

    prose: str
    generated: str


class Parts(NamedTuple):
    """A card taken apart.

    prose: what stands between the marks, without the blank lines around it.
    generated: the rest, with both marks and without the seal.
    recorded: what the seal says; None for a text that has none.
    """

    prose: str
    generated: str
    recorded: Sums | None

    @property
    def sums(self) -> Sums:
        """Of the parts as they are now."""
        return Sums(_sum(self.prose), _sum(self.generated))

    @property
    def prose_edited(self) -> bool:
        """A person changed the prose since it was written; false where no seal tells."""
        return self.recorded is not None and self.recorded.prose != self.sums.prose

    @property
    def rest_edited(self) -> bool:
        """A person changed what is generated; false where no seal tells."""
        return self.recorded is not None and self.recorded.generated != self.sums.generated


def split(text: str) -> Parts:
    """Take a card apart; a text without the marks has no prose. Raises ValueError for marks that do not pair up."""
    text = text.replace("\r\n", "\n")
    seal = SEAL.search(text)
    recorded = Sums(*seal.groups()) if seal else None
    body = text[: seal.start()] + "\n" if seal else text
    if OPEN not in body and CLOSE not in body:
        return Parts("", body, recorded)
    before, after = body.partition(OPEN)[0], body.rpartition(CLOSE)[2]
    if body.count(OPEN) != 1 or body.count(CLOSE) != 1 or len(before) > body.index(CLOSE):
        raise ValueError(f"found marks that do not pair up, expected {OPEN} and {CLOSE} once each, in this order")
    prose = body[len(before) + len(OPEN) : len(body) - len(after) - len(CLOSE)].strip()
    return Parts(prose, f"{before}{OPEN}\n{CLOSE}{after}", recorded)


def with_prose(text: str, prose: str) -> str:
    """The card with other prose. The seal stays: the new prose goes on counting as edited by hand.

    Raises ValueError for a card without marks, and for prose with marks of its own.
    """
    parts = split(text)
    return _joined(parts.generated, prose) + (_seal(parts.recorded) if parts.recorded else "")


def sealed(generated: str, prose: str) -> str:
    """The card of a generated part that holds both marks, and of the prose between them, with its seal.

    Raises ValueError for a part without marks, and for prose with marks of its own.
    """
    text = _joined(generated, prose)
    return text + _seal(split(text).sums)


def _joined(generated: str, prose: str) -> str:
    before, mark, after = generated.partition(OPEN)
    if not mark:
        raise ValueError(f"found no {OPEN} in this card, between which and {CLOSE} its prose belongs")
    if OPEN in prose or CLOSE in prose:
        raise ValueError(f"found {OPEN} or {CLOSE} in the prose itself; take it out")
    inner = f"\n\n{prose.strip()}\n\n" if prose.strip() else "\n"
    return f"{before}{OPEN}{inner}{CLOSE}{after.partition(CLOSE)[2]}".rstrip() + "\n"


def _seal(sums: Sums) -> str:
    return f"\n<!-- sha256: prose {sums.prose}, generated {sums.generated} -->\n"


def _sum(text: str) -> str:
    """Of the text without what editors change by themselves: blanks at the ends of lines and of the whole."""
    lines = [line.rstrip() for line in text.strip().splitlines()]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
