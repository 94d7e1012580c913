"""What watches a training: previews, grids of samples, progress lines, and whether its twin is the same."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.utilities.seed import isolate_rng

from datamodules.base import SignDataModule
from zoo.loaders import trainable_class
from zoo.training.loggers import log_files


@contextmanager
def modes_kept(module: LightningModule) -> Iterator[None]:
    """Afterwards each part trains, or does not, as before: a loader is handed networks to be used."""
    modes = {part: part.training for part in module.modules()}
    try:
        yield
    finally:
        for part, training in modes.items():
            part.training = training


class Preview(Callback):
    """Call the model's verb after validations, into the run's samples/, for at most `share` of the time."""

    def __init__(self, architecture: str, folder: Path, share: float = 0.05) -> None:
        self.loader, self.folder, self.share = trainable_class(architecture), folder, share
        self.began, self.spent, self.last = time.monotonic(), 0.0, 3.0

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        start = time.monotonic()
        due = (start - self.began) * self.share > self.spent + self.last
        if trainer.sanity_checking or not trainer.is_global_zero or not due:
            return
        self.write(trainer, pl_module, self.folder)
        self.last = time.monotonic() - start
        self.spent += self.last

    def write(self, trainer: Trainer, pl_module: LightningModule, folder: Path) -> list[Path]:
        """Write the samples of the module as it is now, and log them to W&B where a logger is set.

        The training goes on as if nothing had been drawn: with its random numbers, and each part in its mode.
        """
        folder.mkdir(exist_ok=True)
        with isolate_rng(), torch.no_grad(), modes_kept(pl_module):
            data = trainer.datamodule  # type: ignore[attr-defined]
            paths = self.loader.from_training(pl_module, data).preview(data, folder)
        for logger in trainer.loggers:
            if isinstance(logger, WandbLogger):
                log_files(logger, paths)
        return paths


class SampleGrids(Callback):
    """Keep a preview of every N-th epoch in the run: grids/epoch-0010.png, ... They are not published.

    every_n_epochs: N, at least 1.
    """

    def __init__(self, every_n_epochs: int) -> None:
        if every_n_epochs < 1:
            raise ValueError(f"every_n_epochs: found {every_n_epochs}, expected at least 1")
        self.every_n_epochs = every_n_epochs

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        epoch = trainer.current_epoch + 1
        if epoch % self.every_n_epochs or not trainer.is_global_zero:
            return
        preview = next(callback for callback in trainer.callbacks if isinstance(callback, Preview))  # type: ignore[attr-defined]
        grids = preview.folder.with_name("grids")
        for path in preview.write(trainer, pl_module, grids):
            path.replace(grids / f"epoch-{epoch:04d}{path.suffix}")


class EpochLines(Callback):
    """A line after validations, at most one every ten seconds, where no terminal can show a bar."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.printed = -10.0

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        elapsed = time.monotonic() - self.began
        last = trainer.current_epoch + 1 == trainer.max_epochs
        if trainer.sanity_checking or not trainer.is_global_zero or (elapsed - self.printed < 10 and not last):
            return
        self.printed = elapsed
        scores = "  ".join(f"{key} {float(value):.4g}" for key, value in trainer.progress_bar_metrics.items())
        print(f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}  {scores}  {elapsed:.0f} s", flush=True)


class SameTwin(Callback):
    """Keeps what was learned from another training's twin out of checkpoints, and so out of what is published.

    Two trainings may share a folder of twins. Where each asks for another one, the second replaces the first's while
    that is reading it, and nothing in its log would say so.
    """

    def __init__(self) -> None:
        self.mark: dict[str, Any] | None = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.mark = _mark(trainer)

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Raises ValueError where the twin is another one by now; the checkpoint before stays."""
        found = _mark(trainer)
        if found != self.mark:
            data: SignDataModule = trainer.datamodule  # type: ignore[attr-defined]
            raise ValueError(
                f"{data.root}: another training replaced the twin that this one was reading, found {found}, expected "
                f"{self.mark}; give the other training its own data.root, and the same command goes on from the last "
                "checkpoint"
            )


def _mark(trainer: Trainer) -> dict[str, Any] | None:
    data: SignDataModule = trainer.datamodule  # type: ignore[attr-defined]
    return data.twin_mark()
