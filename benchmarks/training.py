"""Pictures a second in training, as the spec has it and as a plain loop has it, in one run.

    python benchmarks/training.py letter-ddpm [--starter] [--KEY VALUE ...]
    python benchmarks/training.py pix2pix --trainer.precision bf16-mixed --data.batch_size 64

The spec's way is the zoo's own: its data module with its workers, Lightning's trainer, its precision and batch. The
plain way is what a first script does: single precision without TF32, small batches (32, of pairs 1), random pictures
that lie on the device already. For letter-ddpm also pictures drawn a second, 20 steps of DPM-Solver++ against 500
ancestral ones.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch.nn import functional

from lightning_modules.letter_ddpm import LetterDDPM
from lightning_modules.networks.diffusion.schedule import Sampling, sample
from lightning_modules.pix2pix import Pix2Pix, cross_entropy
from zoo.spec.registry import locate
from zoo.spec.validation import accepted
from zoo.training.lightning_cli import assemble
from zoo.training.log_filters import quiet

WARM_UP, STEPS = 10, 40


class Pace(Callback):
    """Pictures a second over the steps after the warm-up, loading included."""

    def __init__(self) -> None:
        self.began, self.seen, self.rate = 0.0, 0, 0.0

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if trainer.global_step == WARM_UP:
            synchronise()
            self.began = time.perf_counter()
        elif trainer.global_step > WARM_UP:
            self.seen += len(batch.names)
        if trainer.global_step == WARM_UP + STEPS:
            synchronise()
            self.rate = self.seen / (time.perf_counter() - self.began)


def synchronise() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def pace(step: Callable[[], int]) -> float:
    """Items a second of a step that says how many it did."""
    for _ in range(3):
        step()
    synchronise()
    start, done = time.perf_counter(), 0
    while time.perf_counter() - start < 10:
        done += step()
        synchronise()
    return done / (time.perf_counter() - start)


def plain_letters(module: LetterDDPM, size: int) -> Callable[[], int]:
    network, device = module.learner, module.device
    optimizer = torch.optim.Adam(network.parameters(), 2e-4)
    pictures = torch.randn(32, 3, size, size, device=device)

    def step() -> int:
        noise, timesteps = torch.randn_like(pictures), torch.randint(500, (32,), device=device)
        loss = module.error(network, pictures, noise, timesteps, timesteps % 29)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        return 32

    return step


def plain_pairs(module: Pix2Pix, size: int) -> Callable[[], int]:
    drawing, frame = torch.randn(2, 1, 3, size, size, device=module.device)
    network, critic = module.network, module.discriminator
    first, second = (torch.optim.Adam(of.parameters(), 2e-4, (0.5, 0.999)) for of in (network, critic))

    def step() -> int:
        drawn = network(drawing)
        loss = cross_entropy(critic(drawing, frame), True) + cross_entropy(critic(drawing, drawn.detach()), False)
        second.zero_grad()
        torch.autograd.backward(loss)
        second.step()
        loss = cross_entropy(critic(drawing, drawn), True) + 100 * functional.l1_loss(drawn, frame)
        first.zero_grad()
        torch.autograd.backward(loss)
        first.step()
        return 1

    return step


def drawing(module: LetterDDPM, how: Sampling) -> Callable[[], int]:
    network, labels = module.network.eval(), torch.arange(16) % 29
    return lambda: len(sample(network, module.schedule, how, labels, range(16)))


def main() -> None:
    quiet()
    name, *rest = sys.argv[1:]
    starter, words = "--starter" in rest, [word for word in rest if word != "--starter"]
    overrides = [f"{key.removeprefix('--')}={value}" for key, value in zip(words[::2], words[1::2], strict=True)]
    spec = accepted(locate(name), starter, overrides, types=True)
    limits = {"max_epochs": -1, "max_steps": WARM_UP + STEPS, "limit_val_batches": 0, "callbacks": None}
    measured = Pace()
    with tempfile.TemporaryDirectory() as folder:
        cli = assemble({**spec.config, "trainer": {**spec.config["trainer"], **limits}}, Path(folder), [measured])
        cli.datamodule.prepare_data()
        cli.trainer.fit(cli.model, datamodule=cli.datamodule)
    module, size = cli.model.to("cuda" if torch.cuda.is_available() else "cpu").train(), cli.datamodule.image_size
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    plain = pace(plain_letters(module, size) if isinstance(module, LetterDDPM) else plain_pairs(module, size))
    print(f"training    spec {measured.rate:9.1f} pictures/s   plain {plain:9.1f}   {measured.rate / plain:5.2f} times")
    if isinstance(module, LetterDDPM):
        few, many = pace(drawing(module, Sampling(20))), pace(drawing(module, Sampling(500, "ancestral")))
        print(f"sampling    20 steps {few:5.2f} pictures/s   500 steps {many:5.2f}   {few / many:5.2f} times")


if __name__ == "__main__":
    main()
