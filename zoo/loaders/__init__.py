"""The closed table of loaders: which class opens the artefacts of a task. Nothing outside it is ever imported."""

import importlib
from typing import cast

from zoo.loaders.base import Loader
from zoo.spec import nearest

TASKS = {
    "text-to-pose": "zoo.loaders.text_to_pose.TextToPose",
    "image-to-letter": "zoo.loaders.letter_reader.LetterReader",
    "pose-to-video": "zoo.loaders.pose_to_video.PoseToVideo",
    "video-to-gloss": "zoo.loaders.video_to_gloss.VideoToGloss",
}


def loader_class(task: str) -> type[Loader]:
    """The loader of a task; imports it, and torch with it. Raises ValueError for a task outside the table."""
    if task not in TASKS:
        raise ValueError(f"task {task!r} has no loader in this version of the zoo{nearest(str(task), TASKS)}")
    module, _, name = TASKS[task].rpartition(".")
    return cast(type[Loader], getattr(importlib.import_module(module), name))
