"""Trainings that do not begin with nothing: from the weights of another model, or where a finished run ended."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
import torch
import yaml
from every_spec import starter
from hub_server import Hub
from huggingface_hub import ModelCard
from lightning.pytorch.callbacks import EMAWeightAveraging
from safetensors.torch import load_file

import zoo
from datamodules.files import write_json
from zoo.artefacts.artefact import open_artefact, starter_folder
from zoo.artefacts.base_model import BaseModel
from zoo.artefacts.runs import Run
from zoo.card.facts import base_models
from zoo.card.licences import licence_of
from zoo.cli import main
from zoo.loaders.base import Inheritance
from zoo.results.lineage import bases, may_have_seen, of_the_avatar
from zoo.results.rows import data_note
from zoo.training.beginning import Continuation, misfit, take_over

STILL = ("--model.learning_rate=1.0e-30",)
"""A training that moves no weight, so that those it started from are seen in what it leaves."""
PLATEAU = "--model.schedule=plateau"
BEST = "--trainer.callbacks=[{class_path: ModelCheckpoint, init_args: {monitor: val/loss}}]"
MORE_WORDS = "--data.min_count=2"
FEW = ("--trainer.limit_train_batches=2", "--trainer.limit_val_batches=1")

Runs = Callable[[str], Path]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Runs of a test go to a place of its own."""
    monkeypatch.setenv("ZOO_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


@pytest.fixture
def tiny(twin_root: Callable[[str], Path]) -> Callable[..., list[str]]:
    """The command line of a tiny training of a spec, of few batches."""
    return lambda name, *more: ["fit", name, *starter(name, twin_root(name)), *FEW, *more]


def only_run(runs: Path) -> Path:
    (folder,) = runs.glob("*/*")
    return folder


def record(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "provenance.json").read_text())
    return found


def weights(run: Path) -> bytes:
    return (run / "model.safetensors").read_bytes()


def tokens(run: Path) -> list[str]:
    found: list[str] = json.loads((run / "tokens.json").read_text())
    return found


class TestFrom:
    def test_another_vocabulary_and_another_head_take_over_what_is_known_and_name_the_rest(
        self, tiny: Any, tiny_runs: Runs, root: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        base = tiny_runs("asl-slp")
        assert main(tiny("asl-slp", MORE_WORDS, "--model.future_prediction=2", *STILL, "--from", str(base))) == 0
        run = only_run(root)
        before, after = load_file(base / "model.safetensors"), load_file(run / "model.safetensors")
        old, new = tokens(base), tokens(run)
        known = set(old) & set(new)
        assert len(known) < len(new)
        counts = f"of {len(new)} tokens {len(known)} known there, {len(new) - len(known)} made anew"
        heads = "output.weight (151 rows there, 301 here), output.bias (151 rows there, 301 here)"
        told = (
            f"{len(before) - 2} of {len(before)} tensors taken over; {counts}; of another size and made anew: {heads}\n"
        )
        assert f"starting from {base}, from disk: {told}" in capsys.readouterr().out
        for name, value in before.items():
            if name not in ("embedding.weight", "output.weight", "output.bias"):
                assert torch.equal(after[name], value), name
        for token in new:
            row = after["embedding.weight"][new.index(token)]
            assert (token in known) == (token in old and torch.equal(row, before["embedding.weight"][old.index(token)]))

    @pytest.mark.parametrize(
        ("name", "anew"),
        [("letter-ddpm", None), ("pix2pix", "discriminator"), ("letter-gan", "critic"), ("gloss-classifier", None)],
    )
    def test_what_learns_starts_from_them_and_what_no_artefact_has_is_named(
        self, name: str, anew: str | None, tiny: Any, tiny_runs: Runs, root: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The average of a network that had not begun there would not be there at the end."""
        base = tiny_runs(name)
        assert main(tiny(name, *STILL, "--seed=1", "--trainer.max_epochs=1", "--from", str(base))) == 0
        out = capsys.readouterr().out
        assert ("in no artefact and made anew" in out) == (anew is not None)
        assert anew is None or f"in no artefact and made anew: {anew}\n" in out
        before, after = (dict(open_artefact(run).network.named_parameters()) for run in (base, only_run(root)))
        for key, value in before.items():
            assert torch.allclose(after[key], value, rtol=0, atol=1e-6), key

    def test_what_standardised_rows_mean_to_a_classifier_is_not_taken_over_unsaid(
        self, tiny: Any, tiny_runs: Runs, root: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        base = str(tiny_runs("gloss-classifier"))
        before = load_file(Path(base, "model.safetensors"))["deviation"]
        there = bool((before != 1).any())
        assert main(tiny("gloss-classifier", f"--model.standardise={not there}", "--from", base)) == 2
        assert f"standardised is {there} there and {not there} here" in capsys.readouterr().err
        assert not root.exists()

    def test_a_base_counts_by_its_content_and_is_remembered_by_what_starts_from_it(
        self, tiny: Any, tiny_runs: Runs, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        base = tiny_runs("letter-judge")
        command = tiny("letter-judge", "--trainer.max_epochs=1")
        assert main([*command, "--from", str(base)]) == 0
        run = only_run(root)
        copy = shutil.copytree(base, tmp_path / "elsewhere", ignore=shutil.ignore_patterns("checkpoints", "samples"))
        capsys.readouterr()
        assert main([*command, "--from", str(copy)]) == 0
        assert capsys.readouterr().out == f"already finished: {run}\n"
        assert main(["validate", *command[1:], "--from", str(copy)]) == 0
        longer = BaseModel.find(str(run)).record()
        assert [each["run"] for each in bases({"base_model": longer})] == [run.name, base.name]

    def test_the_same_command_goes_on_and_so_does_its_folder_once_the_base_is_gone(
        self, tiny: Any, tiny_runs: Runs, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        base = tmp_path / "base"
        shutil.copytree(tiny_runs("letter-judge"), base, ignore=shutil.ignore_patterns("checkpoints"))
        command = [*tiny("letter-judge"), "--from", str(base)]
        assert main(command) == 0
        run = only_run(root)
        trained, card = weights(run), (run / "README.md").read_text()
        assert f"- **Base model:** letter-judge, run `{base_run(base)}`, weights `" in card
        assert "It started from the weights of letter-judge, trained on the avatar twin of ASL Alphabet." in card
        assert str(tmp_path) not in card
        shutil.rmtree(run / "checkpoints")  # as if it had been killed before there was one
        (run / "config.json").unlink()
        assert main(command) == 0
        assert weights(run) == trained
        shutil.rmtree(base)
        (run / "config.json").unlink()
        assert main(["fit", str(run)]) == 0
        assert weights(run) == trained
        shutil.rmtree(run / "checkpoints")
        (run / "config.json").unlink()
        capsys.readouterr()
        assert main(["fit", str(run)]) == 2
        assert capsys.readouterr().err.startswith(f"error: {base}: no such folder")

    def test_weights_that_changed_under_a_run_are_not_taken_for_those_it_was_to_start_from(
        self, tiny: Any, tiny_runs: Runs, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        base = tmp_path / "base"
        shutil.copytree(tiny_runs("asl-slp"), base, ignore=shutil.ignore_patterns("checkpoints"))
        assert main(["show", *tiny("asl-slp")[1:], "--from", str(base)]) == 0
        spec = tmp_path / "asl-slp.yaml"
        spec.write_text(capsys.readouterr().out)
        assert yaml.safe_load(spec.read_text())["from"]["address"] == str(base)
        shutil.copyfile(starter_folder("asl-slp") / "model.safetensors", base / "model.safetensors")
        assert main(["fit", str(spec)]) == 2
        assert "from.sha256: found " in capsys.readouterr().err
        assert not root.exists()

    @pytest.mark.parametrize(
        ("base", "expected"),
        [
            (
                "back-translation",
                "found architecture 'pose-transformer', expected asl-slp's, 'progressive-transformer'",
            ),
            (
                "asl-slp",
                "do not fit this network: width is 256 there and 16 here, heads is 4 there and 2 here, feedforward",
            ),
            ("asl-slq", "'asl-slq' is neither a model or pipeline of the zoo nor a folder; did you mean 'asl-slp'?"),
            ("text-to-video", "--from text-to-video: a pipeline has no weights of its own"),
            ("/nowhere/at/all", "/nowhere/at/all: no such folder"),
        ],
    )
    def test_refused(self, base: str, expected: str, tiny: Any, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main([*tiny("asl-slp"), "--from", base]) == 2
        assert expected in capsys.readouterr().err
        assert not root.exists()

    def test_the_other_verbs_look_for_its_run_by_the_same_words(
        self, tiny: Any, root: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        back = [*tiny("back-translation")[1:], "--model.width=256", "--from", "back-translation"]
        for verb in ("validate", "test"):
            assert main([verb, *back]) == 2
            command = "`python -m zoo fit back-translation --starter --from back-translation --"
            assert f"no run yet: {command}" in capsys.readouterr().err
        assert main(["test", "me/x@main", "--from", "letter-judge"]) == 2
        assert "--from letter-judge: me/x@main is trained already" in capsys.readouterr().err
        assert main(["show", "text-to-video", "--from", "letter-judge"]) == 2
        assert "--from letter-judge: a pipeline is not trained" in capsys.readouterr().err

    def test_a_repository_is_a_base_by_its_commit_and_the_cards_base_model(
        self, tiny: Any, tiny_runs: Runs, root: Path, hub: Hub
    ) -> None:
        base = tiny_runs("letter-judge")
        files = {name: (base / name).read_bytes() for name in ("config.json", "model.safetensors", "provenance.json")}
        commit = hub.plant("me/judge", {**files, "README.md": b"---\nlicense: apache-2.0\n---\n# judge\n"})
        assert main([*tiny("letter-judge", "--trainer.max_epochs=1"), "--from", "me/judge@main"]) == 0
        run = only_run(root)
        assert record(run)["base_model"]["address"] == f"me/judge@{commit}"
        assert yaml.safe_load((run / "spec.yaml").read_text())["from"]["address"] == f"me/judge@{commit}"
        card = ModelCard.load(run / "README.md", ignore_metadata_errors=False)
        assert card.data.base_model == "me/judge"
        assert card.data.license == "apache-2.0"
        assert "[me/judge](https://huggingface.co/me/judge)" in card.text
        assert zoo.load(run).network


def base_run(base: Path) -> str:
    return str(record(base)["run"])


@pytest.mark.parametrize("name", [name for name in zoo.list_models() if starter_folder(name).is_dir()])
def test_every_starter_knows_what_its_rows_stand_for(name: str) -> None:
    """In a network of other names, every other one of which is new and the rest in another order."""
    loader: Any = open_artefact(starter_folder(name))
    theirs, given = loader.inheritance(), loader.network.state_dict()
    assert all(len(given[row]) == len(theirs.names) for row in theirs.rows)
    names = [name if place % 2 else f"new {place}" for place, name in reversed(list(enumerate(theirs.names)))]
    own = theirs._replace(names=names)
    network = open_artefact(starter_folder(name)).network
    for value in network.state_dict().values():
        value.zero_()
    assert misfit(network, own, given, theirs) is None
    assert take_over(network, own, given, theirs) == []
    for key, value in network.state_dict().items():
        if key in theirs.rows:
            for row, word in enumerate(names):
                expected = given[key][theirs.names.index(word)] if word in theirs.names else 0 * value[row]
                assert torch.equal(value[row], expected)
        else:
            assert torch.equal(value, given[key])


def test_weights_of_another_network_are_told_by_what_differs() -> None:
    narrow, wide = torch.nn.Linear(3, 4), torch.nn.Linear(5, 4)
    same = Inheritance("names", (), (), {})
    assert misfit(narrow, same, wide.state_dict(), same) == "weight has the shape (4, 5) there and (4, 3) here"
    assert misfit(narrow, same, {"weight": torch.zeros(4, 3)}, same) == "bias is only here"
    assert misfit(narrow, same._replace(settings={"heads": 2}), narrow.state_dict(), same) == (
        "heads is None there and 2 here"
    )


class TestOwed:
    """Whom a model owes to does not end where its training begins."""

    REAL: ClassVar[dict[str, Any]] = {"name": "how2sign", "fingerprint": "1", "twin": None}
    TWIN: ClassVar[dict[str, Any]] = {"name": "how2sign", "fingerprint": "2", "twin": {"size": 3}}

    @staticmethod
    def of(data: dict[str, Any], *bases: dict[str, Any]) -> dict[str, Any]:
        """A record of a training on data, of models that started from one another."""
        before = None
        for base in reversed(bases):
            before = {"name": "older", "run": "0", "data": None, **base, "base_model": before}
        return {"data": data, "base_model": before}

    def test_a_licence_is_not_shaken_off_by_training_on_the_avatar(self) -> None:
        found = licence_of({}, self.of(self.TWIN, {"data": self.REAL}))
        assert found.identifier == "cc-by-nc-4.0"
        assert licence_of({}, self.of(self.TWIN, {"data": self.TWIN}, {"data": self.REAL})).identifier == "cc-by-nc-4.0"
        assert licence_of({}, self.of(self.TWIN, {"data": self.TWIN})).identifier == "mit"

    def test_what_the_card_of_a_base_declares_binds_too(self) -> None:
        found = licence_of({}, self.of(self.TWIN, {"data": self.TWIN, "license": "cc-by-nc-4.0"}))
        assert found.identifier == "cc-by-nc-4.0"
        assert "CC BY-NC 4.0 of base model older" in found.why
        with pytest.raises(ValueError, match=r"license of the card of base model me/x: licence 'llama' is unknown"):
            licence_of({}, self.of(self.TWIN, {"repo_id": "me/x", "license": "llama"}))
        with pytest.raises(ValueError, match=r"declares mit, but .* asks for cc-by-nc-4\.0"):
            licence_of({}, self.of(self.TWIN, {"data": self.REAL}), {"license": "mit"})
        needs = {"data": self.TWIN, "builds_on": "CompVis/stable-diffusion-v1-4"}
        assert licence_of({}, self.of(self.TWIN, needs)).identifier == "creativeml-openrail-m"

    @pytest.mark.parametrize(
        ("card", "expected"),
        [
            ("---\nlicense: cc-by-nc-4.0\n---\n# x", "cc-by-nc-4.0"),
            ("\ufeff---\r\nlicense: cc-by-nc-4.0\r\n---\r\n", "cc-by-nc-4.0"),
            ("\n \n---\n\nlicense: cc-by-nc-4.0\n---", "cc-by-nc-4.0"),
            ("---\n---\n# x", None),
            ("# x\n---\nlicense: cc-by-nc-4.0\n---\n", None),
            ("-----\nno metadata", None),
            ("---\nlicense: [\n---\n", "cannot be read: while parsing"),
            ("---\nlicense: cc-by-nc-4.0\n", "cannot be read: found no second `---`"),
            (f"---\nlicense: cc-by-nc-4.0\nx: {'y' * 100_000}\n---\n", "cannot be read: found 100,"),
            ("---\n- license\n---\n", "cannot be read: found \"['license']\""),
        ],
    )
    def test_a_licence_that_a_card_declares_is_read_or_missed_aloud(
        self, card: str, expected: str | None, tmp_path: Path
    ) -> None:
        shutil.copyfile(starter_folder("letter-judge") / "config.json", tmp_path / "config.json")
        shutil.copyfile(starter_folder("letter-judge") / "provenance.json", tmp_path / "provenance.json")
        (tmp_path / "README.md").write_text(card, encoding="utf-8", newline="")
        base = BaseModel("me/x@0", "from the Hub", tmp_path, "me/x", "0").record()
        if expected is None or " " not in expected:
            assert licence_of({}, self.of(self.TWIN, base)).identifier == (expected or "mit")
        else:
            with pytest.raises(ValueError, match="base model me/x: its card's licence ") as error:
                licence_of({}, self.of(self.TWIN, base))
            assert expected in str(error.value)

    def test_what_is_on_the_hub_is_named_so_however_far_back_it_lies(self) -> None:
        """A record says of itself what its author likes; and a local step in between hides nobody."""
        local, published = {"data": self.TWIN}, {"data": self.TWIN, "name": "asl-slp", "repo_id": "me/x"}
        found = self.of(self.TWIN, local, published)
        assert base_models({}, found) == "me/x"
        assert base_models({"base_model": "me/y"}, found) == ["me/y", "me/x"]
        assert base_models({}, self.of(self.TWIN, local)) is None
        assert "started from the weights of older, trained on" in data_note(found)
        assert "started from the weights of me/x, trained on" in data_note(found)

    def test_a_base_of_which_nothing_is_known_is_published_by_nobody(self) -> None:
        with pytest.raises(ValueError, match="base model older: its licence is unknown"):
            licence_of({}, self.of(self.TWIN, {}))

    def test_trained_on_the_avatar_alone_is_what_started_from_nothing_else(self) -> None:
        assert of_the_avatar(self.of(self.TWIN, {"data": self.TWIN}))
        for other in (self.of(self.REAL), self.of(self.TWIN, {"data": self.REAL}), self.of(self.TWIN, {}), {}):
            assert not of_the_avatar(other)

    def test_what_may_have_seen_what_is_tested(self) -> None:
        other = {**self.TWIN, "fingerprint": "3"}
        for data, base, seen in (
            (self.TWIN, self.TWIN, False),
            (self.TWIN, other, True),
            ({**self.TWIN, "split": "official"}, {**other, "split": "official"}, False),
            ({**self.TWIN, "split": "official"}, {**other, "split": "signer"}, True),
            ({**self.TWIN, "split": "official"}, {**other, "split": "official", "twin": {"seed": 1}}, True),
            (self.TWIN, self.REAL, False),
            (self.REAL, self.REAL, False),
            (self.REAL, {**self.REAL, "split": "official"}, True),
            (self.REAL, self.TWIN, False),
            (self.REAL, {**self.REAL, "name": "phoenix14t", "fingerprint": "9"}, False),
            (self.REAL, None, True),
        ):
            assert bool(may_have_seen(self.of(data, {"data": base}))) == seen, (data, base)
        assert may_have_seen(self.of(self.TWIN, {"data": self.REAL}), real=True)
        assert not may_have_seen(self.of(self.TWIN, {"data": other}), real=True)


@pytest.fixture(scope="module")
def short(twin_root: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of two epochs, whose best weights were kept; tests read it and change nothing in it."""
    runs = tmp_path_factory.mktemp("short")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_RUNS", str(runs))
        assert main(["fit", "asl-slp", *starter("asl-slp", twin_root("asl-slp")), *FEW, PLATEAU, BEST]) == 0
    return only_run(runs)


class Killed(BaseException):
    """What no code of ours hears of."""


def killed(command: list[str], patches: pytest.MonkeyPatch, how: type[BaseException] = Killed) -> int:
    """Run a command that is ended when its checkpoint is read, before anything of it was refused."""

    def end(*_: Any) -> None:
        raise how

    with patches.context() as patch:
        patch.setattr(Continuation, "on_load_checkpoint", end)
        if how is not Killed:
            return main(command)
        with pytest.raises(Killed):
            main(command)
    return 0


class TestContinue:
    def test_more_epochs_and_more_are_as_if_it_had_been_longer_from_the_start(
        self, short: Path, tiny: Any, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ended, log = weights(short), (short / "logs" / "metrics.csv").read_bytes()
        command = ["fit", "--continue", str(short), "--trainer.max_epochs=3"]
        killed(command, monkeypatch)
        assert main(command) == 0
        (between,) = root.glob("*/*")
        assert main(["fit", "--continue", str(between), "--trainer.max_epochs=4"]) == 0
        (longer,) = (run for run in root.glob("*/*") if run != between)
        monkeypatch.setenv("ZOO_RUNS", str(tmp_path / "whole"))
        assert main(tiny("asl-slp", PLATEAU, BEST, "--trainer.max_epochs=4")) == 0
        whole = only_run(tmp_path / "whole")
        assert longer.name == whole.name
        assert weights(longer) == weights(whole) != ended
        assert (longer / "logs" / "metrics.csv").read_bytes() == (whole / "logs" / "metrics.csv").read_bytes()
        assert (weights(short), (short / "logs" / "metrics.csv").read_bytes()) == (ended, log)
        before = record(longer)["continued"]
        assert (before["run"], before["continued"]["run"]) == (between.name, short.name)
        assert record(longer)["started"] == record(short)["started"]
        assert record(longer)["starter"] is True
        assert f"- **Continued:** run `{between.name}` went on" in (longer / "README.md").read_text()
        assert record(longer)["seconds"] > record(short)["seconds"]

    def test_a_name_and_a_spec_say_the_same(
        self, short: Path, tiny: Any, root: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        copy = Path(shutil.copytree(short, root / "asl-slp" / short.name))
        old = record(copy)
        write_json(copy / "provenance.json", {**old, "versions": {**old["versions"], "torch": "0.1"}})
        words = [*tiny("asl-slp", PLATEAU, BEST, "--trainer.max_epochs=3"), "--continue", "asl-slp"]
        assert main(words) == 0
        out = capsys.readouterr().out
        assert "resuming after 2 epochs" in out
        assert f"versions: not those of run {short.name}, so it may end otherwise than a training in one go\n" in out
        (longer,) = (run for run in root.glob("*/*") if run.name != short.name)
        assert "it was trained with torch 0.1" in (longer / "README.md").read_text()
        assert main(["fit", "--continue", str(short), "--trainer.max_epochs=3"]) == 0
        assert capsys.readouterr().out == f"already finished: {longer}\n"

    @pytest.mark.parametrize(
        ("words", "expected"),
        [
            ([], "trainer.max_epochs: found 2, expected more than 2: add --trainer.max_epochs N"),
            (["--trainer.max_epochs=1"], "trainer.max_epochs: found 1, expected more than 2"),
            (
                ["--trainer.max_epochs=3", "--model.dropout=0.1"],
                "model.init_args.dropout is 0.1 here and was not set in that run; only trainer.max_epochs may differ",
            ),
            (["--from", "asl-slp"], "--from starts another training and --continue goes on with one"),
        ],
    )
    def test_refused(
        self, words: list[str], expected: str, short: Path, root: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["fit", "--continue", str(short), *words]) == 2
        assert expected in capsys.readouterr().err
        assert not root.exists()

    def test_a_schedule_that_is_over_refuses_in_one_message_that_says_what_to_do(
        self, tiny_runs: Runs, root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Also once it was killed, or interrupted, before it refused."""
        run = tiny_runs("asl-slp")
        command = ["fit", "--continue", str(run), "--trainer.max_epochs=4"]

        def refused() -> bool:
            assert main(command) == 2
            (line,) = capsys.readouterr().err.splitlines()
            assert line.endswith(f"`--from {run}` starts another training from its weights")
            return f"--continue {run}: its learning rate was planned over its epochs" in line

        assert refused()
        assert not root.exists()
        killed(command, monkeypatch)
        begun = only_run(root)
        assert not (begun / "checkpoints" / "last.ckpt").exists()
        capsys.readouterr()
        assert main(["fit", str(begun)]) == 2
        assert f"{begun}: goes on from run {run.name} and has no checkpoints/last.ckpt" in capsys.readouterr().err
        assert killed(command, monkeypatch, KeyboardInterrupt) == 130
        assert "interrupted; `the same command` goes on with it" in capsys.readouterr().err
        assert refused()

    def test_a_run_that_stopped_early_does_not_go_on_whatever_its_checkpoint_says(
        self, tiny: Any, root: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        stops = "--trainer.callbacks=[{class_path: EarlyStopping, init_args: %s}]"
        stopping = stops % "{monitor: val/loss, patience: 1, min_delta: 1.0e9}"
        assert main(tiny("asl-slp", PLATEAU, stopping, "--trainer.max_epochs=5")) == 0
        run = only_run(root)
        last = run / "checkpoints" / "last.ckpt"
        for _ in range(2):
            assert main(["fit", "--continue", str(run), "--trainer.max_epochs=6"]) == 2
            why = "it ended by itself, by EarlyStopping or trainer.max_time, after 2 epochs"
            assert f"--continue {run}: {why}" in capsys.readouterr().err
            state = torch.load(last, weights_only=True)
            torch.save({key: state[key] for key in state if key != "should_stop"}, last)  # as it was once written

    def test_a_damaged_checkpoint_is_said(
        self, short: Path, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        copy = Path(shutil.copytree(short, tmp_path / "copy"))
        (copy / "checkpoints" / "last.ckpt").write_bytes(b"PK")
        assert main(["fit", "--continue", str(copy), "--trainer.max_epochs=3"]) == 2
        assert f"--continue {copy}: its checkpoints/last.ckpt is damaged" in capsys.readouterr().err
        assert not root.exists()

    @pytest.mark.parametrize(
        ("trainer", "state", "expected"),
        [
            ({"max_steps": 9}, {}, "it lasts trainer.max_steps"),
            ({}, {"epoch": 1}, "it ended by itself, by EarlyStopping or trainer.max_time, after 1 epochs"),
            ({}, {"should_stop": True}, "it ended by itself, by EarlyStopping or trainer.max_time, after 2 epochs"),
            ({"callbacks": [EMAWeightAveraging()]}, {}, "its final weights are an average"),
            ({"max_epochs": 2}, {}, "trainer.max_epochs: found 2, expected more than the 2 that it lasted"),
        ],
    )
    def test_what_did_not_end_with_its_last_epoch_and_its_own_weights_does_not_go_on(
        self, trainer: dict[str, Any], state: dict[str, Any], expected: str, tmp_path: Path
    ) -> None:
        its: Any = SimpleNamespace(**{"max_steps": -1, "max_epochs": 4, "callbacks": [], **trainer})
        nothing: Any = None
        (tmp_path / "spec.yaml").write_text("trainer: {max_epochs: 2}")
        with pytest.raises(ValueError, match=f"--continue {tmp_path}: {expected}"):
            Continuation(Run(tmp_path), Run(tmp_path / "longer")).on_load_checkpoint(
                its, nothing, {"epoch": 2, "should_stop": False, **state}
            )

    def test_a_model_without_its_checkpoint(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["fit", "--continue", "pix2pix", "--trainer.max_epochs=200"]) == 2
        err = capsys.readouterr().err
        assert "no checkpoints/last.ckpt, without which its optimiser cannot go on; `--from" in err
        assert main(["fit"]) == 2
        assert "no SPEC given; name one, or use --continue RUN" in capsys.readouterr().err
        assert not root.exists()
