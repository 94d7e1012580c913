"""Who reads the poses that a test back-translates: a published or bundled back-translation, never the model itself."""

import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from zoo.addresses import find, opened
from zoo.artefact import starter_folder
from zoo.loaders.base import Loader
from zoo.loaders.pose_to_text import MAX_FRAMES
from zoo.runs import read_json

JUDGE: Final = "back-translation"
TASK: Final = "pose-to-text"

Motion = npt.NDArray[np.floating]


class Judge:
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


def find_judge(address: str | None, model: Loader, provenance: dict[str, Any]) -> Judge | None:
    """The judge of what a model gives: the one at an address, or the zoo's own if it was taught by the same data set.

    Taught by other data it would read nothing, and that would be taken for the model's fault. Then the answer is None,
    with a line on stderr that says why, or a ValueError for one that was asked for.
    """
    if address is None and not (starter_folder(JUDGE) / "config.json").is_file():
        print("zoo: nothing is back-translated: no back-translation comes with this package", file=sys.stderr)
        return None
    artefact = find(address) if address else find(JUDGE, "starter" if provenance["data"]["twin"] else None)
    recorded = read_json(artefact.folder() / "provenance.json")
    problem = _misfit(artefact.config(), recorded, model, provenance)
    if problem is None:
        return Judge(opened(artefact), recorded["name"], judge_name(artefact.folder()))
    if address is not None:
        raise ValueError(f"--judge {address}: {problem}")
    print(
        f"zoo: nothing is back-translated: {problem}; train one on the same data and name it with --judge",
        file=sys.stderr,
    )
    return None


def judge_name(folder: Path) -> str:
    """How results refer to the judge in a folder: its weights too, for those of one run may have been rounded."""
    recorded = read_json(folder / "provenance.json")
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    return f"{recorded['name']} (run {recorded['run']}, weights {digest[:8]})"


def _misfit(config: dict[str, Any], recorded: dict[str, Any], model: Loader, provenance: dict[str, Any]) -> str | None:
    if config.get("task") != TASK:
        return f"its task is {config.get('task')!r}, expected {TASK!r}"
    if config["accepts"].get("language") not in (None, model.gives.language):
        return f"it reads the sign language {config['accepts']['language']}, the model signs {model.gives.language}"
    if config["gives"].get("language") not in (None, model.accepts.language):
        return f"it writes {config['gives']['language']}, the references are in {model.accepts.language}"
    judged, judging = (bool(record["data"]["twin"]) for record in (provenance, recorded))
    if judging and not judged:
        return f"{recorded['name']} was taught by the signing avatar, and the model by real signing"
    if judged and not judging:
        return f"{recorded['name']} was taught by real signing, and the model by the avatar"
    if not judged and provenance["data"]["name"] != recorded["data"]["name"]:
        return f"it was taught by {recorded['data']['name']}, the model by {provenance['data']['name']}"
    return None
