"""A training goes on from a checkpoint as if nothing had ended it: with the batch that would have come next and the
random numbers that it would have had, to the same weights to the byte.

A checkpoint is written when a batch begins, before anything of it counts: those before it are over, and validation,
schedulers, loggers and callbacks have had their say. When a batch or an epoch ends, which is when Lightning writes its
own, they have not.
"""

import os
import time
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO
from lightning.pytorch import Callback, LightningModule, Trainer, seed_everything
from lightning.pytorch.callbacks import Checkpoint, ModelCheckpoint

from datamodules.files import named_when_full
from datamodules.orders import Share


class AtomicCheckpointIO(TorchCheckpointIO):
    """Checkpoints that are either whole or absent: Lightning's go through /tmp, often another disk."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Raises OSError that names the file where it cannot be written; the one before stays."""
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.part")
        try:
            with named_when_full(target), part.open("wb") as handle:
                torch.save(checkpoint, handle)
                handle.flush()
                os.fsync(handle.fileno())
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)


class Resumption(Callback):
    """Lets seed, epoch and batch alone decide what a batch draws, and goes on at the batch where a checkpoint was made.

    What a process draws besides, for a preview or in validation, changes nothing, and neither does what it prefetched.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.logged_steps: int | None = None

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Networks begin alike whether or not this process wrote a twin or embedded its clips before."""
        seed_everything(self.seed, workers=True, verbose=False)

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Count nothing of the batch that begins, and let the epoch be begun again, so that what callbacks set up for
        it is set up."""
        progress = checkpoint["loops"]["fit_loop"]
        for counts in _counts(progress["epoch_loop.batch_progress"]):
            counts.update(ready=counts["processed"], started=counts["processed"], completed=counts["processed"])
        progress["epoch_loop.batch_progress"]["is_last_batch"] = False
        for counts in _counts(progress["epoch_progress"]):
            if counts["started"] > counts["processed"]:
                counts.update(ready=counts["processed"] + 1, started=counts["processed"])
        checkpoint["should_stop"] = trainer.should_stop

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        state = checkpoint["loops"]["fit_loop"]["epoch_loop.state_dict"]
        self.logged_steps = state["_batches_that_stepped"]
        trainer.should_stop = checkpoint.get("should_stop", False)  # or it would train on after it had stopped early

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the order anew: schedules that ask for the length of the training had it drawn before the checkpoint
        was looked at, and workers have prefetched the first batches of the first epoch."""
        if self.logged_steps is None:
            return
        loop, fetcher = trainer.fit_loop, trainer.fit_loop._data_fetcher
        assert fetcher is not None
        read = loop.epoch_loop.batch_progress.current.processed if loop.restarting else 0  # type: ignore[attr-defined]
        sampler = getattr(trainer.train_dataloader, "sampler", None)
        if isinstance(sampler, Share):
            sampler.go_on(loop.epoch_progress.current.processed, read)  # type: ignore[attr-defined]
        iter(fetcher)
        if not isinstance(sampler, Share):  # Lightning's own, where it overfits some batches
            for _ in range(read):
                next(fetcher.iterator)  # type: ignore[arg-type]

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        if self.logged_steps is not None:  # Lightning takes the last batch for one that was not counted
            trainer.fit_loop.epoch_loop._batches_that_stepped = self.logged_steps
            self.logged_steps = None
        (own,) = np.random.SeedSequence((self.seed, trainer.current_epoch, batch_idx)).generate_state(1)
        seed_everything(int(own), workers=True, verbose=False)


def _counts(progress: dict[str, Any]) -> tuple[dict[str, int], dict[str, int]]:
    """What was counted in all and in the current round."""
    return progress["total"], progress["current"]


class LastCheckpoint(Checkpoint):
    """Keeps `last.ckpt`: where each epoch begins and, within long ones, every `MINUTES`."""

    MINUTES: ClassVar[float] = 10.0

    def __init__(self, path: Path) -> None:
        self.path = path
        self.saved, self.step = time.monotonic(), 0

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        self.step = checkpoint["global_step"]

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        if trainer.global_step == self.step or batch_idx % trainer.accumulate_grad_batches:
            return
        due = batch_idx == 0 or time.monotonic() - self.saved > 60 * self.MINUTES
        if trainer.strategy.broadcast(due) if trainer.world_size > 1 else due:
            self._save(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._save(trainer)

    def _save(self, trainer: Trainer) -> None:
        trainer.save_checkpoint(self.path, weights_only=False)  # with optimisers and loops
        self.saved, self.step = time.monotonic(), trainer.global_step


class BestCheckpoint(ModelCheckpoint):
    """Lightning's, written when the next batch begins, and in whichever folder the run lies by now.

    It stands before `LastCheckpoint`, which never says of weights that they are the best before they are written.
    """

    due: str | None = None

    @property
    def state_key(self) -> str:
        return super().state_key.replace(type(self).__name__, ModelCheckpoint.__name__, 1)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Raises ValueError where the best weights are not there that a checkpoint counts on."""
        super().load_state_dict(
            {
                **state_dict,
                "dirpath": self.dirpath,
                "best_k_models": {self._here(path): score for path, score in state_dict["best_k_models"].items()},
                **{key: self._here(state_dict[key]) for key in state_dict if key.endswith("_model_path")},
            }
        )
        if self.best_model_path and not Path(self.best_model_path).is_file():
            raise ValueError(
                f"{self.best_model_path}: missing, the best weights of this run so far; bring it along with last.ckpt, "
                "or remove last.ckpt too to train anew"
            )

    def on_train_batch_start(self, trainer: Trainer, *_: Any) -> None:
        self._write(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        super().on_train_end(trainer, pl_module)
        self._write(trainer)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self.due = None
        super().on_exception(trainer, pl_module, exception)  # which saves where the spec asks for it
        self._write(trainer)

    def _save_checkpoint(self, trainer: Trainer, filepath: str) -> None:
        self.due = filepath
        self._last_global_step_saved, self._last_checkpoint_saved = trainer.global_step, filepath

    def _write(self, trainer: Trainer) -> None:
        path, self.due = self.due, None
        if path is not None:
            super()._save_checkpoint(trainer, path)

    def _here(self, path: str) -> str:
        return os.path.join(str(self.dirpath), os.path.basename(path)) if path else path
