"""What the Hub holds comes back whole, as it was published and at one commit; or one line says why not."""

import hashlib
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

import numpy as np
import pytest
import yaml
from hub_server import Commit, Hub

import zoo
from zoo.artefacts.artefact import starter_folder
from zoo.artefacts.hub import OnHub
from zoo.artefacts.hub_cache import cached
from zoo.cli.check import problems
from zoo.loaders.base import SCHEMA
from zoo.spec.hub_reference import Reference, looks_like, parse
from zoo.spec.registry import shipped_folder

WEIGHTS = bytes(range(256)) * 400
SHA256 = hashlib.sha256(WEIGHTS).hexdigest()
CONFIG = (starter_folder("asl-slp") / "config.json").read_bytes()
FILES = {
    "config.json": CONFIG,
    "tokens.json": b"[]",
    "model.safetensors": WEIGHTS,
    "README.md": b"# x\n",
    "samples/0.gif": b"GIF89a\xff",
    "plots/length.png": b"PNG",
}
LOADED = set(FILES) - {"samples/0.gif", "plots/length.png"}


def published(run: Path) -> dict[str, bytes]:
    """What of a run is published: no checkpoints, no logs."""
    files = contents(run)
    own = (".", "checkpoints/", "grids/", "logs/", "hub/")
    return {name: files[name] for name in files if not name.startswith(own)}


def on_hub(address: str, **sha256: str) -> OnHub:
    return OnHub(address, parse(address), {name.replace("__", "."): value for name, value in sha256.items()})


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def expected(names: set[str] = LOADED) -> dict[str, bytes]:
    return {name: FILES[name] for name in names}


@pytest.mark.parametrize("name", zoo.list_models())
def test_every_model_comes_back_equal_and_opens_without_a_network(
    name: str,
    hub: Hub,
    tiny_runs: Callable[[str], Path],
    offline: Callable[[], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = tiny_runs(name)
    files = published(run)
    commit = hub.plant("me/x", files)
    hub.plant("me/x", {"config.json": b"{}"})
    capsys.readouterr()
    pulled = zoo.load(f"me/x@{commit}")
    said = capsys.readouterr().err
    assert said.startswith(f"zoo: me/x@{commit}: from the Hub, me/x@{commit[:12]}, ")
    assert "Fetching" not in said
    here, there = zoo.load(run).probe(), pulled.probe()
    assert here.keys() == there.keys()
    assert all(np.array_equal(value, here[key]) for key, value in there.items())
    folder = cached("me/x", commit)
    assert folder is not None
    assert {name: files[name] for name in files if not name.startswith(("samples/", "plots/"))} == contents(folder)

    before = len(hub.requests)
    offline()
    again = zoo.load(f"me/x@{commit[:12]}").probe()
    assert all(np.array_equal(value, here[key]) for key, value in again.items())
    assert len(hub.requests) == before


class TestReference:
    @pytest.mark.parametrize(
        ("text", "reference"),
        [
            ("me/x", Reference("me/x")),
            ("me/x@main", Reference("me/x", "main")),
            ("a-b.c/x_1.5@refs/pr/1", Reference("a-b.c/x_1.5", "refs/pr/1")),
            ("me/x@v1.0+b", Reference("me/x", "v1.0+b")),
        ],
    )
    def test_read_and_written(self, text: str, reference: Reference) -> None:
        assert parse(text) == reference
        assert str(reference) == text

    @pytest.mark.parametrize(
        "text",
        [
            *("x", "", "@", "me/x/y", "/me/x", "me//x", "../x", "me/..", "mé/x", "me/x--y", "~/x", "me/x\n"),
            *("me/x@", "me/x@..", "me/x@a/../../b", "me/x@/etc", "me/x@-f", "me/x@a//b", "me/x@.git"),
            *("me/x@a b", "me/x@a\n", "me/x@a@b"),
        ],
    )
    def test_what_is_none(self, text: str) -> None:
        assert not looks_like(text)
        with pytest.raises(ValueError, match=r"expected a"):
            parse(text)


class TestAddress:
    def test_without_a_revision_it_is_main_and_the_commit_is_told(
        self, hub: Hub, tiny_runs: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
    ) -> None:
        commit = hub.plant("me/x", published(tiny_runs("asl-slp-phoenix14t")))
        zoo.load("me/x")
        assert f"zoo: me/x: from the Hub, me/x@{commit[:12]}, " in capsys.readouterr().err

    def test_a_folder_goes_before_a_repository(
        self, hub: Hub, tmp_path: Path, tiny_runs: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shutil.copytree(tiny_runs("asl-slp-phoenix14t"), tmp_path / "me" / "x")
        monkeypatch.chdir(tmp_path)
        zoo.load("me/x")
        assert not hub.requests
        with pytest.raises(ValueError, match=r"me/y: no such folder.*; me/y@main is the repository of the Hub"):
            zoo.load("me/y")
        assert not hub.requests
        with pytest.raises(ValueError, match=r"me/x@main: no such repository"):
            zoo.load("me/x@main")

    def test_addresses_that_are_none(self, hub: Hub) -> None:
        with pytest.raises(ValueError, match=r"asl-slp@v1: found 'asl-slp', expected a repository as user/name"):
            zoo.load("asl-slp@v1")
        with pytest.raises(ValueError, match=r"write a repository as user/name or user/name@revision"):
            zoo.load("https://huggingface.co/me/x")
        with pytest.raises(ValueError, match=r"weights='hub' chooses .*; me/x is a repository"):
            zoo.load("me/x", weights="hub")
        assert not hub.requests

    @pytest.fixture
    def pinned(self, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
        """Pin a revision and sums in the spec of asl-slp."""

        def pin(**pins: Any) -> None:
            spec = yaml.safe_load((shipped_folder() / "asl-slp.yaml").read_text())
            (tmp_path / "asl-slp.yaml").write_text(yaml.safe_dump({**spec, "hub": {"repo_id": "me/x", **pins}}))
            assert problems(tmp_path / "asl-slp.yaml") == []
            monkeypatch.setattr("zoo.artefacts.resolve.shipped_folder", lambda: tmp_path)

        return pin

    def test_a_name_opens_what_its_spec_pins(
        self,
        hub: Hub,
        pinned: Callable[..., None],
        tiny_runs: Callable[[str], Path],
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        run = tiny_runs("asl-slp-phoenix14t")
        commit = hub.plant("me/x", published(run))
        weights = hashlib.sha256((run / "model.safetensors").read_bytes()).hexdigest()
        pinned(revision=commit, sha256={"model.safetensors": weights})
        zoo.load("asl-slp")
        assert f"zoo: asl-slp: from the Hub, me/x@{commit[:12]}, " in capsys.readouterr().err
        zoo.load("asl-slp", weights="starter")
        assert "bundled starter weights" in capsys.readouterr().err
        pinned(revision=commit, sha256={"model.safetensors": "0" * 64})
        with pytest.raises(ValueError, match=rf"found sha256 {weights}, the spec pins 0000"):
            zoo.load("asl-slp")
        pinned(revision=commit, sha256={"other.safetensors": "0" * 64})
        with pytest.raises(ValueError, match=r"no other.safetensors, of which the spec pins the sha256"):
            zoo.load("asl-slp")

    def test_what_is_not_pinned_yet(self, pinned: Callable[..., None]) -> None:
        pinned(revision=None)
        with pytest.raises(ValueError, match=r"pins no Hub revision yet; .*, me/x@main the latest of its repository"):
            zoo.load("asl-slp", weights="hub")

    @pytest.mark.parametrize(
        ("hub_section", "message"),
        [
            ({"sha256": {"a.json": "0" * 64}}, "hub.revision: missing, although hub.sha256 pins what it holds"),
            ({"revision": "a" * 40, "sha256": {"a.json": "0" * 63}}, "hub.sha256: found .* expected a mapping"),
            ({"revision": "a" * 40, "sha256": ["0" * 64]}, "hub.sha256: found .* expected a mapping"),
        ],
    )
    def test_pins_are_checked(self, tmp_path: Path, hub_section: dict[str, Any], message: str) -> None:
        spec = yaml.safe_load((shipped_folder() / "asl-slp.yaml").read_text())
        (tmp_path / "asl-slp.yaml").write_text(yaml.safe_dump({**spec, "hub": {"repo_id": "me/x", **hub_section}}))
        (problem,) = problems(tmp_path / "asl-slp.yaml")
        assert re.search(message, str(problem))


class TestRevisions:
    def test_branch_tag_and_commits_long_and_short(self, hub: Hub) -> None:
        old = hub.plant("me/x", {**FILES, "tokens.json": b"{}"})
        hub.ref("me/x", "v1", old, tag=True)
        hub.ref("me/x", "feature/new", old)
        new = hub.plant("me/x", FILES)
        for revision in (old, old[:7], old[:12], "v1", "feature/new"):
            assert on_hub(f"me/x@{revision}").commit == old
        assert on_hub("me/x").commit == on_hub("me/x@main").commit == new

    def test_a_wrong_one_is_told_with_those_there_are(self, hub: Hub) -> None:
        hub.ref("me/x", "v1.0", hub.plant("me/x", FILES), tag=True)
        with pytest.raises(ValueError, match=r"^me/x: no branch, tag or commit 'v1.O'; did you mean 'v1.0'\?$"):
            on_hub("me/x@v1.O").folder()
        with pytest.raises(ValueError, match=r"no branch, tag or commit '0123456'; valid: main, v1.0$"):
            on_hub("me/x@0123456").folder()
        with pytest.raises(ValueError, match=rf"no branch, tag or commit '{'a' * 40}'"):
            on_hub("me/x@" + "a" * 40).folder()

    def test_one_commit_for_all_files_whatever_is_pushed_meanwhile(self, hub: Hub) -> None:
        hub.plant("me/x", FILES)
        artefact = on_hub("me/x")
        artefact.config()
        hub.plant("me/x", {**FILES, "tokens.json": b"{}"})
        assert contents(artefact.folder()) == expected()
        assert contents(on_hub("me/x").folder())["tokens.json"] == b"{}"


class TestWhatIsDownloaded:
    def test_config_alone_and_then_what_a_loader_reads(self, hub: Hub) -> None:
        hub.plant("me/x", FILES)
        artefact = on_hub("me/x")
        assert artefact.config()["task"] == "text-to-pose"
        assert contents(artefact.snapshot) == expected({"config.json"})
        assert contents(artefact.folder()) == expected()
        assert hub.count("*samples*") == hub.count("*plots*") == 0

    def test_few_requests_and_none_for_what_is_cached(self, hub: Hub) -> None:
        commit = hub.plant("me/x", FILES)
        on_hub("me/x").folder()
        assert len(hub.requests) == 2 + 2 * len(LOADED)  # revision, listing; of each file HEAD and GET
        before = len(hub.requests)
        on_hub(f"me/x@{commit}").folder()
        assert len(hub.requests) == before
        on_hub("me/x").folder()
        assert len(hub.requests) == before + 1  # where main is now

    def test_names_are_refused_before_anything_is_downloaded(self, hub: Hub) -> None:
        for name in ("../x.json", "/etc/x.json", "a\\b.json", "model.bin", "run.py", "plots/x.ckpt"):
            hub.plant("me/x", {**FILES, name: b"{}"})
            with pytest.raises(ValueError, match=r"^me/x@[0-9a-f]{12}: refused"):
                on_hub("me/x").config()
        assert hub.count("*/resolve/*") == 0

    def test_a_forged_listing_in_the_cache_is_refused_too(self, hub: Hub) -> None:
        hub.plant("me/x", FILES)
        artefact = on_hub("me/x")
        artefact.folder()
        (path,) = artefact.snapshot.parents[1].glob("trees/*.json")
        tree = json.loads(path.read_text())
        tree["files"]["../../x.json"] = tree["files"]["tokens.json"]
        path.write_text(json.dumps(tree))
        with pytest.raises(ValueError, match=r"refused"):
            on_hub("me/x").folder()

    def test_a_forged_commit(self, hub: Hub, tmp_path: Path) -> None:
        hub.plant("me/x", FILES)
        repo = hub.repos["me/x"]
        repo.commits["../../../x"] = Commit("../../../x", None, "", FILES)
        repo.refs["main"] = "../../../x"
        with pytest.raises(ValueError, match=r"found '../../../x' for the commit, expected 40 hex digits"):
            on_hub("me/x").folder()
        assert not list(tmp_path.rglob("x*"))

    def test_a_json_that_is_too_large(self, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("zoo.artefacts.hub.MAX_JSON", 1000)
        hub.plant("me/x", {**FILES, "vocabulary.json": b"[" + b" " * 1000 + b"]"})
        with pytest.raises(ValueError, match=r"vocabulary.json has 1,002 bytes, expected at most 1,000"):
            on_hub("me/x").folder()
        assert hub.count("*vocabulary.json") == hub.count("*.safetensors") == 0

    def test_a_newer_schema_costs_no_weights(self, hub: Hub) -> None:
        hub.plant("me/x", {**FILES, "config.json": json.dumps({"schema": SCHEMA + 1}).encode()})
        with pytest.raises(ValueError, match=rf"schema {SCHEMA + 1} is newer than this zoo reads .*; upgrade sign-zoo"):
            on_hub("me/x").folder()
        assert hub.count("*.safetensors") == 0

    def test_what_is_no_artefact(self, hub: Hub) -> None:
        hub.plant("me/x", {"README.md": b"# x\n", "model.safetensors": WEIGHTS})
        with pytest.raises(ValueError, match=r"no config.json, .*; it holds README.md, model.safetensors"):
            on_hub("me/x").config()

    def test_a_cache_without_links(
        self, hub: Hub, monkeypatch: pytest.MonkeyPatch, offline: Callable[[], None]
    ) -> None:
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_SYMLINKS", True)
        hub.plant("me/x", FILES)
        folder = on_hub("me/x").folder()
        assert not any(path.is_symlink() for path in folder.rglob("*"))
        (folder / "model.safetensors").write_bytes(WEIGHTS[::-1])
        assert contents(on_hub("me/x").folder()) == expected()
        offline()
        assert contents(on_hub("me/x").folder()) == expected()

    def test_loaded_at_once_by_threads_and_processes(self, hub: Hub) -> None:
        hub.plant("me/x", FILES)
        imports = "from zoo.artefacts.hub import OnHub; from zoo.spec.hub_reference import parse"
        code = f"{imports}; print(OnHub('x', parse('me/x')).folder())"
        environment = hub.environment(PYTHONPATH=str(Path(__file__).parents[3]))
        command = [sys.executable, "-c", code]
        processes = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)]
        found: list[Path] = []
        threads = [threading.Thread(target=lambda: found.append(on_hub("me/x").folder())) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        said = [process.communicate()[0].strip() for process in processes]
        assert [process.returncode for process in processes] == [0, 0]
        assert len(found) == 4
        assert {*map(str, found), *said} == {str(found[0])}
        assert contents(found[0]) == expected()


class TestFaults:
    @pytest.mark.parametrize(
        ("pattern", "method", "fault"),
        [
            ("*model.safetensors", "GET", {"status": 500}),
            ("*model.safetensors", "GET", {"status": 503, "times": 3}),
            ("*model.safetensors", "HEAD", {"status": 502, "times": 2}),
            ("*model.safetensors", "GET", {"reset_after": 70_000, "times": 2}),
            ("*model.safetensors", "HEAD", {"lose_response": True}),
            ("*model.safetensors", "GET", {"truncate_after": 70_000, "times": 2}),
            ("*model.safetensors", "GET", {"short": 70_000}),
            ("*model.safetensors", "GET", {"content": WEIGHTS[::-1]}),
            ("*tokens.json", "GET", {"content": b"{}"}),
            ("*model.safetensors", "GET", {"status": 429, "retry_after": 3}),
            ("*/revision/*", "GET", {"status": 429, "retry_after": 3}),
            ("*/revision/*", "GET", {"status": 503, "times": 2}),
            ("*/revision/*", "GET", {"lose_response": True}),
            ("*/tree/*", "GET", {"status": 500}),
            ("*/tree/*", "GET", {"lose_response": True}),
            ("*", "*", {"status": 500, "times": 3}),
        ],
        ids=lambda value: repr(value)[:40],
    )
    def test_recovers(self, hub: Hub, pattern: str, method: str, fault: dict[str, Any]) -> None:
        hub.plant("me/x", FILES)
        hub.fault(pattern, method, **fault)
        assert contents(on_hub("me/x").folder()) == expected()
        assert hub.count(pattern, method) > 1
        if "retry_after" in fault:
            assert max(hub.waits) in (3, 4)
        blobs = hub_cache() / "models--me--x" / "blobs"
        assert len(list(blobs.iterdir())) == len(LOADED)

    @pytest.mark.parametrize(
        ("pattern", "method", "fault", "message"),
        [
            ("*.safetensors", "GET", {"status": 500}, r"the Hub is out of order \(status 500\); try again later"),
            ("*.safetensors", "HEAD", {"status": 503}, r"the Hub is out of order \(status 503\); try again later"),
            ("*/revision/*", "GET", {"status": 504}, r"the Hub is out of order \(status 504\); try again later"),
            ("*/tree/*", "GET", {"status": 502}, r"the Hub is out of order \(status 502\); try again later"),
            ("*", "GET", {"status": 429, "retry_after": 2}, "the Hub asks to wait 2 s; try again later"),
            ("*/revision/*", "GET", {"status": 429, "retry_after": 9999}, "the Hub asks to wait 9999 s"),
            ("*.safetensors", "GET", {"reset_after": 10}, r"broke off the connection \(\[Errno 104\]"),
            ("*.safetensors", "GET", {"short": 10}, "the download ended early; try again later"),
            ("*.safetensors", "GET", {"truncate_after": 0}, "broke off the connection"),
            (
                "*.safetensors",
                "GET",
                {"content": WEIGHTS[::-1]},
                f"found sha256 .*, the Hub announces {SHA256} .*, twice",
            ),
            ("*/tokens.json", "GET", {"content": b"{}"}, "tokens.json is not what was .*: found git sha1 .*, the Hub"),
            (
                "*.safetensors",
                "*",
                {"status": 401},
                "the Hub does not accept the token; log in with `hf auth login` or set HF_TOKEN",
            ),
            ("*", "*", {"status": 401}, "the Hub does not accept the token"),
            ("*.safetensors", "*", {"status": 403}, r"the Hub forbids it \(ordered by the test\); log in"),
            ("*/revision/*", "*", {"status": 418}, "the Hub answers 418: ordered by the test"),
        ],
        ids=lambda value: repr(value)[:40],
    )
    def test_that_stay_are_told_in_one_line_and_leave_no_half(
        self, hub: Hub, pattern: str, method: str, fault: dict[str, Any], message: str
    ) -> None:
        commit = hub.plant("me/x", FILES)
        hub.fault(pattern, method, times=None, **fault)
        with pytest.raises(ValueError, match=message) as caught:
            on_hub("me/x").folder()
        assert str(caught.value).startswith("me/x")
        assert "\n" not in str(caught.value)
        assert cached("me/x", commit) is None
        assert not list(hub_cache().rglob("*.incomplete"))
        assert contents(hub_cache() / "models--me--x" / "snapshots" / commit).items() <= FILES.items()
        hub._faults.clear()
        assert contents(on_hub("me/x").folder()) == expected()

    def test_a_full_disk(self, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        """The system's own refusal: what is downloaded goes to /dev/full."""
        hub.plant("me/x", FILES)
        really_open = Path.open

        def full(path: Path, *args: Any, **kwargs: Any) -> Any:
            return really_open(Path("/dev/full") if path.suffix == ".incomplete" else path, *args, **kwargs)

        with monkeypatch.context() as patch:
            patch.setattr(Path, "open", full)
            with pytest.raises(ValueError, match=r"^me/x@.*: the disk of .* is full; make room, or set HF_HOME"):
                on_hub("me/x").folder()
        assert contents(on_hub("me/x").folder()) == expected()

    def test_a_cache_that_may_not_be_written(self, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        hub.plant("me/x", FILES)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", "/sys/hub-cache")
        with pytest.raises(ValueError, match=r"/sys/hub-cache.* may not be written; set HF_HOME"):
            on_hub("me/x").folder()

    def test_a_hub_that_does_not_answer(self, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_ETAG_TIMEOUT", 0.1)
        hub.plant("me/x", FILES)
        hub.fault("*/revision/*", delay=0.3, times=None)
        with pytest.raises(ValueError, match=r"did not answer in time \(timed out\); try again later"):
            on_hub("me/x").folder()

    @pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
    def test_killed_in_the_middle(self, hub: Hub, how: signal.Signals) -> None:
        hub.plant("me/x", FILES)
        hub.fault("*.safetensors", "GET", delay=20)
        code = (
            "from zoo.artefacts.hub import *; from zoo.spec.hub_reference import *; OnHub('x', parse('me/x')).folder()"
        )
        environment = hub.environment(PYTHONPATH=str(Path(__file__).parents[3]))
        process = subprocess.Popen([sys.executable, "-c", code], env=environment, stderr=subprocess.PIPE)
        deadline = time.monotonic() + 60
        while not hub.count("*.safetensors", "GET") and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(how)
        process.wait(timeout=8)  # before the Hub answers
        assert cached("me/x") is None
        assert contents(on_hub("me/x").folder()) == expected()

    @pytest.mark.parametrize("answer", [b"<html>log in</html>", b"{}", b"[]", b'{"id": "me/x", "siblings": [{}]}'])
    def test_what_answers_is_no_hub(self, hub: Hub, answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("hub_server._Handler._json", lambda self, *_: self._send(200, answer))
        hub.plant("me/x", FILES)
        with pytest.raises(ValueError, match=r"does not answer as a Hub; check HF_ENDPOINT and proxies"):
            on_hub("me/x").folder()


class TestAccess:
    def test_a_missing_repository(self, hub: Hub) -> None:
        with pytest.raises(ValueError, match=r"^me/nowhere: no such repository, or a private one"):
            on_hub("me/nowhere").config()

    def test_a_private_one_needs_a_token(self, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        hub.plant("me/x", FILES, private=True)
        for token in (None, "hf_you"):
            monkeypatch.delenv("HF_TOKEN") if token is None else monkeypatch.setenv("HF_TOKEN", token)
            with pytest.raises(
                ValueError, match=r"^me/x: no such .* private .*, or log in with `hf auth login` or set HF_TOKEN"
            ):
                on_hub("me/x").config()
        monkeypatch.setenv("HF_TOKEN", "hf_forged")
        with pytest.raises(ValueError, match=r"the Hub does not accept the token"):
            on_hub("me/x").config()
        monkeypatch.setenv("HF_TOKEN", "hf_me")
        assert contents(on_hub("me/x").folder()) == expected()

    def test_a_gated_one_needs_its_terms_accepted(self, hub: Hub) -> None:
        hub.plant("you/x", FILES, gated=True)
        with pytest.raises(ValueError, match=r"^you/x.*: gated; accept its terms at .*/you/x, then log in"):
            on_hub("you/x").config()

    def test_no_network(self, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        commit = hub.plant("me/x", FILES)
        cut = "http://127.0.0.1:9"
        with monkeypatch.context() as patch:
            patch.setattr("huggingface_hub.constants.ENDPOINT", cut)
            for address in ("me/x", f"me/x@{commit}"):
                with pytest.raises(ValueError, match=r"127.0.0.1:9 could not be reached \(.*\); check the network"):
                    on_hub(address).folder()
            assert hub.waits == []
        on_hub("me/x").folder()
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", cut)
        artefact = on_hub("me/x")
        assert contents(artefact.folder()) == expected()
        assert artefact.what == f"from the Hub, me/x@{commit[:12]}, which main was when the Hub was last reached"


class TestOffline:
    def test_from_the_cache_by_branch_tag_and_commit(self, hub: Hub, offline: Callable[[], None]) -> None:
        commit = hub.plant("me/x", FILES)
        hub.ref("me/x", "v1", commit, tag=True)
        for revision in ("main", "v1"):
            on_hub(f"me/x@{revision}").folder()
        before = len(hub.requests)
        offline()
        for address in ("me/x", "me/x@v1", f"me/x@{commit}", f"me/x@{commit[:12]}"):
            assert contents(on_hub(address).folder()) == expected()
        assert len(hub.requests) == before

    def test_what_is_not_there_is_named(self, hub: Hub, offline: Callable[[], None]) -> None:
        commit = hub.plant("me/x", FILES)
        on_hub("me/x").config()
        offline()
        assert on_hub("me/x").config()
        for address, message in [
            ("me/x", f"^me/x@{commit[:12]}: .*model.safetensors.* not in the cache, and HF_HUB_OFFLINE forbids"),
            ("me/y", "^me/y: not in the cache, and HF_HUB_OFFLINE forbids asking the Hub"),
            ("me/x@v2", "^me/x@v2: not in the cache"),
            (f"me/y@{commit}", r"config.json not in the cache"),
        ]:
            with pytest.raises(ValueError, match=message):
                on_hub(address).folder()

    def test_a_cache_that_an_older_client_wrote_has_no_listing(self, hub: Hub, offline: Callable[[], None]) -> None:
        hub.plant("me/x", FILES)
        folder = on_hub("me/x").folder()
        shutil.rmtree(folder.parents[1] / "trees")
        offline()
        assert contents(on_hub("me/x").folder()) == expected()
        (folder / "model.safetensors").resolve().write_bytes(WEIGHTS[::-1])
        with pytest.raises(ValueError, match=rf"model.safetensors: damaged: found sha256 .* announces {SHA256}"):
            on_hub("me/x").folder()

    @pytest.mark.parametrize("damage", ["truncated", "deleted", "link to nothing"])
    @pytest.mark.parametrize("name", ["model.safetensors", "tokens.json"])
    def test_what_was_damaged_by_hand(
        self, hub: Hub, offline: Callable[[], None], monkeypatch: pytest.MonkeyPatch, damage: str, name: str
    ) -> None:
        hub.plant("me/x", FILES)
        folder = on_hub("me/x").folder()

        def spoil() -> None:
            if damage == "truncated":
                (folder / name).resolve().write_bytes(FILES[name][:1])
            elif damage == "deleted":
                (folder / name).unlink()
            else:
                (folder / name).resolve().unlink()

        spoil()
        assert contents(on_hub("me/x").folder()) == expected()
        spoil()
        offline()
        with pytest.raises(ValueError, match=r"damaged: found|not in the cache"):
            on_hub("me/x").folder()

    def test_the_command_line_in_a_process_of_its_own(
        self, hub: Hub, tmp_path: Path, tiny_runs: Callable[[str], Path]
    ) -> None:
        hub.plant("me/x", published(tiny_runs("asl-slp-phoenix14t")))
        output = str(tmp_path / "a.pose")
        missing = hub.run_zoo("run", "me/x", "hello", "-o", output, HF_HUB_OFFLINE="1")
        assert missing.returncode == 2
        assert missing.stderr == "error: me/x: not in the cache, and HF_HUB_OFFLINE forbids asking the Hub\n"
        on_hub("me/x").folder()
        before = len(hub.requests)
        result = hub.run_zoo("run", "me/x", "hello", "-o", output, HF_HUB_OFFLINE="1")
        assert (result.returncode, result.stdout.strip()) == (0, output)
        assert len(hub.requests) == before


def hub_cache() -> Path:
    return Path(os.environ["HF_HUB_CACHE"])


def test_cached_says_what_opens_without_a_network(hub: Hub) -> None:
    commit = hub.plant("me/x", FILES)
    assert cached("me/x") is None
    artefact = on_hub("me/x")
    artefact.config()
    assert cached("me/x") is cached("me/x", commit) is None
    folder = artefact.folder()
    assert cached("me/x") == cached("me/x", commit) == cached("me/x", commit[:12]) == folder
    (folder / "tokens.json").unlink()
    assert cached("me/x", commit) is None


def test_looking_into_the_cache_loads_no_client() -> None:
    code = "import sys; from zoo.artefacts.hub_cache import cached; cached('me/x'); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "huggingface_hub.constants" in loaded
    assert not {"torch", "numpy", "httpx", "httpx2", "huggingface_hub.hf_api"} & set(loaded)
