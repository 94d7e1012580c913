"""The matrices of a LoRA (Hu et al. 2021, arXiv 2106.09685) in a UNet that peft adapted, as one network."""

from typing import TYPE_CHECKING, Final

from torch import nn

if TYPE_CHECKING:
    from diffusers import UNet2DConditionModel

NAME: Final = "default"
"""What peft calls an adapter that was given no name."""


class Adapter(nn.Module):
    """The matrices by the names that peft publishes them under, `mid_block...to_q.lora_A.weight`.

    They are the UNet's own, so that what is loaded here, or trained, is at work there. Raises ValueError for a UNet
    without an adapter.
    """

    def __init__(self, unet: "UNet2DConditionModel") -> None:
        super().__init__()
        found = {name: weight for name, weight in unet.named_parameters() if f".{NAME}." in name}
        if not found:
            raise ValueError("found a UNet without an adapter, expected one after `add_adapter`")
        for name, weight in found.items():
            *parents, last = name.replace(f".{NAME}.", ".").split(".")
            part: nn.Module = self
            for parent in parents:
                if parent not in part._modules:
                    part.add_module(parent, nn.Module())
                part = part.get_submodule(parent)
            part.register_parameter(last, weight)
