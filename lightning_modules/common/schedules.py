"""How the learning rate changes in a training: each function returns what `configure_optimizers` of a module does."""

from typing import Any

from lightning import LightningModule
from torch.optim import Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, LRScheduler, OneCycleLR, ReduceLROnPlateau


def one_cycle(module: LightningModule, optimizer: Optimizer, warmup: float) -> Any:
    """Every rate rises to what it is over the first `warmup` of the training, 0 to 1, and anneals to its end (Smith and
    Topin 2019). Raises ValueError for a training without an end."""
    peaks = [group["lr"] for group in optimizer.param_groups]
    steps = steps_of(module, "the one-cycle schedule")
    return _each_step(optimizer, OneCycleLR(optimizer, peaks, total_steps=steps, pct_start=warmup))


def cooled(module: LightningModule, optimizer: Optimizer, share: float) -> Any:
    """Every rate as it is, and over the last `share` of the training, 0 to 1, on a straight line down to nothing, so
    that the last steps settle instead of wandering. Raises ValueError for a training without an end."""
    if not share:
        return optimizer
    steps = steps_of(module, "a cooldown")
    falling = max(1, round(share * steps))
    return _each_step(optimizer, LambdaLR(optimizer, lambda step: min(1.0, (steps - step) / falling)))


def annealed(module: LightningModule, optimizer: Optimizer) -> Any:
    """Every rate falls from what it is along half a cosine to nothing at the end of the training (Loshchilov and Hutter
    2017). Raises ValueError for a training without an end."""
    return _each_step(optimizer, CosineAnnealingLR(optimizer, steps_of(module, "a cosine")))


def plateau(optimizer: Optimizer, monitor: str, factor: float, patience: int) -> Any:
    """Every rate times `factor` whenever `patience` validations have passed without a lower value of `monitor`."""
    falling = ReduceLROnPlateau(optimizer, factor=factor, patience=patience)
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": falling, "monitor": monitor}}


def depends_on_length(scheduler: object) -> bool:
    """Whether rates follow from how long the training lasts, and not from what it has reached."""
    return not isinstance(scheduler, ReduceLROnPlateau)


def steps_of(module: LightningModule, what: str) -> int:
    """Steps of the whole training. Raises ValueError, naming `what` needs them, for one without an end."""
    steps = module.trainer.estimated_stepping_batches
    if steps == float("inf"):
        raise ValueError(f"{what} needs an end: set trainer.max_epochs or trainer.max_steps")
    return int(steps)


def _each_step(optimizer: Optimizer, scheduler: LRScheduler) -> Any:
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}
