"""Networks that a model stands on and does not train: somebody else's, which checkpoints need not repeat."""

from typing import Any

import lightning as L
from torch import nn


class OnFrozen(L.LightningModule):
    """A module with networks that are never trained, such as the Stable Diffusion that a ControlNet is for.

    They are left out of checkpoints, of which each would hold gigabytes that do not change, and are not asked for when
    one is loaded: whoever makes the module hands it the same networks again. All other weights are asked for, by name
    and shape. That is why `strict_loading`, which Lightning has for this, stays true: set to false it would let pass
    whatever a checkpoint lacks, and a training would go on from random weights without a word.
    """

    def __init__(self) -> None:
        super().__init__()
        self._frozen: list[str] = []
        self.register_state_dict_post_hook(_leave_out)  # type: ignore[no-untyped-call]
        self.register_load_state_dict_post_hook(_do_not_miss)  # type: ignore[no-untyped-call]

    def hold_frozen(self, **networks: nn.Module) -> None:
        """Hold networks under their names, with weights that get no gradient; they stay in evaluation."""
        for name, network in networks.items():
            self._frozen.append(name)
            setattr(self, name, network.requires_grad_(False).eval())

    def train(self, mode: bool = True) -> "OnFrozen":
        super().train(mode)
        for name in self._frozen:
            getattr(self, name).eval()
        return self

    def is_frozen(self, key: str) -> bool:
        """Whether a key of this module's `state_dict` is of one of the networks that are not trained."""
        return key.partition(".")[0] in self._frozen


def _leave_out(module: nn.Module, state: dict[str, Any], prefix: str, metadata: Any) -> None:
    assert isinstance(module, OnFrozen)
    for key in [key for key in state if key.startswith(prefix) and module.is_frozen(key.removeprefix(prefix))]:
        del state[key]


def _do_not_miss(module: nn.Module, incompatible: Any) -> None:
    assert isinstance(module, OnFrozen)
    incompatible.missing_keys[:] = [key for key in incompatible.missing_keys if not module.is_frozen(key)]
