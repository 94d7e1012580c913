"""Where runs live and how far they are: runs/<name>/<id>/, an artefact in the making. No torch."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datamodules.files import locked, user_path
from zoo.files import read_json
from zoo.spec.spec import Spec


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
                    "spec it was started with, so copy spec.yaml elsewhere to change it"
                )
            return run
        return cls(runs_root() / spec.name / spec.run_id)

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

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
