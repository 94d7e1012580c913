"""What a model stands on: weights that it uses and does not train, named in its spec and handed to its module."""

from dataclasses import dataclass
from typing import Any, Self

from lightning import LightningModule

from zoo.artefacts.base_model import BaseModel
from zoo.results.lineage import STANDS_ON
from zoo.spec.classes import named_class
from zoo.spec.spec import Spec

DIGITS = 12
"""Of a sum, in print."""


@dataclass(frozen=True)
class Foundation:
    """The model that a spec's module stands on.

    argument: of the module, which holds the address; its class says it as `stands_on`.
    """

    argument: str
    model: BaseModel

    @classmethod
    def of(cls, spec: Spec) -> Self | None:
        """That of a spec whose module stands on one; it is downloaded where it is on the Hub and not in its cache.

        Raises ValueError where there is none yet, with what to do.
        """
        found = stands_on(spec)
        if found is None:
            return None
        argument, address = found
        try:
            return cls(argument, BaseModel.used(address))
        except ValueError as error:
            raise ValueError(
                f"{spec.source}: model.init_args.{argument}: {spec.name} stands on {address}, which cannot be opened: "
                f"{error}; --model.{argument} names another one, by its folder or repository"
            ) from None

    def hand_to(self, module: LightningModule) -> None:
        """Open it, and let the module stand on it. Raises ValueError for what it cannot stand on."""
        try:
            module.stand_on(self.model.open())  # type: ignore[operator]
        except ValueError as error:
            raise ValueError(f"model.init_args.{self.argument}: {self.model.address}: {error}") from None

    def record(self) -> dict[str, Any]:
        """What provenance.json keeps of it."""
        return {**self.model.record(), "argument": self.argument}

    def refuse_another(self, recorded: dict[str, Any], where: str) -> None:
        """Raise ValueError where a model was trained on other weights than these are."""
        before = str((recorded.get(STANDS_ON) or {}).get("sha256"))
        if before != self.model.sha256:
            raise ValueError(
                f"{where}: model.init_args.{self.argument}: found weights {self.model.sha256[:DIGITS]} at "
                f"{self.model.address}, expected {before[:DIGITS]}, on which it was trained; bring those back, name "
                f"where they are with --model.{self.argument}, or start another training"
            )


def stands_on(spec: Spec) -> tuple[str, str] | None:
    """The argument of a spec's module that says what it stands on, and the address in it; None where there is none.

    Raises ValueError where nothing is named.
    """
    argument = getattr(named_class(str(spec.config["model"]["class_path"]), "model"), STANDS_ON, None)
    if argument is None:
        return None
    address = (spec.config["model"].get("init_args") or {}).get(argument)
    if not isinstance(address, str) or not address:
        raise ValueError(
            f"{spec.source}: model.init_args.{argument}: found {address!r}, expected what {spec.name} stands on: the "
            "name of a model, a folder, or user/name@revision on the Hub"
        )
    return argument, address
