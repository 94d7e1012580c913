"""Put a finished run into the package, as the starter weights of its model, in half precision.

python -m zoo.bundle runs/asl-slp/<id>
"""

import shutil
import sys
from pathlib import Path

import torch
import yaml
from safetensors.torch import load_file, save_file

from zoo.artefact import open_artefact, read_config, starter_folder

KEPT = ("README.md", "spec.yaml", "provenance.json", "results.json", "config.json", "tokens.json")


def bundle(run: Path) -> Path:
    """Copy a run's artefact without logs, checkpoints and samples; returns the starter folder.

    Raises ValueError for a run that is unfinished or was not tested: a starter ships with its scores.
    """
    read_config(run)
    if not (run / "results.json").is_file():
        raise ValueError(f"{run}: no results.json; `python -m zoo test {run}` writes it")
    folder = starter_folder(yaml.safe_load((run / "spec.yaml").read_text())["name"])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in KEPT:
        shutil.copy(run / name, folder / name)
    weights = {
        name: value.to(torch.float16) if value.is_floating_point() else value
        for name, value in load_file(run / "model.safetensors").items()
    }
    save_file(weights, folder / "model.safetensors")
    open_artefact(folder)
    return folder


if __name__ == "__main__":
    print(bundle(Path(sys.argv[1])))
