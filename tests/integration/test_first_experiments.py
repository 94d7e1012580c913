"""First experiments: found by name from everywhere as models are, and published nowhere."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml
from every_spec import TINY

import zoo
import zoo.card.render  # before another place is put where the shipped specs are
from datamodules.avatar.renderer.letters import letter_frame
from datamodules.media.skeleton_drawing import write_png
from zoo.artefacts.resolve import finished
from zoo.artefacts.runs import Run
from zoo.cli import main
from zoo.publishing.push import _repository
from zoo.spec.registry import list_experiments, list_trained, locate, shipped_folder

NAME = "first-experiments/tiny-judge"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, twin_root: Callable[[str], Path]) -> Iterator[Path]:
    """specs/ and cards/ with a tiny letter judge as the only experiment beside asl-slp, and runs/."""
    folder = tmp_path_factory.mktemp("experiments")
    (folder / "specs" / "first-experiments").mkdir(parents=True)
    (folder / "specs" / "asl-slp.yaml").symlink_to(shipped_folder() / "asl-slp.yaml")
    (folder / "cards").mkdir()
    (folder / "cards" / "tiny-judge.md").write_text("## Uses\n\nIt tries the code out.\n")
    spec = yaml.safe_load((shipped_folder() / "letter-judge.yaml").read_text()) | {"name": "tiny-judge"}
    for override in (*TINY["letter-judge"], f"--data.root={twin_root('letter-judge')}"):
        key, _, value = override.removeprefix("--").partition("=")
        section, name, *below = key.split(".")
        block = spec["starter"][section]["init_args"]
        if below:
            block[name][below[0]] = yaml.safe_load(value)
        else:
            block[name] = yaml.safe_load(value)
    spec["starter"]["trainer"]["max_epochs"] = 1
    (folder / "specs" / f"{NAME}.yaml").write_text(yaml.safe_dump(spec))
    with pytest.MonkeyPatch.context() as patch:
        for module in ("spec.registry", "artefacts.resolve", "card"):
            patch.setattr(f"zoo.{module}.shipped_folder", lambda: folder / "specs")
        patch.setenv("ZOO_RUNS", str(folder / "runs"))
        yield folder


@pytest.fixture(scope="module")
def run(folder: Path) -> Path:
    assert main(["fit", NAME, "--starter"]) == 0
    (run,) = (folder / "runs" / "tiny-judge").iterdir()
    return run


def test_it_is_trained_and_no_model(folder: Path) -> None:
    assert list_experiments() == [NAME]
    assert list_trained() == ["asl-slp", NAME]
    assert zoo.list_models() == ["asl-slp"]
    assert locate(NAME) == folder / "specs" / f"{NAME}.yaml"


@pytest.mark.usefixtures("folder")
class TestBeforeItIsTrained:
    def test_it_is_checked_and_shown(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["check", NAME]) == 0
        assert "tiny-judge.yaml: good, and with its starter" in capsys.readouterr().out
        assert main(["show", NAME, "--starter", "--model.width=8"]) == 0
        assert yaml.safe_load(capsys.readouterr().out)["model"]["init_args"]["width"] == 8

    @pytest.mark.parametrize("pattern", ["*", "judge", "first-*", NAME])
    def test_it_is_listed_in_a_section_of_its_own(self, pattern: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["list", pattern]) == 0
        shown = capsys.readouterr().out.splitlines()
        (at,) = (number for number, line in enumerate(shown) if line.startswith("experiment "))
        assert shown[at + 1].split() == [NAME, "image-to-letter"]
        assert "licence: gpl-2.0" in "\n".join(shown[at + 2 :])

    def test_the_command_that_trains_it_is_named(self, capsys: pytest.CaptureFixture[str]) -> None:
        for command in (["test", NAME, "--seed", "7"], ["run", NAME, "a.png", "-o", "a.json", "--seed", "7"]):
            assert main(command) == 2
            assert f"no run yet: `python -m zoo fit {NAME} --seed=7` trains it" in capsys.readouterr().err
        with pytest.raises(ValueError, match=rf"{NAME}: no starter weights are bundled; .*fit {NAME} --starter"):
            zoo.load(NAME)

    def test_a_name_that_is_nearly_right_is_recognised_and_not_looked_for_on_the_hub(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for wrong in ("tiny-judge", "tiny-jugde", "first-experiments/tiny-jugde", "first-experiment/tiny-judge"):
            assert main(["fit", wrong]) == 2
            assert f"did you mean {NAME!r}?" in capsys.readouterr().err
        for wrong in ("tiny-judge", "first-experiments/tiny-jugde"):
            with pytest.raises(ValueError, match=f"did you mean {NAME!r}"):
                zoo.load(wrong)
        assert main(["fit", f"specs/{NAME}.yaml"]) == 2
        assert f"the name {NAME!r} works from everywhere" in capsys.readouterr().err


class TestTrained:
    def test_its_run_is_found_by_its_name(
        self, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert Run(run).finished
        monkeypatch.chdir(tmp_path)
        assert main(["fit", NAME, "--starter"]) == 0
        assert f"already finished: {run}" in capsys.readouterr().out
        write_png(tmp_path / "a.png", letter_frame("A", np.random.default_rng(0)))
        assert main(["run", NAME, "a.png", "-o", "a.json", "--starter"]) == 0
        assert (tmp_path / "a.json").is_file()

    def test_it_is_tested_described_and_found_by_push(self, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["test", NAME, "--starter"]) == 0
        assert (run / "results.json").is_file()
        assert main(["card", NAME]) == 0
        assert capsys.readouterr().out.splitlines()[-1] == str(run / "README.md")
        assert "It tries the code out." in (run / "README.md").read_text()
        assert finished(NAME) == run

    def test_a_repository_that_its_spec_names_since_is_pushed_to(self, run: Path, folder: Path) -> None:
        path = folder / "specs" / f"{NAME}.yaml"
        before = path.read_text()
        path.write_text(before.replace("repo_id: null", "repo_id: me/tiny-judge"))
        try:
            real = {"data": {"twin": None}}
            assert _repository({"name": "tiny-judge", "hub": {}}, real, None, dry_run=False) == "me/tiny-judge"
        finally:
            path.write_text(before)
