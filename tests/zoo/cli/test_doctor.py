"""`python -m zoo doctor`: what a report needs, from any machine, and nothing that is secret."""

import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

from zoo.cli import doctor, main

ROOT = Path(__file__).parents[3]


def told(capsys: pytest.CaptureFixture[str], *options: str) -> str:
    assert main(["doctor", *options]) == 0
    return capsys.readouterr().out


def test_it_says_what_there_is_and_loads_no_torch_that_cannot_use_a_gpu() -> None:
    code = "import sys; from zoo.cli import main; main(['doctor', '--json']); sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == (not version("torch").endswith("+cpu")), done.stderr
    found = json.loads(done.stdout)
    assert list(found) == list(doctor.SECTIONS)
    assert not [facts for facts in found.values() if "not found out" in facts]
    assert found["versions"]["torch"] == version("torch")
    assert found["machine"]["GPU"]
    for folder in ("runs", "cache", "Hub's cache"):
        assert re.search(r", .*(B|not there yet), [\d.e+]+ \w?B free", found["folders"][folder])


class TestSecrets:
    TOKEN, KEY, PASSWORD = "hf_T0kenOfMine", "k3yOfWeights", "p4ssword"

    def test_are_not_printed(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("HF_TOKEN", self.TOKEN)
        monkeypatch.setenv("WANDB_API_KEY", self.KEY)
        monkeypatch.setenv("HF_ENDPOINT", f"https://me:{self.PASSWORD}@hub.example:8080/api?token={self.PASSWORD}")
        monkeypatch.setenv("WANDB_BASE_URL", f"https://host:{self.PASSWORD}")  # which is no port
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
        shown = told(capsys) + told(capsys, "--json")
        assert "Hugging Face Hub: there, in $HF_TOKEN" in shown
        assert "Weights & Biases: there, in $WANDB_API_KEY" in shown
        assert "HF_ENDPOINT: https://hub.example:8080/api\n" in shown
        assert "WANDB_BASE_URL: set, and no address" in shown
        assert "cache: ~/cache, not there yet" in shown
        assert not [word for word in (self.TOKEN, self.KEY, self.PASSWORD, str(tmp_path)) if word in shown]

    def test_that_are_missing_are_said_to_be(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "WANDB_API_KEY", "NETRC"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "token"))
        shown = told(capsys)
        assert "Hugging Face Hub: none" in shown
        assert "Weights & Biases: none" in shown
        (tmp_path / "token").write_text(self.TOKEN)
        shown = told(capsys)
        assert "Hugging Face Hub: there, in the file of `hf auth login`" in shown
        assert self.TOKEN not in shown


def test_extras_are_those_of_the_package(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    del declared["dev"]
    wanted = {extra: [re.match(r"[\w-]+", line)[0] for line in lines] for extra, lines in declared.items()}  # type: ignore[index]
    assert {extra: list(packages) for extra, (packages, _) in doctor.EXTRAS.items()} == wanted
    installed = doctor._version
    monkeypatch.setattr(doctor, "_version", lambda name: None if name == "onnxscript" else installed(name))
    assert "export: missing onnxscript: pip install 'sign-zoo[export]'; for: export writes ONNX" in told(capsys)


def test_what_cannot_be_found_out_is_said_and_the_rest_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ZOO_CACHE", "~nobody-of-this-name/cache")
    found = json.loads(told(capsys, "--json"))
    assert found["folders"]["not found out"].startswith("ValueError: ~nobody-of-this-name/cache: nothing tells where")
    assert list(found) == list(doctor.SECTIONS)
    assert found["settings"]["HF_HUB_OFFLINE"]
