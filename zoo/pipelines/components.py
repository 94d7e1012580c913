"""The rule-based components, as data: what fits is known before anything heavy is imported."""

import importlib
import sys
from dataclasses import dataclass
from typing import Any

from zoo.io_types import Signal


@dataclass(frozen=True)
class RuleBased:
    """A component that follows rules and was never trained: its name and class, and what it takes and gives."""

    name: str
    path: str
    summary: str
    accepts: Signal
    gives: Signal

    def open(self) -> Any:
        """The component; imports what it needs. One line on stderr says that it is no model."""
        print(f"zoo: {self.name}: no model, {self.summary}", file=sys.stderr)
        module, _, name = self.path.rpartition(".")
        return getattr(importlib.import_module(module), name)()


_ALL = (
    RuleBased(
        "drawing",
        "zoo.pipelines.rule_based.Drawing",
        "a drawing of the skeleton, the hands enlarged",
        Signal("pose", skeleton="slp-50", normalisation="slp"),
        Signal("video", size=512),
    ),
    RuleBased(
        "avatar-signer",
        "zoo.pipelines.rule_based.AvatarSigner",
        "the signing avatar's motion by rules; what it has no sign for, it fingerspells",
        Signal("glosses", language="ase"),
        Signal("pose", language="ase", skeleton="slp-50", normalisation="slp", fps=25.0),
    ),
    RuleBased(
        "avatar-hand",
        "zoo.pipelines.rule_based.AvatarHand",
        "the signing avatar's hand, seen from near",
        Signal("letters", language="ase"),
        Signal("video", language="ase", fps=25.0, size=256),
    ),
)

RULE_BASED = {component.name: component for component in _ALL}
