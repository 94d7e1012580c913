"""`.skels` files of the progressive transformers, which run in parallel with `.text`, `.gloss` and `.files`.

One `.skels` line is one sequence: T x 151 floats, 50 joints x (x, y, z) in SLP units and then a counter. The
counter of the published files is i/T, which never reaches 1; readers drop it, as it follows from the length, after
seeing that it gets to the end.
"""

import os
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
import numpy.typing as npt
from numba import njit

from datamodules.files import atomic
from datamodules.poses.skeletons import SLP_50


def parse_decimals(text: bytes) -> npt.NDArray[np.float32] | None:
    """The numbers of a text such as `b"-0.5 12 3e-05"`, or None where anything in it is no plain decimal.

    Equal to `float` followed by rounding to float32: up to 15 digits and powers of ten up to 22 are exact in float64,
    so that one division rounds once. None says only that a slower reader has to look.
    """
    numbers = np.empty(len(text) // 2 + 1, np.float32)
    count = _parse(np.frombuffer(text, np.uint8), numbers, _POWERS)
    return None if count < 0 else numbers[:count].copy()


_POWERS = 10.0 ** np.arange(23)


@njit(cache=True)
def _parse(text, numbers, powers):  # type: ignore[no-untyped-def]
    count, at, end = 0, 0, len(text)
    while True:
        while at < end and (text[at] == 32 or 9 <= text[at] <= 13):
            at += 1
        if at == end:
            return count
        negative = text[at] == 45
        if negative or text[at] == 43:
            at += 1
        mantissa, digits, figures, scale = 0, 0, 0, 0
        point = False
        while at < end:
            byte = text[at]
            if 48 <= byte <= 57:
                mantissa = 10 * mantissa + (byte - 48)
                digits += 1
                if mantissa:
                    figures += 1
                scale -= point
                if figures > 15:
                    return -1
            elif byte == 46 and not point:
                point = True
            else:
                break
            at += 1
        if digits == 0:
            return -1
        if at < end and (text[at] | 32) == 101:
            at += 1
            minus = at < end and text[at] == 45
            if at < end and (minus or text[at] == 43):
                at += 1
            exponent, start = 0, at
            while at < end and 48 <= text[at] <= 57 and at - start < 4:
                exponent = 10 * exponent + (text[at] - 48)
                at += 1
            if at == start:
                return -1
            scale += -exponent if minus else exponent
        if at < end and text[at] != 32 and not 9 <= text[at] <= 13:
            return -1
        if not -22 <= scale <= 22:
            return -1
        value = mantissa / powers[-scale] if scale < 0 else mantissa * powers[scale]
        numbers[count] = -value if negative else value
        count += 1


JOINT_FLOATS: Final = 3 * SLP_50.joints
FRAME_FLOATS: Final = JOINT_FLOATS + 1
LONGEST: Final = 32 << 20  # bytes of a line: a quarter of an hour of signing at 25 frames a second


class BrokenLine(ValueError):
    """A line of a `.skels` file that cannot be read; kind: "empty", "cut", "nan" or "unreadable"."""

    def __init__(self, message: str, kind: str = "unreadable") -> None:
        super().__init__(message)
        self.kind = kind


def iterate_skels(path: str | os.PathLike[str]) -> Iterator[npt.NDArray[np.float32]]:
    """The sequences of a `.skels` file one by one, each (T, 50, 3) float32 in SLP units.

    Raises:
        BrokenLine: an empty or cut line, a non-number, NaN or infinity; the message names file and line.
    """
    for sequence in scan_skels(path):
        if isinstance(sequence, BrokenLine):
            raise sequence
        yield sequence


def scan_skels(path: str | os.PathLike[str]) -> Iterator[npt.NDArray[np.float32] | BrokenLine]:
    """As `iterate_skels`, but a line that cannot be read gives its error and the next one follows.

    Blank lines at the end are no sequences.
    """
    with open(path, "rb") as lines:
        number = read = 0
        while line := lines.readline(LONGEST + 1):
            number += 1
            line = line.removeprefix(BOM_UTF8)
            if not line.strip():
                continue
            for blank in range(read + 1, number):
                yield _empty(f"{path}, line {blank}")
            read, where = number, f"{path}, line {number}"
            if len(line) > LONGEST:
                yield BrokenLine(f"{where}: longer than {LONGEST >> 20} MiB; a line is one sentence: split it")
                return
            try:
                yield _parse_line(line, where)
            except BrokenLine as error:
                yield error


def read_skels(path: str | os.PathLike[str]) -> list[npt.NDArray[np.float32]]:
    """All sequences of a `.skels` file; see `iterate_skels`."""
    return list(iterate_skels(path))


def _parse_line(line: bytes, where: str) -> npt.NDArray[np.float32]:
    numbers = parse_decimals(line)
    if numbers is None:
        numbers = _parse_words(line.decode("utf-8", "replace").split(), where)
    _check_length(len(numbers), where)
    frames = numbers.reshape(-1, FRAME_FLOATS)
    pace = (float(frames[-1, -1]) - float(frames[0, -1])) / max(1, len(frames) - 1)
    if pace > 0 and 1 / pace > len(frames) + 0.5:
        raise BrokenLine(
            f"{where}: found {len(frames)} frames, but their counter ends at {frames[-1, -1]:.3f} and counts to "
            f"{1 / pace:.0f} frames; the line is cut off: fetch or write the file again",
            "cut",
        )
    return np.ascontiguousarray(frames[:, :JOINT_FLOATS]).reshape(-1, SLP_50.joints, 3)


def _empty(where: str) -> BrokenLine:
    return BrokenLine(
        f"{where}: empty; expected T x {FRAME_FLOATS} numbers; "
        "remove the line here and in the parallel .text, .gloss and .files",
        "empty",
    )


def _check_length(numbers: int, where: str) -> None:
    if not numbers:
        raise _empty(where)
    if numbers % FRAME_FLOATS:
        raise BrokenLine(
            f"{where}: found {numbers} numbers, expected a multiple of {FRAME_FLOATS} "
            f"(50 joints x 3, counter); the line is cut off in frame {numbers // FRAME_FLOATS}: "
            f"fetch or write the file again",
            "cut",
        )


def _parse_words(words: list[str], where: str) -> npt.NDArray[np.float32]:
    _check_length(len(words), where)
    try:
        with np.errstate(over="ignore"):
            numbers = np.array(words, np.float32)
    except ValueError:
        index = next(i for i, word in enumerate(words) if not _is_number(word))
        raise BrokenLine(
            f"{where}: found {words[index][:40]!r} at {_place(index)}, expected a number; repair or remove the line"
        ) from None
    bad = np.flatnonzero(~np.isfinite(numbers))
    if len(bad):
        raise BrokenLine(
            f"{where}: found {words[bad[0]][:40]!r} at {_place(int(bad[0]))} ({len(bad)} such values), "
            f"expected a finite number; interpolate the missing joints or remove the line",
            "nan",
        )
    return numbers


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _place(index: int) -> str:
    frame, position = divmod(index, FRAME_FLOATS)
    return f"frame {frame}, " + ("the counter" if position == JOINT_FLOATS else f"joint {position // 3}")


def write_skels(path: str | os.PathLike[str], sequences: Iterable[npt.NDArray[np.floating]]) -> None:
    """Write sequences, each (T, 50, 3) in SLP units, one a line: 5 decimals, counter i/T, as usual.

    The file appears whole or not at all.

    Raises:
        ValueError: a sequence of another shape, an empty one, or NaN or infinite joints.
    """
    with atomic(path) as temporary, open(temporary, "w", encoding="utf-8") as out:
        for number, joints in enumerate(sequences, 1):
            where = f"{path}, sequence {number}"
            if joints.ndim != 3 or joints.shape[1:] != (SLP_50.joints, 3) or not len(joints):
                raise ValueError(f"{where}: expected (T, 50, 3) with T >= 1, found {joints.shape}")
            bad = np.argwhere(~np.isfinite(joints))
            if len(bad):
                frame, joint, _ = bad[0]
                raise ValueError(
                    f"{where}: frame {frame}, joint {joint} is not finite; interpolate absent joints first"
                )
            frames = np.column_stack([joints.reshape(len(joints), -1), np.arange(len(joints)) / len(joints)])
            out.write(" ".join(["%.5f"] * frames.size) % tuple(frames.ravel().tolist()) + "\n")
