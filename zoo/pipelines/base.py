"""What every pipeline offers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from zoo.io_types import Signal


class Pipeline:
    """Components that were seen to fit, and one verb that passes something through all of them.

    name: of its spec.
    components: by role, None where a stage is left out; another pipeline takes them as `zoo.load(name, **components)`.
    accepts, gives: what goes in and comes out.
    """

    verb: ClassVar[str]

    def __init__(self, name: str, components: dict[str, Any], accepts: Signal, gives: Signal) -> None:
        self.name, self.components = name, components
        self.accepts, self.gives = accepts, gives

    @property
    def stages(self) -> list[Any]:
        """The components that are not left out, in order."""
        return [component for component in self.components.values() if component is not None]

    def run(self, text: str, outputs: Sequence[Path]) -> list[Path]:
        """Call the verb once and write what the suffix of each output asks for, whole or not at all.

        Raises ValueError, before the verb is called, when one of them cannot be written.
        """
        raise NotImplementedError

    def __repr__(self) -> str:
        parts = ", ".join(f"{role}={type(part).__name__ if part else None}" for role, part in self.components.items())
        return f"{type(self).__name__}({self.name}: {parts})"
