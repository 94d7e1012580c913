"""The card on the Hub and the card that is pushed: what people edited there is kept, or the push stops."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

from datamodules.files import write_text
from zoo.card.document import Parts, sealed, split, with_prose
from zoo.files import unused

ASIDE: Final = "README.hub.md"
EDITED: Final = "README.edited.md"


def is_ours(theirs: str) -> bool:
    """Whether the zoo pushed a card: it seals what it writes."""
    parts = _parts(theirs)
    return parts is not None and parts.recorded is not None


def seal(folder: Path) -> None:
    """Seal the README.md of a folder as it is pushed: what differs from that later was edited on the Hub."""
    path = folder / "README.md"
    parts = split(path.read_text(encoding="utf-8"))
    write_text(path, sealed(parts.generated, parts.prose))


def keep_edits(folder: Path, source: Path, say: Callable[[str], None]) -> None:
    """Put aside the README.md of an earlier build where somebody edited its prose, before `folder` is built anew from
    `source`: only what stands in the card there, or in cards/, is published."""
    built = _parts(_text(folder / "README.md"))
    there = _parts(_text(source / "README.md"))
    if built and built.prose_edited and not (there and there.prose == built.prose):
        aside = unused(folder.with_name(EDITED))
        shutil.copyfile(folder / "README.md", aside)
        say(f"{folder / 'README.md'} was edited, and is built anew; the edited one is now {aside}")


def keep_prose(folder: Path, theirs: str, where: str, source: str, say: Callable[[str], None]) -> None:
    """Take prose that was edited on the Hub, and not here, into the README.md of `folder`.

    Args:
        folder: what is about to be pushed.
        theirs: the README.md of the Hub.
        where: the repository, for messages.
        source: the file that the prose here comes from, for messages.
        say: prints a line.

    Raises:
        ValueError: an edit would be lost: prose edited on both sides, generated sections edited by hand, or a card
            that is not the zoo's. The Hub's text is left in `folder` as README.hub.md.
    """
    path = folder / "README.md"
    ours = path.read_text(encoding="utf-8")
    here, there = split(ours), _parts(theirs)
    if reason := _lost(here, there):
        write_text(folder / ASIDE, theirs)
        raise ValueError(
            f"{where}: {reason}, which a push would undo; what stands there is now in {folder / ASIDE}: take over into "
            f"{source} what should stay, then push with --pr, which replaces nothing until it is merged"
        )
    if there is not None and there.prose_edited and there.prose != here.prose:
        write_text(path, with_prose(ours, there.prose))
        say(f"the prose of README.md was edited on the Hub and stays as it is there; copy it to {source}")


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def _parts(theirs: str) -> Parts | None:
    try:
        return split(theirs)
    except ValueError:
        return None


def _lost(here: Parts, there: Parts | None) -> str | None:
    if there is None or there.recorded is None:
        return "its README.md was not written by the zoo"
    if there.rest_edited:
        return "generated sections of its README.md were edited by hand"
    if there.prose_edited and here.sums.prose not in (there.recorded.prose, there.sums.prose):
        return "the prose of its README.md was edited since the last push, there and here"
    return None
