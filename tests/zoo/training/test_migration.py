"""What an earlier zoo left: refused with the step that helps, brought up to date by it, with the same weights."""

import json
import shutil
from collections.abc import Callable
from operator import itemgetter
from pathlib import Path
from typing import Any

import pytest
import yaml

import zoo
from zoo.artefacts.artefact import starter_folder
from zoo.cli import main
from zoo.files import read_json
from zoo.spec.architectures import ARCHITECTURES
from zoo.spec.classes import located
from zoo.spec.registry import locate
from zoo.spec.spec import Spec, read
from zoo.training.migration import KINDS, migrate

EARLIER = {kind: task for task, kind in KINDS.items()}
OLD = [name for name in zoo.list_models() if itemgetter("task", "architecture")(read(locate(name))) in EARLIER]
"""Models of kinds that schema 2 had."""


@pytest.fixture
def aged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """A shipped starter as the zoo before this one would have left it as a run: dotted classes, one name for task and
    architecture, schema 2, and the id that such a spec had."""
    monkeypatch.setenv("ZOO_RUNS", str(tmp_path / "runs"))

    def run(name: str) -> Path:
        spec = yaml.safe_load((starter_folder(name) / "spec.yaml").read_text())
        spec = {**spec, **{section: located(spec[section], section) for section in ("model", "data", "trainer")}}
        spec["task"] = EARLIER[spec["task"], spec.pop("architecture")]
        spec["data"]["class_path"] = f"datamodules.where_it_was.{spec['data']['class_path'].rpartition('.')[2]}"
        folder = tmp_path / "runs" / name / Spec("", spec).run_id
        shutil.copytree(starter_folder(name), folder)
        (folder / "spec.yaml").write_text(yaml.safe_dump(spec, sort_keys=False))
        record = read_json(folder / "provenance.json")
        _write(folder / "provenance.json", {**record, "run": folder.name})
        config = read_json(folder / "config.json")
        del config["architecture"]
        _write(folder / "config.json", {**config, "schema": 2, "task": spec["task"]})
        return folder

    return run


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content))


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", OLD)
def test_a_run_opens_after_one_step_and_is_the_starter_again(
    name: str, aged: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    if not (starter_folder(name) / "config.json").is_file():
        pytest.skip(f"no starter of {name} is bundled")
    folder = aged(name)
    with pytest.raises(ValueError, match=rf"schema 2 is older .*`python -m zoo migrate {folder}`"):
        zoo.load(folder)
    assert main(["migrate"]) == 0
    started = read_json(starter_folder(name) / "provenance.json")["run"]
    now = folder.with_name(started)
    assert capsys.readouterr().out == f"{folder}: brought up to date, now {now}\n"
    assert not folder.exists()
    shipped = {name: content for name, content in _contents(starter_folder(name)).items() if name != "provenance.json"}
    assert {name: content for name, content in _contents(now).items() if name in shipped} == shipped
    assert read_json(now / "provenance.json") == read_json(starter_folder(name) / "provenance.json")
    assert zoo.load(now).architecture in ARCHITECTURES
    assert main(["migrate", str(now)]) == 0
    assert capsys.readouterr().out == f"{now}: up to date\n"


def test_an_unfinished_run_goes_on_under_its_new_id(
    aged: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = aged("asl-slp")
    (folder / "config.json").unlink()
    assert main(["fit", str(folder)]) == 2
    assert f"`python -m zoo migrate {folder}` brings the run up to date" in capsys.readouterr().err
    now = migrate(folder)
    assert now is not None
    assert main(["validate", str(now)]) == 2
    assert f"{now}: this run is not finished" in capsys.readouterr().err


def test_killed_between_its_files_it_goes_on(aged: Callable[[str], Path]) -> None:
    folder = aged("asl-slp")
    before = read_json(folder / "provenance.json")
    now = starter_folder("asl-slp")
    for name in ("provenance.json", "spec.yaml"):  # in the order in which they are written
        shutil.copyfile(now / name, folder / name)
        zoo.load(migrate(Path(shutil.copytree(folder, folder.with_name(f"killed-after-{name}")))))
    assert read_json(folder / "provenance.json")["run"] != before["run"]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: (folder / "spec.yaml").write_text("name: other\n"), "spec"),
        (lambda folder: shutil.rmtree(folder) or folder.mkdir(), "neither config.json nor provenance.json"),
        (lambda folder: _write(folder / "config.json", {"schema": 2, "task": "os.system"}), "found task 'os.system'"),
    ],
)
def test_what_it_cannot_bring_up_to_date_stays_as_it_was(
    spoil: Callable[[Path], Any], said: str, aged: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = aged("asl-slp")
    spoil(folder)
    before = _contents(folder)
    assert main(["migrate", str(folder)]) == 2
    assert said in capsys.readouterr().err
    assert {name: content for name, content in _contents(folder).items() if name != ".lock"} == before


def test_another_run_of_that_id_is_left_alone(aged: Callable[[str], Path]) -> None:
    folder = aged("asl-slp")
    other = folder.with_name(read_json(starter_folder("asl-slp") / "provenance.json")["run"])
    other.mkdir()
    before = _contents(folder)
    with pytest.raises(ValueError, match="stands already; remove one"):
        migrate(folder)
    assert {name: content for name, content in _contents(folder).items() if name != ".lock"} == before
