"""What flows between stages. Kept in config.json, so that whether two artefacts fit is known before weights load."""

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Self, get_args

Kind = Literal["text", "glosses", "letters", "pose", "image", "video", "embedding"]


@dataclass(frozen=True)
class Signal:
    """What a loader takes or gives. None: it does not matter to who takes it, or is passed on as it came.

    kind: what it is.
    language: its code in ISO 639: of text (en, de), or the sign language of what is signed (ase, gsg).
    skeleton: the joint layout of a pose, as in `datamodules.poses.skeletons`.
    normalisation: the units of a pose; "slp" has the neck as origin and three shoulder widths as one unit.
    fps: frames a second.
    size: height and width of a picture in pixels.
    """

    kind: Kind
    language: str | None = None
    skeleton: str | None = None
    normalisation: str | None = None
    fps: float | None = None
    size: int | None = None

    def misfits(self, wanted: "Signal") -> list[str]:
        """Why this cannot be handed to who wants `wanted`, a reason a line; none when it can."""
        pairs = ((field.name, getattr(self, field.name), getattr(wanted, field.name)) for field in fields(self))
        return [f"{name} is {a}, expected {b}" for name, a, b in pairs if None not in (a, b) and a != b]

    def after(self, before: "Signal") -> "Signal":
        """This signal with the language and frame rate that it passes on."""
        passed = {name: getattr(self, name) or getattr(before, name) for name in ("language", "fps")}
        return Signal(**{**asdict(self), **passed})

    def content(self) -> dict[str, Any]:
        """What config.json holds of it."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def read(cls, content: object) -> Self:
        """The signal of what `content` wrote. Raises ValueError for anything else."""
        known = {field.name for field in fields(cls)}
        if not isinstance(content, dict) or not set(content) <= known or content.get("kind") not in get_args(Kind):
            raise ValueError(f"found {content!r}, expected a mapping with `kind` and of {', '.join(sorted(known))}")
        signal = cls(**content)
        words = (signal.language, signal.skeleton, signal.normalisation)
        numbers = [number for number in (signal.fps, signal.size) if number is not None]
        if not all(isinstance(word, str | None) for word in words) or not all(map(_is_positive, numbers)):
            raise ValueError(f"found {content!r}, expected words, and numbers above 0 for fps and size")
        return signal


def _is_positive(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 1_000_000
