"""`make starters`: what is out of date is trained anew, in the right order, and nothing else is."""

import shutil
from pathlib import Path

import pytest

from datamodules.files import write_json
from zoo.artefacts.artefact import starter_folder
from zoo.files import read_json
from zoo.publishing import starters
from zoo.spec.registry import locate
from zoo.spec.spec import Spec
from zoo.spec.validation import accepted


@pytest.fixture
def copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which the bundled starters lie, to be changed."""
    for name in starters.bundled():
        shutil.copytree(starter_folder(name), tmp_path / name)
    monkeypatch.setattr(starters, "starter_folder", lambda name: tmp_path / name)
    monkeypatch.setenv("ZOO_RUNS", str(tmp_path / "runs"))
    return tmp_path


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What would have been called in a process of its own."""
    made: list[tuple[str, ...]] = []
    monkeypatch.setattr(starters, "_call", lambda *words: made.append(words))
    return made


def spec_of(name: str) -> Spec:
    return accepted(locate(name), starter=True, types=False)


@pytest.mark.parametrize("name", starters.bundled())
def test_what_is_bundled_is_what_its_spec_and_the_avatar_make(name: str) -> None:
    assert starters.stale(name, spec_of(name)) is None
    assert not starters.judged_by_others(name)


def test_judges_come_before_those_they_judge() -> None:
    assert starters.in_order(["asl-slp", "letter-ddpm", "letter-judge", "back-translation"]) == [
        "back-translation",
        "letter-judge",
        "asl-slp",
        "letter-ddpm",
    ]


def test_what_is_up_to_date_is_left_alone(copies: Path, calls: list[tuple[str, ...]], capsys) -> None:
    assert starters.main(["letter-vae"]) == 0
    assert (calls, capsys.readouterr().out) == ([], "letter-vae: up to date\n")


def test_another_avatar_has_a_starter_trained_measured_and_bundled(
    copies: Path, calls: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.setattr(starters, "VERSION", starters.VERSION + 1)
    assert starters.main(["letter-vae"]) == 0
    run = str(copies / "runs" / "letter-vae" / spec_of("letter-vae").run_id)
    assert calls == [("zoo", "fit", "letter-vae", "--starter"), ("zoo.publishing.bundle", run)]
    assert f"which is at {starters.VERSION}" in capsys.readouterr().out


def test_another_spec_has_a_starter_trained(copies: Path, calls: list[tuple[str, ...]], capsys) -> None:
    path = copies / "letter-vae" / "provenance.json"
    write_json(path, {**read_json(path), "run": "of-another-spec"})
    assert starters.main(["letter-vae"]) == 0
    assert [call[0] for call in calls] == ["zoo", "zoo.publishing.bundle"]
    assert "the bundled weights are of of-another-spec" in capsys.readouterr().out


def test_results_of_another_judge_are_measured_anew_and_nothing_is_trained(
    copies: Path, calls: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = copies / "letter-vae" / "results.json"
    results = read_json(path)
    judged = {key: {**row, "judge": "an earlier one"} for key, row in results.items() if "judge" in row}
    assert judged
    write_json(path, results | judged)
    measured: list[Path] = []
    monkeypatch.setattr(starters, "measure", lambda spec, folder: measured.append(folder))
    assert starters.main(["letter-vae"]) == 0
    assert (calls, measured) == ([], [copies / "letter-vae"])


def test_a_training_that_fails_is_told_with_its_command(copies: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(starters, "VERSION", starters.VERSION + 1)
    monkeypatch.setattr(starters.sys, "executable", "false")
    assert starters.main(["letter-vae"]) == 2
    assert "error: `python -m zoo fit letter-vae --starter` failed with exit code 1" in capsys.readouterr().err


def test_a_name_that_is_no_model_is_told() -> None:
    assert starters.main(["letter-vea"]) == 2
