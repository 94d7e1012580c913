"""The matrices of a LoRA, and what peft's settings say of them."""

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final, Self

from torch import Tensor

READ: Final = ("r", "lora_alpha", "target_modules")
RECORDED: Final = ("base_model_name_or_path", "inference_mode", "lora_dropout", "peft_version", "revision")
"""Settings that change nothing in what a finished LoRA does."""
PLAIN: Final = {
    "peft_type": "LORA",
    "bias": "none",
    "init_lora_weights": True,
    "megatron_core": "megatron.core",
    "qalora_group_size": 16,
}
"""Settings of a plain LoRA that are not off, as all others are; a later peft's are accepted while they are off."""


@dataclass(frozen=True)
class LowRank:
    """What a LoRA adds to the weights of linear layers: alpha / rank · B A each (Hu et al. 2021, arXiv 2106.09685). Of
    convolutions, A is one itself, and B one of single pixels.

    layers: by the layer's name in the UNet, A (rank, in) and B (out, rank), or (rank, in, k, k) and (out, rank, 1, 1).
    targets: ends of names, as in peft; the layers are all those of the UNet whose name ends so.
    """

    layers: dict[str, tuple[Tensor, Tensor]]
    alpha: float
    targets: tuple[str, ...]

    @property
    def rank(self) -> int:
        return len(next(iter(self.layers.values()))[0])

    @property
    def scaling(self) -> float:
        return self.alpha / self.rank

    def state_dict(self) -> dict[str, Tensor]:
        """The matrices by the names that peft gives them, as a network of torch has its weights."""
        return {
            f"{name}.lora_{side}.weight": matrix.contiguous()
            for name, pair in self.layers.items()
            for side, matrix in zip("AB", pair, strict=True)
        }

    def meant(self, names: Collection[str]) -> set[str]:
        """Those of `names` that `targets` mean."""
        return {name for name in names if any(f".{name}".endswith(f".{target}") for target in self.targets)}

    @classmethod
    def read(cls, weights: dict[str, Tensor], settings: dict[str, Any]) -> Self:
        """Of what `state_dict` gave, and the settings that peft keeps beside it.

        Raises ValueError for a variant of LoRA, and for what is not whole pairs of matrices of the stated rank.
        """
        rank, alpha, targets = _plain(settings)
        sides: dict[str, dict[str, Tensor]] = {}
        for key, matrix in weights.items():
            name, _, side = key.removesuffix(".weight").rpartition(".lora_")
            if not name or side not in ("A", "B") or not key.endswith(".weight") or matrix.ndim not in (2, 4):
                raise ValueError(f"found {key} of shape {tuple(matrix.shape)}, expected matrices lora_A and lora_B")
            sides.setdefault(name, {})[side] = matrix
        for name, pair in sides.items():
            shapes = {side: tuple(matrix.shape) for side, matrix in pair.items()}
            if set(pair) != {"A", "B"} or not _belong(shapes["A"], shapes["B"], rank):
                raise ValueError(
                    f"{name}: found {shapes}, expected A ({rank}, in) and B (out, {rank}), of a convolution "
                    f"({rank}, in, k, k) and (out, {rank}, 1, 1)"
                )
        layers = {name: (sides[name]["A"], sides[name]["B"]) for name in sorted(sides)}
        network = cls(layers, alpha, tuple(sorted(targets)))
        if not layers or network.meant(layers) != set(layers):
            raise ValueError(f"target_modules {targets} do not mean the {len(layers)} layers that have weights")
        return network


def _belong(first: tuple[int, ...], second: tuple[int, ...], rank: int) -> bool:
    """Whether A and B of these shapes make one layer's update of a rank."""
    return first[0] == second[1] == rank and second[2:] == (1,) * len(first[2:])


def _plain(settings: dict[str, Any]) -> tuple[int, float, list[str]]:
    """Rank, alpha and targets of a plain LoRA. Raises ValueError for any variant, such as DoRA."""
    for key, value in settings.items():
        known = key in READ or key in RECORDED
        if not known and value != PLAIN.get(key) and (key in PLAIN or value):
            raise ValueError(f"{key} is {value!r}, expected {PLAIN.get(key)!r}, as of a plain LoRA")
    rank, alpha, targets = (settings.get(key) for key in READ)
    if isinstance(rank, bool) or not isinstance(rank, int) or rank < 1:
        raise ValueError(f"r is {rank!r}, expected a whole number above 0")
    if isinstance(alpha, bool) or not isinstance(alpha, int | float) or not 0 < alpha < math.inf:
        raise ValueError(f"lora_alpha is {alpha!r}, expected a number above 0")
    if not isinstance(targets, list) or not targets or not all(isinstance(target, str) for target in targets):
        raise ValueError(f"target_modules is {targets!r}, expected a list of names")
    return rank, alpha, targets
