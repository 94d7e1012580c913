"""The closed table of loaders: which class opens the artefacts of an architecture. Nothing outside it is ever imported.

A task says what flows, text to pose, and an architecture who opens it: several may do one task.
"""

import importlib
from typing import Final, NamedTuple, cast

from zoo.loaders.base import Loader, Trainable
from zoo.spec.spec import nearest


class Architecture(NamedTuple):
    """What its artefacts are for, and the dotted name of the class that opens them."""

    task: str
    loader: str


ARCHITECTURES: Final = {
    "progressive-transformer": Architecture("text-to-pose", "zoo.loaders.text_to_pose.text_to_pose.TextToPose"),
    "pose-transformer": Architecture("pose-to-text", "zoo.loaders.text_to_pose.pose_to_text.PoseToText"),
    "letter-diffusion": Architecture("letter-to-image", "zoo.loaders.letters.letter_diffusion.LetterDiffusion"),
    "letter-generator": Architecture("letter-to-image", "zoo.loaders.letters.letter_to_image.LetterToImage"),
    "letter-cnn": Architecture("image-to-letter", "zoo.loaders.letters.letter_reader.LetterReader"),
    "pix2pix": Architecture("pose-to-video", "zoo.loaders.rendering.pose_to_video.PoseToVideo"),
    "attention-classifier": Architecture("video-to-gloss", "zoo.loaders.recognition.video_to_gloss.VideoToGloss"),
    "controlnet": Architecture("image-to-image", "zoo.loaders.diffusion.controlnet.ControlNet"),
    "lora": Architecture("text-to-image", "zoo.loaders.diffusion.lora.LoRA"),
}
TASKS: Final = frozenset(task for task, _ in ARCHITECTURES.values())


def loader_class(architecture: str) -> type[Loader]:
    """The loader of an architecture; imports it, and torch with it. Raises ValueError for one outside the table."""
    if architecture not in ARCHITECTURES:
        hint = nearest(str(architecture), ARCHITECTURES)
        raise ValueError(f"architecture {architecture!r} has no loader in this version of the zoo{hint}")
    module, _, name = ARCHITECTURES[architecture].loader.rpartition(".")
    return cast(type[Loader], getattr(importlib.import_module(module), name))


def trainable_class(architecture: str) -> type[Trainable]:
    """As `loader_class`, for one that a spec can train. Raises ValueError for one that is only opened."""
    found = loader_class(architecture)
    if not hasattr(found, "from_training"):
        raise ValueError(f"architecture {architecture!r} opens what was trained elsewhere; no spec trains it")
    return cast(type[Trainable], found)


def kind_problems(task: object, architecture: object) -> dict[str, str]:
    """What is wrong with a task and an architecture, by key: a name that nothing has, or two that do not belong."""
    if not isinstance(task, str) or task not in TASKS:
        return {"task": f"found {task!r}, which no loader has{nearest(str(task), TASKS)}"}
    fitting = [name for name, (of, _) in ARCHITECTURES.items() if of == task]
    if not isinstance(architecture, str) or architecture not in fitting:
        return {"architecture": f"found {architecture!r}, expected one of {task}: {', '.join(fitting)}"}
    return {}
