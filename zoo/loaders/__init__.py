"""The closed table of loaders: which class opens the artefacts of a task. Nothing outside it is ever imported."""

import importlib
from typing import cast

from zoo.loaders.base import Loader, Trainable
from zoo.spec.spec import nearest

TASKS = {
    "text-to-pose": "zoo.loaders.text_to_pose.text_to_pose.TextToPose",
    "pose-to-text": "zoo.loaders.text_to_pose.pose_to_text.PoseToText",
    "letter-diffusion": "zoo.loaders.letters.letter_diffusion.LetterDiffusion",
    "letter-to-image": "zoo.loaders.letters.letter_to_image.LetterToImage",
    "image-to-letter": "zoo.loaders.letters.letter_reader.LetterReader",
    "pose-to-video": "zoo.loaders.rendering.pose_to_video.PoseToVideo",
    "video-to-gloss": "zoo.loaders.recognition.video_to_gloss.VideoToGloss",
    "controlnet": "zoo.loaders.diffusion.controlnet.ControlNet",
    "lora": "zoo.loaders.diffusion.lora.LoRA",
}


def loader_class(task: str) -> type[Loader]:
    """The loader of a task; imports it, and torch with it. Raises ValueError for a task outside the table."""
    if task not in TASKS:
        raise ValueError(f"task {task!r} has no loader in this version of the zoo{nearest(str(task), TASKS)}")
    module, _, name = TASKS[task].rpartition(".")
    return cast(type[Loader], getattr(importlib.import_module(module), name))


def trainable_class(task: str) -> type[Trainable]:
    """As `loader_class`, for a task that a spec can train. Raises ValueError for one that is only opened."""
    found = loader_class(task)
    if not hasattr(found, "from_training"):
        raise ValueError(f"task {task!r} opens what was trained elsewhere; no spec trains it")
    return cast(type[Trainable], found)
