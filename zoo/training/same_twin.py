"""A training ends where the twin that it reads is written anew beneath it."""

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from datamodules.base import SignDataModule


class SameTwin(Callback):
    """Two trainings may share a folder, and each has its twin written there: the second would go on with half of its
    epochs on other pictures, and nothing in its log would say so."""

    def __init__(self) -> None:
        self.mark: dict[str, Any] | None = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.mark = _mark(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Raises ValueError where it is another twin by now."""
        found = _mark(trainer)
        if found != self.mark:
            root = trainer.datamodule.root  # type: ignore[attr-defined]
            raise ValueError(
                f"{root}: another twin was written here while this training read it, found {found}, expected "
                f"{self.mark}; give one of the two another data.root, and start this one anew"
            )


def _mark(trainer: Trainer) -> dict[str, Any] | None:
    data: SignDataModule = trainer.datamodule  # type: ignore[attr-defined]
    return data.twin_mark()
