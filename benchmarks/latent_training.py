"""Training steps of skeleton-lora a second, from cached latents and as diffusers' own script takes them, in one run.

    python benchmarks/latent_training.py [BASE]

BASE is what it stands on: a name, a folder or a repository (sd-starter). Both train on skeleton frames of the avatar's
twin, written on first use below build/, at 128 x 128, in single precision and batches of 16, in turns: a step of the
zoo's, through its data module, cache, objective and Lightning's trainer, then one of train_text_to_image_lora.py, which
reads, encodes and tokenises its pictures and captions at every step. Reading counts on both sides. Encoding once does
not; its seconds are printed beside.

Then items a second that a loader alone serves at 512 x 512, in one process: latents out of their cache, and pictures
out of their files.
"""

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Literal

import lightning as L
import numpy as np
import torch
from plain_diffusers import Step, lora_step
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from datamodules.features.cached_tensors import CachedTensors
from datamodules.kinds.captioned import CachedPictures
from datamodules.kinds.encoded_once import EncodedOnce
from datamodules.twins import Twin
from datamodules.wlasl.skeletons import WLASLSkeletons
from lightning_modules.common.latent_diffusion import LatentDiffusion
from lightning_modules.networks.diffusion.latents import token_ids
from lightning_modules.skeleton_lora import SkeletonLoRA
from zoo.artefacts.base_model import BaseModel
from zoo.training.log_filters import quiet

ROOT = Path("build") / "latent-training"
TWIN = Twin(size=40, seed=0, signers=10)
BATCH, WARM_UP, STEPS = 16, 2, 12
SECONDS = 5.0
LATENTS = (8, 64, 64)
"""Means and log-variances of a picture of 512 x 512 in Stable Diffusion."""


def skeletons(size: int) -> WLASLSkeletons:
    data = WLASLSkeletons(str(ROOT / "skeletons"), image_size=size, batch_size=BATCH, split="official", twin=TWIN)
    data.prepare_data()
    return data


def endless(dataset: Dataset[Any], collate: Any) -> Iterator[Any]:
    while True:
        yield from DataLoader(dataset, BATCH, shuffle=True, drop_last=True, collate_fn=collate)


class InTurns(L.Callback):
    """Takes a plain step after each of the trainer's, and times both."""

    def __init__(self, step: Step) -> None:
        self.step = step
        self.ours: list[float] = []
        self.plain: list[float] = []
        self.mark = 0.0

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.mark = time.perf_counter()

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        between = time.perf_counter()
        self.ours.append(between - self.mark)
        self.step()
        self.mark = time.perf_counter()
        self.plain.append(self.mark - between)


def in_turns(
    module: LatentDiffusion, data: EncodedOnce, step: Step, precision: Literal["32-true", "bf16-mixed"] = "32-true"
) -> None:
    """Train, and print how many steps a second the zoo's trainer takes, in its precision, and how many a plain script
    in single precision."""
    turns = InTurns(step)
    trainer = L.Trainer(
        max_steps=WARM_UP + STEPS,
        accelerator="cpu",
        precision=precision,
        callbacks=[turns],
        gradient_clip_val=1.0,
        limit_val_batches=0,
        num_sanity_val_steps=0,
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=False,
    )
    start = time.perf_counter()
    trainer.fit(module, datamodule=data)
    ours, plain = (median(times[WARM_UP:]) for times in (turns.ours, turns.plain))
    once = time.perf_counter() - start - sum(turns.ours) - sum(turns.plain)
    count = len(data.described("train")) + len(data.described("dev"))
    print(f"{precision:10} cached {1 / ours:6.2f} steps/s   plain {1 / plain:6.2f}   {plain / ours:5.2f} times")
    print(f"           what was encoded once, where it was not there: {count} pictures in at most {once:.0f} s")


def training(address: str) -> None:
    base, data = BaseModel.used(address), skeletons(128)
    module, plain = SkeletonLoRA(address), base.open()
    module.stand_on(base.open())
    batches = endless(data.examples("train"), data.collate)

    def read() -> tuple[Tensor, Tensor]:
        batch = next(batches)
        return batch.images, token_ids(plain.tokenizer, batch.captions)

    plain.unet.train()
    in_turns(module, data, lora_step(plain, read, "cpu", torch.float32))


def served(loader: Iterator[Any]) -> float:
    """Items a second."""
    next(loader)
    start, items = time.perf_counter(), 0
    while time.perf_counter() - start < SECONDS:
        items += len(next(loader).names)
    return items / (time.perf_counter() - start)


def loading() -> None:
    data = skeletons(512)
    described = data.described("train")
    with TemporaryDirectory(dir=ROOT) as folder:
        cached = CachedTensors(Path(folder), [name for name, _, _ in described], LATENTS)
        cached.complete(lambda items: np.zeros((len(items), *LATENTS), np.float32), "latents")
        latents = served(endless(CachedPictures(described, cached), CachedPictures.collate))
    pictures = served(endless(data.examples("train"), data.collate))
    print(f"loading    cached {latents:6.0f} items/s   pictures {pictures:6.0f}   {latents / pictures:5.2f} times")


def main(address: str = "sd-starter") -> None:
    quiet()
    training(address)
    loading()


if __name__ == "__main__":
    main(*sys.argv[1:])
