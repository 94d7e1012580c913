"""Who reads what a test has generated: a published or bundled model of the zoo, never the one that is tested."""

import hashlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from lightning_modules.evaluation.judge import PictureJudge, PoseJudge
from lightning_modules.metrics.score import Motion
from lightning_modules.networks.letters.letter_cnn import LetterFeatures
from zoo.artefacts.artefact import starter_folder
from zoo.artefacts.resolve import find, opened
from zoo.files import read_json
from zoo.loaders.base import Loader
from zoo.loaders.text_to_pose.pose_to_text import MAX_FRAMES

NAMED: Final = 5
"""Classes that a message lists."""


class MotionReader:
    """A back-translation, and by which name results refer to it.

    model: its name. name: that, its run and its weights, so that a score says who read it. Of a motion that a model
    does not end, as an untrained one may not, it reads as much as it can.
    """

    def __init__(self, loader: Any, model: str, name: str) -> None:
        self.loader, self.model, self.name = loader, model, name

    def read(self, motions: Sequence[Motion], fps: float) -> list[str]:
        """The text of each motion (T, 50, 3) in SLP units."""
        return list(self.loader.read_joints(self._readable(motions, fps), fps))

    def features(self, motions: Sequence[Motion], fps: float) -> npt.NDArray[np.float32]:
        """What its encoder makes of each motion, (N, D)."""
        found: npt.NDArray[np.float32] = self.loader.features(self._readable(motions, fps), fps)
        return found

    def _readable(self, motions: Sequence[Motion], fps: float) -> list[Motion]:
        longest = int(MAX_FRAMES * fps / self.loader.fps)
        return [motion[:longest] for motion in motions]


class PictureReader:
    """A judge of pictures, of letters or of skeleton frames, and by which name results refer to it; see `MotionReader`.

    classes: the model's, which are the judge's, in any order.
    """

    def __init__(self, loader: Any, model: str, name: str, classes: Sequence[str]) -> None:
        self.model, self.name = model, name
        self.features = LetterFeatures(loader.network, loader.size, loader.lines)
        self.order = [loader.classes.index(label) for label in classes]

    @torch.no_grad()
    def scores(self, pictures: Tensor) -> Tensor:
        """Logits (N, C) of pictures (N, 3, S, S) in [0, 1], in the order of the model's classes."""
        output = self.features.network.output
        logits: Tensor = output(self.features(pictures.to(output.weight.device)))
        return logits[:, self.order]


@dataclass(frozen=True)
class Kind:
    """Judges of one task.

    own: the zoo's. done: what they do to what they read, in print. misfit: what of a judge's config.json does not fit
    the model, if anything. make: of a loader, its name and that of its run, and the model.
    """

    own: str
    done: str
    misfit: Callable[[dict[str, Any], Any], str | None]
    make: Callable[[Any, str, str, Any], PoseJudge | PictureJudge]


def _other_languages(config: dict[str, Any], model: Any) -> str | None:
    if config["accepts"].get("language") not in (None, model.gives.language):
        return f"it reads the sign language {config['accepts']['language']}, the model signs {model.gives.language}"
    if config["gives"].get("language") not in (None, model.accepts.language):
        return f"it writes {config['gives']['language']}, the references are in {model.accepts.language}"
    return None


def _other_classes(config: dict[str, Any], model: Any) -> str | None:
    known, drawn = config.get("letters", config.get("glosses", [])), model.classes
    if unread := [name for name in drawn if name not in known]:
        return f"it cannot read {_listed(unread)}, which the model draws"
    if undrawn := [name for name in known if name not in drawn]:
        return f"it also reads {_listed(undrawn)}, which the model does not draw"
    return None


def _picture_reader(loader: Any, model: str, name: str, judged: Any) -> PictureReader:
    return PictureReader(loader, model, name, judged.classes)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


JUDGES: Final = {
    "pose-to-text": Kind(
        "back-translation",
        "back-translated",
        _other_languages,
        lambda loader, model, name, judged: MotionReader(loader, model, name),
    ),
    "image-to-letter": Kind("letter-judge", "judged", _other_classes, _picture_reader),
    "image-to-gloss": Kind("skeleton-judge", "judged", _other_classes, _picture_reader),
}
"""By the task of the judge, which a LightningModule says as `judged_by`."""


def find_judge(
    task: str, address: str | None, model: Loader, provenance: dict[str, Any]
) -> PoseJudge | PictureJudge | None:
    """The judge of what a model gives: the one at an address, or the zoo's own if it was taught by the same data set.

    Taught by other data it would read nothing, and that would be taken for the model's fault. Then the answer is None,
    with a line on stderr that says why, or a ValueError for one that was asked for.
    """
    kind = JUDGES[task]
    if address is None and not (starter_folder(kind.own) / "config.json").is_file():
        print(f"zoo: nothing is {kind.done}: no {kind.own} comes with this package", file=sys.stderr)
        return None
    artefact = find(address) if address else find(kind.own, "starter" if provenance["data"]["twin"] else None)
    recorded = read_json(artefact.folder() / "provenance.json")
    problem = _misfit(task, artefact.config(), recorded, model, provenance)
    if problem is None:
        return kind.make(opened(artefact), recorded["name"], judge_name(artefact.folder()), model)
    if address is not None:
        raise ValueError(f"--judge {address}: {problem}")
    advice = "train one on the same data and name it with --judge"
    print(f"zoo: nothing is {kind.done}, for {kind.own} does not fit: {problem}; {advice}", file=sys.stderr)
    return None


def judge_name(folder: Path) -> str:
    """How results refer to the judge in a folder: its weights too, for those of one run may have been rounded."""
    recorded = read_json(folder / "provenance.json")
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    return f"{recorded['name']} (run {recorded['run']}, weights {digest[:8]})"


def _misfit(
    task: str, config: dict[str, Any], recorded: dict[str, Any], model: Loader, provenance: dict[str, Any]
) -> str | None:
    if config.get("task") != task:
        return f"its task is {config.get('task')!r}, expected {task!r}"
    if problem := JUDGES[task].misfit(config, model):
        return problem
    judged, judging = (bool(record["data"]["twin"]) for record in (provenance, recorded))
    if judging and not judged:
        return f"{recorded['name']} was taught by the signing avatar, and the model by real data"
    if judged and not judging:
        return f"{recorded['name']} was taught by real data, and the model by the avatar"
    if not judged and provenance["data"]["name"] != recorded["data"]["name"]:
        return f"it was taught by {recorded['data']['name']}, the model by {provenance['data']['name']}"
    return None
