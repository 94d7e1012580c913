"""`python -m zoo data landmarks`: body and hands of many videos into .pose files, one a clip, and skeleton frames."""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePosixPath
from typing import Any, Final

import av
import numpy as np
from rich.console import Console
from rich.table import Table

from datamodules.clips import list_clips, skipped
from datamodules.features.bundles import HAND, POSE, checksums, find_bundle
from datamodules.features.landmarks import LEFT_HAND, RIGHT_HAND, Landmarker, followed_landmarks
from datamodules.files import locked, write_json
from datamodules.media.clip import Clip
from datamodules.media.skeleton_frames import write_skeletons
from datamodules.poses.formats import read_pose, write_pose
from datamodules.poses.people import WHOM, Person
from zoo.files import read_json
from zoo.prepare.mapping import map_unordered
from zoo.prepare.videos import not_mended

SETTINGS: Final = "landmarks.json"
REPORT: Final = "report.json"
SKELETONS: Final = "skeletons"
CROWD: Final = ".people.json"
RECIPE: Final = 2  # raised whenever the same frames would get other landmarks
UNFINISHED: Final = re.compile(r"\..+-[a-z0-9_]{8}(\.pose|\.json)?")


@dataclass(frozen=True)
class Outcome:
    """What became of a clip: how many frames were looked at, how many show a hand, or why it could not be read, and how
    many people are in view at once, at most.

    doubt: why its frames may not be those that a player shows.
    """

    frames: int = 0
    with_hand: int = 0
    unreadable: str | None = None
    people: int = 1
    doubt: str = ""


def extract_landmarks(
    videos: Path,
    out: Path,
    *,
    frames: int | None,
    skeletons: bool,
    models: Path | None,
    jobs: int | None,
    ray: str | None,
    person: Person = "largest",
) -> int:
    """Write OUT/<clip>.pose for every clip of a folder or data set, and OUT/skeletons/<clip>/00000.png and so on.

    What is done already is left as it is, so that the same command goes on where another one ended. OUT/report.json and
    a table say what was found, which clips are empty, unreadable, without a hand or of several people, and which files
    are no clips; of several people, OUT/<clip>.people.json says how many and whom the landmarks are of.

    Returns how many clips could not be read, or had no frame.

    Args:
        videos: see `list_clips`.
        out: the folder to write to; new, or that of an earlier run with the same settings.
        frames: frames a clip, evenly spread; None takes all.
        skeletons: draw them too.
        models, jobs, ray: see `find_bundle` and `map_unordered`.
        person: whom to follow where several people are in view; see `people.follow`.

    Raises:
        ValueError: `out` holds something else or another run's landmarks; a clip's name leads out of it.
        OSError: a folder is missing, cannot be written, or a worker died.
    """
    _refuse_foreign(out)
    clips = list_clips(videos)
    _check_names(clips, nested=not skeletons)
    pose, hand = find_bundle(POSE, models).resolve(), find_bundle(HAND, models).resolve()
    Landmarker(pose, hand).close()  # says once what every process would say
    settings = {
        "recipe": RECIPE,
        "videos": str(videos.resolve()),
        "frames": "all" if frames is None else frames,
        "person": person,
        "mediapipe": _mediapipe(),
        "bundles": checksums((pose, hand)),
    }
    out.mkdir(parents=True, exist_ok=True)
    beside = out.resolve().with_name(f".{out.resolve().name}.lock")
    with locked(beside, f"{out}: another process is writing landmarks there; wait for its end"):
        _settle(out, settings)
        load, title = partial(_load, pose, hand, out.resolve(), frames, skeletons, person), "landmarks"
        results = map_unordered(load, clips, cost=_size, name=lambda clip: clip.name, title=title, jobs=jobs, ray=ray)
        outcomes = {clip.name: outcome for clip, outcome in results}
        done = [(clip.name, outcomes[clip.name]) for clip in clips]
        _report(out, settings, done, skipped(videos, clips, out))
    return sum(not outcome.frames for _, outcome in done)


def _load(
    pose: Path, hand: Path, out: Path, frames: int | None, skeletons: bool, person: Person
) -> Callable[[Clip], Outcome]:
    return partial(_extract, Landmarker(pose, hand), out, frames, skeletons, person)


def _extract(
    landmarker: Landmarker, out: Path, frames: int | None, skeletons: bool, person: Person, clip: Clip
) -> Outcome:
    path, crowd = out / f"{clip.name}.pose", out / f"{clip.name}{CROWD}"
    if not path.is_file():
        try:
            found = followed_landmarks(clip, landmarker, frames, person)
        except (ValueError, OSError, av.FFmpegError) as error:
            return Outcome(unreadable=str(error))
        if found is None:
            return Outcome()
        crowd.unlink(missing_ok=True)
        if found.people > 1:
            write_json(crowd, {"people": found.people, "followed": person})
        write_pose(path, found.pose)
    pose = read_pose(path)
    folder = out / SKELETONS / clip.name
    if skeletons and not folder.is_dir():
        write_skeletons(folder, pose)
    seen = np.asarray(pose.body.confidence[:, 0]) > 0
    with_hand = int((seen[:, LEFT_HAND].any(1) | seen[:, RIGHT_HAND].any(1)).sum())
    people = int(read_json(crowd)["people"]) if crowd.is_file() else 1
    return Outcome(len(seen), with_hand, people=people, doubt=not_mended(clip.path))


def _check_names(clips: list[Clip], nested: bool) -> None:
    names = {PurePosixPath(clip.name) for clip in clips}
    for name in names:
        if name.is_absolute() or ".." in name.parts:
            raise ValueError(f"clip {name}: expected a name that leads to a file in OUT; rename it in its index")
        if not nested and (above := names & set(name.parents)):
            raise ValueError(
                f"clips {above.pop()} and {name}: one's folder of skeletons lies in the other's; rename one"
            )


def _mediapipe() -> str:
    try:
        return version("mediapipe")
    except PackageNotFoundError:
        return "unknown"


def _size(clip: Clip) -> int:
    return clip.path.stat().st_size if clip.path.is_file() else 0


def _refuse_foreign(out: Path) -> None:
    if out.exists() and not (out / SETTINGS).is_file() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"{out}: holds something else than landmarks of this command; choose an empty or new folder")


def _settle(out: Path, settings: dict[str, Any]) -> None:
    """Take the folder for a run with these settings, or go on with one; what a killed run left unfinished goes."""
    path = out / SETTINGS
    if path.is_file():
        try:
            before = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            before = None
        if not isinstance(before, dict):
            raise ValueError(f"{path}: no settings of landmarks; remove {out} or choose another folder")
        for key in settings:
            if before.get(key) != settings[key]:
                raise ValueError(
                    f"{path}: the landmarks there were made with {key} = {json.dumps(before.get(key))}, now it is "
                    f"{json.dumps(settings[key])}; choose another folder, or remove {out} to make them again"
                )
        for left in [left for left in out.rglob(".*") if UNFINISHED.fullmatch(left.name)]:
            shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)
        return
    write_json(path, settings)


def _report(out: Path, settings: dict[str, Any], outcomes: list[tuple[str, Outcome]], others: dict[str, int]) -> None:
    unreadable = {name: outcome.unreadable for name, outcome in outcomes if outcome.unreadable is not None}
    doubtful = {name: outcome.doubt for name, outcome in outcomes if outcome.doubt}
    empty = [name for name, outcome in outcomes if not outcome.frames and name not in unreadable]
    handless = [name for name, outcome in outcomes if outcome.frames and not outcome.with_hand]
    counts = {
        "clips": len(outcomes),
        "frames": sum(outcome.frames for _, outcome in outcomes),
        "frames with a hand": sum(outcome.with_hand for _, outcome in outcomes),
    }
    crowds = {name: outcome.people for name, outcome in outcomes if outcome.people > 1}
    lists: dict[str, Any] = {
        "clips without a hand": handless,
        "clips of several people": crowds,
        "empty clips": empty,
        "unreadable clips": unreadable,
        "clips to doubt": doubtful,
    }
    write_json(out / REPORT, {**counts, **lists, "skipped files": others, "settings": settings})
    table = Table(box=None, show_header=False, pad_edge=False)
    skips = {"skipped files": sum(others.values())}
    for what, number in {**counts, **{what: len(names) for what, names in lists.items()}, **skips}.items():
        table.add_row(what, f"{number:,}")
    console = Console(soft_wrap=True)
    console.print(table)
    for name, reason in [*unreadable.items(), *doubtful.items()]:
        console.print(f"{name}: {reason}", markup=False, highlight=False)
    for name, people in crowds.items():
        whom = WHOM[settings["person"]]
        console.print(f"{name}: {people} people in view; {whom} is followed", markup=False, highlight=False)
    if others:
        console.print(listed(others), markup=False, highlight=False)
    console.print(str(out / REPORT), markup=False, highlight=False)


def listed(others: dict[str, int]) -> str:
    """One line on files that were skipped, by their suffixes."""
    kinds = ", ".join(f"{number:,} {suffix or 'without a suffix'}" for suffix, number in others.items())
    return f"skipped, no clips by index or suffix: {kinds}"
