"""Eight threads at once get what one gets: a web server calls one loaded model from many."""

import dataclasses
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pose_format import Pose

import zoo
from datamodules.avatar import perform
from datamodules.avatar.renderer.letters import letter_frame
from datamodules.media.skeleton_drawing import draw_frames
from datamodules.media.skeleton_frames import draw_skeletons
from zoo.spec.registry import locate
from zoo.spec.spec import read

THREADS = 8


def poses() -> list[Pose]:
    """The beginnings of two signs."""
    return [Pose(whole.header, whole.body[:12]) for whole in (perform([sign]).pose for sign in ("HELLO", "NAME"))]


INPUTS: dict[str, Callable[[], list[Any]]] = {
    "text-to-pose": lambda: ["hello", ["what is your name?", "hi"]],
    "pose-to-text": lambda: [*poses(), poses()],
    "pose-to-video": poses,
    "image-to-letter": lambda: [letter_frame(letter, np.random.default_rng(0)) for letter in "AB"],
    "image-to-gloss": lambda: [next(draw_skeletons(pose)) for pose in poses()],
    "image-to-image": lambda: [
        np.random.default_rng(seed).integers(0, 256, (2, 32, 32, 3), np.uint8) for seed in (0, 1)
    ],
    "letter-to-image": lambda: ["hello", "ab"],
    "text-to-image": lambda: ["hello", "stop"],
    "landmark-transformer": poses,
    **dict.fromkeys(
        ("video-to-embedding", "video-to-gloss"),
        lambda: [np.stack(list(draw_frames(perform([sign]).joints, 64))) for sign in ("HELLO", "NAME")],
    ),
}


ONE_EACH = {read(locate(name))["architecture"]: name for name in reversed(zoo.list_models())}
"""A model of each architecture: threads meet in the code, which those that share one share."""


@pytest.mark.parametrize("name", sorted(ONE_EACH.values()))
def test_a_verb_from_eight_threads_gives_what_one_gives(name: str, tiny_runs: Callable[[str], Path]) -> None:
    model = zoo.load(tiny_runs(name))
    asked = INPUTS[model.architecture if model.architecture in INPUTS else model.task]()
    verb = getattr(model, model.verb)
    with ThreadPoolExecutor(THREADS) as pool:  # before the single one: what is made at the first call is made once
        together = list(pool.map(lambda call: plain(verb(asked[call % len(asked)])), range(THREADS)))
    with ThreadPoolExecutor(1) as pool:  # numba has left another number of cores to this one, which rounds otherwise
        single = list(pool.map(lambda value: plain(verb(value)), asked))
    for call, found in enumerate(together):
        np.testing.assert_equal(found, single[call % len(asked)])


def test_models_open_from_eight_threads(tiny_runs: Callable[[str], Path]) -> None:
    runs = [tiny_runs(name) for name in ("asl-slp", "letter-vae")] * (THREADS // 2)
    with ThreadPoolExecutor(THREADS) as pool:
        models = list(pool.map(zoo.load, runs))
    for model in models[2:]:
        (first,) = (one for one in models[:2] if type(one) is type(model))
        np.testing.assert_equal(model.probe(), first.probe())


def plain(result: Any) -> Any:
    """What a verb returns, as numbers and texts that can be compared."""
    if isinstance(result, list):
        return [plain(one) for one in result]
    if isinstance(result, Pose):
        return np.asarray(result.body.data)
    return dataclasses.asdict(result) if dataclasses.is_dataclass(result) else result
