"""Which architectures other libraries train, and the specs of what was imported from them. No torch."""

from collections.abc import Mapping
from typing import Any, Final

CONTROLNET, LORA = "controlnet", "lora"
IMPORTABLE: Final = (CONTROLNET, LORA)
"""Those that `python -m zoo import` makes artefacts of."""


def is_imported(spec: Mapping[str, Any]) -> bool:
    """Whether a spec says what a model is and nothing of a training: another library did it."""
    return spec.get("architecture") in IMPORTABLE and not {"model", "data", "trainer"} & spec.keys()
