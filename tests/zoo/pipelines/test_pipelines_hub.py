"""Components from the Hub: seen to fit by config.json alone, brought once, and opened without a network afterwards."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hub_server import Hub

import zoo
from zoo.artefacts.artefact import starter_folder
from zoo.cli import main
from zoo.spec.pipeline_spec import read_pipeline
from zoo.spec.registry import locate


def published(hub: Hub, name: str, **config: object) -> str:
    """The address of a model's starter on the Hub, with other entries in its config.json."""
    folder = starter_folder(name)
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    content = {**json.loads(files["config.json"]), **config}
    commit = hub.plant(f"me/{name}", {**files, "config.json": json.dumps(content).encode()})
    return f"me/{name}@{commit}"


@pytest.mark.parametrize("name", zoo.list_pipelines())
def test_every_pipeline_opens_from_the_cache_without_a_network(
    name: str, hub: Hub, offline: Callable[[], None]
) -> None:
    stages = {role: part for role, part in read_pipeline(locate(name)).stages.items() if part is not None}
    stages = {role: published(hub, part) if part in zoo.list_models() else part for role, part in stages.items()}
    zoo.load(name, **stages)
    offline()
    again = zoo.load(name, **stages)
    assert {role for role, component in again.components.items() if component is not None} == set(stages)


def test_a_misfit_on_the_hub_is_refused_before_its_weights_are_asked_for(hub: Hub) -> None:
    gives = {"kind": "pose", "language": "gsg", "skeleton": "slp-50", "normalisation": "slp", "fps": 25.0}
    german = published(hub, "asl-slp", gives=gives)
    reader = published(hub, "gloss-classifier")
    with pytest.raises(ValueError, match="language is gsg, expected ase"):
        zoo.load("round-trip", translator=german, renderer="drawing", reader=reader)
    assert hub.count("*config.json", "GET")
    assert not hub.count("*.safetensors")
    assert not hub.count("*tokens.json")


def test_a_component_that_is_not_there_is_named_with_its_stage(hub: Hub, tmp_path: Path, capsys) -> None:
    output = tmp_path / "a.mp4"
    arguments = ["run", "text-to-video", "hello", "-o", str(output), "--stages.renderer", "me/none@main"]
    assert main(arguments) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error")]
    assert line.startswith("error: text-to-video: renderer: me/none")
    assert not output.exists()
