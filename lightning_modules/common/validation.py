"""What of a spec no objective can use, refused by name: numbers, and data of another kind."""

import math
from typing import ClassVar, Protocol, TypeVar

import lightning as L


class Kind(Protocol):
    """A kind of data; `holds` says what it is, in print."""

    holds: ClassVar[str]


Data = TypeVar("Data", bound=Kind)


def data_of(module: L.LightningModule, kind: type[Data]) -> Data:
    """The data of a module's trainer. Raises ValueError where it is of another kind than the module is trained on."""
    data = module.trainer.datamodule  # type: ignore[attr-defined]
    if not isinstance(data, kind):
        name = type(module).__name__
        raise ValueError(f"{name} trains on {kind.holds}, found {type(data).__name__} as data.class_path")
    return data


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
