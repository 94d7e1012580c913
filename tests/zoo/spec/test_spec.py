"""A spec: how it is overlaid, what identifies its run, and what is said about a wrong one."""

import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from zoo.cli.check import problems
from zoo.spec.classes import LIGHTNING, OWN, allowed_classes, located, named_class
from zoo.spec.problems import SpecError, closest, nearest
from zoo.spec.registry import list_trained, locate, shipped_folder
from zoo.spec.spec import read, resolve
from zoo.spec.validation import accepted

SHIPPED = list_trained()
RAW: dict[str, Any] = {
    "name": "tiny",
    "summary": "a spec for tests",
    "task": "text-to-pose",
    "architecture": "progressive-transformer",
    "seed": 3,
    "model": {"class_path": "lightning_modules.asl_slp.ASLSLP", "init_args": {"width": 64, "heads": 4}},
    "data": {"class_path": "datamodules.how2sign.sentences.How2Sign", "init_args": {"root": "data", "seed": "${seed}"}},
    "trainer": {"max_epochs": 9, "callbacks": []},
    "starter": {"model": {"init_args": {"width": 32}}, "trainer": {"max_epochs": 2}},
    "card": {"license": "mit"},
}
BASE = {"address": "asl-slp", "sha256": "0" * 64}


@pytest.fixture
def write(tmp_path: Path) -> Any:
    """Write RAW, changed, as tiny.yaml."""

    def write(change: Any = None) -> Path:
        raw = yaml.safe_load(yaml.safe_dump(RAW))
        if change:
            change(raw)
        path = tmp_path / "tiny.yaml"
        path.write_text(yaml.safe_dump(raw, sort_keys=False))
        return path

    return write


def messages(path: Path) -> str:
    return "\n".join(map(str, problems(path)))


class TestOverlay:
    def test_starter_goes_over_spec_and_command_line_over_both(self) -> None:
        assert resolve(RAW, "x").config["model"]["init_args"] == {"width": 64, "heads": 4}
        starter = resolve(RAW, "x", starter=True, overrides=["trainer.max_epochs=5"]).config
        assert starter["model"]["init_args"] == {"width": 32, "heads": 4}
        assert starter["trainer"]["max_epochs"] == 5
        assert "starter" not in starter

    def test_interpolation_resolves_after_the_command_line(self) -> None:
        assert resolve(RAW, "x", overrides=["seed=8"]).config["data"]["init_args"]["seed"] == 8

    def test_short_keys_reach_init_args_and_values_are_yaml(self) -> None:
        overrides = [
            "model.width=96",
            "data.twin={size: 4}",
            "model.learning_rate=1e-3",
            "data.root=a=b",
            "model.heads=null",
        ]
        config = resolve(RAW, "x", overrides=overrides).config
        assert config["model"]["init_args"] == {"width": 96, "heads": None, "learning_rate": 0.001}
        assert config["data"]["init_args"]["twin"] == {"size": 4}
        assert config["data"]["init_args"]["root"] == "a=b"

    def test_another_class_takes_no_arguments_from_the_old_one(self) -> None:
        raw = {
            **RAW,
            "starter": {"data": {"class_path": "datamodules.phoenix14t.Phoenix14T", "init_args": {"root": "p"}}},
        }
        assert resolve(raw, "x", starter=True).config["data"]["init_args"] == {"root": "p"}
        overridden = resolve(RAW, "x", overrides=["model.class_path=lightning_modules.other.Other", "model.depth=2"])
        assert overridden.config["model"]["init_args"] == {"depth": 2}

    def test_training_is_deterministic_unless_the_spec_says_otherwise(self) -> None:
        assert resolve(RAW, "x").config["trainer"]["deterministic"] is True
        assert resolve(RAW, "x", overrides=["trainer.deterministic=warn"]).config["trainer"]["deterministic"] == "warn"

    def test_a_list_entry_can_be_overridden_by_its_index(self) -> None:
        callback = {"class_path": "lightning.pytorch.callbacks.EarlyStopping", "init_args": {"monitor": "val/loss"}}
        raw = {**RAW, "trainer": {"callbacks": [callback]}}
        config = resolve(raw, "x", overrides=["trainer.callbacks.0.init_args.patience=9"]).config
        assert config["trainer"]["callbacks"][0]["init_args"] == {"monitor": "val/loss", "patience": 9}


class TestIdentity:
    def test_twelve_hex_digits_that_do_not_change(self) -> None:
        assert re.fullmatch("[0-9a-f]{12}", resolve(RAW, "x").run_id)
        assert resolve(RAW, "x").run_id == resolve(dict(reversed(RAW.items())), "elsewhere").run_id

    def test_only_what_determines_the_training_counts(self) -> None:
        told_otherwise = {**RAW, "summary": "other words", "card": {"license": "cc0-1.0"}, "hub": {"repo_id": "a/b"}}
        assert resolve(told_otherwise, "x").run_id == resolve(RAW, "x").run_id

    @pytest.mark.parametrize("override", ["model.width=65", "seed=4", "trainer.max_epochs=10", "data.root=elsewhere"])
    def test_what_determines_the_training_changes_it(self, override: str) -> None:
        assert resolve(RAW, "x", overrides=[override]).run_id != resolve(RAW, "x").run_id

    def test_what_a_training_starts_from_counts_by_its_content_wherever_it_lies(self) -> None:
        other = {**BASE, "sha256": "1" * 64}
        sections: list[dict[str, Any]] = [{}, {"from": BASE}, {"from": {**BASE, "address": "y"}}, {"from": other}]
        ids = [resolve({**RAW, **section}, "x").run_id for section in sections]
        assert ids[1] == ids[2]
        assert len(set(ids)) == 3

    def test_a_resolved_spec_is_the_same_run(self, tmp_path: Path) -> None:
        spec = resolve(RAW, "x", starter=True)
        (tmp_path / "spec.yaml").write_text(spec.yaml())
        assert resolve(read(tmp_path / "spec.yaml"), "x").run_id == spec.run_id


class TestCheck:
    @pytest.mark.parametrize("name", SHIPPED)
    def test_shipped_specs_are_good(self, name: str) -> None:
        assert problems(shipped_folder() / f"{name}.yaml") == []

    def test_starters_that_share_a_folder_ask_for_the_same_twin_there(self) -> None:
        """Or of two at once each would replace the other's."""
        asked: dict[str, set[str]] = {}
        for name in SHIPPED:
            path = shipped_folder() / f"{name}.yaml"
            data = resolve(read(path), str(path), starter=True).config["data"]["init_args"]
            asked.setdefault(data["root"], set()).add(str(data["twin"]))
        assert {root: twins for root, twins in asked.items() if len(twins) > 1} == {}

    def test_everything_is_reported_at_once(self, write: Any) -> None:
        def change(raw: dict[str, Any]) -> None:
            raw["hubb"] = {}
            raw["task"] = "text-to-poes"
            raw["card"] = {"license": " ", "langauge": ["en"]}
            raw["model"]["init_args"] = {"widht": 3, "heads": "four"}
            raw["data"]["init_args"] = {"twin": {"sizee": 3}}
            raw["trainer"]["max_epoch"] = 3
            raw["starter"]["traner"] = {}
            del raw["summary"]

        found = messages(write(change))
        for expected in (
            "summary: missing",
            "hubb: unknown key; did you mean 'hub'?",
            "found 'text-to-poes', which no loader has; did you mean 'text-to-pose'?",
            "card.license: found ' '",
            "card.langauge: unknown key; did you mean 'language'?",
            "model.init_args.widht: unknown key; did you mean 'width'?",
            "model.init_args.heads: found 'four', expected int",
            "data.init_args.root: missing, expected str",
            "data.init_args.twin.sizee: unknown key; did you mean 'size'?",
            "trainer.max_epoch: unknown key; did you mean 'max_epochs'?",
            "starter.traner: unknown key; did you mean 'trainer'?",
        ):
            assert expected in found
        assert all(line.startswith(str(write())) for line in found.splitlines())

    def test_a_problem_that_only_the_starter_has_is_found(self, write: Any) -> None:
        path = write(lambda raw: raw["starter"]["model"]["init_args"].update(width="wide"))
        assert "model.init_args.width: found 'wide', expected int" in messages(path)
        assert accepted(path).name == "tiny"
        with pytest.raises(SpecError, match="found 'wide'"):
            accepted(path, starter=True)

    def test_a_misspelt_class_is_met_with_the_nearest(self, write: Any) -> None:
        path = write(lambda raw: raw["model"].update(class_path="lightning_modules.asl_slp.ASLSPL"))
        assert "did you mean 'ASLSLP'?" in messages(path)

    @pytest.mark.parametrize("wrong", ["lightning_modules.asl_slp.ASLSPL", "os.system"])
    def test_a_wrong_class_hides_no_mistake_elsewhere(self, write: Any, wrong: str) -> None:
        def change(raw: dict[str, Any]) -> None:
            raw["model"] = {"class_path": wrong, "init_args": {"widht": 3}}
            raw["data"]["init_args"]["strid"] = 2
            raw["trainer"]["max_epochs"] = "many"

        found = messages(write(change))
        assert f"model.class_path: found '{wrong}'" in found
        assert "data.init_args.strid: unknown key; did you mean 'stride'?" in found
        assert "trainer.max_epochs: found 'many'" in found
        assert ("model.init_args.widht: unknown key" in found) == (wrong != "os.system")

    @pytest.mark.parametrize("name", ["EarlyStoping", "lightning.pytorch.callbacks.EarlyStoping"])
    def test_a_misspelt_callback_is_met_with_the_nearest(self, write: Any, name: str) -> None:
        path = write(lambda raw: raw["trainer"].update(callbacks=[{"class_path": name}]))
        assert f"found {name!r}" in messages(path)
        assert "did you mean 'EarlyStopping'?" in messages(path)

    def test_blame_goes_to_the_command_line_where_it_belongs(self, write: Any) -> None:
        with pytest.raises(
            SpecError, match=re.escape("command line: --model.widht: unknown key; did you mean 'width'?")
        ):
            accepted(write(), overrides=["model.widht=3"])

    @pytest.mark.parametrize(
        ("content", "expected"),
        [
            ("- a\n- b\n", "not a mapping"),
            ("only words", "not a mapping"),
            ("", "not a mapping"),
            ("name: tiny\nmodel: [1,\ndata: }\n", "tiny.yaml:3: not readable as YAML"),
            ("name: tiny\nname: twice\n", "tiny.yaml:2: not readable as YAML: found duplicate key name"),
            ("name: !!python/object/apply:os.system [touch pwned]\n", "not readable as YAML"),
            (b"\xff\xfe\x00", "not a text file in UTF-8"),
        ],
    )
    def test_files_that_are_no_spec(self, tmp_path: Path, content: str | bytes, expected: str) -> None:
        path = tmp_path / "tiny.yaml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        assert expected in messages(path)
        assert len(problems(path)) == 1

    @pytest.mark.parametrize(
        ("change", "expected"),
        [
            ({"name": "other"}, "name: found 'other', expected 'tiny', the name of the file"),
            ({"model": ["a"]}, "model: found ['a'], expected a mapping"),
            ({"model": {"init_args": {}}}, "model.class_path: missing"),
            ({"seed": -1}, "seed: found -1, expected a whole number"),
            ({"hub": {"repo_id": "me/x", "revision": "main"}}, "hub.revision: found 'main', expected a commit"),
            ({"from": "asl-slp"}, "from: found 'asl-slp', expected a mapping; leave it out and add --from asl-slp"),
            ({"from": {"address": "x"}}, "from.sha256: missing; leave `from` out and add --from ADDRESS"),
            ({"from": {"address": "x", "sha256": "0"}}, "from.sha256: found '0', expected the SHA-256"),
            ({"from": {**BASE, "adress": "x"}}, "from.adress: unknown key; did you mean 'address'?"),
            ({"trainer": {"logger": {"class_path": "x"}}}, "trainer.logger: expected true, or false"),
            ({"trainer": {"default_root_dir": "x"}}, "trainer.default_root_dir: leave it out"),
            ({"trainer": {"precision": "fp3"}}, "trainer.precision: found 'fp3', expected"),
            ({"trainer": {3: 4}}, "trainer.3: found 3 as a key, expected a word"),
            ({4: "x"}, "4: found 4 as a key, expected a word"),
            ({"trainer": {"max_epochs": 0}}, "trainer.max_epochs: found 0, which trains nothing"),
            ({"trainer": {"max_steps": 0}}, "trainer.max_steps: found 0, which trains nothing"),
            ({"trainer": {"limit_train_batches": 0.0}}, "trainer.limit_train_batches: found 0.0, which trains nothing"),
            ({"trainer": {"callbacks": [3]}}, "trainer.callbacks.0: found 3, expected a mapping with `class_path`"),
            ({"trainer": {"callbacks": 3}}, "trainer.callbacks: found 3, expected a mapping with `class_path`"),
            ({"model": {"class_path": 3}}, "model.class_path: found 3, expected the name of a class"),
            ({"model": {"class_path": None}}, "model.class_path: found None, expected the name of a class"),
            ({"model": {**RAW["model"], "init_args": []}}, "model.init_args: found [], expected a mapping"),
            ({"model": {**RAW["model"], "init_args": {3: 4}}}, "model.init_args.3: found 3 as a key"),
            (
                {"starter": {"model": {"class_path": 3}}},
                "starter.model.class_path: found 3, expected the name",
            ),
            ({"starter": {"trainer": {"callbacks": {"a": 1}}}}, "starter: does not fit the spec: Cannot merge"),
            (
                {"data": {"class_path": "datamodules.how2sign.sentences.How2Sign", "init_args": {"root": "${nope}"}}},
                "'nope' not found",
            ),
        ],
    )
    def test_one_wrong_thing(self, write: Any, change: dict[str, Any], expected: str) -> None:
        found = messages(write(lambda raw: raw.update(change)))
        assert expected in found
        assert len(found.splitlines()) == 1 or "missing" in found

    @pytest.mark.parametrize(
        ("section", "arguments", "expected"),
        [
            ("model", {"learning_rate": -1.0}, "model.init_args.learning_rate: found -1.0, expected more than 0"),
            ("data", {"root": "data", "batch_size": 0}, "data.init_args.batch_size: found 0, expected at least 1"),
            ("data", {"root": "data", "twin": {"size": -4}}, "data.init_args.twin.size: found -4, expected at least 1"),
        ],
    )
    def test_what_a_class_refuses_is_found_before_a_training(
        self, write: Any, section: str, arguments: dict[str, Any], expected: str
    ) -> None:
        path = write(lambda raw: raw[section].update(init_args=arguments))
        assert messages(path).splitlines() == [f"{path}: {expected}"]

    def test_what_a_callback_of_the_zoo_refuses_is_found_too(self, write: Any) -> None:
        grids = {"class_path": "zoo.training.callbacks.SampleGrids", "init_args": {"every_n_epochs": 0}}
        found = messages(write(lambda raw: raw["trainer"].update(callbacks=[grids])))
        assert "trainer.callbacks.0.init_args.every_n_epochs: found 0, expected at least 1" in found

    def test_a_starter_without_content_is_none(self, write: Any) -> None:
        assert messages(write(lambda raw: raw.update(starter={}))) == ""

    def test_a_schedule_counts_epochs(self, write: Any) -> None:
        schedule = {
            "class_path": "lightning.pytorch.callbacks.GradientAccumulationScheduler",
            "init_args": {"scheduling": {0: 1, 4: 2}},
        }
        assert messages(write(lambda raw: raw["trainer"].update(callbacks=[schedule]))) == ""

    @pytest.mark.parametrize("override", ["model.class_path=3", "model.init_args={3: 4}", "trainer.callbacks=[3]"])
    def test_an_override_is_checked_like_a_file(self, write: Any, override: str) -> None:
        with pytest.raises(SpecError, match="found 3"):
            accepted(write(), overrides=[override], types=False)

    @pytest.mark.parametrize("value", [3, None, [], {}, "x", True, 1.5, [3], {3: 4}, {True: 1, "a": 3}, "${seed}"])
    def test_whatever_stands_where_a_block_belongs_is_met_with_words(self, write: Any, value: Any) -> None:
        blocks = (
            "model",
            "model.init_args",
            "data",
            "trainer",
            "trainer.callbacks",
            "starter.model",
            "from",
            "hub",
            "card",
        )
        for block in blocks:
            *parents, last = block.split(".")

            def change(raw: dict[str, Any], parents: list[str] = parents, last: str = last) -> None:
                for parent in parents:
                    raw = raw[parent]
                raw[last] = value

            lines = messages(write(change)).splitlines()
            assert len(lines) == len(set(lines))


class TestLocate:
    def test_a_name_goes_before_a_folder_called_the_same(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        Path("asl-slp").mkdir()
        Path("asl-slp", "spec.yaml").touch()
        assert locate("asl-slp") == shipped_folder() / "asl-slp.yaml"
        assert locate("./asl-slp") == Path("asl-slp/spec.yaml")

    def test_a_folder_that_is_no_run_is_called_so(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match=re.escape(f"{tmp_path}: no spec.yaml in this folder")):
            locate(str(tmp_path))


def test_the_closest_word_and_what_is_said_of_it() -> None:
    assert closest("widht", ["width", "heads"]) == "width"
    assert closest("nothing", ["width", "heads"]) is None
    assert nearest("widht", ["width", "heads"]) == "; did you mean 'width'?"
    assert nearest("nothing", ["width", "heads"]) == "; valid: heads, width"
    assert closest("heads", ["head", "model/heads"]) == "model/heads"
    assert closest("haeds", ["model/heads", "width"]) == "model/heads"
    assert closest("modle/heads", ["model/heads", "heads"]) == "model/heads"


class TestClosedList:
    """A spec from elsewhere runs no code: names outside the list are refused before anything is imported."""

    @pytest.fixture
    def trap(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """An importable module that leaves a mark when it is imported."""
        (tmp_path / "trapdoor.py").write_text(f"open({str(tmp_path / 'sprung')!r}, 'w')\nclass Model: ...\n")
        (tmp_path / "trapdoor.yaml").write_text("class_path: trapdoor.Model\n")
        monkeypatch.syspath_prepend(str(tmp_path))
        return tmp_path / "sprung"

    @pytest.mark.parametrize(
        "name", ["trapdoor.Model", "os.system", "subprocess.Popen", "torch.hub.load", "__main__.main"]
    )
    @pytest.mark.parametrize(
        ("key", "nest"),
        [
            ("model.class_path", lambda name: name),
            ("data.class_path", lambda name: name),
            ("model.init_args.width", lambda name: name),
            ("model.init_args.width", lambda name: {"class_path": name}),
            ("data.init_args.root", lambda name: name),
            ("data.init_args.twin", lambda name: [{"deep": {"class_path": name, "init_args": {"args": "id"}}}]),
            ("trainer.callbacks", lambda name: name),
            ("trainer.callbacks", lambda name: [name]),
            ("trainer.callbacks", lambda name: [{"class_path": name}]),
            ("trainer.strategy", lambda name: name),
            ("trainer.plugins", lambda name: [{"class_path": name}]),
            ("trainer.profiler", lambda name: {"class_path": name}),
            ("trainer.accelerator", lambda name: name),
        ],
    )
    @pytest.mark.parametrize("block", ["", "starter."])
    def test_code_is_refused_by_key_and_name(
        self, trap: Path, write: Any, name: str, key: str, nest: Any, block: str
    ) -> None:
        def change(raw: dict[str, Any]) -> None:
            *parents, last = (block + key).split(".")
            for parent in parents:
                raw = raw.setdefault(parent, {})
            raw[last] = nest(name)

        path = write(change)
        found = messages(path)
        assert name in found
        assert key in found
        with pytest.raises(SpecError, match=re.escape(name)):
            accepted(path, starter=bool(block))
        assert not trap.exists()
        assert "trapdoor" not in sys.modules

    @pytest.mark.parametrize("key", ["callbacks", "strategy", "plugins", "profiler"])
    def test_a_file_with_more_of_the_spec_is_refused(self, trap: Path, write: Any, key: str) -> None:
        path = write(lambda raw: raw["trainer"].update({key: str(trap.parent / "trapdoor.yaml")}))
        assert f"trainer.{key}" in messages(path)
        assert not trap.exists()

    def test_secrets_of_the_environment_stay_there(self, write: Any) -> None:
        path = write(lambda raw: raw.update(summary="${oc.env:HOME}"))
        assert "resolvers such as ${oc.env:...} are refused" in messages(path)
        with pytest.raises(SpecError, match="resolvers"):
            resolve(RAW, "x", overrides=["model.width=${oc.env:HOME}"])

    def test_plain_values_with_dots_pass(self, write: Any) -> None:
        path = write(lambda raw: raw["data"]["init_args"].update(root="data.v2/how2sign.real"))
        assert messages(path) == ""

    def test_the_list_holds_what_can_be_trained_and_no_more(self) -> None:
        assert allowed_classes("model")["ASLSLP"] == "lightning_modules.asl_slp.ASLSLP"
        assert not [dotted for dotted in allowed_classes("model").values() if ".networks." in dotted]
        assert allowed_classes("data")["How2Sign"] == "datamodules.how2sign.sentences.How2Sign"


class TestClassNames:
    """A spec names classes as people do, and a module that moves changes no run."""

    @pytest.mark.parametrize(
        ("dotted", "name"),
        [
            ("lightning_modules.asl_slp.ASLSLP", "ASLSLP"),
            ("datamodules.where_it_was_once.How2Sign", "How2Sign"),
            ("lightning.pytorch.callbacks.EarlyStopping", "EarlyStopping"),
        ],
    )
    def test_a_dotted_path_is_the_same_run(self, dotted: str, name: str) -> None:
        block = {"data": "data", "ASLSLP": "model"}.get(name, "data")
        if name == "EarlyStopping":
            made = [{**RAW, "trainer": {"callbacks": [{"class_path": path}]}} for path in (dotted, name)]
        else:
            made = [{**RAW, block: {**RAW[block], "class_path": path}} for path in (dotted, name)]
        first, second = (resolve(raw, "x") for raw in made)
        assert first.run_id == second.run_id
        assert first.config == second.config

    def test_it_may_come_from_the_command_line_or_another_key(self) -> None:
        overrides = ["data.class_path=datamodules.phoenix14t.Phoenix14T", "data.root=p"]
        assert resolve(RAW, "x", overrides=overrides).config["data"]["class_path"] == "Phoenix14T"
        raw = {**RAW, "model": {"class_path": "${summary}"}, "summary": "lightning_modules.asl_slp.ASLSLP"}
        assert resolve(raw, "x").config["model"]["class_path"] == "ASLSLP"

    def test_what_is_not_ours_stays_as_it_is_for_its_refusal(self) -> None:
        for path in ("elsewhere.ASLSLP", "lightning.evil.EarlyStopping", "lightning_modules.asl_slp.ASLSPL"):
            raw = {**RAW, "model": {"class_path": path}}
            assert resolve(raw, "x").config["model"]["class_path"] == path

    def test_every_name_leads_to_one_class(self) -> None:
        names = [name for section in OWN for name in allowed_classes(section)]
        assert len(names) == len(set(names))
        for section in OWN:
            for name, dotted in allowed_classes(section).items():
                found = named_class(name, section)
                assert found.__name__ == name
                assert located({"class_path": name}, section) == {"class_path": dotted}
                assert name in LIGHTNING or f"{found.__module__}.{found.__qualname__}" == dotted
