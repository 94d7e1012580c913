"""What every loader offers: the zoo knows models through this and nothing else."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Final, Protocol, Self

SCHEMA: Final = 1
"""Of config.json; raised when an older zoo could not read what a newer one writes."""


class Loader(Protocol):
    """What `zoo.load` returns: a network with what reads its input and writes its output, and one verb.

    `task` names the loader in config.json and in specs; `verb` names its method for users.
    """

    task: ClassVar[str]
    verb: ClassVar[str]

    @classmethod
    def from_training(cls, module: Any, datamodule: Any) -> Self:
        """The loader of a trained LightningModule and the data module it was trained with."""
        ...

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Read what `save` wrote: strict keys, no pickle. Raises ValueError when files do not belong together."""
        ...

    def save(self, folder: Path) -> None:
        """Write config.json (`schema`, `task` and the rest) and safetensors into an existing folder."""
        ...

    def run(self, text: str, outputs: Sequence[Path], /) -> list[Path]:
        """Call the verb once and write what the suffix of each output asks for.

        Raises ValueError, before the verb is called, when one of them cannot be written.
        """
        ...

    def preview(self, datamodule: Any, folder: Path, /) -> list[Path]:
        """Write a sample for the data's first dev example into `folder` through the verb, as a user would see it."""
        ...
