"""How a training ends: the learning rate falls, so that the last steps settle instead of wandering."""

from typing import Any

from lightning import LightningModule
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


def cooled(module: LightningModule, optimizer: Optimizer, share: float) -> Any:
    """What `configure_optimizers` of a module returns: every rate as it is, and over the last `share` of the training,
    0 to 1, on a straight line down to nothing.

    Raises ValueError for a training without an end.
    """
    if not share:
        return optimizer
    steps = module.trainer.estimated_stepping_batches
    if steps == float("inf"):
        raise ValueError("a cooldown needs an end: set trainer.max_epochs or trainer.max_steps")
    falling = max(1, round(share * steps))
    schedule = LambdaLR(optimizer, lambda step: min(1.0, (steps - step) / falling))
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
