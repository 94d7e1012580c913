"""`python -m zoo completion`: what a real bash makes of the words typed so far."""

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from datamodules.catalogue import CATALOGUE
from zoo.cli import main
from zoo.cli.parsing.command_line import VERBS
from zoo.spec.registry import list_models, list_sweeps

TYPED = {
    "zoo ": list(VERBS),
    "zoo exp": ["export"],
    "zoo fit letter-": list_models("letter-*"),
    "zoo fit asl-slp --st": ["--starter"],
    "zoo test asl-slp --judge back": ["back-translation"],
    "zoo run text-to-v": ["text-to-video"],
    "zoo export letter-judge mod": ["model.onnx", "models"],
    "zoo push letter-judge --dr": ["--dry-run"],
    "zoo fit my-": ["my-spec.yaml"],
    "zoo sweep abl": list_sweeps(),
    "zoo data check ": list(CATALOGUE),
    "zoo data check wlasl m": ["models"],
    "zoo import models --as ": ["controlnet", "lora"],
    "zoo import models --name asl-": [],
}
"""A line to what Tab offers after it, in a folder with my-spec.yaml, model.onnx and models/."""


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_offers_verbs_names_options_and_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "bash"]) == 0
    script = tmp_path / "script"
    script.write_text(capsys.readouterr().out)
    here = tmp_path / "here"
    (here / "models").mkdir(parents=True)
    for name in ("my-spec.yaml", "model.onnx"):
        (here / name).touch()
    ask = 'ask() { COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 )); _shtab_zoo; echo "${COMPREPLY[@]}"; }'
    lines = [line.split(" ") for line in TYPED]
    code = "\n".join([f"source {script}", ask, *(f"ask {shlex.join(words)}" for words in lines)])
    done = subprocess.run(["bash", "-uc", code], capture_output=True, text=True, cwd=here)
    offered = [line.split() for line in done.stdout.splitlines()]
    assert done.returncode == 0, done.stderr
    for line, found in zip(TYPED, offered, strict=True):
        assert sorted(found) == sorted(TYPED[line]), line


def test_zsh_gets_a_script_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "zsh"]) == 0
    script = capsys.readouterr().out
    assert script.startswith("#compdef zoo")
    assert all(f"    {verb}:" in script for verb in VERBS)
    assert f"compadd -- {' '.join(list_models())} " in script


def test_another_shell_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "fish"]) == 2
    assert "invalid choice: 'fish'" in capsys.readouterr().err
