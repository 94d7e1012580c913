"""Where runs live and how far they are: runs/<name>/<id>/, an artefact in the making. No torch."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, NoReturn

from datamodules.files import locked, user_path
from zoo.files import read_json
from zoo.spec.spec import NOT_TRAINING, Spec, read, resolve

EPOCHS: Final = "trainer.max_epochs"
UNTOLD: Final = (*NOT_TRAINING, "from.address", "data.init_args.root")
"""What may differ where a run is made longer: whether the data is the same is seen by its files."""


def runs_root() -> Path:
    """$ZOO_RUNS, or runs/ in the current folder."""
    return user_path(os.environ.get("ZOO_RUNS") or "runs")


@dataclass(frozen=True)
class Run:
    """An artefact folder, with logs/ and checkpoints/ in it."""

    folder: Path

    @classmethod
    def of(cls, spec: Spec) -> "Run":
        """The run of a resolved spec, whether it was started or not; the same spec always finds the same run.

        Raises ValueError for the spec.yaml of a run that no longer is what the run was started with.
        """
        source = Path(spec.source)
        if source.name == "spec.yaml" and (source.parent / "provenance.json").is_file():
            run = cls(source.parent)
            started = run.provenance().get("run")
            if started != spec.run_id:
                raise ValueError(
                    f"{run.folder}: run {started}, but its spec is now that of run {spec.run_id}; a run keeps the "
                    f"spec it was started with; `fit --continue {run.folder}` trains it for more epochs, and a copy of "
                    "spec.yaml elsewhere may be changed"
                )
            return run
        return cls(runs_root() / spec.name / spec.run_id)

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    @property
    def last(self) -> Path:
        """The checkpoint that training goes on from, once there is one."""
        return self.checkpoints / "last.ckpt"

    @property
    def samples(self) -> Path:
        return self.folder / "samples"

    @property
    def started(self) -> bool:
        return (self.folder / "provenance.json").is_file()

    @property
    def finished(self) -> bool:
        """config.json is written last."""
        return (self.folder / "config.json").is_file()

    def provenance(self) -> dict[str, Any]:
        """What was recorded at its start; empty for a run that was not started."""
        return read_json(self.folder / "provenance.json") if self.started else {}

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the run; the system lets go of it however this process ends. Raises ValueError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with locked(self.folder / ".lock", f"{self.folder}: another process is training this run"):
            yield


def find_finished(folder: Path) -> Path | None:
    """An artefact: `folder` itself, or the run in runs/<name>/ that finished last."""
    if (folder / "config.json").is_file():
        return folder
    finished = [path.parent for path in folder.glob("*/config.json") if (path.parent / "spec.yaml").is_file()]
    return max(finished, key=lambda path: (path / "config.json").stat().st_mtime, default=None)


def longer(run: Run, spec: Spec) -> Spec:
    """A spec that is a finished run's but for more epochs, as one of its own that is no longer that run's.

    Raises ValueError for one that differs in anything else, for no more epochs, and for a run without its checkpoint.
    """
    if not run.last.is_file():
        refuse_longer(run, "no checkpoints/last.ckpt, without which its optimiser cannot go on")
    path = run.folder / "spec.yaml"
    theirs, own = dict(_leaves(resolve(read(path), str(path)).config)), dict(_leaves(spec.config))
    for key in dict.fromkeys([*theirs, *own]):
        told = key not in (EPOCHS, *UNTOLD) and key.partition(".")[0] not in UNTOLD
        if told and theirs.get(key) != own.get(key):
            was = f"was {theirs[key]!r} in that run" if key in theirs else "was not set in that run"
            found = f"is {own[key]!r} here" if key in own else "is not set here"
            refuse_longer(run, f"{key} {found} and {was}; only {EPOCHS} may differ")
    before, now = theirs.get(EPOCHS), own.get(EPOCHS)
    if before == now or (isinstance(before, int) and isinstance(now, int) and -1 < now < before):
        raise ValueError(
            f"--continue {run.folder}: {EPOCHS}: found {now}, expected more than {before}: add --{EPOCHS} N"
        )
    return replace(spec, source=str(run.folder), starter=bool(run.provenance().get("starter")))


def refuse_longer(run: Run, why: str) -> NoReturn:
    """Raise ValueError that says why a finished run cannot go on, and what can be done instead."""
    raise ValueError(f"--continue {run.folder}: {why}; `--from {run.folder}` starts another training from its weights")


def _leaves(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Every value in nested mappings with its dotted key; lists are values."""
    if not (isinstance(value, Mapping) and value):
        yield key, value
        return
    for name, item in value.items():
        yield from _leaves(item, f"{key}.{name}" if key else str(name))
