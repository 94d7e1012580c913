"""`python -m zoo push` against a Hub over real HTTP: what goes out, what comes back, what breaks, what is refused."""

import errno
import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hub_server import Hub

import zoo
from datamodules.files import write_json
from zoo.artefacts.artefact import open_artefact
from zoo.card import split
from zoo.cli import main
from zoo.publishing.build import build, names, without_places
from zoo.publishing.publish import Published, Shipment, publish
from zoo.publishing.push import pin
from zoo.publishing.reload_check import prove
from zoo.spec.registry import shipped_folder
from zoo.spec.validation import structure

Runs = Callable[[str], Path]
REPO = "me/asl"


@pytest.fixture(scope="module")
def built(tiny_runs: Runs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a dry run leaves of a run; tests read it and change nothing in it."""
    run = Path(shutil.copytree(tiny_runs("asl-slp"), tmp_path_factory.mktemp("dry") / "run"))
    with pytest.MonkeyPatch.context() as patch:
        in_this_process(patch)
        assert main(["push", str(run), "--dry-run"]) == 0
    return run / "hub"


@pytest.fixture
def folder(built: Path, tmp_path: Path) -> Path:
    """A copy of it to publish."""
    return Path(shutil.copytree(built, tmp_path / "folder"))


def in_this_process(patch: pytest.MonkeyPatch) -> None:
    """Without the processes that open the folder and run its card: they take seconds, and have tests of their own."""
    patch.setattr("zoo.publishing.reload_check.prove", lambda loader, folder: 0.0)
    patch.setattr("zoo.card.blocks.failures", lambda fences, folder: [])


@pytest.fixture
def unproven(monkeypatch: pytest.MonkeyPatch) -> None:
    in_this_process(monkeypatch)


def ship(folder: Path, repo: str = REPO, private: bool = False, pull_request: bool = False) -> Published:
    said: list[str] = []
    return publish(Shipment(folder, repo, "Publish asl-slp", "cards/asl-slp.md"), private, pull_request, said.append)


def content(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in names(folder)}


def whole(hub: Hub, folder: Path, repo: str = REPO) -> None:
    """main is what it was created as, or holds the whole folder: no revision between was ever there."""
    expected = content(folder)
    for commit in hub.commits(repo) if repo in hub.repos else []:
        found = {name: value for name, value in commit.files.items() if name != ".gitattributes"}
        assert found in ({}, expected), commit.message


def edit(hub: Hub, change: Callable[[str], str], repo: str = REPO) -> str:
    """Somebody edits the README.md on the Hub."""
    files = dict(hub.files(repo))
    files["README.md"] = change(files["README.md"].decode()).encode()
    return hub.plant(repo, files)


def same(left: dict[str, Any], right: dict[str, Any]) -> bool:
    return left.keys() == right.keys() and all(np.array_equal(left[key], right[key]) for key in left)


@pytest.mark.parametrize("name", zoo.list_models())
def test_every_model_goes_to_the_hub_and_comes_back(
    name: str,
    tiny_runs: Runs,
    hub: Hub,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = Path(shutil.copytree(tiny_runs(name), tmp_path / "run", ignore=shutil.ignore_patterns("checkpoints", "logs")))
    repo = f"me/{name}"
    monkeypatch.setattr("zoo.card.blocks.failures", lambda fences, folder: [])  # the cards' tests run them all
    capsys.readouterr()
    assert main(["push", str(run), "--repo", repo]) == 0
    published, _, block = capsys.readouterr().out.partition("\n")
    pinned = yaml.safe_load(block)["hub"]
    commit = hub.commits(repo)[-1]
    assert published == f"published {hub.endpoint}/{repo}/tree/{commit.id}"
    assert [each.message for each in hub.commits(repo)] == ["initial commit", f"Publish {name}, run {run_id(run)}"]
    assert (pinned["repo_id"], pinned["revision"]) == (repo, commit.id)
    assert pinned["sha256"] == {file: hashlib.sha256(commit.files[file]).hexdigest() for file in pinned["sha256"]}
    assert "config.json" in pinned["sha256"]
    assert not {"README.md", "spec.yaml", "results.json"} & set(pinned["sha256"])
    assert {"README.md", "spec.yaml", "results.json", "provenance.json"} <= set(commit.files)
    assert [file for file in commit.files if file.startswith("samples/")]
    plots = {f"plots/{path.name}" for path in (run / "plots").iterdir()}
    assert {file for file in commit.files if file.startswith("plots/")} == plots
    assert all(f"]({plot})" in commit.files["README.md"].decode() for plot in plots)

    expected = zoo.load(run).probe()
    assert same(zoo.load(f"{repo}@{commit.id}").probe(), expected)
    spec = yaml.safe_load((shipped_folder() / f"{name}.yaml").read_text())
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / f"{name}.yaml").write_text(yaml.safe_dump({**spec, "hub": pinned}))
    assert not list(structure({**spec, "hub": pinned}, tmp_path / "specs" / f"{name}.yaml"))
    monkeypatch.setattr("zoo.artefacts.resolve.shipped_folder", lambda: tmp_path / "specs")
    assert same(zoo.load(name).probe(), expected)

    private = [str(Path.home()) + os.sep, str(tmp_path), str(tiny_runs(name).parents[3])]
    private = [*map(re.escape, private), rf"\b{re.escape(socket.gethostname())}\b"]
    for file, text in commit.files.items():
        if file.endswith((".json", ".yaml", ".md", ".txt")) and not file.startswith("tokenizer/"):  # words of all kinds
            assert not [found for found in private if re.search(found, text.decode())], file


def run_id(run: Path) -> str:
    return str(json.loads((run / "provenance.json").read_text())["run"])


class TestFolder:
    def test_a_dry_run_needs_no_network_and_no_token(
        self,
        tiny_runs: Runs,
        tmp_path: Path,
        offline: Callable[[], None],
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        run = Path(shutil.copytree(tiny_runs("asl-slp"), tmp_path / "run"))
        monkeypatch.delenv("HF_TOKEN", raising=False)
        offline()
        capsys.readouterr()
        assert main(["push", str(run), "--dry-run"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[0] == f"built {run / 'hub'}, published nothing"
        assert lines[1].startswith("licence MIT: ")
        assert {line.split("  ")[1]: line.split("  ")[0] for line in lines[2:]} == {
            name: hashlib.sha256((run / "hub" / name).read_bytes()).hexdigest()
            for name in ("config.json", "model.safetensors", "tokens.json")
        }
        assert same(zoo.load(run / "hub").probe(), zoo.load(run).probe())
        assert [path.name for path in run.glob(".hub*")] == []

    @pytest.mark.usefixtures("unproven")
    def test_prose_that_was_edited_in_what_a_dry_run_left_is_put_aside(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("ZOO_RUNS", str(tmp_path))
        assert main(["push", "asl-slp", "--dry-run"]) == 0
        card = tmp_path / "push" / "asl-slp" / "README.md"
        edited = card.read_text().replace("## Ethics", "## Ethics\n\nHours of somebody's work.")
        card.write_text(edited)
        assert main(["push", "asl-slp", "--dry-run"]) == 0
        aside = tmp_path / "push" / "README.edited.md"
        assert f"the edited one is now {aside}" in capsys.readouterr().err
        assert aside.read_text() == edited
        assert "Hours of" not in card.read_text()
        aside.unlink()
        assert main(["push", "asl-slp", "--dry-run"]) == 0
        assert not aside.exists()

    @pytest.mark.usefixtures("unproven")
    def test_a_bundled_starter_is_built_among_the_runs(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("ZOO_RUNS", str(tmp_path))
        assert main(["push", "asl-slp", "--dry-run"]) == 0
        assert f"built {tmp_path / 'push' / 'asl-slp'}" in capsys.readouterr().out

    def test_it_replaces_what_an_earlier_push_left(self, built: Path, tmp_path: Path) -> None:
        source = built.parent
        into = tmp_path / "hub"
        for leftover in (into, tmp_path / ".hub.unfinished"):
            leftover.mkdir()
            (leftover / "old.safetensors").touch()
        sums = build(source, open_artefact(source), into)
        assert list(tmp_path.iterdir()) == [into]
        assert not (into / "old.safetensors").exists()
        assert set(sums) == {"config.json", "model.safetensors", "tokens.json"}

    def test_a_full_disk_leaves_what_was_there(
        self, built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def full(*_: Any) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        source = Path(shutil.copytree(built, tmp_path / "run"))
        (source / "hub").mkdir()
        (source / "hub" / "earlier.txt").touch()
        monkeypatch.setattr("zoo.publishing.build.shutil.copyfile", full)
        assert main(["push", str(source), "--dry-run"]) == 2
        assert "No space left on device" in capsys.readouterr().err
        assert [path.name for path in (source / "hub").iterdir()] == ["earlier.txt"]
        assert not list(source.glob(".hub*"))

    def test_samples_that_no_visitor_should_download_stay(self, built: Path, tmp_path: Path) -> None:
        source = Path(shutil.copytree(built, tmp_path / "run"))
        with (source / "samples" / "long.mp4").open("wb") as file:
            file.truncate(26_000_000)
        for name in ("notes.txt", "._dev_0.png"):
            (source / "samples" / name).touch()
        (source / "samples" / "link.png").symlink_to(tmp_path / "run" / "README.md")
        (source / "plots").mkdir(exist_ok=True)
        for name in ("x.ckpt", "notes.json", ".length.png"):
            (source / "plots" / name).touch()
        (source / "plots" / "kept.png").write_bytes(b"p")
        build(source, open_artefact(source), tmp_path / "hub")
        assert sorted(names(tmp_path / "hub" / "samples")) == sorted(names(built / "samples"))
        assert sorted(names(tmp_path / "hub" / "plots")) == sorted(["kept.png", *names(built / "plots")])

    @pytest.mark.parametrize(
        ("path", "left"),
        [
            ("/home/jane/data/How2Sign", "How2Sign"),
            ("/home/jane doe/How2Sign", "How2Sign"),
            ("~/How2Sign", "How2Sign"),
            ("~jane/How2Sign", "How2Sign"),
            ("file:///home/jane/How2Sign", "How2Sign"),
            (r"C:\Users\jane\How2Sign", "How2Sign"),
            ("../../jane/How2Sign", "How2Sign"),
            ("read from /home/jane/data/x.csv, twice", "read from x.csv, twice"),
            (".data/how2sign-twin", ".data/how2sign-twin"),
            ("facebook/vjepa2-vitg-fpc64-256", "facebook/vjepa2-vitg-fpc64-256"),
            ("https://how2sign.github.io/a/b", "https://how2sign.github.io/a/b"),
            ("and/or 1/2", "and/or 1/2"),
        ],
    )
    def test_of_a_path_the_last_part_goes_out(self, path: str, left: str) -> None:
        assert without_places({"a": [{"root": path}]}) == {"a": [{"root": left}]}

    @pytest.mark.usefixtures("unproven")
    def test_nothing_personal_goes_out(
        self, built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        home = tmp_path / "home" / "jane"
        monkeypatch.setenv("HOME", str(home))
        source = Path(shutil.copytree(built, home / "run"))
        spec = yaml.safe_load((source / "spec.yaml").read_text())
        spec["data"]["init_args"]["root"] = str(home / "data" / "How2Sign")
        (source / "spec.yaml").write_text(yaml.safe_dump(spec))
        for name in ("provenance.json", "results.json"):
            record = json.loads((source / name).read_text())
            first = next(iter(record))
            if isinstance(record[first], dict):
                record[first]["protocol"] = f"scored by {home}/bin/score"
            else:
                record["command"] = ["zoo", f"{home}/x.yaml"]
            (source / name).write_text(json.dumps(record))
        assert main(["push", str(source), "--dry-run"]) == 0
        texts = [(source / "hub" / name) for name in names(source / "hub") if not name.startswith("samples/")]
        for path in texts:
            assert str(home) not in path.read_text(errors="replace"), path
            assert "/jane/" not in path.read_text(errors="replace"), path
        assert yaml.safe_load((source / "hub" / "spec.yaml").read_text())["data"]["init_args"]["root"] == "How2Sign"

        (source / "README.md").write_text(
            (source / "README.md").read_text().replace("<!-- prose -->", f"<!-- prose -->\nSee {home}/notes.txt.")
        )
        assert main(["push", str(source), "--dry-run"]) == 2
        assert "README.md: would publish a path in" in capsys.readouterr().err


class TestProof:
    def test_other_weights_are_found_and_named(self, folder: Path) -> None:
        from safetensors.numpy import load_file, save_file

        loader = open_artefact(folder)
        weights = load_file(folder / "model.safetensors")
        halved = {
            name: value.astype(np.float16).astype(value.dtype) if value.dtype.kind == "f" else value
            for name, value in weights.items()
        }
        save_file(halved, folder / "model.safetensors")
        with pytest.raises(ValueError, match=r"differs from the run: 'joints' of its probe is") as refused:
            prove(loader, folder)
        assert str(folder) in str(refused.value)

    def test_a_folder_that_does_not_open_says_why(self, folder: Path) -> None:
        loader = open_artefact(folder)
        (folder / "tokens.json").unlink()
        with pytest.raises(ValueError, match=r"does not open again: .*tokens\.json is missing"):
            prove(loader, folder)


class TestRefused:
    @pytest.fixture
    def run(self, built: Path, tmp_path: Path) -> Path:
        return Path(shutil.copytree(built, tmp_path / "run"))

    @pytest.mark.parametrize(
        ("file", "text", "expected"),
        [
            ("spec.yaml", "name: ../../elsewhere", "name: found '../../elsewhere', expected words joined by '-'"),
            ("provenance.json", '{"run": "0"}', "expected `run`, `code`, `data.name` and `data.twin`"),
            ("provenance.json", '{"run": "0", "code": {}, "data": {"name": [1], "twin": null}}', "expected `run`"),
            ("provenance.json", '{"run": "0", "code": "x", "data": {"name": "x", "twin": null}}', "expected `run`"),
        ],
    )
    def test_records_that_no_run_wrote(
        self, run: Path, file: str, text: str, expected: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (run / file).write_text(text)
        assert main(["push", str(run), "--repo", REPO]) == 2
        assert f"{run / file}: {expected}" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("missing", "expected"),
        [
            ("results.json", "no results.json; it was not measured yet; `python -m zoo test {run}` does it"),
            ("config.json", "this run is not finished; `python -m zoo fit {run}` goes on with it"),
            ("provenance.json", "no provenance.json; only the folder of a run"),
        ],
    )
    def test_what_is_not_done(
        self, run: Path, missing: str, expected: str, hub: Hub, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (run / missing).unlink()
        assert main(["push", str(run), "--repo", REPO]) == 2
        assert expected.format(run=run) in capsys.readouterr().err
        assert not hub.requests

    def test_results_of_other_data_are_none_of_the_run_s(
        self, run: Path, hub: Hub, capsys: pytest.CaptureFixture[str]
    ) -> None:
        results = json.loads((run / "results.json").read_text())
        results["dtw_p"]["data"] = "0123456789ab"
        (run / "results.json").write_text(json.dumps(results))
        assert main(["push", str(run), "--repo", REPO]) == 2
        expected = f"dtw_p: of other data (0123456789ab) than the run's; `python -m zoo test {run}` measures it"
        assert expected in capsys.readouterr().err
        assert not hub.requests

    def test_results_without_a_score_are_none(self, run: Path, hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
        (run / "results.json").write_text("{}")
        assert main(["push", str(run), "--repo", REPO]) == 2
        assert f"{run / 'results.json'}: it holds no score; `python -m zoo test {run}`" in capsys.readouterr().err
        assert not hub.requests

    def test_a_twin_goes_nowhere_by_itself(self, run: Path, hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
        spec = yaml.safe_load((run / "spec.yaml").read_text())
        (run / "spec.yaml").write_text(yaml.safe_dump({**spec, "hub": {"repo_id": REPO}}))
        assert main(["push", str(run)]) == 2
        assert "the signing avatar's twin, which goes to no repository by itself" in capsys.readouterr().err
        assert not hub.requests

    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [
            ([], "hub.repo_id of its spec is not set; enter USER/NAME there, or give --repo USER/NAME"),
            (["--repo", "asl"], "--repo: found 'asl', expected USER/NAME"),
            (["--repo", REPO], "RWTH-BOSTON-50: its licence is unknown"),
        ],
    )
    def test_without_a_repository_or_a_licence(
        self, run: Path, arguments: list[str], expected: str, hub: Hub, capsys: pytest.CaptureFixture[str]
    ) -> None:
        record = json.loads((run / "provenance.json").read_text())
        record["data"].update(name="rwth-boston50", twin=None)
        (run / "provenance.json").write_text(json.dumps(record))
        assert main(["push", str(run), *arguments]) == 2
        assert expected in capsys.readouterr().err
        assert not hub.requests

    @pytest.mark.usefixtures("unproven")
    def test_a_card_with_problems(
        self, run: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        text = (run / "README.md").read_text().replace("<!-- prose -->", "<!-- prose -->\n\nTODO and [optional].")
        (run / "README.md").write_text(text)
        assert main(["push", str(run), "--repo", REPO]) == 2
        message = capsys.readouterr().err
        assert "its card keeps it from being published" in message
        assert "TODO" in message
        assert "[optional]" in message
        assert not hub.requests

    @pytest.mark.usefixtures("unproven")
    def test_a_dirty_checkout_is_said(self, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
        record = json.loads((run / "provenance.json").read_text())
        record["code"] = {"commit": "0" * 40, "dirty": True}
        (run / "provenance.json").write_text(json.dumps(record))
        assert main(["push", str(run), "--dry-run"]) == 0
        assert "trained by a checkout with uncommitted changes" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("token", "repo", "expected"),
        [
            (None, REPO, "no token: `hf auth login`"),
            ("hf_nobody", REPO, "hf auth login"),
            ("hf_me", "you/asl", "forbids"),
        ],
    )
    def test_who_may_not_write(
        self, folder: Path, hub: Hub, token: str | None, repo: str, expected: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("HF_TOKEN") if token is None else monkeypatch.setenv("HF_TOKEN", token)
        with pytest.raises(ValueError, match=expected) as refused:
            ship(folder, repo)
        assert "\n" not in str(refused.value)
        assert not hub.repos

    def test_somebody_elses_repository(self, folder: Path, hub: Hub) -> None:
        before = hub.plant("you/asl", {"README.md": b"theirs"})
        (folder / "README.md").write_bytes(b"theirs")
        with pytest.raises(ValueError, match=r"its README\.md was not written by the zoo"):
            ship(folder, "you/asl")
        assert hub.resolve("you/asl", "main").id == before

    def test_a_repository_that_no_load_would_open(self, folder: Path, hub: Hub) -> None:
        ship(folder)
        before = hub.plant(REPO, {**hub.files(REPO), "train.py": b"", "model-00002.safetensors": b"w"})
        with pytest.raises(ValueError, match=r"it holds 'train\.py', which is code, .* remove that there first"):
            ship(folder)
        assert hub.resolve(REPO, "main").id == before

    def test_offline(self, folder: Path, offline: Callable[[], None]) -> None:
        offline()
        with pytest.raises(ValueError, match="HF_HUB_OFFLINE is set, and a push needs the network"):
            ship(folder)

    def test_a_public_repository_is_not_taken_for_a_private_one(self, folder: Path, hub: Hub) -> None:
        ship(folder)
        with pytest.raises(ValueError, match="me/asl is public, and --private makes new repositories private only"):
            ship(folder, private=True)


class TestCommit:
    def test_it_is_one_and_the_same_again_is_none(self, folder: Path, hub: Hub) -> None:
        first = ship(folder)
        assert content(folder).items() <= hub.files(REPO).items()
        hub.requests.clear()
        again = ship(folder)
        assert (again.revision, again.new) == (first.revision, False)
        assert [commit.message for commit in hub.commits(REPO)] == ["initial commit", "Publish asl-slp"]
        assert not hub.count(method="PUT")
        assert not hub.count("*/commit/*")

    def test_a_private_repository(self, folder: Path, hub: Hub) -> None:
        ship(folder, private=True)
        assert hub.repos[REPO].private
        assert ship(folder, private=True).new is False

    def test_what_an_earlier_push_left_goes_and_what_people_added_stays(self, folder: Path, hub: Hub) -> None:
        stale = {"model-00002.safetensors": b"w", "extra.json": b"{}", "samples/old.png": b"p", "plots/old.png": b"p"}
        for name, value in stale.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(value)
        noted = json.loads((folder / "provenance.json").read_text())
        write_json(folder / "provenance.json", {**noted, "files": [*content(folder)]})
        ship(folder)
        for name in stale:
            (folder / name).unlink()
        added = {"NOTES.md": b"n", "figures/plot.png": b"p", "eval/human.json": b"{}", "samples/mine.png": b"p"}
        hub.plant(REPO, {**hub.files(REPO), **added})
        done = ship(folder)
        assert done.new
        assert dict(hub.files(REPO)).keys() == {".gitattributes", *content(folder), *added}

    def test_a_file_of_the_same_content_is_not_sent_again(self, folder: Path, hub: Hub) -> None:
        ship(folder)
        uploads = hub.count(method="PUT")
        assert uploads >= 1
        (folder / "results.json").write_text("{}")
        assert ship(folder).new
        assert hub.count(method="PUT") == uploads

    def test_a_pull_request_leaves_main(self, folder: Path, hub: Hub) -> None:
        before = ship(folder)
        (folder / "results.json").write_text("{}")
        done = ship(folder, pull_request=True)
        assert done.pull_request == 1
        assert done.url == f"{hub.endpoint}/{REPO}/discussions/1"
        assert hub.resolve(REPO, "main").id == before.revision
        assert hub.files(REPO, "refs/pr/1")["results.json"] == b"{}"

    def test_a_pull_request_to_nowhere(self, folder: Path, hub: Hub) -> None:
        with pytest.raises(ValueError, match="me/asl: no such repository; without --pr a push creates it"):
            ship(folder, pull_request=True)
        assert not hub.repos

    @pytest.mark.usefixtures("unproven")
    def test_a_pull_request_is_printed_by_its_number(
        self, built: Path, hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        hub.plant(REPO, {"README.md": b"# Somebody's\n"})
        run = Path(shutil.copytree(built, tmp_path / "run"))
        assert main(["push", str(run), "--repo", REPO, "--pr"]) == 0
        captured = capsys.readouterr()
        assert captured.out == f"pull request 1 {hub.endpoint}/{REPO}/discussions/1\n"
        assert "its README.md was not written by the zoo; the pull request shows what it would replace" in captured.err

    def test_the_block_to_pin_is_yaml_of_a_spec(self) -> None:
        block = pin("me/asl", "0" * 40, {"config.json": "a" * 64})
        assert yaml.safe_load(block) == {
            "hub": {"repo_id": "me/asl", "revision": "0" * 40, "sha256": {"config.json": "a" * 64}}
        }


class TestEditsOnTheHub:
    MARK = "<!-- prose -->"

    def test_prose_edited_there_stays(self, folder: Path, hub: Hub) -> None:
        ship(folder)
        edit(hub, lambda text: text.replace(self.MARK, f"{self.MARK}\n\nWritten by a person.\n"))
        for number in ("one", "two"):  # and goes on counting as theirs
            (folder / "results.json").write_text(json.dumps({"run": number}))
            ship(folder)
            assert "Written by a person." in split(hub.files(REPO)["README.md"].decode()).prose
            assert hub.files(REPO)["results.json"] == (folder / "results.json").read_bytes()

    @pytest.mark.usefixtures("unproven")
    def test_it_is_said_where_to_copy_it(
        self, built: Path, hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        run = Path(shutil.copytree(built, tmp_path / "run"))
        assert main(["push", str(run), "--repo", REPO]) == 0
        edit(hub, lambda text: text.replace(self.MARK, f"{self.MARK}\n\nWritten by a person.\n"))
        capsys.readouterr()
        assert main(["push", str(run), "--repo", REPO]) == 0
        captured = capsys.readouterr()
        assert "was edited on the Hub and stays as it is there; copy it to cards/asl-slp.md" in captured.err
        assert captured.out.startswith("already there ")

    def test_prose_edited_here_replaces_the_old(self, folder: Path, hub: Hub) -> None:
        from zoo.publishing.prose import seal

        ship(folder)
        text = (folder / "README.md").read_text().replace(self.MARK, f"{self.MARK}\n\nNew from cards/.\n")
        (folder / "README.md").write_text(text)
        seal(folder)
        ship(folder)
        assert "New from cards/." in hub.files(REPO)["README.md"].decode()

    @pytest.mark.parametrize("where", ["prose, both", "generated", "not ours", "marks"])
    def test_what_would_be_lost_is_refused(self, folder: Path, hub: Hub, where: str) -> None:
        from zoo.publishing.prose import seal

        ship(folder)
        changes: dict[str, tuple[Callable[[str], str], str]] = {
            "prose, both": (lambda text: text.replace(self.MARK, f"{self.MARK}\n\nTheirs.\n"), "there and here"),
            "generated": (
                lambda text: text.replace("# ", "# My ", 1),
                "generated sections of its README",
            ),
            "not ours": (lambda text: "# Something else\n", "its README.md was not written by the zoo"),
            "marks": (lambda text: text + self.MARK, "its README.md was not written by the zoo"),
        }
        change, expected = changes[where]
        before = edit(hub, change)
        ours = (folder / "README.md").read_text().replace(self.MARK, f"{self.MARK}\n\nOurs.\n")
        (folder / "README.md").write_text(ours)
        seal(folder)
        with pytest.raises(ValueError, match=expected) as refused:
            ship(folder)
        assert "take over into cards/asl-slp.md what should stay, then push with --pr" in str(refused.value)
        assert (folder / "README.hub.md").read_bytes() == hub.files(REPO)["README.md"]
        assert hub.resolve(REPO, "main").id == before
        done = ship(folder, pull_request=True)
        assert hub.resolve(REPO, "main").id == before
        assert "README.hub.md" not in hub.files(REPO, f"refs/pr/{done.pull_request}")


class TestFaults:
    """Each recovers, or is one clear error after which the same command goes on; no revision is ever half-made."""

    @pytest.mark.parametrize(
        "fault",
        [
            {"pattern": "/api/models/me/asl", "method": "GET", "status": 500},
            {"pattern": "/api/models/me/asl", "method": "GET", "status": 429, "retry_after": 7},
            {"pattern": "/api/repos/create", "status": 503},
            {"pattern": "/api/repos/create", "lose_response": True},
            {"pattern": "*/tree/*", "status": 502},
            {"pattern": "*/preupload/*", "status": 500, "times": 2},
            {"pattern": "*/objects/batch", "status": 500},
            {"pattern": "*/objects/batch", "lose_response": True},
            {"pattern": "/lfs-storage/*", "status": 500, "times": 2},
            {"pattern": "/lfs-storage/*", "reset_after": 1000},
            {"pattern": "/lfs-storage/*", "status": 429, "retry_after": 7},
            {"pattern": "/api/validate-yaml", "status": 500},
            {"pattern": "*/commit/*", "status": 500, "times": 2},
            {"pattern": "*/commit/*", "status": 429, "retry_after": 7},
            {"pattern": "*/commit/*", "reset_after": 10},
            {"pattern": "*/commit/*", "lose_response": True},
        ],
        ids=lambda fault: " ".join(map(str, fault.values())),
    )
    def test_what_passes_is_waited_for(self, folder: Path, hub: Hub, fault: dict[str, Any]) -> None:
        hub.fault(**fault)
        done = ship(folder)
        assert hub.resolve(REPO, "main").id == done.revision
        assert content(folder).items() <= hub.files(REPO).items()
        assert len(hub.commits(REPO)) == 2
        if "retry_after" in fault:
            assert max(hub.waits) >= 7
        whole(hub, folder)

    @pytest.mark.parametrize(
        ("fault", "expected"),
        [
            ({"pattern": "/lfs-storage/*", "status": 500, "times": None}, "the Hub is out of order"),
            ({"pattern": "/lfs-storage/*", "reset_after": 1000, "times": None}, "broke off the connection"),
            ({"pattern": "*/commit/*", "status": 500, "times": None}, "the Hub is out of order"),
            ({"pattern": "*/commit/*", "status": 400}, "Bad request for commit"),
            ({"pattern": "*/commit/*", "reset_after": 10, "times": None}, "broke off the connection"),
            ({"pattern": "*/preupload/*", "status": 403}, "the Hub forbids it"),
            ({"pattern": "/api/validate-yaml", "status": 400}, "Invalid metadata in README.md"),
        ],
    )
    def test_what_does_not_is_one_error_and_the_next_push_goes_on(
        self, folder: Path, hub: Hub, fault: dict[str, Any], expected: str
    ) -> None:
        hub.fault(**fault)
        with pytest.raises(ValueError, match=f"^{REPO}: .*{expected}") as refused:
            ship(folder)
        assert "\n" not in str(refused.value)
        whole(hub, folder)
        assert [commit.message for commit in hub.commits(REPO)] == ["initial commit"]
        hub._faults.clear()
        hub.requests.clear()
        ship(folder)
        whole(hub, folder)
        if fault["pattern"] == "*/commit/*":
            assert not hub.count(method="PUT"), "an upload that had arrived was sent again"

    def test_somebody_pushes_meanwhile(self, folder: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        from huggingface_hub import HfApi

        ship(folder)
        (folder / "results.json").write_text("{}")
        upload = HfApi.preupload_lfs_files

        def overtaken(self: HfApi, *arguments: Any, **more: Any) -> None:
            upload(self, *arguments, **more)
            hub.plant(REPO, {**hub.files(REPO), "NOTES.md": b"n"})

        with monkeypatch.context() as patch:
            patch.setattr(HfApi, "preupload_lfs_files", overtaken)
            with pytest.raises(ValueError, match=f"{REPO}: somebody else pushed meanwhile, .* run it again"):
                ship(folder)
        assert hub.commits(REPO)[-1].message == "planted"
        ship(folder)
        assert {"NOTES.md", "results.json"} <= set(hub.files(REPO))

    def test_a_pull_request_whose_answer_is_lost_is_not_doubled(self, folder: Path, hub: Hub) -> None:
        ship(folder)
        (folder / "results.json").write_text("{}")
        hub.fault("*/commit/*", lose_response=True)
        with pytest.raises(ValueError, match=f"look at {hub.endpoint}/{REPO}/discussions whether it is there"):
            ship(folder, pull_request=True)
        assert [name for name in hub.repos[REPO].refs if name.startswith("refs/pr/")] == ["refs/pr/1"]

    def test_content_that_arrives_changed_is_never_pinned(self, folder: Path, hub: Hub) -> None:
        class Changed(dict[str, bytes]):
            def __getitem__(self, oid: str) -> bytes:
                return super().__getitem__(oid)[:-1] + b"\x00"

        hub.create(REPO, private=False)
        hub.repos[REPO].lfs = Changed()
        with pytest.raises(ValueError, match=r"lists other content than was sent, of .*model\.safetensors"):
            ship(folder)

    def test_a_killed_push_goes_on(self, folder: Path, hub: Hub) -> None:
        program = (
            "from pathlib import Path; from zoo.publishing.publish import *; "
            f"publish(Shipment(Path({str(folder)!r}), {REPO!r}, 'Publish asl-slp', ''), False, False, print)"
        )
        hub.fault("/lfs-storage/*", "PUT", delay=60)
        process = subprocess.Popen([sys.executable, "-c", program], env=hub.environment(), stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while not hub.count("/lfs-storage/*") and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        process.kill()
        process.wait()
        assert hub.count("/lfs-storage/*"), "it was not killed in the middle of an upload"
        assert [commit.message for commit in hub.commits(REPO)] == ["initial commit"]
        ship(folder)
        assert [commit.message for commit in hub.commits(REPO)] == ["initial commit", "Publish asl-slp"]
        whole(hub, folder)
