"""What a command means by SPEC: an experiment, its run, or what somebody else's training left."""

from argparse import Namespace
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

from zoo.artefacts.base_model import BaseModel, starting_from
from zoo.artefacts.resolve import find
from zoo.artefacts.runs import Run
from zoo.loaders.config import unfinished_message
from zoo.spec.hub_reference import looks_like
from zoo.spec.problems import SpecError
from zoo.spec.registry import list_trained, locate
from zoo.spec.spec import Spec
from zoo.spec.validation import accepted


@dataclass(frozen=True)
class Target:
    """A SPEC as it was typed, with --starter, overrides and the model to start from."""

    spec: str
    starter: bool
    overrides: Sequence[str]
    base: str | None = None

    @classmethod
    def of(cls, options: Namespace) -> Self:
        """What `add_experiment` asked for."""
        return cls(options.spec, options.starter, options.overrides, options.base)

    def experiment(self, types: bool) -> Spec:
        """The resolved spec; see `run`."""
        spec = accepted(locate(self.spec), self.starter, self.overrides, types)
        return spec if self.base is None else starting_from(spec, self._base)

    @cached_property
    def _base(self) -> BaseModel:
        return BaseModel.find(str(self.base))

    def run(self, types: bool) -> tuple[Spec, Run]:
        """The resolved spec and its run, started or not; `types` checks it by importing what it names, and torch.

        Raises SpecError with every problem, and ValueError for what is no spec.
        """
        spec = self.experiment(types)
        run = Run.of(spec)
        if run.started and run.provenance().get("starter"):
            spec = Spec(spec.source, spec.config, starter=True)
        return spec, run

    def finished(self, types: bool = True) -> tuple[Spec, Run]:
        """As `run`. Raises ValueError, before anything heavy is imported, for a run that is not finished."""
        with suppress(SpecError):
            spec, run = self.run(types=False)
            if not run.started and Path(spec.source).with_name("config.json").is_file():
                raise ValueError(
                    f"{self.spec}: no provenance.json, so nothing says what it was trained on; a run has it"
                )
            if not run.finished:
                raise ValueError(unfinished_message(run.folder) if run.started else f"no run yet: {self._fit()}")
        return self.run(types)

    def published(self) -> Path | None:
        """The folder of somebody else's training, if that is meant: a repository of the Hub, or the weights behind a
        model's name that was never trained here."""
        if self.spec not in list_trained():
            there = Path(self.spec).exists() or Path(self.spec).suffix in (".yaml", ".yml")
            if there or not ("@" in self.spec or looks_like(self.spec)):
                return None
            if self.base is not None:
                raise ValueError(f"--from {self.base}: {self.spec} is trained already; leave it out")
            return find(self.spec).folder()
        with suppress(SpecError):
            if not self.overrides and self.base is None and not self.run(types=False)[1].started:
                with suppress(ValueError):  # nothing is bundled, or nothing pinned
                    return find(self.spec, "starter" if self.starter else "hub").folder()
        return None

    def _fit(self) -> str:
        command = ["python -m zoo fit", self.spec, *(["--starter"] if self.starter else [])]
        command += [] if self.base is None else ["--from", self.base]
        return f"`{' '.join([*command, *(f'--{override}' for override in self.overrides)])}` trains it"
