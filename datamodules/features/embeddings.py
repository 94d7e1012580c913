"""Videos through a frozen V-JEPA 2 (Assran et al. 2025, arXiv 2506.09985): one row of numbers a tubelet.

A forward pass holds windows of one clip only, as many as `batch_size` allows. So what an embedding's bytes are follows
from its clip alone: not from what else is embedded, what was embedded before, or which file is corrupt.
"""

import math
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, Final, Literal

import av
import cv2
import lightning as L
import numpy as np
import torch
from lightning.pytorch import Callback
from lightning_utilities.core.rank_zero import rank_zero_only
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from datamodules.features.embedding_files import (
    REPORT,
    EmbeddingSettings,
    npy_path,
    sole_writer,
    write_index,
    write_rows,
)
from datamodules.features.vjepa import Encoder, model_folder, settings_of
from datamodules.files import user_path, write_json
from datamodules.media.clip import Clip
from datamodules.media.video_windows import VARIANTS, windows
from datamodules.progress import SILENT

MOST_WORKERS: Final = 16


@dataclass
class Chunk:
    """Windows of one clip: frames (N, F, size, size, 3) uint8, the variant of each and how many of its rows are real.

    last: no more comes of this clip. error: why nothing more comes of it.
    """

    clip: int
    frames: Tensor
    variants: list[int]
    rows: list[int]
    last: bool
    error: str | None = None

    def pin_memory(self) -> "Chunk":
        """Page-locked, so that the transfer to the GPU overlaps with computing."""
        return replace(self, frames=self.frames.pin_memory())


class ClipWindows(IterableDataset[Chunk]):
    """Chunks of clips, clip after clip, decoded in the loader's workers."""

    def __init__(self, clips: Sequence[Clip], settings: EmbeddingSettings, rank: int = 0, ranks: int = 1) -> None:
        self.clips, self.settings, self.rank, self.ranks = clips, settings, rank, ranks

    def __iter__(self) -> Iterator[Chunk]:
        worker = get_worker_info()
        number, workers = (worker.id, worker.num_workers) if worker else (0, 1)
        for index in range(self.rank + self.ranks * number, len(self.clips), self.ranks * workers):
            yield from self.chunks(index)

    def chunks(self, index: int) -> Iterator[Chunk]:
        """Those of one clip: full ones, and a last one with what is left."""
        batch, pending = self.settings.batch_size, list[tuple[Any, int, int]]()
        try:
            frames, fps = self.clips[index].frames()
            for views, real in windows(frames, fps, self.settings.frames, self.settings.size):
                while len(pending) > batch:
                    yield self._chunk(index, pending[:batch])
                    pending = pending[batch:]
                rows = -(-real // self.settings.tubelet)
                pending += [(view, variant, rows) for variant, view in enumerate(views)]
        except (ValueError, OSError, av.error.FFmpegError) as error:
            yield Chunk(index, torch.empty(0), [], [], last=True, error=str(error))
            return
        while pending:
            yield self._chunk(index, pending[:batch], last=len(pending) <= batch)
            pending = pending[batch:]

    def _chunk(self, index: int, part: list[tuple[Any, int, int]], last: bool = False) -> Chunk:
        frames, variants, rows = zip(*part, strict=True)
        return Chunk(index, torch.from_numpy(np.stack(frames)), list(variants), list(rows), last)


class Embedder(L.LightningModule):
    """What Lightning's predict loop runs: the encoder over all chunks of this process."""

    def __init__(self, encoder: Encoder, clips: Sequence[Clip], settings: EmbeddingSettings) -> None:
        super().__init__()
        self.encoder, self.clips, self.settings = encoder, clips, settings

    def predict_dataloader(self) -> DataLoader[Chunk]:
        gpu = self.device.type == "cuda"
        cores = len(os.sched_getaffinity(0)) // self.trainer.world_size
        return DataLoader(
            ClipWindows(self.clips, self.settings, self.trainer.global_rank, self.trainer.world_size),
            batch_size=None,
            num_workers=max(1, min(cores, MOST_WORKERS)) if gpu else 0,
            pin_memory=gpu,
            worker_init_fn=_one_thread,
        )

    def predict_step(self, chunk: Chunk) -> Tensor:
        return self.encoder(chunk.frames).cpu() if chunk.error is None else torch.empty(0)


def _is_first() -> bool:
    """Whether this process is the one that was started by hand, of the several that several devices take."""
    return rank_zero_only.rank == 0  # type: ignore[attr-defined,no-any-return]


def _one_thread(worker: int) -> None:
    cv2.setNumThreads(0)


class Writer(Callback):
    """Writes each variant of a clip once all of its windows are through; keeps what could not be read."""

    def __init__(self, clips: Sequence[Clip], out: Path, total: int) -> None:
        self.clips, self.out = clips, out
        self.parts: dict[int, list[list[Tensor]]] = {}
        self.failures: dict[str, str] = {}
        columns = (TextColumn("embedding clips"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        console = Console(stderr=True)
        seen = sys.stderr.isatty() and _is_first()
        self.progress = Progress(*columns, console=console, transient=True, disable=not seen)
        self.bar = self.progress.add_task("", total=total, completed=total - len(clips))
        self.said = time.monotonic() if _is_first() and not seen else math.inf

    def on_predict_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.progress.start()

    def on_predict_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: Chunk,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        clip = self.clips[batch.clip]
        parts = self.parts.setdefault(batch.clip, [[] for _ in VARIANTS])
        for number, (variant, real) in enumerate(zip(batch.variants, batch.rows, strict=True)):
            parts[variant].append(outputs[number, :real])
        if batch.error is not None:
            self.failures[str(clip.path)] = batch.error
        if not batch.last:
            return
        del self.parts[batch.clip]
        if batch.error is None:
            for name, rows in zip(VARIANTS, parts, strict=True):
                path = self.out / npy_path(clip, name)
                if not path.is_file():
                    write_rows(path, torch.cat(rows).numpy())
        self.progress.advance(self.bar, trainer.world_size)
        if time.monotonic() - self.said > SILENT:
            self.said, task = time.monotonic(), self.progress.tasks[0]
            print(f"zoo: embedded {task.completed:,.0f} of {task.total:,.0f} clips", file=sys.stderr, flush=True)

    def on_predict_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.progress.stop()
        if torch.distributed.is_initialized():
            everyone: list[dict[str, str]] = [{}] * trainer.world_size
            torch.distributed.all_gather_object(everyone, self.failures)
            self.failures = dict(chain.from_iterable(found.items() for found in everyone))

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        self.progress.stop()


def embed(
    clips: Sequence[Clip],
    out: str | os.PathLike[str],
    *,
    model: str,
    batch_size: int,
    devices: int | Literal["auto"] = "auto",
) -> dict[str, str]:
    """Embed every clip and its two variants into `out`; what is there already stays as it is.

    The same command goes on after whatever ended it, to the same bytes. See `embedding_files` for what is written.

    Args:
        clips: of names that are unique; `datamodules.clips` lists those of a folder.
        out: a folder of its own.
        model: Hub id, or folder, of a VJEPA2Model in safetensors.
        batch_size: windows in a forward pass.
        devices: how many to use; more than one start this program once for each, as a training that embeds must not.

    Returns:
        {file: reason} for what could not be read, as report.json has it.

    Raises:
        ValueError: no such model, other settings than `out` was started with, or not one readable clip.
        FileExistsError: `out` holds something else.
        KeyboardInterrupt: on Ctrl-C; the same command goes on.
    """
    out = user_path(out)
    claimed: dict[Path, Clip] = {}
    for path, clip in ((out / npy_path(clip, variant), clip) for clip in clips for variant in VARIANTS):
        if claimed.setdefault(path, clip) is not clip:
            raise ValueError(f"{clip.path} and {claimed[path].path} would both be written to {path}; rename one")
    folder = model_folder(model)
    settings = settings_of(model, folder, batch_size)
    if not _is_first():
        return _embed_missing(clips, out, folder, settings, devices)
    with sole_writer(out):
        settings.claim(out)
        failures = _embed_missing(clips, out, folder, settings, devices)
        rows = write_index(out, clips)
        failed = [{"file": file, "reason": failures[file]} for file in sorted(failures)]
        write_json(out / REPORT, {"clips": len(clips), "failed": failed})
    if not rows:
        raise ValueError(f"not one of {len(clips)} clips could be read, {next(iter(failures.values()))}")
    return failures


def _embed_missing(
    clips: Sequence[Clip], out: Path, folder: Path, settings: EmbeddingSettings, devices: int | Literal["auto"]
) -> dict[str, str]:
    missing = [clip for clip in clips if not all((out / npy_path(clip, variant)).is_file() for variant in VARIANTS)]
    if not missing:
        return {}
    encoder = Encoder.open(folder, getattr(torch, settings.precision))
    writer = Writer(missing, out, total=len(clips))
    trainer = L.Trainer(
        accelerator="gpu" if torch.cuda.is_available() else "cpu",
        devices=devices,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        callbacks=[writer],
        default_root_dir=str(out),
    )
    try:
        trainer.predict(Embedder(encoder, missing, settings), return_predictions=False)
    except SystemExit:  # Lightning's answer to Ctrl-C, which it leaves ignored
        signal.signal(signal.SIGINT, signal.default_int_handler)
        raise KeyboardInterrupt from None
    return writer.failures
