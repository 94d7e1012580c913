"""What is wrong with a file in YAML, by its kind: a spec, a pipeline or a sweep."""

from pathlib import Path

from zoo.spec.pipeline_spec import is_pipeline
from zoo.spec.spec import Problem, SpecError, read
from zoo.spec.sweep_spec import is_sweep
from zoo.spec.validation import spec_problems


def problems(path: Path) -> list[Problem]:
    """Everything that is wrong with a file, each problem once."""
    try:
        raw = read(path)
        if is_pipeline(raw):
            from zoo.pipelines.compose import pipeline_problems

            return pipeline_problems(raw, path)
        if is_sweep(raw):
            from zoo.sweep.rows import sweep_problems

            return sweep_problems(raw, path)
        return spec_problems(raw, path)
    except SpecError as error:
        return list(error.problems)
