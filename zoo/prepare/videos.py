"""What is particular about a video: what a player shows otherwise than it is stored, and what nobody mends here."""

import mmap
import struct
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

import av

from datamodules.media.decoding import Screen, Turn, display_matrix, opened, square_pixels
from datamodules.media.timing import measure

WHOLE: Final = 0.9
HIDDEN: Final = 3
"""A video with fewer of its declared frames than this share is cut off, not counting those that an edit list hides."""
TURNS: Final = {
    Turn(True, True, False): "turned by 90 degrees clockwise",
    Turn(False, True, True): "turned by 180 degrees",
    Turn(True, False, True): "turned by 270 degrees clockwise",
    Turn(False, True, False): "mirrored, left for right",
    Turn(False, False, True): "mirrored, upside down",
    Turn(True, False, False): "mirrored and turned by a right angle",
    Turn(True, True, True): "mirrored and turned by a right angle",
}
NOT_MENDED: Final = frozenset({"interlaced", "edit list", "clock", "no times"})
"""Kinds of particulars for which frames or times are not those of a player."""


def particulars(path: Path, most: int | None = None) -> dict[str, str]:
    """What is particular about a video, by kind, in words; nothing about most.

    most: look at so many frames only; None takes all, and refuses a file that is not whole.

    Raises ValueError for no video, or a damaged one.
    """
    found: dict[str, str] = {}
    count = combed = 0
    sizes: set[tuple[int, int]] = set()
    turns: set[Turn] = set()
    try:
        timing = measure(path)
        with opened(path) as (container, stream):
            declared, screen = stream.frames, Screen(stream)
            for frame in islice(container.decode(stream), most):
                count += 1
                combed += frame.interlaced_frame
                sizes.add((frame.width, frame.height))
                turns.add(screen.turn(frame))
                if count == 1 and _oblique(display_matrix(frame)):
                    found["display matrix"] = "turns by no right angle; the nearest one is taken"
    except OSError:
        raise
    except av.error.FFmpegError as error:
        at = f"decoding stops after {count} frames" if count else f"{path.stat().st_size} bytes that are no video"
        raise ValueError(f"{at} ({error.strerror}); download or convert it again") from None
    if most is None and not count:
        raise ValueError("a video without a frame, zero seconds; download it again")
    if most is None and count + HIDDEN < WHOLE * declared:
        raise ValueError(f"cut off: {count} frames, but it declares {declared}; download it again")
    if timing.varies:
        nearest, farthest = timing.apart
        found["variable rate"] = (
            f"frames come {nearest:.3g} to {farthest:.3g} seconds apart; read at {timing.fps:g} a second, each for as "
            "long as it is shown"
        )
    if timing.jumps:
        found["clock"] = f"its clock jumps; its frames are taken to be {timing.fps:g} a second. Convert it"
    if not timing.stated:
        found["no times"] = f"a stream without times; {timing.fps:g} frames a second are assumed. Convert it"
    if named := {TURNS[turn] for turn in turns if turn != Turn()}:
        found["turned"] = f"shown, and read, {' and '.join(sorted(named))}"
    if sizes and screen.aspect != 1:
        width, height = square_pixels(*min(sizes), screen.aspect)
        found["pixel aspect"] = f"pixels of {screen.aspect:.4g} to 1; read as {width} x {height}"
    if len(sizes) > 1:
        found["frame size"] = (
            f"varies: {', '.join(f'{w} x {h}' for w, h in sorted(sizes))}; all are scaled to the first"
        )
    if combed:
        found["interlaced"] = f"{combed} of {count} frames are interlaced: edges that move are combs. Deinterlace it"
    if _edited(path):
        found["edit list"] = "plays parts at another speed, or several parts, which may be read otherwise. Convert it"
    return found


def not_mended(path: Path) -> str:
    """Why the frames of a video, or their times, may not be those of a player; nothing for most, or unreadable ones."""
    try:
        kinds = particulars(path, most=1)
    except (ValueError, OSError):
        return ""
    return "; ".join(f"{kind}: {kinds[kind]}" for kind in sorted(NOT_MENDED & kinds.keys()))


def _oblique(matrix: tuple[int, ...] | None) -> bool:
    """Whether a display matrix turns by no right angle: then neither diagonal of its four numbers is all zeros."""
    return matrix is not None and any((matrix[0], matrix[4])) and any((matrix[1], matrix[3]))


def _edited(path: Path) -> bool:
    """Whether an edit list of an MP4's pictures does more than leave out what is before the first frame."""
    with path.open("rb") as file:
        if file.read(8)[4:] not in (b"ftyp", b"moov", b"wide", b"mdat", b"free", b"skip"):
            return False
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            for track in _boxes(content, (0, len(content)), b"moov", b"trak"):
                handlers = _boxes(content, track, b"mdia", b"hdlr")
                if any(content[start + 8 : start + 12] == b"vide" for start, _ in handlers):
                    return any(_changes(content[slice(*place)]) for place in _boxes(content, track, b"edts", b"elst"))
    return False


def _changes(edits: bytes) -> bool:
    """Whether an edit list has several parts, or one at another speed than its own."""
    if len(edits) < 8:
        return False
    form = ">QqI" if edits[0] else ">IiI"
    entries = edits[8 : 8 + struct.unpack(">I", edits[4:8])[0] * struct.calcsize(form)]
    whole = len(entries) - len(entries) % struct.calcsize(form)
    parts = [(start, rate) for _, start, rate in struct.iter_unpack(form, entries[:whole]) if start >= 0]
    return len(parts) > 1 or any(rate != 1 << 16 for _, rate in parts)


def _boxes(content: mmap.mmap, place: tuple[int, int], *kinds: bytes) -> Iterator[tuple[int, int]]:
    """Where the contents of boxes begin and end that lie in boxes of these kinds, one in the other."""
    at, end = place
    while at + 8 <= end:
        size, kind, head = int.from_bytes(content[at : at + 4]), content[at + 4 : at + 8], 8
        if size == 1:
            size, head = int.from_bytes(content[at + 8 : at + 16]), 16
        size = size or end - at
        if size < head:
            return
        if kind == kinds[0]:
            inside = (at + head, min(at + size, end))
            yield from _boxes(content, inside, *kinds[1:]) if kinds[1:] else (inside,)
        at += size
