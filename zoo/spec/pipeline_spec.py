"""A pipeline's spec: a name, a task of the table, and a component for each role. No torch."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import yaml

from datamodules.files import user_path
from zoo.io_types import Kind
from zoo.spec.problems import Problem, SpecError, key_problems, nearest
from zoo.spec.registry import list_pipelines, locate
from zoo.spec.spec import read

SECTIONS = ("name", "summary", "task", "stages")


@dataclass(frozen=True)
class PipelineTask:
    """A kind of pipeline.

    path: the class that runs it.
    roles: of its stages, in order.
    accepts: the kind that its first stage must take.
    gives: the kinds that its last stage may give.
    parallel: every stage takes and gives this, and their answers are put together; else each takes what the one before
        gives.
    """

    path: str
    roles: tuple[str, ...]
    accepts: Kind
    gives: tuple[Kind, ...]
    parallel: bool = False


PIPELINE_TASKS: Final = {
    "text-to-video": PipelineTask(
        "zoo.pipelines.text_to_video.TextToVideo", ("translator", "renderer"), "text", ("video",)
    ),
    "fingerspelling": PipelineTask(
        "zoo.pipelines.fingerspelling.Fingerspelling", ("speller",), "letters", ("video", "image")
    ),
    "gloss-to-video": PipelineTask(
        "zoo.pipelines.gloss_to_video.GlossToVideo", ("performer", "renderer"), "glosses", ("video",)
    ),
    "live-gloss": PipelineTask("zoo.pipelines.live_gloss.LiveGloss", ("reader",), "video", ("glosses",)),
    "fused-gloss": PipelineTask(
        "zoo.pipelines.fused_gloss.FusedGloss", ("first", "second"), "video", ("glosses",), parallel=True
    ),
    "round-trip": PipelineTask(
        "zoo.pipelines.round_trip.RoundTrip", ("translator", "renderer", "reader"), "text", ("text", "glosses")
    ),
}
"""Nothing outside it is ever imported; a spec names its task."""


@dataclass(frozen=True)
class PipelineSpec:
    """A spec that was checked. `stages` has an entry for each role, in order: the component's name, or None."""

    name: str
    summary: str
    task: str
    stages: dict[str, Any]

    @property
    def kind(self) -> PipelineTask:
        return PIPELINE_TASKS[self.task]

    def yaml(self) -> str:
        """The spec as YAML, in the order of SECTIONS."""
        content = {key: getattr(self, key) for key in SECTIONS}
        return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110)

    def replacing(self, stages: dict[str, Any]) -> "PipelineSpec":
        """The spec with other components in some roles. Raises ValueError for a role that the pipeline lacks."""
        for role in stages:
            if role not in self.stages:
                raise ValueError(f"{self.name} has no stage {role!r}{nearest(role, self.stages)}")
        return replace(self, stages={**self.stages, **stages})


def is_pipeline(raw: dict[str, Any]) -> bool:
    """Whether what `zoo.spec.spec.read` found is meant as a pipeline's."""
    return "stages" in raw and "model" not in raw


def pipeline_file(target: str | Path) -> Path | None:
    """The YAML of the pipeline that a name or a path stands for; None for all else."""
    if isinstance(target, str) and target in list_pipelines():
        return locate(target)
    path = user_path(target)
    return path if path.suffix in (".yaml", ".yml") and path.is_file() and is_pipeline(read(path)) else None


def read_pipeline(path: Path, overrides: Sequence[str] = ()) -> PipelineSpec:
    """The spec in a file, with `overrides` such as "stages.renderer=pix2pix". Raises SpecError with every problem."""
    raw = read(path)
    if found := list(structure(raw, path)):
        raise SpecError(found)
    task = PIPELINE_TASKS[raw["task"]]
    spec = PipelineSpec(
        raw["name"], raw["summary"], raw["task"], {role: raw["stages"].get(role) for role in task.roles}
    )
    try:
        return spec.replacing(dict(map(_override, overrides)))
    except ValueError as error:
        raise SpecError([Problem("command line", "", str(error))]) from None


def structure(raw: dict[str, Any], path: Path) -> Iterator[Problem]:
    """Keys, names and roles; what fits to what is `zoo.pipelines.compose`'s."""
    source = str(path)
    yield from key_problems(raw, source, SECTIONS, SECTIONS)
    for key in ("name", "summary", "task"):
        if key in raw and not _is_line(raw[key]):
            yield Problem(source, key, f"found {raw[key]!r}, expected a line of text")
    name, task, stages = raw.get("name"), raw.get("task"), raw.get("stages")
    if _is_line(name) and name != path.stem:
        yield Problem(source, "name", f"found {name!r}, expected {path.stem!r}, the name of the file")
    if _is_line(task) and task not in PIPELINE_TASKS:
        yield Problem(source, "task", f"found {task!r}, which no pipeline has{nearest(str(task), PIPELINE_TASKS)}")
    if "stages" not in raw:
        return
    if not isinstance(stages, dict):
        yield Problem(source, "stages", f"found {stages!r}, expected a component for each role")
        return
    roles = PIPELINE_TASKS[task].roles if isinstance(task, str) and task in PIPELINE_TASKS else tuple(stages)
    for role in (role for role in roles if role not in stages):
        yield Problem(source, f"stages.{role}", "missing; a component, or null to leave the stage out")
    for role, component in stages.items():
        if role not in roles:
            yield Problem(source, f"stages.{role}", f"no role of {task}{nearest(str(role), roles)}")
        elif component is not None and (not _is_line(component) or re.search(r"\$\{", component)):
            yield Problem(source, f"stages.{role}", f"found {component!r}, expected a component's name or null")


def _is_line(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip()) and "\n" not in value


def _override(override: str) -> tuple[str, str | None]:
    key, _, text = override.partition("=")
    section, _, role = key.partition(".")
    if section != "stages" or not role:
        raise ValueError(f"--{key}: a pipeline takes --stages.ROLE COMPONENT")
    return role, None if text in ("null", "None", "~", "") else text
