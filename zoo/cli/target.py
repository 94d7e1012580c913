"""What a command means by SPEC: an experiment, its run, or what somebody else's training left."""

from argparse import Namespace
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

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
    """A SPEC as it was typed, with --starter and overrides."""

    spec: str
    starter: bool
    overrides: Sequence[str]

    @classmethod
    def of(cls, options: Namespace) -> Self:
        """What `add_experiment` asked for."""
        return cls(options.spec, options.starter, options.overrides)

    def run(self, types: bool) -> tuple[Spec, Run]:
        """The resolved spec and its run, started or not; `types` checks it by importing what it names, and torch.

        Raises SpecError with every problem, and ValueError for what is no spec.
        """
        spec = accepted(locate(self.spec), self.starter, self.overrides, types)
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
            return None if there or not ("@" in self.spec or looks_like(self.spec)) else find(self.spec).folder()
        with suppress(SpecError):
            if not self.overrides and not self.run(types=False)[1].started:
                with suppress(ValueError):  # nothing is bundled, or nothing pinned
                    return find(self.spec, "starter" if self.starter else "hub").folder()
        return None

    def _fit(self) -> str:
        command = ["python -m zoo fit", self.spec, *(["--starter"] if self.starter else [])]
        return f"`{' '.join([*command, *(f'--{override}' for override in self.overrides)])}` trains it"
