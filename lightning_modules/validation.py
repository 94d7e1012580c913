"""Numbers of a spec that no objective can use, refused by name."""

import math


def positive(**settings: float) -> None:
    """Raise ValueError for the first that is not above 0 and finite."""
    for name, value in settings.items():
        if not 0 < value < math.inf:
            raise ValueError(f"{name}: found {value}, expected more than 0")


def not_negative(**settings: float) -> None:
    """Raise ValueError for the first that is not at least 0 and finite."""
    for name, value in settings.items():
        if not 0 <= value < math.inf:
            raise ValueError(f"{name}: found {value}, expected 0 or more")


def shares(**settings: float) -> None:
    """Raise ValueError for the first that is not from 0 to 1."""
    for name, value in settings.items():
        if not 0 <= value <= 1:
            raise ValueError(f"{name}: found {value}, expected 0 to 1")
