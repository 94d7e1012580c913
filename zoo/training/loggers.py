"""Where a training writes its numbers: CSV always, Weights & Biases too for the real recipes."""

import csv
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import CSVLogger, Logger, WandbLogger
from lightning_utilities.core.rank_zero import rank_zero_only

from zoo.artefacts.runs import Run
from zoo.spec.spec import Spec
from zoo.training.accounts import wandb_account

MEDIA = {".mp4": "Video", ".gif": "Video", ".png": "Image", ".jpg": "Image"}


def loggers(spec: Spec, run: Run, step: int) -> list[Logger]:
    """CSV, and W&B unless the spec is a starter, it says `trainer.logger: false` or WANDB_MODE is "disabled"."""
    found: list[Logger] = [_csv(run, step)]
    wanted = spec.config["trainer"].get("logger", True) and os.environ.get("WANDB_MODE") != "disabled"
    if wanted and not spec.starter:
        found.append(_wandb(spec, run))
    return found


def log_files(logger: WandbLogger, paths: Iterable[Path]) -> None:
    """Copy files into the W&B run, which uploads them, and show those that it has a viewer for, by their folder."""
    import wandb

    for path in paths:
        shutil.copy(path, logger.experiment.dir)
        if kind := MEDIA.get(path.suffix):
            logger.experiment.log({f"{path.parent.name}/{path.stem}": getattr(wandb, kind)(str(path))})


def close(used: Iterable[Logger]) -> None:
    """End the W&B run, so that the next training of this process has its own."""
    for logger in used:
        if isinstance(logger, WandbLogger):
            logger.experiment.finish()


def _csv(run: Run, step: int) -> CSVLogger:
    """logs/metrics.csv, continued from `step` on; Lightning's logger would start it anew."""
    path = run.folder / "logs" / "metrics.csv"
    rows = [row for row in _rows(path) if int(row["step"]) < step] if step and path.is_file() else []
    logger = CSVLogger(save_dir=run.folder, name="logs", version="", flush_logs_every_n_steps=50)
    if rows:
        logger.experiment.metrics.extend(rows)
        logger.save()
    return logger


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    """The whole rows of a metrics.csv: a process that was killed, or a full disk, may have cut the last one short. What
    comes after the checkpoint is logged once more anyway."""
    text = path.read_bytes().decode("utf-8", errors="replace")
    for row in csv.DictReader(text[: text.rfind("\n") + 1].splitlines()):
        if str(row.get("step")).isdecimal() and None not in (*row, *row.values()):
            yield row


def _wandb(spec: Spec, run: Run) -> WandbLogger:
    """The W&B run of this run, under the same id when resumed; offline until the user logs in."""
    identity = f"{spec.name}-{spec.run_id}"
    if rank_zero_only.rank != 0:  # type: ignore[attr-defined]
        return WandbLogger(id=identity)
    import wandb

    offline = "WANDB_MODE" not in os.environ and wandb_account() is None
    experiment = wandb.init(
        project=os.environ.get("WANDB_PROJECT", "sign-zoo"),
        name=identity,
        id=identity,
        resume="allow",
        dir=str(run.folder),
        mode="offline" if offline else None,
        config=spec.config,
        settings=wandb.Settings(silent=True),
    )
    experiment.define_metric("trainer/global_step")
    experiment.define_metric("*", step_metric="trainer/global_step", step_sync=True)
    logger = WandbLogger(experiment=experiment)
    log_files(logger, [run.folder / "spec.yaml"])
    if offline:
        print(f"W&B offline; upload with `wandb sync {run.folder}/wandb/offline-run-*`", flush=True)
    return logger
