"""`python -m zoo sweep`: a table of trainings by one command, whatever ends it, and the same again in a moment."""

import contextlib
import csv
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from every_spec import TINY

from zoo.artefacts.runs import Run
from zoo.cli import main
from zoo.cli.check import problems
from zoo.cli.sweep import Failure, _call, _wait_for_others
from zoo.spec.problems import SpecError
from zoo.spec.registry import list_models, list_sweeps, locate, shipped_folder
from zoo.spec.spec import read
from zoo.spec.sweep_spec import flattened, read_sweep
from zoo.spec.validation import accepted
from zoo.sweep.comparison import column
from zoo.sweep.rows import rows
from zoo.training.judges import judge_name

TABLE_3 = {
    "Base": {},
    "Future Prediction": {"future_prediction": 10},
    "Just Counter": {"just_counter": True},
    "Gaussian Noise": {"gaussian_noise": 5.0},
    "FP & GN": {"future_prediction": 10, "gaussian_noise": 5.0},
    "Long Video Loss": {"long_video_loss": True},
    "BO & CO": {"batch_optimisation": True, "computational_optimisation": True},
}
OFF = {
    "future_prediction": 1,
    "just_counter": False,
    "gaussian_noise": 0.0,
    "long_video_loss": False,
    "batch_optimisation": False,
    "computational_optimisation": False,
    "token_durations": False,
}
EPOCHS = "--trainer.max_epochs=3"
"""The first is interrupted once it is over, the second killed, and the third is what is gone on with."""


def write(folder: Path, content: dict[str, Any], name: str = "tiny") -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump({"name": name, **content}, sort_keys=False))
    return path


def content(**more: Any) -> dict[str, Any]:
    """A good sweep, with other keys."""
    block = {"model": {"init_args": {"just_counter": True}}}
    return {
        "summary": "two rows",
        "base": "asl-slp",
        "rows": {"Base": {}, "JC": block},
        "compare": ["dtw_p"],
        **more,
    }


class TestShipped:
    @pytest.mark.parametrize("name", list_sweeps())
    def test_every_row_of_every_sweep_is_a_good_spec(self, name: str) -> None:
        assert problems(locate(name)) == []

    @pytest.mark.parametrize("starter", [False, True])
    def test_the_rows_of_signdiff_s_table_3_are_base_and_their_own_switches_alone(self, starter: bool) -> None:
        found = rows(read_sweep(locate("ablations/asl-slp")), starter, types=False)
        assert [row.name for row in found] == list(TABLE_3)
        for row in found:
            arguments = row.spec.config["model"]["init_args"]
            assert {key: arguments[key] for key in OFF} == {**OFF, **TABLE_3[row.name]}, row.name
        assert len({row.run.folder for row in found}) == len(TABLE_3)

    @pytest.mark.parametrize("starter", [False, True])
    def test_the_rows_of_signdiff_s_table_5_differ_by_what_their_names_say(self, starter: bool) -> None:
        found = rows(read_sweep(locate("ablations/signdiff")), starter, types=False)
        sections = {row.name: row.spec.config for row in found}
        arguments = {name: config["model"]["init_args"] for name, config in sections.items()}
        shown = {name: (own["fr_net"], own["paper_share"], own["hand_weight"]) for name, own in arguments.items()}
        assert shown == {
            "Baseline": (False, 0.5, 0),
            "No FR-Net": (False, 0.5, 0),
            "FR-Net": (True, 1, 0),
            "FR-Net of poses too": (True, 0.5, 0),
            "Hand weight": (True, 0.5, 4),
        }
        for name, config in sections.items():
            assert (config["data"]["init_args"]["fr_net"] is not None) == arguments[name]["fr_net"]
        assert len({row.run.folder for row in found}) == len(shown)

    def test_published_figures_of_frames_are_the_paper_s(self) -> None:
        published = read_sweep(locate("ablations/signdiff")).published
        assert published["columns"] == ["SSIM", "hand SSIM", "hand pose", "FID"]
        assert published["rows"]["FR-Net"] == [0.849, 0.676, 20.04, 25.22]
        assert published["rows"]["No FR-Net"] == [0.817, 0.646, 21.09, 26.02]

    def test_published_figures_are_the_paper_s(self) -> None:
        published = read_sweep(locate("ablations/asl-slp")).published
        figures = {
            row: dict(zip(published["columns"], numbers, strict=True)) for row, numbers in published["rows"].items()
        }
        assert list(figures) == list(TABLE_3)
        assert figures["Base"]["dev BLEU-4"] == 9.86
        assert figures["FP & GN"]["test BLEU-4"] == 15.92
        assert figures["BO & CO"]["dev BLEU-1"] == 45.15
        assert figures["BO & CO"]["test ROUGE"] == 37.84

    def test_a_sweep_s_name_is_no_model_s(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert not {*list_sweeps()} & {*list_models()}
        assert main(["sweep", "asl-slp"]) == 2
        assert "asl-slp is a model, and `sweep` wants a sweep; there are ablations/asl-slp" in capsys.readouterr().err
        assert main(["fit", "ablations/asl-slp"]) == 2
        assert "a sweep is not one training; `python -m zoo sweep " in capsys.readouterr().err
        assert main(["sweep", "elsewhere/ablations/asl-slp.yaml"]) == 2
        assert "the name 'ablations/asl-slp' works from everywhere" in capsys.readouterr().err


class TestOrder:
    """base < the base's starter < shared < the sweep's starter < row < command line."""

    @pytest.fixture
    def base(self, tmp_path: Path) -> Path:
        spec = {**read(shipped_folder() / "asl-slp.yaml"), "name": "model"}
        spec["model"]["init_args"].update(width=8, heads=1, layers=1, feedforward=1, dropout=0.1, learning_rate=0.1)
        spec["starter"]["model"]["init_args"] = {"heads": 2, "layers": 2, "feedforward": 2, "dropout": 0.2, "width": 16}
        return write(tmp_path, spec, "model")

    def test_each_has_the_last_word_over_those_before_it(self, base: Path, tmp_path: Path) -> None:
        def block(**arguments: Any) -> dict[str, Any]:
            return {"model": {"init_args": arguments}}

        layers = {
            "base": "model.yaml",
            "shared": block(layers=3, feedforward=3, dropout=0.3, width=24),
            "starter": block(feedforward=4, dropout=0.4, width=32),
            "rows": {"Row": block(dropout=0.5, width=40)},
        }
        (row,) = rows(read_sweep(write(tmp_path, content(**layers))), True, ["model.width=48"], types=False)
        arguments = row.spec.config["model"]["init_args"]
        found = [arguments[key] for key in ("learning_rate", "heads", "layers", "feedforward", "dropout", "width")]
        assert found == [0.1, 2, 3, 4, 0.5, 48]
        assert row.spec.starter
        (plain,) = rows(read_sweep(tmp_path / "tiny.yaml"), types=False)
        assert plain.spec.config["model"]["init_args"]["feedforward"] == 3

    def test_a_row_is_the_spec_and_the_run_of_its_own_command(self, tmp_path: Path) -> None:
        trainer = {
            "callbacks": [
                {"class_path": "lightning.pytorch.callbacks.EarlyStopping", "init_args": {"monitor": "val/loss"}}
            ]
        }
        sweep = read_sweep(
            write(tmp_path, content(shared={"trainer": trainer, "data": {"init_args": {"twin": {"size": 9}}}}))
        )
        for row in rows(sweep, True, ["trainer.max_epochs=3"], types=False):
            overrides = [argument.removeprefix("--") for argument in row.arguments[2:]]
            spec = accepted(locate(row.arguments[0]), True, overrides, types=False)
            assert spec.config == row.spec.config
            assert Run.of(spec) == row.run
            assert spec.config["data"]["init_args"]["twin"] == {"size": 9, "seed": 0, "signers": 1}

    def test_another_class_forgets_the_arguments_of_the_old_one(self, tmp_path: Path) -> None:
        data = {"class_path": "Phoenix14T", "init_args": {"root": "here"}}
        (row,) = rows(
            read_sweep(write(tmp_path, content(rows={"P": {"data": dict(reversed(data.items()))}}))), types=False
        )
        assert row.spec.config["data"] == data

    @pytest.mark.parametrize("value", [1e-5, 0.0, "", "a: b", "5", "null", None, [1, {"a": "b c"}], {0: 4}, {}, "ä\n"])
    def test_a_value_means_the_same_on_a_command_line(self, value: Any) -> None:
        (override,) = flattened({"model": {"init_args": {"x": value}}})
        assert override.startswith("model.x=")
        assert yaml.safe_load(override.partition("=")[2]) == value


class TestRefusal:
    """Everything at once, before anything is trained: sweep file, row, key."""

    @pytest.mark.parametrize(
        ("more", "expected"),
        [
            (
                {"base": "asl-slq"},
                "base: found 'asl-slq', which is neither a model nor a file here; did you mean 'asl-slp'?",
            ),
            ({"base": "/dev/zero"}, "base: found '/dev/zero', which is neither a model nor a file"),
            ({"rows": {}}, "rows: found {}, expected a mapping from the name of each row"),
            ({"rows": {"A": 3}}, "rows.A: found 3, expected a mapping of model, data and trainer overrides"),
            ({"rows": {"A": {"modle": {}}}}, "rows.A.modle: unknown key; did you mean 'model'?"),
            (
                {"rows": {"A": {"model": {"width": 3}}}},
                "rows.A.model.width: unknown key; arguments of a class stand under",
            ),
            ({"rows": {"\x1b[31m": {}}}, "rows: found '\\x1b[31m', expected a name of at most 60 letters in a line"),
            ({"compare": "dtw_p"}, "compare: found 'dtw_p', expected a list of keys"),
            ({"compare": ["dtw_p", "dtw_p"]}, "compare: 'dtw_p' stands there twice"),
            ({"comparr": []}, "comparr: unknown key; did you mean 'compare'?"),
            ({"summary": "${oc.env:HOME}"}, "summary: only keys of the spec itself can be interpolated"),
            ({"shared": {"data": {"init_args": {"root": "${oc.env:HOME}"}}}}, "shared.data.init_args.root: only keys"),
            (
                {"published": {"source": "x", "columns": ["a"], "rows": {"JD": [1], "JC": [1, 2]}}},
                "published.rows.JD: no such row; valid: Base, JC",
            ),
            (
                {"published": {"source": "x", "columns": ["a"], "rows": {"JC": [1, 2]}}},
                "published.rows.JC: found [1, 2], expected 1 numbers",
            ),
        ],
    )
    def test_a_malformed_file(self, more: dict[str, Any], expected: str, tmp_path: Path) -> None:
        path = write(tmp_path, content(**more))
        assert f"{path}: {expected}" in "\n".join(map(str, problems(path)))
        with pytest.raises(SpecError):
            read_sweep(path)

    def test_rows_that_are_called_the_same(self, tmp_path: Path) -> None:
        path = tmp_path / "tiny.yaml"
        path.write_text("name: tiny\nsummary: x\nbase: asl-slp\ncompare: [dtw_p]\nrows:\n  A: {}\n  A: {}\n")
        assert "duplicate key" in str(problems(path)[0])

    def test_every_problem_of_every_row_at_once_and_no_run(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("ZOO_RUNS", str(tmp_path / "runs"))
        wrong = {
            "A": {"model": {"init_args": {"just_countr": True, "width": "wide"}}},
            "B": {"model": {"class_path": "os.system"}},
            "C": {"trainer": {"max_epochs": 0}},
        }
        shared = {"data": {"init_args": {"twin": {"sise": 4}}}}
        path = write(tmp_path, content(rows=wrong, shared=shared))
        assert main(["sweep", str(path), "--starter", "--trainer.max_step=3"]) == 2
        lines = capsys.readouterr().err.splitlines()
        starts = [
            f"{path}: rows.A.model.init_args.just_countr: unknown key; did you mean 'just_counter'?",
            f"{path}: rows.A.model.init_args.width: found 'wide', expected int",
            f"{path}: rows.B.model.class_path: found 'os.system', allowed is a LightningModule",
            f"{path}: rows.C.trainer.max_epochs: found 0, which trains nothing",
            f"{path}: shared.data.init_args.twin.sise: unknown key; did you mean 'size'?",
            "command line: --trainer.max_step: unknown key; did you mean 'max_steps'?",
        ]
        assert [start for start in starts if not any(line.startswith(start) for line in lines)] == []
        assert len(lines) == len(starts)
        assert not (tmp_path / "runs").exists()
        assert main(["check", str(path)]) == 1

    def test_a_starter_that_the_base_does_not_have(self, tmp_path: Path) -> None:
        base = {key: value for key, value in read(shipped_folder() / "asl-slp.yaml").items() if key != "starter"}
        write(tmp_path, {**base, "name": "model"}, "model")
        starter = {"trainer": {"max_epochs": 1}}
        found = problems(write(tmp_path, content(base="model.yaml", starter=starter)))
        assert ["the spec has no starter block" in str(problem) for problem in found] == [True]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep of two trainings in three rows, a second or two each."""
    root = tmp_path_factory.mktemp("sweep")
    shared = [override.removeprefix("--") for override in TINY["asl-slp"]]
    arguments: dict[str, dict[str, Any]] = {"model": {}, "data": {"root": str(root / "twin")}}
    for override in shared:
        section, _, key = override.partition("=")[0].partition(".")
        if key != "twin.size":
            arguments[section][key] = int(override.partition("=")[2])
    arguments["data"]["twin"] = {"size": 30}
    starter = {section: {"init_args": given} for section, given in arguments.items()}
    trained = {"model": {"init_args": {"just_counter": False}}}
    lines = {"Base": trained, "Just | Counter": {}, "Again": trained}
    published = {"source": "a paper", "columns": ["test BLEU-4"], "rows": {"Base": [8.84]}}
    compare = ["dtw_p", "total_distance", "length_within_25", "no_such_key"]
    return write(root, content(rows=lines, starter=starter, compare=compare, published=published))


@pytest.fixture(scope="module")
def runs(tiny: Path) -> Path:
    """Where the sweep's runs are, interrupted, killed and gone on with; what it said in the end is in said.txt."""
    runs, command = tiny.parent / "runs", [*sweep_command(tiny)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_RUNS", str(runs))
        patch.setattr("zoo.cli.sweep.PATIENCE", 0.0)
        watcher = threading.Thread(target=lambda: os.kill(os.getpid(), signal.SIGINT) if checkpoint(runs) else None)
        watcher.start()
        (tiny.parent / "interrupted.txt").write_text(str(main(command)))
        watcher.join()
        before = next(runs.glob("*/*/checkpoints/last.ckpt")).stat().st_mtime_ns

        started = subprocess.Popen(
            [sys.executable, "-m", "zoo", *command], start_new_session=True, stdout=subprocess.DEVNULL
        )
        checkpoint(runs, before)
        os.killpg(started.pid, signal.SIGKILL)
        assert started.wait() == -signal.SIGKILL
        assert not list(runs.glob("*/*/config.json"))

        said = io.StringIO()
        patch.setattr("zoo.cli.sweep._call", lambda *words: main(words))  # two more processes would tell nothing new
        with contextlib.redirect_stdout(said):
            assert main(command) == 0
        (tiny.parent / "said.txt").write_text(said.getvalue())
    return runs


def sweep_command(path: Path) -> list[str]:
    return ["sweep", str(path), "--starter", EPOCHS]


def checkpoint(runs: Path, newer_than: int = 0) -> Path | None:
    """The first checkpoint of a run, once it is there."""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        for path in runs.glob("*/*/checkpoints/last.ckpt"):
            if path.stat().st_mtime_ns > newer_than:
                return path
        time.sleep(0.02)
    return None


def table(runs: Path) -> Path:
    (folder,) = runs.glob("sweeps/tiny/*")
    return folder


def models(runs: Path) -> list[Path]:
    return sorted(runs.glob("asl-slp/*"))


class TestSweep:
    def test_interrupted_and_killed_it_goes_on_and_trains_each_run_once(self, tiny: Path, runs: Path) -> None:
        assert (tiny.parent / "interrupted.txt").read_text() == "130"
        said = (tiny.parent / "said.txt").read_text()
        assert re.search(r"row 1 of 3, Base: run \S+\n", said)
        assert re.search(r"row 3 of 3, Again: run \S+, the same as of Base\n", said)
        assert len(re.findall(r"trained in .*, tested in ", said)) == 2
        assert len(models(runs)) == 2
        resumed = [len(Run(run).provenance()["resumed"]) for run in models(runs)]
        assert sorted(resumed) == [0, 2]

    def test_its_weights_are_those_of_a_fit_by_itself(self, tiny: Path, runs: Path, tmp_path: Path) -> None:
        """To the byte, though the sweep was interrupted and killed in the middle of this row."""
        row = rows(read_sweep(tiny), True, [EPOCHS.removeprefix("--")], types=False)[0]
        environment = {**os.environ, "ZOO_RUNS": str(tmp_path)}
        subprocess.run([sys.executable, "-m", "zoo", "fit", *row.arguments], check=True, env=environment)
        swept, alone = (root / "asl-slp" / row.run.folder.name / "model.safetensors" for root in (runs, tmp_path))
        assert len(Run(swept.parent).provenance()["resumed"]) == 2
        assert alone.read_bytes() == swept.read_bytes()

    def test_the_table_s_figures_are_those_of_results_json(self, tiny: Path, runs: Path) -> None:
        with (table(runs) / "table.csv").open() as file:
            lines = list(csv.DictReader(file))
        own = [line for line in lines if line["kind"] == "model"]
        assert {line["row"] for line in own} == {"Base", "Just | Counter", "Again"}
        for line in lines:
            key, row = line["key"], line["row"]
            run = Path(line["run"] or next(other["run"] for other in own))
            found = json.loads((run / "results.json").read_text())[key]
            assert float(line["value"]) == (found["value"] if line["kind"] == "model" else found[row])
            if line["kind"] == "model":
                assert [float(line["low"]), float(line["high"])] == found["interval"]
            assert (line["protocol"], line["n"], line["data"]) == ("free", str(found["n"]), "How2Sign (avatar twin)")
        beside = {line["row"] for line in lines if line["kind"] == "beside" and line["key"] == "dtw_p"}
        assert beside == {"ground_truth", "mean_pose", "frozen_pose", "other_reference", "nearest_train"}
        scores = {line["row"]: float(line["value"]) for line in own if line["key"] == "dtw_p"}
        best = {line["row"] for line in own if line["key"] == "dtw_p" and line["best"] == "yes"}
        assert best == {name for name, score in scores.items() if score == min(scores.values())}

    def test_the_page_says_what_it_is_over_and_keeps_published_figures_apart(self, tiny: Path, runs: Path) -> None:
        page = (table(runs) / "table.md").read_text()
        above, _, below = page.partition("## What was published")
        assert "8.84" in below
        assert "8.84" not in above
        assert "Reported by a paper" in below
        assert "other data" in below
        assert "signing avatar's twin of How2Sign: synthetic signing" in above
        assert "Protocol free: " in above
        assert "Not measured in any row: no_such_key." in above
        assert f"    python -m zoo sweep {tiny} --starter {EPOCHS}" in below
        links = re.findall(r"\[(.*?)\]\(<(.*?)>\)", above)
        assert [name for name, _ in links] == ["Base", r"Just \| Counter", "Again"]
        assert all((table(runs) / place / "results.json").is_file() for _, place in links)
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in above.splitlines() if line.startswith("|")}
        assert widths == {5}

    def test_the_picture_shows_a_panel_a_key(self, runs: Path) -> None:
        import cv2

        picture = cv2.imread(str(table(runs) / "table.png"))
        assert picture.shape[0] > 3 * 150
        assert picture.shape[1] == 1000

    def test_again_it_takes_a_moment_loads_no_torch_and_writes_nothing(self, tiny: Path, runs: Path) -> None:
        before = {path: path.stat().st_mtime_ns for path in runs.rglob("*")}
        code = f"import sys, zoo.cli; code = zoo.cli.main({sweep_command(tiny)}); print(code, 'torch' in sys.modules)"
        environment = {**os.environ, "ZOO_RUNS": str(runs)}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
        assert done.stdout.splitlines()[-1] == "0 False", done.stderr
        assert done.stdout.count(", reused") == 2
        assert {path: path.stat().st_mtime_ns for path in runs.rglob("*")} == before
        used = Path("/proc/self/stat").is_file() and _seconds([sys.executable, "-c", code], environment)
        assert used < 3

    def test_rows_that_another_judge_read_are_read_anew_by_the_one_that_is_named(
        self,
        tiny: Path,
        runs: Path,
        tmp_path: Path,
        tiny_runs: Callable[[str], Path],
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        copy, judge = Path(shutil.copytree(runs, tmp_path / "runs")), tiny_runs("back-translation")
        monkeypatch.setenv("ZOO_RUNS", str(copy))
        assert main([*sweep_command(tiny), "--judge", "nobody"]) == 2
        assert "'nobody' is neither a model or pipeline of the zoo nor a folder" in capsys.readouterr().err
        assert main([*sweep_command(tiny), "--judge", str(judge)]) == 0
        assert capsys.readouterr().out.count("trained before, tested in ") == 2
        for run in models(copy):
            assert json.loads((run / "results.json").read_text())["bleu_4"]["judge"] == judge_name(judge)
        assert main([*sweep_command(tiny), "--judge", str(judge)]) == 0
        assert capsys.readouterr().out.count(", reused") == 2

    def test_a_row_that_cannot_be_tested_leaves_the_others_be(
        self,
        tiny: Path,
        runs: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        copy = Path(shutil.copytree(runs, tmp_path / "runs"))
        (broken,) = [run for run in models(copy) if not Run(run).provenance()["resumed"]]
        (broken / "results.json").unlink()
        weights = (broken / "model.safetensors").read_bytes()
        (broken / "model.safetensors").write_bytes(weights[:100])
        monkeypatch.setenv("ZOO_RUNS", str(copy))
        assert main(sweep_command(tiny)) == 2
        out, err = capsys.readouterr()
        (line,) = [line for line in err.splitlines() if line.startswith("Just | Counter: ")]
        assert "model.safetensors: " in line
        assert line.endswith(f"`python -m zoo test {broken}` shows it")
        assert "Not there: Just | Counter: " in (table(copy) / "table.md").read_text()
        assert "row 3 of 3" in out

        (broken / "model.safetensors").write_bytes(weights)
        assert main(sweep_command(tiny)) == 0
        first, second = ((table(root) / "table.md").read_text() for root in (copy, runs))
        assert first == second
        assert "trained before, tested in" in capsys.readouterr().out

    def test_a_row_that_was_tested_without_a_key_says_how_it_gets_it(
        self, tiny: Path, runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        copy = Path(shutil.copytree(runs, tmp_path / "runs"))
        run = models(copy)[0]
        results = json.loads((run / "results.json").read_text())
        del results["dtw_p"]
        (run / "results.json").write_text(json.dumps(results))
        monkeypatch.setenv("ZOO_RUNS", str(copy))
        assert main(sweep_command(tiny)) == 0
        page = (table(copy) / "table.md").read_text()
        assert f": tested without dtw_p; `python -m zoo test {run}` measures it anew." in page


def _seconds(command: list[str], environment: dict[str, str]) -> float:
    """Of processors, which others that use them do not change."""
    import resource

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, capture_output=True, env=environment, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_a_row_that_cannot_be_trained_says_what_its_process_said() -> None:
    with pytest.raises(Failure, match="'asl-slq' is not a model of the zoo; did you mean 'asl-slp'") as failure:
        _call("fit", "asl-slq", "--model.width=3")
    assert failure.value.command == "python -m zoo fit asl-slq --model.width=3"


def test_a_run_that_another_process_trains_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ZOO_RUNS", str(tmp_path / "runs"))
    row = rows(read_sweep(write(tmp_path, content())), types=False)[0]
    row.run.folder.mkdir(parents=True)
    (row.run.folder / "provenance.json").write_text("{}")
    held = row.run.lock()
    held.__enter__()
    release = threading.Timer(0.5, lambda: held.__exit__(None, None, None))
    release.start()
    began = time.monotonic()
    _wait_for_others(row)
    assert time.monotonic() - began >= 0.4
    assert "another process is training this run; waiting for it" in capsys.readouterr().out


class TestComparison:
    """Only like is compared with like."""

    def row(self, value: float, **more: Any) -> dict[str, Any]:
        return {"value": value, "interval": [value - 1, value + 1], "protocol": "free", "n": 9, "data": "a", **more}

    def test_what_was_measured_otherwise_is_never_best(self) -> None:
        measured = {"A": self.row(3), "B": self.row(2), "C": self.row(1, data="b")}
        found = column("dtw_p", measured)
        assert {name for name, figure in found.figures.items() if figure.best} == {"B"}
        assert {name for name, figure in found.figures.items() if not figure.like} == {"C"}
        assert found.setting["data"] == "a"

    @pytest.mark.parametrize("part", ["judge", "variant", "protocol", "n", "split"])
    def test_another_judge_protocol_or_test_set_is_another_measurement(self, part: str) -> None:
        found = column("dtw_p", {"A": self.row(3), "B": self.row(2), "C": self.row(1, **{part: "other"})})
        assert not found.figures["C"].like

    def test_rows_that_are_equal_are_none_of_them_best(self) -> None:
        found = column("dtw_p", {"A": self.row(2), "B": self.row(2)})
        assert not any(figure.best for figure in found.figures.values())

    def test_nearer_to_1_is_better_than_more(self) -> None:
        found = column("total_distance", {"A": self.row(0.8), "B": self.row(1.5)})
        assert found.figures["A"].best
        assert not found.figures["B"].best

    def test_a_baseline_that_beats_every_row_is_flagged(self) -> None:
        rows = {"A": self.row(3, frozen_pose=1, mean_pose=2.5), "B": self.row(2, frozen_pose=1, mean_pose=2.5)}
        assert column("dtw_p", rows).beaten_by == ("frozen_pose",)
