"""fit, validate and test: a resolved spec through LightningCLI, into its run."""

import copy
import pickle
import shutil
import signal
import sys
from collections.abc import Iterator, Sized
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.cli import LightningCLI
from lightning_utilities.core.rank_zero import rank_zero_only

from datamodules.base import SignDataModule
from zoo.artefact import save_artefact
from zoo.callbacks import AtomicCheckpointIO, EpochLines, EpochSeed, LastCheckpoint, Preview
from zoo.card import write
from zoo.loaders import trainable_class
from zoo.loggers import close, loggers
from zoo.metering import Meter
from zoo.provenance import now, provenance
from zoo.quiet import quiet
from zoo.runs import Run, write_json, write_text
from zoo.spec import Spec

ONE_DEVICE = {"devices": 1, "num_nodes": 1, "strategy": "auto"}
"""A split is measured whole, by one process: several would each score, and write, their share."""


class Interrupted(Exception):
    """Training was stopped from outside; the run can go on."""


class Measurable(Protocol):
    """What a LightningModule of the zoo offers beside Lightning's own: its scores, once `test` has run."""

    def test_results(self) -> dict[str, dict[str, Any]]:
        """{key: {"value": score, "n": how many it is over, ...}}."""
        ...


class SpecCLI(LightningCLI):
    """LightningCLI's parsing and building, for a spec that was merged and resolved before.

    Handed over as a mapping because its own `${}` resolves before the command line does; `run=False`, because
    only the zoo knows where the run stands.
    """

    def __init__(self, config: dict[str, Any], trainer: dict[str, Any]) -> None:
        self.extra = trainer
        parsed = {key: copy.deepcopy(config[key]) for key in ("model", "data", "trainer")}
        super().__init__(
            args={**parsed, "seed_everything": config["seed"]},
            run=False,
            save_config_callback=None,
            load_from_checkpoint_support=False,
            auto_configure_optimizers=False,
            parser_kwargs={"exit_on_error": False},
        )

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        own = dict(self.extra)
        for key in ("callbacks", "plugins"):
            own[key] = [*_listed(self.config_init["trainer"].get(key)), *self.extra[key]]
        return super().instantiate_trainer(**kwargs, **own)


def fit(spec: Spec, run: Run) -> None:
    """Train until the run is finished.

    Raises Interrupted on Ctrl-C, ValueError for bad data, for a Trainer that this machine cannot build and for a
    training without a step, of which nothing stays behind.
    """
    quiet()
    checkpoint, step = _resumable(run)
    preview, meter = Preview(spec.config["task"], run.samples), Meter()
    callbacks = [EpochSeed(spec.config["seed"]), preview, meter, LastCheckpoint(run.checkpoints / "last.ckpt")]
    if not sys.stderr.isatty():
        callbacks.append(EpochLines())
    cli = _build(_with_checkpoint_names(spec.config, run), run, callbacks)
    trainer, module, data = cli.trainer, cli.model, cli.datamodule
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
            _record(spec, run, data, fingerprint)
            print(f"{'run' if fresh else 'going on with'} {run.folder}", flush=True)
            trainer.loggers = loggers(spec, run, step)
            with _one_line(MisconfigurationException):
                trainer.fit(module, datamodule=data, ckpt_path=checkpoint, weights_only=True)
            if trainer.global_step == 0:
                raise ValueError(f"{run.folder}: no training step was made; let the trainer's limits allow one")
            _finish(spec, run, trainer, module, preview, meter)
            print(f"finished {run.folder}\nopen it with zoo.load({str(run.folder)!r})")
        except SystemExit:  # Lightning's answer to Ctrl-C, which it leaves ignored
            signal.signal(signal.SIGINT, signal.default_int_handler)
            raise Interrupted from None
        except Exception:
            if fresh and trainer.global_step == 0:
                _discard(run, created)
            raise
        finally:
            close(trainer.loggers)


def measure(spec: Spec, run: Run, verb: str) -> dict[str, dict[str, Any]]:
    """{key: {value, n, ...}} of a finished run with its best weights; `test` keeps it as results.json.

    Raises ValueError where the checkpoints are missing or the data is not what the run was trained on.
    """
    quiet()
    checkpoint = _weights(run)
    if checkpoint is None:
        raise ValueError(f"{run.folder}: no checkpoints; `{verb}` measures a run on the machine that trained it")
    config = {**spec.config, "trainer": {**spec.config["trainer"], "callbacks": None, **ONE_DEVICE}}
    cli = _build(config, run, [])
    cli.datamodule.prepare_data()
    _same_data(run, cli.datamodule.fingerprint(), f"`{verb}` needs the data that it was trained on")
    method = cli.trainer.test if verb == "test" else cli.trainer.validate
    with _one_line(MisconfigurationException):
        method(cli.model, datamodule=cli.datamodule, ckpt_path=checkpoint, verbose=False, weights_only=True)
    if verb == "validate":
        return {key: {"value": float(value)} for key, value in cli.trainer.callback_metrics.items()}
    module: Measurable = cli.model
    results = module.test_results()
    write_json(run.folder / "results.json", results)
    write(run.folder)
    return results


def _build(config: dict[str, Any], run: Run, callbacks: list[Callback]) -> SpecCLI:
    extra: dict[str, Any] = {
        "enable_model_summary": False,
        "callbacks": callbacks,
        "plugins": [AtomicCheckpointIO()],
        "logger": False,
        "default_root_dir": str(run.folder),
    }
    if not sys.stderr.isatty():
        extra["enable_progress_bar"] = False
    with _one_line(MisconfigurationException, ModuleNotFoundError):
        return SpecCLI(config, extra)


@contextmanager
def _one_line(*errors: type[Exception]) -> Iterator[None]:
    """What Lightning finds misconfigured (a GPU that is not there, an unknown monitor) as a ValueError of one line."""
    try:
        yield
    except errors as error:
        message = " ".join(str(error).split()).rstrip(".!")
        raise ValueError(f"trainer: {message}; change `trainer` in the spec, or --trainer.KEY VALUE here") from None


def _with_checkpoint_names(config: dict[str, Any], run: Run) -> dict[str, Any]:
    config = copy.deepcopy(config)
    for callback in _listed(config["trainer"].get("callbacks")):
        if callback["class_path"].endswith(".ModelCheckpoint"):
            own = {"dirpath": str(run.checkpoints), "filename": "best", "enable_version_counter": False}
            callback["init_args"] = {**(callback.get("init_args") or {}), **own}
    return config


@rank_zero_only
def _say(line: str) -> None:
    print(line, flush=True)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _record(spec: Spec, run: Run, data: SignDataModule, fingerprint: str) -> None:
    """spec.yaml and provenance.json of a new run; the moment of going on for one that was started."""
    if run.started:
        _same_data(run, fingerprint, "move the folder away to start anew")
        record = run.provenance()
        record["resumed"].append(now())
    else:
        record = provenance(spec, data.dataset, data.twin_mark(), fingerprint)
        write_text(run.folder / "spec.yaml", spec.yaml())
    write_json(run.folder / "provenance.json", record)


def _same_data(run: Run, fingerprint: str, advice: str) -> None:
    recorded = run.provenance()["data"]["fingerprint"]
    if fingerprint != recorded:
        raise ValueError(
            f"{run.folder}: the data changed since this run started (fingerprint {fingerprint[:12]}, "
            f"recorded {recorded[:12]}); {advice}"
        )


def _discard(run: Run, created: list[Path]) -> None:
    """Leave nothing of a run that never made a step."""
    shutil.rmtree(run.folder)
    for folder in created:
        if not any(folder.iterdir()):
            folder.rmdir()


def _resumable(run: Run) -> tuple[str | None, int]:
    """The newest readable checkpoint, if there is one, and its step."""
    for path in (run.checkpoints / "last.ckpt", run.checkpoints / "best.ckpt"):
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


def _weights(run: Run) -> str | None:
    """The checkpoint whose weights are the run's: the best by the spec's monitor, or the last."""
    best, last = run.checkpoints / "best.ckpt", run.checkpoints / "last.ckpt"
    return str(best) if best.is_file() else str(last) if last.is_file() else None


def _finish(spec: Spec, run: Run, trainer: Trainer, module: LightningModule, preview: Preview, meter: Meter) -> None:
    best = run.checkpoints / "best.ckpt"
    if best.is_file():
        module.load_state_dict(torch.load(best, map_location="cpu", weights_only=True)["state_dict"])
    module.eval()
    preview.write(trainer, module)
    record = run.provenance()
    record["data"]["items"] = _items(trainer)
    write_json(run.folder / "provenance.json", {**record, **meter.record(), "finished": now()})
    save_artefact(trainable_class(spec.config["task"]).from_training(module, trainer.datamodule), run)  # type: ignore[attr-defined]
    write(run.folder)


def _items(trainer: Trainer) -> dict[str, int]:
    """Samples of each split that has a loader (limit_val_batches 0 makes none) and whose data have a length."""
    loaders = {"train": trainer.train_dataloader, "dev": trainer.val_dataloaders}
    data = {split: getattr(loader, "dataset", None) for split, loader in loaders.items()}
    return {split: len(found) for split, found in data.items() if isinstance(found, Sized)}
