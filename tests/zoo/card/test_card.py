"""The card of every model: what it says, that it says nothing else, and that a stranger's eyes find nothing wrong."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hub_server import Hub
from huggingface_hub import ModelCard

import zoo
from datamodules.catalogue import CATALOGUE
from lightning_modules.evaluation.glossary import BASELINES, meaning
from lightning_modules.metrics.text import SIGNATURE
from zoo.artefacts.artefact import starter_folder
from zoo.artefacts.runs import Run
from zoo.card import check, prose, records, split, text, write
from zoo.card.blocks import failures
from zoo.card.lint import findings
from zoo.card.page import read
from zoo.cli import main
from zoo.cli.check import problems
from zoo.loaders import loader_class
from zoo.publishing.bundle import bundle
from zoo.results.rows import baselines
from zoo.spec.registry import shipped_folder
from zoo.spec.spec import Spec

SECTIONS = [
    "Model description",
    "Direct use",
    "Downstream use",
    "Out-of-scope use",
    "Bias, risks and limitations",
    "Recommendations",
    "How to get started with the model",
    "Training data",
    "Training procedure",
    "Training hyperparameters",
    "Speeds, sizes, times",
    "Testing data",
    "Metrics",
    "Results",
    "Plots",
    "Environmental impact",
    "Model architecture and objective",
    "Hardware",
    "Software",
    "Framework versions",
]
"""Of every measured model that the zoo ships, in this order."""

MODELS = pytest.mark.parametrize("name", zoo.list_models())


@pytest.fixture
def starter(tmp_path: Path) -> Path:
    """A copy of the bundled asl-slp without pictures, with a card written today; tests may change it."""
    folder = Path(shutil.copytree(starter_folder("asl-slp"), tmp_path / "starter"))
    (folder / "README.md").unlink()
    for pictures in ("plots", "samples"):
        shutil.rmtree(folder / pictures)
    write(folder)
    return folder


def change(path: Path, **keys: Any) -> None:
    content = yaml.safe_load(path.read_text())
    path.write_text(json.dumps({**content, **keys}) if path.suffix == ".json" else yaml.safe_dump({**content, **keys}))


def faults(folder: Path) -> list[str]:
    """What `check` finds but for code that does not run, which takes seconds to find out."""
    found = findings(folder, (folder / "README.md").read_text(), text(folder), records(folder))
    return [message for _, message in found]


def headings(card: str) -> list[str]:
    return [heading.text for heading in read(card).headings]


@MODELS
class TestEveryModel:
    def test_has_a_card_without_a_fault(self, name: str, tiny_runs: Callable[[str], Path]) -> None:
        assert [str(problem) for problem in check(tiny_runs(name))] == []

    def test_has_all_sections_that_have_something_to_say(self, name: str, tiny_runs: Callable[[str], Path]) -> None:
        found = headings((tiny_runs(name) / "README.md").read_text())
        assert [heading for heading in found if heading in SECTIONS] == SECTIONS
        assert len(set(found)) == len(found)

    def test_passes_the_hubs_own_validation(self, name: str, tiny_runs: Callable[[str], Path], hub: Hub) -> None:
        card = ModelCard.load(tiny_runs(name) / "README.md")
        card.validate()
        assert ("POST", "/api/validate-yaml") in [request[:2] for request in hub.requests]
        assert card.data.license
        architecture = json.loads((tiny_runs(name) / "config.json").read_text())["architecture"]
        assert card.data.library_name == getattr(loader_class(architecture), "library", "sign-zoo")

    def test_says_the_measured_values(self, name: str, tiny_runs: Callable[[str], Path]) -> None:
        results = json.loads((tiny_runs(name) / "results.json").read_text())
        card = ModelCard.load(tiny_runs(name) / "README.md")
        assert {score.metric_type: score.metric_value for score in card.data.eval_results} == {
            key: row["value"] for key, row in results.items()
        }
        tables = {row.cells[0] for row in read(card.text).rows}
        for key, row in results.items():
            assert f"`{key}`" in tables
            assert all(f"{row[column]:.4g}" in card.text for column in ("value", *baselines({key: row})))
            assert meaning(key), f"{key} needs an entry in lightning_modules/evaluation/glossary.py"
            assert set(baselines({key: row})) <= set(BASELINES)

    def test_never_passes_a_twin_off_as_the_data_set(self, name: str, tiny_runs: Callable[[str], Path]) -> None:
        card = ModelCard.load(tiny_runs(name) / "README.md")
        provenance = json.loads((tiny_runs(name) / "provenance.json").read_text())
        title = CATALOGUE[provenance["data"]["name"]].title
        assert {score.dataset_name for score in card.data.eval_results} == {f"{title} (avatar twin)"}
        assert {score.verified for score in card.data.eval_results} == {False}
        assert card.data.datasets is None
        assert "avatar-twin" in card.data.tags
        assert f"Numbers here are the twin's, not {title}'s" in card.text

    def test_is_written_alike_twice(self, name: str, tiny_runs: Callable[[str], Path]) -> None:
        assert text(tiny_runs(name)) == text(tiny_runs(name)) == (tiny_runs(name) / "README.md").read_text()

    def test_has_prose_between_its_marks(self, name: str, tiny_runs: Callable[[str], Path]) -> None:
        parts = split((tiny_runs(name) / "README.md").read_text())
        assert parts.prose == prose(name)
        assert parts.sums == parts.recorded

    def test_tells_every_setting_of_the_training(self, name: str, tiny_runs: Callable[[str], Path]) -> None:
        spec = yaml.safe_load((tiny_runs(name) / "spec.yaml").read_text())
        card = (tiny_runs(name) / "README.md").read_text()
        assert all(f"| `model.{key}` |" in card for key in spec["model"]["init_args"])
        assert all(f"| `trainer.{key}` |" in card for key in spec["trainer"])
        assert "| `seed` | 0 |" in card


@pytest.mark.parametrize("folder", sorted(starter_folder("asl-slp").parent.iterdir()), ids=lambda folder: folder.name)
def test_a_bundled_starter_ships_the_card_that_would_be_written_today(folder: Path) -> None:
    assert (folder / "README.md").read_text() == text(folder)
    spec = yaml.safe_load((folder / "spec.yaml").read_text())
    shipped = yaml.safe_load((shipped_folder() / f"{folder.name}.yaml").read_text())
    assert spec["card"] == shipped["card"]
    assert Spec("", spec).run_id == json.loads((folder / "provenance.json").read_text())["run"]


class TestText:
    def test_what_has_nothing_to_say_is_absent(self, starter: Path) -> None:
        spec = yaml.safe_load((starter / "spec.yaml").read_text())
        (starter / "spec.yaml").write_text(yaml.safe_dump({**spec, "card": {"license": "cc-by-nc-4.0"}}))
        (starter / "results.json").unlink()
        (starter / "README.md").unlink()
        found = headings(write(starter).read_text())
        absent = {"Evaluation", "Results", "Citation", "Glossary", "Model sources", "Model card contact", "Factors"}
        assert not absent & set(found)
        assert faults(starter) == []

    def test_what_a_spec_says_is_there(self, starter: Path) -> None:
        spec = yaml.safe_load((starter / "spec.yaml").read_text())
        said = {
            "funding": "nobody",
            "demo": "https://demo.example",
            "factors": "The weather.",
            "authors": "Ada",
            "contact": "ada@example.org",
            "repository": "https://code.example",
            "glossary": {"gloss": "a label"},
        }
        (starter / "spec.yaml").write_text(yaml.safe_dump({**spec, "card": {**spec["card"], **said}}))
        card = write(starter).read_text()
        for expected in (
            "**Funded by:** nobody",
            "**Demo:** https://demo.example",
            "#### Factors\n\nThe weather.",
            "Ada",
        ):
            assert expected in card
        assert "## Model card contact\n\nada@example.org" in card
        assert "- **gloss:** a label" in card

    def test_a_baseline_that_wins_is_marked(self, starter: Path) -> None:
        row = {
            "value": 0.5,
            "mean_frame": 0.75,
            "copy_condition": 0.25,
            "protocol": "p",
            "n": 9,
            "interval": [0.4, 0.6],
        }
        (starter / "results.json").write_text(json.dumps({"ssim": row, "l1": {**row, "protocol": "q"}}))
        card = write(starter).read_text()
        assert "| `ssim` | higher | **0.5** | [0.4, 0.6] | 0.75 ▲ | 0.25 | 9 | p |" in card
        assert "| `l1` | lower | **0.5** | [0.4, 0.6] | 0.75 | 0.25 ▲ | 9 | q |" in card
        assert "Of 2 scores that have baselines, 2 have a better one:" in card

    def test_an_unknown_score_is_printed_and_not_judged(self, starter: Path) -> None:
        (starter / "results.json").write_text(json.dumps({"charm": {"value": 0.5, "rival": 0.75, "n": 3}}))
        card = write(starter).read_text()
        assert "| `charm` |  | **0.5** | 0.75 | 3 |" in card
        assert "▲" not in card

    def test_what_is_no_number_stays_out_of_the_metadata(self, starter: Path) -> None:
        row = {"mean_pose": 0.5, "n": 3}
        results = {"total_distance": {"value": float("inf"), **row}, "dtw_p": {"value": 1.0, **row}}
        (starter / "results.json").write_text(json.dumps(results))
        card = ModelCard(write(starter).read_text())
        assert [score.metric_type for score in card.data.eval_results] == ["dtw_p"]
        assert "| `total_distance` | nearer to 1 | **inf** | 0.5 ▲ | 3 |" in card.text
        assert faults(starter) == []

    def test_the_truth_stands_before_the_baselines_and_beats_nobody(self, starter: Path) -> None:
        row = {
            "value": 0.5,
            "interval": [0.45, 0.55],
            "ground_truth": 0.0,
            "mean_pose": 0.75,
            "n": 9,
            "protocol": "free",
        }
        (starter / "results.json").write_text(json.dumps({"dtw_p": {**row, "split": "test", "data": "0123456789ab"}}))
        card = write(starter).read_text()
        assert "| key | better | this model | 95 % interval | ground truth | mean pose | n |" in card
        assert "| `dtw_p` | lower | **0.5** | [0.45, 0.55] | 0 | 0.75 | 9 |" in card
        assert "those of the references and of simple guesses:\n\n- **ground truth**: what the references" in card
        assert "test split, 9 items, fingerprint `0123456789ab`" in card
        assert "▲" not in card
        assert faults(starter) == []

    def test_a_score_that_a_still_pose_wins_is_told_apart(self, starter: Path) -> None:
        row = {"value": 0.0448, "frozen_pose": 0.0418, "n": 9, "protocol": "free"}
        moved = {"value": 0.257, "frozen_pose": 0.0, "n": 9, "protocol": "free"}
        (starter / "results.json").write_text(json.dumps({"dtw_mje": row, "total_distance": moved}))
        card = write(starter).read_text()
        assert (
            "`dtw_mje`: the frozen pose wins (0.0418 against 0.0448): hardly moving scores well here, "
            "read it beside `total_distance` (0.257)."
        ) in card
        assert faults(starter) == []

    def test_the_judge_is_named_once_with_its_own_score(self, starter: Path) -> None:
        judge = "back-translation (run 12e456)"
        row = {"value": 41.2, "ground_truth": 78.1, "mean_pose": 0.0, "judge": judge, "protocol": "free", "n": 9}
        results = {"bleu_1": {**row, "ground_truth": 90.5}, "bleu_4": row, "bleu_4@oracle-length": row}
        (starter / "results.json").write_text(json.dumps({**results, "dtw_p": {"value": 0.5, "n": 9}}))
        card = write(starter).read_text()
        said = f"`bleu_1`, `bleu_4`: read by {judge}, which itself scores 78.1 (`bleu_4`) on the reference poses."
        assert card.count(said) == card.count(judge) == 1
        assert faults(starter) == []

    @pytest.mark.parametrize(
        ("truth", "end"), [(0.98, "."), (0.3, ": it reads so little that these scores say nothing.")]
    )
    def test_who_read_letters_is_named_with_its_score_on_true_ones(self, starter: Path, truth: float, end: str) -> None:
        row = {"value": 0.8, "ground_truth": truth, "other_class": 0.0, "judge": "letter-judge (run 1)", "n": 9}
        apart = {**row, "value": 20.0, "ground_truth": 0.0}
        (starter / "results.json").write_text(json.dumps({"judged_acc": row, "fid_letter-judge": apart}))
        said = f"read by letter-judge (run 1), which itself scores {truth} (`judged_acc`) on the true pictures{end}"
        assert f"`judged_acc`, `fid_letter-judge`: {said}" in write(starter).read_text()
        assert faults(starter) == []

    def test_how_texts_were_compared_is_said_once(self, starter: Path) -> None:
        row = {"value": 41.2, "ground_truth": 78.1, "judge": "reader (run 1)", "variant": SIGNATURE, "n": 9}
        (starter / "results.json").write_text(json.dumps({"bleu_1": row, "bleu_4": row}))
        card = write(starter).read_text()
        assert card.count(f"on the reference poses. Measured with {SIGNATURE}.") == card.count("BLEU 13a") == 1
        assert faults(starter) == []

    def test_the_metadata_says_protocol_and_split(self, starter: Path) -> None:
        row = {"value": 0.5, "n": 9}
        results = {"dtw_p": {**row, "protocol": "free", "split": "dev"}, "dtw_mje": row}
        (starter / "results.json").write_text(json.dumps(results))
        found = {score.metric_type: score for score in ModelCard(write(starter).read_text()).data.eval_results}
        assert (found["dtw_p"].metric_config, found["dtw_p"].dataset_split) == ("free", "dev")
        assert (found["dtw_mje"].metric_config, found["dtw_mje"].dataset_split) == (None, "test")
        assert faults(starter) == []

    def test_what_is_no_number_is_no_baseline(self, starter: Path) -> None:
        row = {"value": 0.5, "mean_pose": 0.75, "extractor": "inception", "n": 9}
        (starter / "results.json").write_text(json.dumps({"dtw_p": row}))
        assert "| key | better | this model | mean pose | n |" in write(starter).read_text()

    def test_energy_and_carbon_are_told_where_they_are_known(self, starter: Path) -> None:
        used = {"seconds": 5400.0, "kwh": 0.5, "kg_co2e": None, "country": None}
        change(starter / "provenance.json", seconds=7200.0, emissions=used)
        card = write(starter).read_text()
        assert "**Hours used:** 2\n" in card
        assert "**Energy:** 0.5 kWh over 1.5 hours of training, measured with codecarbon" in card
        assert "Carbon emitted" not in card
        change(starter / "provenance.json", emissions={**used, "kg_co2e": 0.19, "country": "Germany"})
        assert "**Carbon emitted:** 0.19 kg CO2eq (Germany)" in write(starter).read_text()

    def test_samples_are_shown(self, starter: Path) -> None:
        (starter / "samples").mkdir()
        for name in ("a.png", "b.gif", "c.mp4", "d.json"):
            (starter / "samples" / name).touch()
        card = write(starter).read_text()
        for expected in (
            "![Sample a](samples/a.png)",
            "![Sample b](samples/b.gif)",
            'src="samples/c.mp4"',
            "(samples/d.json)",
        ):
            assert expected in card
        assert faults(starter) == []

    def test_plots_are_shown_below_the_results_and_say_what_one_sees(self, starter: Path) -> None:
        assert "Plots" not in headings((starter / "README.md").read_text())
        (starter / "plots").mkdir()
        for name in ("length.png", "confusion_letters.png", "charm.png", ".hidden.png", "notes.txt"):
            (starter / "plots" / name).touch()
        card = write(starter).read_text()
        results, plots, impact = (card.index(f"# {head}\n") for head in ("Results", "Plots", "Environmental impact"))
        assert results < plots < impact
        shown = card[plots:impact]
        assert "![A dot a sentence: the length of its reference against its score](plots/length.png)" in shown
        assert "what it is taken for (letters)](plots/confusion_letters.png)" in shown
        assert "![Plot: charm](plots/charm.png)" in shown
        assert "hidden" not in card
        assert "notes.txt" not in card
        assert faults(starter) == []
        (starter / "plots" / "length.png").unlink()
        assert [fault for fault in faults(starter) if fault.startswith("dead link: plots/length.png")]

    def test_a_bundled_starter_leaves_out_plots_that_no_install_should_bring_along(
        self, starter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def measured(_: Any, folder: Path, real: Path | None) -> None:
            shutil.copyfile(starter / "results.json", folder / "results.json")
            (folder / "plots").mkdir()
            (folder / "plots" / "length.png").write_bytes(b"p" * 500_000)
            (folder / "plots" / "samples.png").write_bytes(b"p" * 500_001)
            write(folder)

        monkeypatch.setattr("zoo.publishing.bundle.measure", measured)
        into = bundle(Run(starter), tmp_path / "into")
        assert [path.name for path in (into / "plots").iterdir()] == ["length.png"]
        assert "(plots/length.png)" in (into / "README.md").read_text()
        assert faults(into) == []

    def test_a_base_model_is_what_the_weights_build_on(self, starter: Path) -> None:
        change(starter / "config.json", base_model="facebook/vjepa2-vitl-fpc64-256")
        card = ModelCard(write(starter).read_text())
        assert card.data.base_model == "facebook/vjepa2-vitl-fpc64-256"
        assert "(https://huggingface.co/facebook/vjepa2-vitl-fpc64-256)" in card.text

    def test_what_the_avatar_taught_knows_the_avatars_languages(self, starter: Path) -> None:
        spec = yaml.safe_load((starter / "spec.yaml").read_text())
        change(starter / "spec.yaml", card={**spec["card"], "language": ["de", "gsg"]})
        write(starter)
        assert ModelCard.load(starter / "README.md").data.language == ["en", "ase"]
        provenance = json.loads((starter / "provenance.json").read_text())
        change(starter / "provenance.json", data={**provenance["data"], "twin": None})
        write(starter)
        assert ModelCard.load(starter / "README.md").data.language == ["de", "gsg"]

    def test_real_data_is_named_and_found(self, starter: Path) -> None:
        record = json.loads((starter / "provenance.json").read_text())
        change(starter / "provenance.json", starter=False, data={**record["data"], "twin": None})
        card = ModelCard(write(starter).read_text())
        assert card.data.datasets == ["How2Sign"]
        assert card.data.license == "cc-by-nc-4.0"
        assert {score.dataset_name for score in card.data.eval_results} == {"How2Sign"}
        assert "twin's" not in split(card.text).generated
        assert "starter weights" not in split(card.text).generated

    def test_without_a_licence_none_is_made_up(self, starter: Path) -> None:
        record = json.loads((starter / "provenance.json").read_text())
        data = {**record["data"], "name": "rwth-boston50", "twin": None}
        change(starter / "provenance.json", data=data)
        card = ModelCard(write(starter).read_text())
        assert card.data.license is None
        assert "**License:**" not in card.text
        assert [message for message in faults(starter) if message.startswith("license: ")]

    def test_the_address_is_the_repository_where_it_is_known(self, starter: Path) -> None:
        assert 'zoo.load(".")  # this folder' in (starter / "README.md").read_text()
        card = write(starter, "me/signs").read_text()
        assert 'zoo.load("me/signs")' in card
        assert "**Shared by:** me" in card
        assert faults(starter) == []

    def test_a_page_that_somebody_wrote_is_kept_beside_the_card(self, starter: Path) -> None:
        (starter / "README.md").write_text("# My notes\n")
        write(starter)
        (starter / "README.md").write_text("# More notes\n")
        write(starter)
        assert (starter / "README.old.md").read_text() == "# My notes\n"
        assert (starter / "README.old.2.md").read_text() == "# More notes\n"
        assert (starter / "README.md").read_text() == text(starter)

    def test_prose_that_was_edited_stays(self, starter: Path) -> None:
        path = starter / "README.md"
        path.write_text(path.read_text().replace("### Direct use\n", "### Direct use\n\nMine.\n"))
        for _ in range(2):
            assert "Mine." in write(starter).read_text()
        assert faults(starter) == []

    @pytest.mark.parametrize(
        ("more", "expected"), [(b"\n<!-- prose -->\n", "marks that do not pair up"), (b"\xe9", "not a text in UTF-8")]
    )
    def test_a_card_whose_prose_cannot_be_found_is_left_alone(
        self, more: bytes, expected: str, starter: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path = starter / "README.md"
        path.write_bytes(path.read_bytes() + more)
        before = path.read_bytes()
        assert main(["card", str(starter)]) == 2
        message = capsys.readouterr().err
        assert message.startswith(f"error: {path}: ")
        assert expected in message
        assert path.read_bytes() == before

    @pytest.mark.parametrize("missing", ["spec.yaml", "provenance.json"])
    def test_a_folder_without_its_records_is_refused(self, missing: str, starter: Path) -> None:
        (starter / missing).unlink()
        with pytest.raises(ValueError, match=re.escape(missing)):
            write(starter)

    def test_provenance_of_another_make_is_refused(self, starter: Path) -> None:
        (starter / "provenance.json").write_text(json.dumps({"dtw_p": {"score": 1}}))
        with pytest.raises(ValueError, match="a record lacks what every run writes"):
            write(starter)

    @pytest.mark.parametrize("row", [{"score": 1}, {"value": "good"}, 3])
    def test_results_of_another_make_are_refused(self, row: object, starter: Path) -> None:
        (starter / "results.json").write_text(json.dumps({"dtw_p": row}))
        with pytest.raises(
            ValueError, match=r"results\.json: dtw_p: found .*, expected a mapping with a number as `value`"
        ):
            write(starter)

    def test_a_spec_with_another_card_section_is_refused(self, starter: Path) -> None:
        change(starter / "spec.yaml", card="mine")
        with pytest.raises(ValueError, match=r"spec\.yaml: card: found 'mine', expected a mapping"):
            write(starter)


class TestCommand:
    def test_writes_and_checks(
        self, starter: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr("zoo.card.blocks.failures", lambda fences, folder: [])  # run for every model above
        (starter / "README.md").unlink()
        assert main(["card", str(starter), "--check"]) != 0
        assert "README.md: missing" in capsys.readouterr().err
        assert main(["card", str(starter)]) == 0
        assert capsys.readouterr().out.strip() == str(starter / "README.md")
        assert main(["card", str(starter), "--check"]) == 0

    def test_does_not_write_into_the_package(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("ZOO_RUNS", str(tmp_path))
        before = (starter_folder("asl-slp") / "README.md").stat().st_mtime_ns
        assert main(["card", "asl-slp"]) == 2
        assert "no finished run" in capsys.readouterr().err
        assert (starter_folder("asl-slp") / "README.md").stat().st_mtime_ns == before

    def test_finds_the_run_of_a_spec_from_elsewhere_by_its_file_and_by_its_name(
        self, starter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("ZOO_RUNS", str(tmp_path / "runs"))
        spec = tmp_path / "mine.yaml"
        spec.write_text((starter / "spec.yaml").read_text().replace("name: asl-slp", "name: mine"))
        assert main(["card", str(spec)]) == 2
        assert "no finished run in" in capsys.readouterr().err
        run = Path(shutil.copytree(starter, tmp_path / "runs" / "mine" / "abc"))
        named = Path(shutil.copytree(starter, tmp_path / "runs" / "asl-slp" / "abc"))
        (tmp_path / "asl-slp").mkdir()
        monkeypatch.chdir(tmp_path)
        assert main(["card", "asl-slp"]) == 0  # a folder called the same is "./asl-slp"
        assert capsys.readouterr().out == f"{named / 'README.md'}\n"
        for target in (str(spec), "mine"):
            assert main(["card", target]) == 0
            assert capsys.readouterr().out == f"{run / 'README.md'}\n"


class TestCode:
    """What `--check` runs: the Python in the card."""

    def card(self, *blocks: str) -> Any:
        return read("# a\n\n" + "\n".join(f"```python\n{block}\n```\n" for block in blocks)).fences

    def test_blocks_share_names_as_a_readers_session_does(self, starter: Path) -> None:
        assert failures(self.card("x = 1", "assert x == 1"), starter) == []

    def test_a_block_that_fails_is_named_with_its_line(self, starter: Path) -> None:
        found = failures(self.card("x = 1", "y = x\nz = missing", "raise SystemExit"), starter)
        assert found == [(9, "this Python does not run: NameError: name 'missing' is not defined")]
        (broken,) = failures(self.card("x ="), starter)
        assert broken == (4, "this Python does not run: SyntaxError: invalid syntax")

    def test_a_block_that_hangs_is_ended(self, starter: Path) -> None:
        assert failures(self.card("while True: pass"), starter, seconds=2) == [
            (4, "the Python blocks did not end within 2 seconds")
        ]

    def test_the_own_address_is_the_folder_and_nothing_of_it_is_touched(self, starter: Path) -> None:
        before = {path: path.read_bytes() for path in starter.rglob("*") if path.is_file()}
        code = """
import zoo, os
assert os.environ["HF_HUB_OFFLINE"] == "1"
model = zoo.load("me/signs@0123456")
assert os.path.isfile("me/signs/config.json")  # for plain diffusers
open("me/signs/config.json", "w").close()
"""
        assert failures(self.card(code), starter) == []
        assert {path: path.read_bytes() for path in starter.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("developers", ["Ada"], "text"),
        ("contact", " ", "text"),
        ("reported", "12 %", "a list of sentences"),
        ("language", "en", "a list of codes of ISO 639"),
        ("glossary", {"gloss": None}, "a mapping of terms to what they mean"),
        ("developer", "Ada", "did you mean 'developers'?"),
    ],
)
def test_a_spec_is_told_what_its_card_section_may_hold(key: str, value: Any, expected: str, tmp_path: Path) -> None:
    spec = yaml.safe_load((shipped_folder() / "asl-slp.yaml").read_text())
    spec["card"][key] = value
    (tmp_path / "asl-slp.yaml").write_text(yaml.safe_dump(spec))
    (problem,) = problems(tmp_path / "asl-slp.yaml")
    assert problem.key == f"card.{key}"
    assert expected in problem.message
