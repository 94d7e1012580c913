"""How a training begins that does not begin with nothing: with the weights of another model, or where a finished run
ended."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import StochasticWeightAveraging, WeightAveraging
from lightning_utilities.core.rank_zero import rank_zero_only
from torch import Tensor, nn

from datamodules.files import atomic
from lightning_modules.common.schedules import depends_on_length
from zoo.artefacts.artefact import open_artefact
from zoo.artefacts.runs import Run, refuse_longer
from zoo.loaders import trainable_class
from zoo.loaders.base import Inheritance
from zoo.spec.spec import read
from zoo.training.callbacks import modes_kept

PUBLISHED: Final = ("network", "learner")
"""Where a LightningModule has what an artefact holds: the network, and that of which it is the average."""
CARRIED: Final = ("logs/metrics.csv", "checkpoints/best.ckpt")
"""What the last checkpoint of a run that is made longer counts on."""


class StartingWeights(Callback):
    """Gives the networks, once they are built, the weights of a model, and says what is made anew."""

    def __init__(self, address: str, what: str, folder: Path) -> None:
        """address and what: of the model in the folder, in print. Raises ValueError where it cannot be opened."""
        loader: Any = open_artefact(folder)
        self.address, self.what = address, what
        self.theirs, self.network = loader.inheritance(), loader.network
        self.weights: Mapping[str, Tensor] = {}
        self.trainable = trainable_class(loader.architecture)

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Raises ValueError where they are those of another network. A module that trains a network in another form
        than it is published in makes that of it, as `as_trained`, and one with several says as `begun_alike` which
        others it begins as copies."""
        data = trainer.datamodule  # type: ignore[attr-defined]
        as_trained = getattr(pl_module, "as_trained", None)
        self.weights = (as_trained(self.network) if as_trained else self.network).state_dict()
        with modes_kept(pl_module):
            own = self.trainable.from_training(pl_module, data).inheritance()
        anew: list[str] = []
        for part in (getattr(pl_module, name) for name in PUBLISHED if hasattr(pl_module, name)):
            if found := misfit(part, own, self.weights, self.theirs):
                raise ValueError(
                    f"--from {self.address}: its weights do not fit this network: {found}; make `model` in the spec "
                    "match, or start from another model"
                )
            anew = take_over(part, own, self.weights, self.theirs)
        known = (*PUBLISHED, *getattr(pl_module, "begun_alike", ()))
        others = [
            name
            for name, part in pl_module.named_children()
            if name not in known and any(parameter.requires_grad for parameter in part.parameters())
        ]
        if rank_zero_only.rank == 0:  # type: ignore[attr-defined]
            print(f"starting from {self.address}, {self.what}: {self._told(own, anew, others)}", flush=True)
        self.weights, self.network = {}, None

    def _told(self, own: Inheritance, anew: list[str], others: list[str]) -> str:
        told = [f"{len(self.weights) - len(anew)} of {len(self.weights)} tensors taken over"]
        if own.names:
            known = len(set(own.names) & set(self.theirs.names))
            told.append(f"of {len(own.names)} {own.kind} {known} known there, {len(own.names) - known} made anew")
        if anew:
            told.append(f"of another size and made anew: {', '.join(anew)}")
        if others:
            told.append(f"in no artefact and made anew: {', '.join(others)}")
        return "; ".join(told)


def misfit(network: nn.Module, own: Inheritance, weights: Mapping[str, Tensor], theirs: Inheritance) -> str | None:
    """Why weights are not those of a network, if they are not. A layer may have another number of rows: embeddings and
    heads of another size are made anew."""
    before, now = theirs.settings, own.settings
    keys = [key for key in dict.fromkeys([*before, *now]) if before.get(key) != now.get(key)]
    if keys:
        return ", ".join(f"{key} is {before.get(key)} there and {now.get(key)} here" for key in keys)
    shapes = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    if alone := sorted(shapes.keys() ^ weights.keys()):
        return f"{alone[0]} is only {'here' if alone[0] in shapes else 'there'}"
    for name, shape in shapes.items():
        if shape[1:] != (other := tuple(weights[name].shape))[1:]:
            return f"{name} has the shape {other} there and {shape} here"
    return None


@torch.no_grad()
def take_over(network: nn.Module, own: Inheritance, weights: Mapping[str, Tensor], theirs: Inheritance) -> list[str]:
    """Give a network the weights that fit it, and each name that both know its row; the rest stays as it was made.

    Returns the tensors that stay so as a whole, in print.
    """
    places = {name: place for place, name in enumerate(theirs.names)}
    here = [row for row, name in enumerate(own.names) if name in places]
    there = [places[own.names[row]] for row in here]
    anew = []
    for name, values in network.state_dict().items():
        given = weights[name].to(values.device, values.dtype)
        if name in own.rows:
            values[here] = given[there]
        elif values.shape == given.shape:
            values.copy_(given)
        else:
            anew.append(f"{name} ({len(given)} rows there, {len(values)} here)")
    return anew


class Continuation(Callback):
    """Lets a finished run go on where it would have gone on in a longer training, and no other.

    The longer run has no last.ckpt until nothing is left to refuse, so that however often it is killed before, the same
    command refuses the same.
    """

    def __init__(self, shorter: Run, run: Run) -> None:
        self.shorter, self.run = shorter, run
        self.planned = read(shorter.folder / "spec.yaml").get("trainer", {}).get("max_epochs")

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Raises ValueError for a run that ended otherwise than with its last epoch."""
        epochs, most = checkpoint["epoch"], trainer.max_epochs
        if trainer.max_steps != -1:
            self.refuse("it lasts trainer.max_steps, which end within an epoch, and its rest would never be seen")
        whole = isinstance(self.planned, int) and epochs >= self.planned > -1
        if checkpoint.get("should_stop") or not whole:  # which older checkpoints do not say
            self.refuse(f"it ended by itself, by EarlyStopping or trainer.max_time, after {epochs} epochs")
        averaging = (StochasticWeightAveraging, WeightAveraging)
        if any(isinstance(callback, averaging) for callback in trainer.callbacks):  # type: ignore[attr-defined]
            self.refuse("its final weights are an average, from which its optimiser cannot go on")
        if most is not None and -1 < most <= epochs:
            self.refuse(f"trainer.max_epochs: found {most}, expected more than the {epochs} that it lasted")

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take over the checkpoint. Raises ValueError for learning rates planned over a training which has ended."""
        if any(depends_on_length(config.scheduler) for config in trainer.lr_scheduler_configs):
            self.refuse(
                "its learning rate was planned over its epochs and has come to its end, and in a longer training it "
                "would have been another one from the first step on"
            )
        if trainer.is_global_zero:
            _copy(self.shorter.last, self.run.last)

    def carry_over(self) -> None:
        """Copy what the checkpoint counts on."""
        for name in CARRIED:
            if (self.shorter.folder / name).is_file():
                _copy(self.shorter.folder / name, self.run.folder / name)

    def refuse(self, why: str) -> None:
        """Raise ValueError that says so, and what can be done instead."""
        refuse_longer(self.shorter, why)


def _copy(source: Path, target: Path) -> None:
    with atomic(target) as part:
        shutil.copyfile(source, part)
