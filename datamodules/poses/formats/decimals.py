"""Plain decimals between blanks, read at the speed of the disk."""

import numpy as np
import numpy.typing as npt
from numba import njit


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
