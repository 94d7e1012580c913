"""What the zoo adds to every training: resumable runs, reproducible epochs, previews, progress lines."""

import os
import time
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO
from lightning.pytorch import Callback, LightningModule, Trainer, seed_everything
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.utilities.seed import isolate_rng

from zoo.loaders import trainable_class
from zoo.training.loggers import log_files


class AtomicCheckpointIO(TorchCheckpointIO):
    """Checkpoints that are either whole or absent: Lightning's go through /tmp, often another disk."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.part")
        with part.open("wb") as handle:
            torch.save(checkpoint, handle)
            handle.flush()
            os.fsync(handle.fileno())
        part.replace(target)


class LastCheckpoint(Checkpoint):
    """Keep `last.ckpt` at each epoch's end and, within long epochs, every `minutes`.

    Saved when the next epoch starts rather than when one ends, so that schedulers and callbacks have had
    their say and a resumed training equals an uninterrupted one.
    """

    def __init__(self, path: Path, minutes: float = 10.0) -> None:
        self.path, self.seconds = path, 60.0 * minutes
        self.saved = time.monotonic()
        self.logged_steps: int | None = None

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.current_epoch == 0 or self.logged_steps is not None:
            return
        loop = trainer.fit_loop.epoch_loop  # Lightning sets these back after this hook; saved, they must be so already
        loop.batch_progress.reset_on_run()
        loop.scheduler_progress.reset_on_run()
        loop.automatic_optimization.optim_progress.reset_on_run()
        loop.val_loop.batch_progress.total.reset()
        self.logged_steps = loop._batches_that_stepped
        self._save(trainer)
        self.logged_steps = None

    def on_train_batch_start(self, trainer: Trainer, *_: Any) -> None:
        if self.logged_steps is not None:  # resuming at an epoch's start makes Lightning count one step too many
            trainer.fit_loop.epoch_loop._batches_that_stepped = self.logged_steps
            self.logged_steps = None

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        overdue = time.monotonic() - self.saved > self.seconds
        if trainer.strategy.broadcast(overdue) if trainer.world_size > 1 else overdue:
            self._save(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._save(trainer)

    def state_dict(self) -> dict[str, Any]:
        return {"logged_steps": self.logged_steps}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.logged_steps = state_dict["logged_steps"]

    def _save(self, trainer: Trainer) -> None:
        trainer.save_checkpoint(self.path, weights_only=False)  # with optimisers and loops
        self.saved = time.monotonic()


class EpochSeed(Callback):
    """Seed each epoch by (seed, epoch), so that a resumed process draws what an uninterrupted one draws."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.resumed = False

    def on_load_checkpoint(self, *_: Any) -> None:
        self.resumed = True

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        seed_everything((self.seed + 1_000_003 * trainer.current_epoch) % 2**32, workers=True, verbose=False)
        if self.resumed:  # Lightning made this epoch's iterator before any hook ran; draw it again from the seed
            iter(trainer.fit_loop._data_fetcher)  # type: ignore[arg-type]
            self.resumed = False


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
        modes = {part: part.training for part in pl_module.modules()}
        folder.mkdir(exist_ok=True)
        with isolate_rng(), torch.no_grad():
            data = trainer.datamodule  # type: ignore[attr-defined]
            paths = self.loader.from_training(pl_module, data).preview(data, folder)
        for part, training in modes.items():
            part.training = training
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
