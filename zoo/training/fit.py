"""fit: a resolved spec through LightningCLI, into its run."""

import copy
import pickle
import shutil
import signal
import sys
from collections.abc import Iterator, Sized
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import LightningModule, Trainer
from lightning_utilities.core.rank_zero import rank_zero_only

from datamodules.base import SignDataModule
from datamodules.features.cached_tensors import NoRoomError
from datamodules.files import NO_ROOM, named_when_full, write_json, write_text
from zoo.artefacts.artefact import save_artefact
from zoo.artefacts.base_model import BaseModel, Foundation
from zoo.artefacts.provenance import continued, now, provenance, refuse_other_data
from zoo.artefacts.runs import EPOCHS, Run
from zoo.card import write
from zoo.loaders import trainable_class
from zoo.results.lineage import STANDS_ON, STARTED_FROM
from zoo.spec.spec import Spec
from zoo.training.beginning import Continuation, StartingWeights
from zoo.training.callbacks import EpochLines, Preview, SameTwin
from zoo.training.emissions import Meter
from zoo.training.lightning_cli import assemble, listed, one_line
from zoo.training.log_filters import quiet
from zoo.training.loggers import close, loggers
from zoo.training.memory import said_when_out_of_memory
from zoo.training.resuming import BestCheckpoint, LastCheckpoint, Resumption


class Interrupted(Exception):
    """Training was stopped from outside; the run can go on."""


def fit(spec: Spec, run: Run, shorter: Run | None = None) -> None:
    """Train until the run is finished.

    shorter: a finished run that this one is to go on with, where it has not been begun.

    Raises Interrupted on Ctrl-C, ValueError for bad data, for a Trainer that this machine cannot build, for a training
    without a step and for one that cannot begin as it is asked to, of which nothing stays behind, and OSError where the
    disk is full.
    """
    quiet()
    if shorter is None and "continued" in (record := run.provenance()) and not run.last.is_file():
        raise ValueError(
            f"{run.folder}: goes on from run {record['continued']['run']} and has no checkpoints/last.ckpt, so it has "
            f"not begun; `fit --continue RUN --{EPOCHS} N` with that run begins it"
        )
    preview, meter = Preview(spec.config["architecture"], run.samples), Meter()
    callbacks = [Resumption(spec.config["seed"]), SameTwin(), preview, meter, LastCheckpoint(run.last)]
    begun, continuation, base = 0, None, None
    if shorter is not None and not run.last.is_file():
        continuation = Continuation(shorter, run)
        callbacks.append(continuation)
        checkpoint, step = _resumable(shorter.last)
        begun = step
        if checkpoint is None:
            continuation.refuse("its checkpoints/last.ckpt is damaged")
    else:
        checkpoint, step = _resumable(run.last, run.checkpoints / "best.ckpt")
        if checkpoint is None and "from" in spec.config:
            base = BaseModel.of(spec)
            callbacks.append(StartingWeights(base.address, base.what, base.folder))
    if not sys.stderr.isatty():
        callbacks.append(EpochLines())
    cli = assemble(_with_checkpoint_names(spec.config, run), run.folder, callbacks)
    trainer, module, data = cli.trainer, cli.model, cli.datamodule
    if data.twin is None:  # before gigabytes are downloaded to be trained on data that is not there
        data.prepare_data()
    foundation = Foundation.of(spec)
    if foundation is not None:
        if run.started:
            foundation.refuse_another(run.provenance(), str(run.folder))
        foundation.hand_to(module, data)
    if rank_zero_only.rank != 0:  # type: ignore[attr-defined]
        trainer.loggers = loggers(spec, run, step)
        trainer.fit(module, datamodule=data, ckpt_path=checkpoint, weights_only=True)
        return
    data.prepare_data()
    fingerprint = data.fingerprint()
    fresh = not run.started
    created = [folder for folder in (run.folder.parent, run.folder.parent.parent) if not folder.exists()]
    with run.lock():
        try:
            _record(spec, run, data, fingerprint, shorter, base, foundation)
            print(f"{'run' if fresh else 'going on with'} {run.folder}", flush=True)
            with _resumable_when_full(run):
                if continuation is not None:
                    continuation.carry_over()
                trainer.loggers = loggers(spec, run, step)
                with one_line(MisconfigurationException), said_when_out_of_memory(spec.config):
                    trainer.fit(module, datamodule=data, ckpt_path=checkpoint, weights_only=True)
                if trainer.global_step == begun:
                    raise ValueError(f"{run.folder}: no training step was made; let the trainer's limits allow one")
                _finish(spec, run, trainer, module, preview, meter)
            print(f"finished {run.folder}\nopen it with zoo.load({str(run.folder)!r})")
        except SystemExit:  # Lightning's answer to Ctrl-C, which it leaves ignored
            signal.signal(signal.SIGINT, signal.default_int_handler)
            raise Interrupted from None
        except Exception:
            if fresh and trainer.global_step in (0, begun):
                _discard(run, created)
            raise
        finally:
            close(trainer.loggers)


@contextmanager
def _resumable_when_full(run: Run) -> Iterator[None]:
    """What to do where the disk has no room for what a training writes; of what it caches, the error says so itself."""
    try:
        with named_when_full(run.folder):
            yield
    except OSError as error:
        if error.errno not in NO_ROOM or isinstance(error, NoRoomError):
            raise
        advice = "make room, and the same command goes on from the last whole checkpoint"
        raise OSError(error.errno, f"{error.strerror}; {advice}", error.filename) from None


def _with_checkpoint_names(config: dict[str, Any], run: Run) -> dict[str, Any]:
    config = copy.deepcopy(config)
    for callback in listed(config["trainer"].get("callbacks")):
        if callback["class_path"] == "ModelCheckpoint":
            callback["class_path"] = f"{BestCheckpoint.__module__}.{BestCheckpoint.__name__}"
            own = {"dirpath": str(run.checkpoints), "filename": "best", "enable_version_counter": False}
            callback["init_args"] = {**(callback.get("init_args") or {}), **own}
    return config


@rank_zero_only
def _say(line: str) -> None:
    print(line, flush=True)


def _record(
    spec: Spec,
    run: Run,
    data: SignDataModule,
    fingerprint: str,
    shorter: Run | None,
    base: BaseModel | None,
    foundation: Foundation | None,
) -> None:
    """spec.yaml and provenance.json of a new run; the moment of going on for one that was started."""
    if run.started:
        refuse_other_data(run.folder, run.provenance(), fingerprint, "move the folder away to start anew")
        record = run.provenance()
        record["resumed"].append(now())
    else:
        record = provenance(spec, data.dataset, data.twin_mark(), fingerprint)
        if shorter is not None:
            before = shorter.provenance()
            refuse_other_data(shorter.folder, before, fingerprint, "a run goes on with the data that it began with")
            if foundation is not None:
                foundation.refuse_another(before, str(shorter.folder))
            record |= continued(before)
            for what in (name for name in ("code", "versions") if record[name] != before[name]):
                _say(f"{what}: not those of run {before['run']}, so it may end otherwise than a training in one go")
        elif base is not None:
            record[STARTED_FROM] = base.record()
        if foundation is not None:
            record[STANDS_ON] = foundation.record()
        write_text(run.folder / "spec.yaml", spec.yaml())
    write_json(run.folder / "provenance.json", record)


def _discard(run: Run, created: list[Path]) -> None:
    """Leave nothing of a run that never made a step."""
    shutil.rmtree(run.folder)
    for folder in created:
        if not any(folder.iterdir()):
            folder.rmdir()


def _resumable(*paths: Path) -> tuple[str | None, int]:
    """The first readable one of some checkpoints, the newest first, and its step; None where there is none."""
    for path in paths:
        if not path.is_file():
            continue
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            epochs, step, _ = state["epoch"], state["global_step"], state["optimizer_states"]
        except (RuntimeError, EOFError, OSError, KeyError, TypeError, pickle.UnpicklingError):
            _say(f"{path}: not a whole checkpoint; falling back to what was saved before it")
            continue
        _say(f"resuming after {epochs} epochs, {step} steps")
        return str(path), step
    return None, 0


def _finish(spec: Spec, run: Run, trainer: Trainer, module: LightningModule, preview: Preview, meter: Meter) -> None:
    best = run.checkpoints / "best.ckpt"
    if best.is_file():
        module.load_state_dict(torch.load(best, map_location="cpu", weights_only=True)["state_dict"])
    module.eval()
    preview.write(trainer, module, run.samples)
    record = run.provenance()
    record["data"]["items"] = _items(trainer)
    write_json(run.folder / "provenance.json", {**record, **meter.record(), "finished": now()})
    save_artefact(trainable_class(spec.config["architecture"]).from_training(module, trainer.datamodule), run)  # type: ignore[attr-defined]
    write(run.folder)


def _items(trainer: Trainer) -> dict[str, int]:
    """Samples of each split that has a loader (limit_val_batches 0 makes none) and whose data have a length."""
    loaders = {"train": trainer.train_dataloader, "dev": trainer.val_dataloaders}
    data = {split: getattr(loader, "dataset", None) for split, loader in loaders.items()}
    return {split: len(found) for split, found in data.items() if isinstance(found, Sized)}
