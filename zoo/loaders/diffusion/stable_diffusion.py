"""The Stable Diffusion that a ControlNet or LoRA is for: opened from the Hub's cache, and made to draw a picture."""

import re
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from datamodules.media.skeleton_drawing import write_png
from zoo.files import json_content
from zoo.loaders.base import OPENING
from zoo.loaders.foreign import COMPONENTS, FILES, INDEX, UNUSED
from zoo.safety.folders import refuse_json

FAMILY: Final = "choose a base of the family of Stable Diffusion 1 and 2"
STEPS: Final = 30


def open_base(base_model: str | None, revision: str | None) -> Any:
    """The StableDiffusionPipeline of a Hub id at a revision, from the cache: nothing is downloaded, no pickle is read
    and no code of the repository's runs. It has no safety checker.

    Raises ValueError for what is not in the cache whole, and for another kind of pipeline.
    """
    if base_model is None:
        raise ValueError("config.json names no base_model; attach to a StableDiffusionPipeline that you opened")
    return open_pipeline(cached_base(base_model, revision), _fetch(base_model, revision))


def open_pipeline(folder: Path, advice: str = "save or download it again") -> Any:
    """The StableDiffusionPipeline in a folder of diffusers' own layout, in single precision; see `open_base`.

    Raises ValueError, with the advice, for what is not whole, and for another kind of pipeline.
    """
    from diffusers import StableDiffusionPipeline

    _refuse_others(folder)
    unused = dict.fromkeys(UNUSED)
    try:
        with OPENING, _without_bars():
            pipeline = StableDiffusionPipeline.from_pretrained(
                folder,
                **unused,
                requires_safety_checker=False,
                use_safetensors=True,
                local_files_only=True,
                dtype=torch.float32,
            )
    except (OSError, ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ValueError(f"{folder}: not a whole Stable Diffusion ({reason}); {advice}") from None
    pipeline.set_progress_bar_config(disable=not sys.stderr.isatty())
    return pipeline


def check_revision(revision: object, what: str = "base_revision") -> None:
    """Raise ValueError unless this is a commit, branch or tag, or None: no path, and nothing that a shell reads."""
    if revision is not None and not (isinstance(revision, str) and re.fullmatch(r"\w[\w./-]*", revision, re.ASCII)):
        raise ValueError(f"{what}: found {revision!r}, expected a commit, branch or tag of the base model, or nothing")


def write_picture(pipeline: Any, outputs: Sequence[Path], **arguments: Any) -> list[Path]:
    """Draw one picture, the same for the same arguments, and write it to each of `outputs`, all of them .png."""
    drawn = pipeline(
        num_inference_steps=STEPS, generator=torch.Generator().manual_seed(0), output_type="pil", **arguments
    )
    for output in outputs:
        write_png(output, np.asarray(drawn.images[0].convert("RGB")))
    return list(outputs)


def cached_base(base_model: str, revision: str | None) -> Path:
    """Where the Hub's cache has it. Raises ValueError, with the command that fetches it, where it has not."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    with suppress(LocalEntryNotFoundError, HFValidationError):
        folder = Path(snapshot_download(base_model, revision=revision, local_files_only=True))
        if (folder / INDEX).is_file():
            return folder
    wanted = f"{base_model}@{revision or 'main'}"
    raise ValueError(f"{wanted}: not in the Hub's cache; {_fetch(base_model, revision)}")


def _fetch(base_model: str, revision: str | None) -> str:
    chosen = f" --revision {revision}" if revision else ""
    included = " ".join(f"--include {shlex.quote(pattern)}" for pattern in FILES)
    return f"`hf download {base_model}{chosen} {included}` fetches it"


def _refuse_others(folder: Path) -> None:
    """Raise ValueError unless the components are of Stable Diffusion's own classes, and their settings name no code."""
    path = folder / INDEX
    index = json_content(path)
    for name, value in index.items():
        if isinstance(value, list) and any(value) and name not in (*COMPONENTS, *UNUSED):
            raise ValueError(f"{path}: found {name} ({'.'.join(map(str, value))}), which no such model has; {FAMILY}")
    for name, wanted in COMPONENTS.items():
        value = index.get(name)
        found = ".".join(map(str, value)) if isinstance(value, list) else "missing"
        if not re.fullmatch(wanted, found):
            raise ValueError(f"{path}: {name} is {found}, expected {wanted}; {FAMILY}")
        for settings in sorted((folder / name).glob("*.json")):
            refuse_json(settings)


@contextmanager
def _without_bars() -> Iterator[None]:
    """Opening takes seconds; what follows has a bar of its own."""
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    libraries = (diffusers_logging, transformers_logging)
    shown = [library for library in libraries if library.is_progress_bar_enabled()]
    for library in shown:
        library.disable_progress_bar()
    try:
        yield
    finally:
        for library in shown:
            library.enable_progress_bar()
