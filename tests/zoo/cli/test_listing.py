"""`python -m zoo list`: every model and pipeline, and of each where its weights are."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hub_server import Hub

import zoo
from zoo.artefacts.artefact import starter_folder
from zoo.cli import list as listing
from zoo.cli import main
from zoo.spec import registry as shipped
from zoo.spec import spec
from zoo.spec.registry import list_experiments, list_models, list_pipelines, shipped_folder

EVERYTHING = [*list_models(), *list_pipelines(), *list_experiments()]


def lines(capsys: pytest.CaptureFixture[str], *pattern: str) -> list[str]:
    assert main(["list", *pattern]) == 0
    return capsys.readouterr().out.splitlines()


def row(shown: list[str], name: str) -> dict[str, str]:
    """The cells of a model by their column's title."""
    head, cells = (next(line for line in shown if line.startswith(f"{first} ")) for first in ("model", name))
    return dict(zip(head.split(), re.split(r" {2,}", cells), strict=True))


@pytest.fixture
def pinned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Call it with a commit to let a copy of the shipped specs pin it for asl-slp, at me/asl-slp."""

    def pin(commit: str) -> None:
        folder = tmp_path / "specs"
        folder.mkdir()
        for path in shipped_folder().glob("*.yaml"):
            content = yaml.safe_load(path.read_text())
            if content["name"] == "asl-slp":
                content["hub"] = {"repo_id": "me/asl-slp", "revision": commit}
            (folder / path.name).write_text(yaml.safe_dump(content))
        monkeypatch.setattr(shipped, "shipped_folder", lambda: folder)

    return pin


def test_it_names_everything_with_what_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    shown = lines(capsys)
    for name in EVERYTHING:
        content = spec.read(shipped.locate(name))
        assert sum(line.startswith(f"{name} ") for line in shown) == 1
        assert content["summary"] in re.sub(r"\s+", " ", " ".join(shown))
    for name in list_models():
        assert row(shown, name)["task"] == spec.read(shipped.locate(name))["task"]


def test_a_pipeline_is_shown_with_its_stages(capsys: pytest.CaptureFixture[str]) -> None:
    (line,) = (line for line in lines(capsys) if line.startswith("text-to-video "))
    for role, component in spec.read(shipped.locate("text-to-video"))["stages"].items():
        assert f"{role} {component}" in line


def test_a_starter_is_shown_with_the_bytes_of_its_weights(capsys: pytest.CaptureFixture[str]) -> None:
    cells = row(lines(capsys), "asl-slp")
    size = (starter_folder("asl-slp") / "model.safetensors").stat().st_size
    assert cells["starter"] == "yes"
    assert cells["published"] == cells["cached"] == "-"
    assert cells["weights"] == f"{size / 1e6:.3g} MB"


def test_what_is_published_is_cached_once_it_was_loaded(
    hub: Hub, pinned: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    commit = hub.plant("me/asl-slp", starter_folder("asl-slp"))
    pinned(commit)
    before = lines(capsys)
    assert row(before, "asl-slp") | {"published": "yes", "cached": "no", "weights": "-"} == row(before, "asl-slp")
    assert f"published: me/asl-slp@{commit[:7]}" in "\n".join(before)
    assert not hub.requests, "listing asks nobody"
    zoo.load(f"me/asl-slp@{commit}")
    after = row(lines(capsys), "asl-slp")
    assert after["cached"] == "yes"
    assert after["weights"].endswith(" MB")


def test_it_fits_a_terminal_and_is_plain_text_in_a_pipe() -> None:
    shown = subprocess.run([sys.executable, "-m", "zoo", "list"], capture_output=True, text=True, check=True).stdout
    assert "\x1b" not in shown
    assert "…" not in shown
    assert max(map(len, shown.splitlines())) <= 80
    assert all(re.search(rf"^{name} ", shown, re.MULTILINE) for name in EVERYTHING)


def test_a_pattern_chooses_among_both(capsys: pytest.CaptureFixture[str]) -> None:
    names = {line.split()[0] for line in lines(capsys, "*video*") if line[:1] != " "}
    assert {"text-to-video", "gloss-video"} <= names
    assert "asl-slp" not in names
    assert main(["list", "nothing-like-it"]) == 2
    assert "text-to-video" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1 kB"),
        (5_643_082, "5.64 MB"),
        (999_999_999, "1 GB"),
        (3.4e15, "3.4e+03 TB"),
    ],
)
def test_sizes_are_read_by_people(count: int, shown: str) -> None:
    assert listing._size(count) == shown
