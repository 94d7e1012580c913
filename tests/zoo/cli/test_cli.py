"""The verbs, for real: a run, what stops it, how it goes on, and what is refused before it starts."""

import csv
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest
import yaml
from every_spec import CALLS, STANDS_ON, TINY, ended_from, starter

import zoo
from datamodules.asl_alphabet import Letters
from zoo.artefacts.runs import Run, runs_root
from zoo.cli import main
from zoo.cli.parsing.command_line import split_overrides
from zoo.publishing.bundle import RECORDS, bundle
from zoo.publishing.bundle import main as bundle_main
from zoo.spec.registry import shipped_folder

HERE = str(Path(__file__).parents[2])
NEVER_FINISHES = ("--trainer.max_epochs", "3000")


@pytest.fixture(scope="module")
def twins(twin_root: Callable[[str], Path]) -> Path:
    """Where the twin of asl-slp is, which all tests here train on."""
    return twin_root("asl-slp").parent


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Runs of a test go to a place of its own."""
    monkeypatch.setenv("ZOO_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, twins: Path) -> Path:
    """A finished starter run; tests read it and change nothing in it."""
    runs = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_RUNS", str(runs))
        assert main(["fit", "asl-slp", *tiny(twins)]) == 0
    return only_run(runs)


@pytest.fixture(scope="module")
def tested(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the finished run with its results."""
    run = Path(shutil.copytree(finished, tmp_path_factory.mktemp("tested") / "run"))
    assert main(["test", str(run)]) == 0
    return run


def tiny(twins: Path, *more: str) -> list[str]:
    return [*starter("asl-slp", twins / "asl-slp"), *more]


def only_run(runs: Path) -> Path:
    (folder,) = runs.glob("*/*")
    return folder


def weights(run: Path) -> dict[str, bytes]:
    found = {path.name: path.read_bytes() for path in run.rglob("*.safetensors")}
    assert found
    return found


@pytest.mark.parametrize("name", zoo.list_models())
def test_a_recipe_without_its_data_says_where_to_get_on(
    name: str, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit", name, f"--data.root={tmp_path / 'nowhere'}"]) == 2
    message = capsys.readouterr().err
    assert f"{tmp_path / 'nowhere'}: " in message
    assert "set data.init_args.root to where" in message
    assert "--starter" in message
    assert not root.exists()


class TestFit:
    def test_a_run_is_an_artefact(self, finished: Path) -> None:
        names = {path.name for path in finished.iterdir()}
        assert {"README.md", "spec.yaml", "provenance.json", "config.json", "model.safetensors", "samples"} <= names
        assert json.loads((finished / "config.json").read_text())["task"] == "text-to-pose"
        assert list((finished / "samples").iterdir())
        spec = yaml.safe_load((finished / "spec.yaml").read_text())
        assert spec["model"]["init_args"]["width"] == 16
        assert "starter" not in spec
        assert Run(finished).finished

    def test_provenance_says_what_it_was_made_from(self, finished: Path) -> None:
        record = json.loads((finished / "provenance.json").read_text())
        assert record["seed"] == 0
        assert record["starter"] is True
        assert len(record["data"]["fingerprint"]) == 64
        assert record["data"]["twin"]["size"] == 30
        assert {"commit", "dirty"} == set(record["code"])
        assert {"python", "torch", "lightning"} <= set(record["versions"])
        assert record["started"] <= record["finished"]

    def test_the_card_is_honest_about_the_twin(self, finished: Path) -> None:
        card = (finished / "README.md").read_text()
        assert "signing avatar's twin of How2Sign" in card
        assert "no Deaf signer" in card

    def test_a_twin_is_called_one_whoever_wrote_it(self, twins: Path, root: Path, finished: Path) -> None:
        as_if_real = ("--data.twin", "null", "--trainer.limit_train_batches=1")
        assert main(["fit", "asl-slp", *tiny(twins, *as_if_real)]) == 0
        assert "signing avatar's twin of How2Sign" in (only_run(root) / "README.md").read_text()

    def test_numbers_go_to_csv_and_a_starter_not_to_wandb(self, finished: Path) -> None:
        with (finished / "logs" / "metrics.csv").open() as file:
            rows = list(csv.DictReader(file))
        assert {row["epoch"] for row in rows} == {"0", "1"}
        assert "val/loss" in rows[0]
        assert not (finished / "wandb").exists()

    def test_the_same_spec_finds_its_run(
        self, finished: Path, twins: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("ZOO_RUNS", str(finished.parents[1]))
        before = (finished / "config.json").stat().st_mtime_ns
        assert main(["fit", "asl-slp", *tiny(twins)]) == 0
        assert f"already finished: {finished}" in capsys.readouterr().out
        assert (finished / "config.json").stat().st_mtime_ns == before
        assert main(["fit", str(finished)]) == 0
        assert only_run(finished.parents[1]) == finished

    def test_the_same_spec_and_seed_give_the_same_bytes(self, finished: Path, twins: Path, root: Path) -> None:
        assert main(["fit", "asl-slp", *tiny(twins)]) == 0
        assert weights(only_run(root)) == weights(finished)
        assert main(["fit", "asl-slp", *tiny(twins, "--seed", "1")]) == 0
        other = next(run for run in root.glob("*/*") if run.name != finished.name)
        assert weights(other) != weights(finished)

    def test_the_best_weights_are_kept_where_the_spec_says_what_is_best(self, twins: Path, root: Path) -> None:
        keep = "[{class_path: lightning.pytorch.callbacks.ModelCheckpoint, init_args: {monitor: val/loss, mode: max}}]"
        assert main(["fit", "asl-slp", *tiny(twins, "--trainer.callbacks", keep)]) == 0
        run = only_run(root)
        assert {path.name for path in (run / "checkpoints").iterdir()} == {"best.ckpt", "last.ckpt"}

        import torch
        from safetensors.torch import load_file

        best = torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)
        assert best["epoch"] == 1  # after the first: the loss falls, so its maximum is at the start
        saved = load_file(run / "model.safetensors")
        assert all(torch.equal(saved[key], best["state_dict"][f"network.{key}"]) for key in saved)


@pytest.mark.parametrize("name", zoo.list_models())
def test_every_spec_goes_through_starter_fit_resume_load_and_verb(
    name: str, tiny_runs: Callable[[str], Path], root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trained once more, ended within the last epoch, gone on with; ended again before it wrote what it had learnt."""
    from zoo.training.resuming import LastCheckpoint

    fitted = tiny_runs(name)
    run = Path(shutil.copytree(fitted, root / name / fitted.name, ignore=shutil.ignore_patterns("checkpoints", "logs")))
    trained = weights(run)
    unfinish(run)
    with monkeypatch.context() as patch:
        patch.setattr(LastCheckpoint, "MINUTES", 0.0)
        patch.setattr(LastCheckpoint, "_save", ended_from((1, 1)))
        assert main(["fit", str(run)]) == 130
    with pytest.raises(ValueError, match=f"not finished; `python -m zoo fit {run}`"):
        zoo.load(str(run))
    for _ in range(2):
        unfinish(run)
        assert main(["fit", str(run)]) == 0
        assert weights(run) == trained
    model = zoo.load(str(run))
    assert callable(getattr(model, model.verb))
    write_input, suffix = CALLS.get(model.architecture) or CALLS[model.task]
    output = tmp_path / f"output{suffix}"
    assert model.run(write_input(tmp_path), [output]) == [output]
    assert output.is_file()
    assert list((run / "samples").iterdir())


def unfinish(run: Path) -> None:
    """As if its process had been killed before it wrote what it had learnt."""
    for path in [*run.glob("config.json"), *run.glob("*.safetensors")]:
        path.unlink()
    shutil.rmtree(run / "samples", ignore_errors=True)


@pytest.mark.parametrize("name", zoo.list_models())
def test_every_recipe_trains_in_mixed_precision(name: str, tiny_runs: Callable[[str], Path], root: Path) -> None:
    """The real recipe, with its own clipping and callbacks, where its starter is in full precision."""
    spec = yaml.safe_load((tiny_runs(name) / "spec.yaml").read_text())
    data, stands = spec["data"]["init_args"], STANDS_ON.get(name, {})
    named = [argument.split(".") for argument in stands]
    on = [f"--{section}.{name}={spec[section]['init_args'][name]}" for section, name in named]
    twin = [f"--data.root={data['root']}", *(f"--data.twin.{key}={value}" for key, value in data["twin"].items())]
    here = ("--trainer.accelerator=cpu", "--trainer.logger=false", "--data.num_workers=0")
    few = ("--trainer.limit_train_batches=2", "--trainer.limit_val_batches=1", "--trainer.max_epochs=1")
    few_glosses = ["--data.glosses=3", "--data.split=official"]
    fitting = {
        "gloss-classifier": ["--data.glosses=2", "--data.split=official"],
        "gloss-landmarks": ["--data.glosses=2", "--data.split=official"],
        "gloss-probe": ["--data.glosses=2", "--data.split=official"],
        "skeleton-judge": few_glosses,
        "skeleton-lora": few_glosses,
        "vjepa-starter": ["--data.glosses=2", "--data.split=official"],
    }
    overrides = (*TINY[name], *fitting.get(name, []), *on, *twin, "--trainer.precision=bf16-mixed")
    assert main(["fit", name, *overrides, *here, *few]) == 0
    zoo.load(str(only_run(root)))


class TestInterruption:
    """Whatever ends the process, the same command goes on, and ends where an uninterrupted training ends."""

    @pytest.fixture
    def start(self, twins: Path, root: Path) -> Iterator[Any]:
        started: list[subprocess.Popen[str]] = []

        def start(*more: str) -> subprocess.Popen[str]:
            command = [sys.executable, "-m", "zoo", "fit", "asl-slp", *tiny(twins, *more)]
            started.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
            return started[-1]

        yield start
        for process in started:
            process.kill()
            process.wait()

    @staticmethod
    def wait_for_checkpoint(process: subprocess.Popen[str], root: Path, newer_than: int = 0) -> Path:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            for path in root.glob("*/*/checkpoints/last.ckpt"):
                if path.stat().st_mtime_ns > newer_than:
                    return path
            time.sleep(0.02)
        raise AssertionError(process.communicate())

    def test_killed_resumed_and_interrupted(self, start: Any, root: Path, twins: Path) -> None:
        process = start(*NEVER_FINISHES)
        checkpoint = self.wait_for_checkpoint(process, root)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        run = checkpoint.parents[1]
        assert {"spec.yaml", "provenance.json"} <= {path.name for path in run.iterdir()}
        assert not (run / "config.json").exists()

        process = start(*NEVER_FINISHES)
        self.wait_for_checkpoint(process, root, newer_than=checkpoint.stat().st_mtime_ns)
        assert main(["fit", "asl-slp", *tiny(twins, *NEVER_FINISHES)]) == 2  # another process trains it
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 130
        assert "resuming after" in out
        assert err.strip() == f"interrupted; `python -m zoo fit {run}` goes on with it"
        assert len(json.loads((run / "provenance.json").read_text())["resumed"]) == 1

    def test_a_resumed_training_equals_an_uninterrupted_one(self, root: Path, twins: Path) -> None:
        """Stopped after two of four epochs by dropping what came later; with noise, dropout and a plateau schedule."""
        switches = ("--model.gaussian_noise=5", "--model.dropout=0.1", "--model.schedule=plateau")
        command = ["fit", "asl-slp", *tiny(twins, *switches, "--trainer.max_epochs=4")]
        assert main(command) == 0
        run = only_run(root)
        whole, log = weights(run), (run / "logs" / "metrics.csv").read_text()

        assert main([*command[:-1], "--trainer.max_epochs=2"]) == 0
        half = next(folder for folder in root.glob("*/*") if folder != run)
        (run / "config.json").unlink()
        at_two = half / "checkpoints" / "last.ckpt"
        import torch

        state = torch.load(at_two, weights_only=True)
        assert state["epoch"] == 2
        (run / "checkpoints" / "last.ckpt").write_bytes(at_two.read_bytes())
        assert main(command) == 0
        assert weights(run) == whole
        assert (run / "logs" / "metrics.csv").read_text() == log

    @pytest.mark.parametrize("damage", ["truncated", "empty", "pickle"])
    def test_a_damaged_checkpoint_is_left_aside(
        self, damage: str, finished: Path, root: Path, twins: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        class Bomb:
            def __reduce__(self) -> Any:
                return os.mkdir, (str(tmp_path / "sprung"),)

        whole = (finished / "checkpoints" / "last.ckpt").read_bytes()
        content = {"truncated": whole[: len(whole) // 2], "empty": b"", "pickle": pickle.dumps(Bomb())}[damage]
        run = root / finished.parent.name / finished.name
        (run / "checkpoints").mkdir(parents=True)
        (run / "checkpoints" / "last.ckpt").write_bytes(content)
        assert main(["fit", "asl-slp", *tiny(twins)]) == 0
        assert "last.ckpt: not a whole checkpoint" in capsys.readouterr().out
        assert weights(run) == weights(finished)
        assert not (tmp_path / "sprung").exists()


def test_a_real_recipe_goes_to_wandb_offline_and_keeps_its_id(
    twins: Path, root: Path, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("WANDB_MODE", "WANDB_API_KEY", "NETRC"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))  # nobody is logged in there
    on_twin = (f"--data.root={twins / 'asl-slp'}", "--data.num_workers=0", "--trainer.accelerator=cpu")
    sizes = [override for override in TINY["asl-slp"] if "twin" not in override]
    command = ["fit", "asl-slp", *sizes, *on_twin, "--trainer.max_epochs=1"]
    assert main(command) == 0
    run = only_run(root)
    (run / "config.json").unlink()
    assert main(command) == 0
    offline_runs = sorted((run / "wandb").glob("offline-run-*"))
    assert len(offline_runs) == 2
    for offline_run in offline_runs:
        assert offline_run.name.endswith(f"asl-slp-{run.name}")
        assert (offline_run / "files" / "spec.yaml").read_text() == (run / "spec.yaml").read_text()
    assert [path.name for path in (run / "samples").iterdir()] == ["preview.mp4"]
    assert (offline_runs[-1] / "files" / "preview.mp4").is_file()


class TestRefusal:
    """One clear message, exit code 2, nothing written."""

    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [
            (["fit", "asl-slq"], "'asl-slq' is not a model of the zoo; did you mean 'asl-slp'?"),
            (["fit", "elsewhere/asl-slp.yaml"], "no such spec or run; the name 'asl-slp' works from everywhere"),
            (
                ["fit", "asl-slp", "--starter", "--model.widht=3"],
                "command line: --model.widht: unknown key; did you mean 'width'?",
            ),
            (
                ["fit", "asl-slp", "--trainer.max_epochs", "many"],
                "command line: --trainer.max_epochs: found 'many', expected int",
            ),
            (["fit", "asl-slp", "--trainer.max_epochs"], "--trainer.max_epochs: needs a value"),
            (
                ["fit", "asl-slp", "--trianer.max_epochs=3"],
                "unknown section 'trianer' in an override; did you mean 'trainer'?",
            ),
            (["show", "asl-slp", "--model.widht", "3"], "--model.widht: unknown key; did you mean 'width'?"),
            (["show", "asl-slp", "--data.twin.siez", "3"], "--data.twin.siez: unknown key; did you mean 'size'?"),
            (["show", "asl-slp", "--trainer.max_epoch", "3"], "--trainer.max_epoch: unknown key; did you mean"),
            (["run", "specs/asl-slp.yaml", "hi", "-o", "x.pose", "--model.widht=3"], "--model.widht: unknown key"),
            (["validate", "asl-slp", "--model.widht=3"], "--model.widht: unknown key"),
            (["test", "asl-slp", "--model.widht=3"], "--model.widht: unknown key"),
            (["fit", "asl-slp", "--model.class_path=os.system"], "found 'os.system', allowed is a LightningModule"),
            (["fit", "asl-slp", "--trainer.callbacks=[os.system]"], "found 'os.system', expected a mapping"),
            (["fit", "asl-slp", "--data.root=nowhere"], "nowhere"),
            (["test", "asl-slp"], "no run yet: `python -m zoo fit asl-slp` trains it"),
            (["fit", "asl-slp", "--max_epochs", "3"], "unrecognized arguments: --max_epochs 3"),
            (
                ["fit", "asl-slp", "--starter", "--trainer.max_epochs=0"],
                "command line: --trainer.max_epochs: found 0, which trains nothing",
            ),
            (
                ["fit", "asl-slp", "--trainer.limit_train_batches=0"],
                "command line: --trainer.limit_train_batches: found 0, which trains nothing",
            ),
            (["fit", "asl-slp", "--trainer.accelerator=tpu"], "error: trainer: Requirement 'torch_xla"),
            (["list", "nothing-like-it"], "no model, pipeline or experiment matches 'nothing-like-it'; there are"),
            (
                ["run", "no-model", "hello", "-o", "x.pose"],
                "'no-model' is neither a model or pipeline of the zoo nor",
            ),
            (["run", "specs/nope.yaml", "hello", "-o", "x.pose"], "specs/nope.yaml: no such spec or run"),
            (
                ["run", "asl-slq", "hello", "-o", "x.pose", "--starter"],
                "'asl-slq' is neither a model or pipeline",
            ),
            (["run", HERE, "hello", "-o", "x.pose", "--starter"], f"or a YAML file; leave it out for {HERE}"),
            (["check", HERE], f"{HERE}: no spec.yaml in this folder"),
            (["fly"], "invalid choice: 'fly'"),
        ],
    )
    def test_refused(self, arguments: list[str], expected: str, root: Path, capfd: pytest.CaptureFixture[str]) -> None:
        assert main(arguments) == 2
        err = capfd.readouterr().err.strip()
        assert expected in err
        assert len(err.splitlines()) == 1
        assert not root.exists()

    def test_a_gpu_that_is_not_there(self, root: Path, capfd: pytest.CaptureFixture[str]) -> None:
        import torch

        if torch.cuda.is_available() or torch.backends.mps.is_available():
            pytest.skip("it is there")
        assert main(["fit", "asl-slp", "--starter", "--trainer.accelerator", "gpu"]) == 2
        (line,) = capfd.readouterr().err.splitlines()
        assert line.startswith("error: trainer: No supported gpu backend found; change")
        assert not root.exists()

    def test_nothing_stays_of_a_training_without_a_step(
        self, root: Path, twins: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["fit", "asl-slp", *tiny(twins, "--trainer.max_time=00:00:00:00")]) == 2
        assert "no training step was made" in capsys.readouterr().err
        assert not root.exists()

    def test_check_says_all_and_exits_with_1(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (tmp_path / "bad.yaml").write_text("name: bad\nmodel: {}\n")
        (tmp_path / "list.yaml").write_text("[1, 2]\n")
        assert main(["check", str(tmp_path / "bad.yaml"), str(tmp_path / "list.yaml")]) == 1
        err = capsys.readouterr().err
        assert "bad.yaml: trainer: missing" in err
        assert "list.yaml: not a mapping" in err
        assert main(["check"]) == 0

    def test_nothing_stays_of_a_run_whose_data_cannot_be_read(
        self, root: Path, twins: Path, tmp_path: Path, finished: Path
    ) -> None:
        data = tmp_path / "data"
        data.mkdir()
        for path in (twins / "asl-slp").iterdir():
            if path.name != "twin.json":
                (data / path.name).write_bytes(
                    path.read_bytes()[:-40] if path.name == "train.skels" else path.read_bytes()
                )
        no_twin = ("--data.twin", "null", "--data.root", str(data))
        assert main(["fit", "asl-slp", *tiny(twins), *no_twin]) == 2
        assert not root.exists()

    def test_a_run_keeps_the_spec_it_was_started_with(
        self, finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        copy = Path(shutil.copytree(finished, tmp_path / finished.name))
        (copy / "spec.yaml").write_text((finished / "spec.yaml").read_text().replace("width: 16", "width: 32"))
        assert main(["fit", str(copy)]) == 2
        assert "a run keeps the spec it was started with" in capsys.readouterr().err

    def test_a_run_is_known_by_its_record_and_not_by_its_folder(self, finished: Path, tmp_path: Path) -> None:
        renamed = Path(shutil.copytree(finished, tmp_path / "the-best-so-far"))
        assert main(["fit", str(renamed)]) == 0
        assert main(["validate", str(renamed)]) == 0

    def test_scores_and_steps_are_of_the_data_that_was_recorded(
        self, finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        run = Path(shutil.copytree(finished, tmp_path / "run"))
        record = json.loads((run / "provenance.json").read_text())
        record["data"]["fingerprint"] = "0" * 64
        (run / "provenance.json").write_text(json.dumps(record))
        for verb in ("test", "validate"):
            assert main([verb, str(run)]) == 2
            expected = f"recorded 000000000000); `{verb}` needs the data that it was trained on"
            assert expected in capsys.readouterr().err
        assert not (run / "results.json").exists()
        (run / "config.json").unlink()
        assert main(["fit", str(run)]) == 2
        assert "recorded 000000000000); move the folder away" in capsys.readouterr().err


class TestMeasureAndRun:
    def test_test_writes_its_results_into_the_run(
        self, twins: Path, root: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["fit", "asl-slp", *tiny(twins)]) == 0
        run = only_run(root)
        assert main(["test", "asl-slp", *tiny(twins)]) == 0
        results = json.loads((run / "results.json").read_text())
        assert results
        assert all("value" in row for row in results.values())
        assert f"| `{next(iter(results))}` |" in (run / "README.md").read_text()
        assert "Numbers here are the twin's, not How2Sign's." in capsys.readouterr().out

    def test_validate_takes_a_run_and_writes_nothing(self, finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
        before = sorted(finished.rglob("*"))
        assert main(["validate", str(finished)]) == 0
        assert "val/loss" in capsys.readouterr().out
        assert sorted(finished.rglob("*")) == before

    def test_run_calls_the_verb(self, finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        output = tmp_path / "deep" / "hello.pose"
        assert main(["run", str(finished), "hello", "-o", str(output), "-o", str(tmp_path / "hello.skels")]) == 0
        captured = capsys.readouterr()
        assert captured.out.split() == [str(output), str(tmp_path / "hello.skels")]
        assert str(finished) in captured.err
        assert output.stat().st_size > 0

    def test_run_writes_all_or_nothing_and_translates_once(
        self, finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        from zoo.loaders.text_to_pose.text_to_pose import TextToPose

        class Counting(TextToPose):
            texts: ClassVar[list[Any]] = []

            def translate(self, text: Any) -> Any:
                self.texts.append(text)
                return super().translate(text)

        model = Counting.open(finished)
        good = [tmp_path / name for name in ("a.png", "a.pose", "a.mp4")]
        with pytest.raises(ValueError, match=r"bad\.doc: cannot write \.doc"):
            model.run("hello", [*good, tmp_path / "bad.doc"])
        assert not Counting.texts
        assert not list(tmp_path.iterdir())
        assert model.run("hello", good) == good
        assert Counting.texts.count("hello") == 1
        assert set(tmp_path.iterdir()) == set(good)
        assert main(["run", str(finished), "hello", "-o", str(tmp_path / "b.png"), "-o", "bad.doc"]) == 2
        assert "-o bad.doc: cannot write .doc" in capsys.readouterr().err
        assert not (tmp_path / "b.png").exists()

    def test_a_tilde_is_the_home_folder_though_no_shell_saw_it(
        self, finished: Path, twins: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        home, here = tmp_path / "home", tmp_path / "here"
        here.mkdir()
        run = Path(shutil.copytree(finished, home / "runs" / "asl-slp" / finished.name))
        monkeypatch.setenv("HOME", str(home))
        monkeypatch.setenv("ZOO_RUNS", "~/runs")
        monkeypatch.chdir(here)
        assert runs_root() == home / "runs"
        assert zoo.load("~/runs/asl-slp").fps == zoo.load(run).fps
        outputs = ["-o", "~/a.pose", "--output=~/b.pose", "-o~/c.pose"]
        assert main(["run", f"~/runs/asl-slp/{run.name}", "Hello.", *outputs]) == 0
        assert {path.name for path in home.glob("*.pose")} == {"a.pose", "b.pose", "c.pose"}
        assert main(["data", "check", "how2sign", str(twins / "asl-slp"), "--report=~/report"]) == 0
        assert (home / "report" / "index.html").is_file()
        assert list(here.iterdir()) == []

    def test_the_preview_is_of_the_data(self, finished: Path, tmp_path: Path) -> None:
        from datamodules.media.video import read_video
        from datamodules.text_pose.pairs import TextPose

        model = zoo.load(finished)
        for text in ("hello", "where is the bathroom, what is your name"):
            data = SimpleNamespace(examples={"dev": [TextPose("first", text, np.zeros((1, 50, 3)))]})
            (video,) = model.preview(data, tmp_path)
            frames = sum(1 for _ in read_video(video)[0])
            assert frames == len(model.translate(text).body.data)


def test_a_test_scores_the_whole_split_however_many_devices_trained(
    root: Path, twin_root: Callable[[str], Path]
) -> None:
    letters = twin_root("letter-judge")
    two = [*starter("letter-judge", letters), "--trainer.devices=2", "--trainer.max_epochs=1"]
    command = [sys.executable, "-m", "zoo", "fit", "letter-judge", *two]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert main(["test", "letter-judge", *two]) == 0
    results = json.loads((only_run(root) / "results.json").read_text())
    data = Letters(str(letters))
    assert results["top1"]["n"] == len(data.samples["test"])


class TestBundle:
    def test_a_run_becomes_a_starter_that_was_measured(self, finished: Path, tmp_path: Path) -> None:
        into = tmp_path / "starters" / "asl-slp"
        into.mkdir(parents=True)
        (into / "of-the-last-starter.txt").touch()
        assert bundle(Run(finished), into) == into
        assert {path.name for path in into.iterdir()} == {
            *RECORDS,
            "README.md",
            "config.json",
            "tokens.json",
            "model.safetensors",
            "results.json",
            "plots",
            "samples",
        }
        assert "(samples/preview.mp4)" in (into / "README.md").read_text()
        here = yaml.safe_load((finished / "spec.yaml").read_text())["data"]["init_args"]["root"]
        assert Path(here).is_absolute()
        assert here not in (into / "spec.yaml").read_text()
        assert [path.name for path in into.parent.iterdir()] == ["asl-slp"]
        assert "rounded to half precision after training, and measured so" in (into / "README.md").read_text()
        assert (into / "model.safetensors").stat().st_size < 0.6 * (finished / "model.safetensors").stat().st_size
        assert np.isfinite(zoo.load(into).translate("hello").body.data).all()

    @pytest.mark.parametrize(
        ("missing", "message"),
        [
            ("config.json", "this run is not finished"),
            ("tokens.json", "tokens.json"),
        ],
    )
    def test_what_is_refused_leaves_the_old_starter(
        self, finished: Path, tmp_path: Path, missing: str, message: str
    ) -> None:
        run = Path(shutil.copytree(finished, tmp_path / "run"))
        (run / missing).unlink()
        into = tmp_path / "starters" / "asl-slp"
        into.mkdir(parents=True)
        (into / "old.txt").touch()
        with pytest.raises((ValueError, OSError), match=message):
            bundle(Run(run), into)
        assert [path.name for path in into.parent.rglob("*")] == ["asl-slp", "old.txt"]

    def test_the_command_says_why_in_one_line(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert bundle_main([str(tmp_path / "nowhere")]) == 2
        assert capsys.readouterr().err == f"error: {tmp_path / 'nowhere'}: no such folder\n"
        with pytest.raises(SystemExit, match="0"):
            bundle_main(["--help"])


class TestLoad:
    def test_a_path_to_a_run_or_to_the_runs_of_a_name(self, finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
        for path in (finished, finished.parent):
            assert zoo.load(str(path)).translate("hello").body.data.shape[2] == 50
            assert str(finished) in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("name", "weights", "expected"),
        [
            (
                "asl-slq",
                None,
                "neither a model or pipeline of the zoo nor a folder; did you mean 'asl-slp'?",
            ),
            ("runs/nothing/here", None, "no such folder"),
            ("asl-slp", "hub", "its spec pins no Hub revision yet"),
            ("asl-slp", "cloud", "choose 'starter' or 'hub'"),
        ],
    )
    def test_what_cannot_be_opened(self, name: str, weights: Any, expected: str) -> None:
        with pytest.raises(ValueError, match=expected):
            zoo.load(name, weights)

    def test_weights_are_chosen_for_names_only(self, finished: Path) -> None:
        with pytest.raises(ValueError, match=f"weights='starter' chooses .*; {finished} is a folder"):
            zoo.load(str(finished), weights="starter")

    def test_a_folder_called_like_a_model(
        self, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.chdir(tmp_path)
        shutil.copytree(finished, tmp_path / "asl-slp")
        for path in ("./asl-slp", Path("asl-slp")):
            zoo.load(path)
            assert "from disk" in capsys.readouterr().err
        assert main(["run", "./asl-slp", "hello", "-o", "hello.pose"]) == 0
        with pytest.raises(ValueError, match="its spec pins no Hub revision yet"):
            zoo.load("asl-slp", weights="hub")

    @pytest.mark.usefixtures("hub")
    @pytest.mark.parametrize("revision", ["d8af501", 0, int("1" * 40)])
    def test_a_pin_that_check_refuses_opens_nothing(
        self, revision: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        spec = yaml.safe_load((shipped_folder() / "asl-slp.yaml").read_text())
        spec["hub"] = {"repo_id": "me/asl-slp", "revision": revision, "sha256": {"config.json": "0" * 64}}
        (tmp_path / "asl-slp.yaml").write_text(yaml.safe_dump(spec))
        monkeypatch.setattr("zoo.artefacts.resolve.shipped_folder", lambda: tmp_path)
        with pytest.raises(ValueError, match=r"asl-slp\.yaml: hub\.revision: .*expected a commit"):
            zoo.load("asl-slp")
        assert zoo.load("asl-slp", weights="starter")

    def test_what_was_trained_on_the_avatar_is_named_so(self, capsys: pytest.CaptureFixture[str]) -> None:
        zoo.load("asl-slp")
        assert "trained on the signing avatar alone" in capsys.readouterr().err

    @pytest.mark.parametrize("name", [None, 5, "", " "])
    def test_what_is_no_address(self, name: Any) -> None:
        with pytest.raises(ValueError, match="expected a model's name, a folder, or a repository"):
            zoo.load(name)

    def test_a_pinned_revision_is_not_passed_over(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        spec = yaml.safe_load((shipped_folder() / "asl-slp.yaml").read_text())
        spec["hub"] = {"repo_id": "me/asl-slp", "revision": "a" * 40}
        (tmp_path / "asl-slp.yaml").write_text(yaml.safe_dump(spec))
        monkeypatch.setattr("zoo.artefacts.resolve.shipped_folder", lambda: tmp_path)
        for chosen in (None, "hub"):
            with pytest.raises(ValueError, match=f"me/asl-slp@{'a' * 40}: no such repository"):
                zoo.load("asl-slp", weights=chosen)

    @pytest.mark.parametrize(
        ("change", "expected"),
        [
            ({"schema": 4}, "schema 4 is newer than this zoo reads"),
            ({"schema": 1}, r"schema 1 is older than this zoo reads \(3\); remove the file, and `python -m zoo fit"),
            ({"schema": None}, "found schema None, expected 3"),
            ({"schema": 2}, r"schema 2 is older than this zoo reads \(3\); `python -m zoo migrate"),
            ({"task": "os.system"}, "task: found 'os.system', which no loader has"),
            ({"network": None}, "config.json"),
        ],
    )
    def test_config_that_is_not_ours(
        self, finished: Path, tmp_path: Path, change: dict[str, Any], expected: str
    ) -> None:
        for path in finished.glob("*.*"):
            if path.is_file():
                (tmp_path / path.name).write_bytes(path.read_bytes())
        config = json.loads((finished / "config.json").read_text())
        (tmp_path / "config.json").write_text(json.dumps({**config, **change}))
        with pytest.raises(ValueError, match=expected):
            zoo.load(str(tmp_path))

    @pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokens.json"])
    @pytest.mark.parametrize("damage", ["truncated", "absent"])
    def test_damaged_files(self, finished: Path, tmp_path: Path, name: str, damage: str) -> None:
        for path in finished.glob("*.*"):
            if path.is_file() and not (path.name == name and damage == "absent"):
                content = path.read_bytes()
                (tmp_path / path.name).write_bytes(content[: len(content) // 2] if path.name == name else content)
        with pytest.raises(ValueError, match=str(tmp_path)) as refused:
            zoo.load(str(tmp_path))
        assert name in str(refused.value) or damage == "truncated" or name == "config.json"  # that one ends a run


def test_overrides_come_before_or_after_the_spec() -> None:
    argv = ["fit", "--trainer.max_epochs", "3", "spec.yaml", "--starter", "--model.width=4", "--data.shift", "-1"]
    assert split_overrides(argv) == (
        ["fit", "spec.yaml", "--starter"],
        ["trainer.max_epochs=3", "model.width=4", "data.shift=-1"],
    )


def test_models_are_listed_by_pattern() -> None:
    assert zoo.list_models("*phoenix*") == ["asl-slp-phoenix14t"]
    assert zoo.list_models("slp") == ["asl-slp", "asl-slp-phoenix14t"]


def test_a_reader_who_has_seen_enough_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    listed = subprocess.run([sys.executable, "-m", "zoo", "list"], stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert (listed.returncode, listed.stderr) == (0, "")
