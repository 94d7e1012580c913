"""Put a finished run into the package, as the starter weights of its model, in half precision, and measure it.

python -m zoo.publishing.bundle runs/asl-slp/<id>
"""

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from datamodules.files import replacing, user_path, write_json
from zoo.artefacts.artefact import open_artefact, starter_folder
from zoo.artefacts.runs import Run
from zoo.card import write
from zoo.loaders.config import unfinished_message
from zoo.loaders.diffusion import base_folder
from zoo.loaders.recognition import video_to_gloss
from zoo.publishing.build import forget_places
from zoo.spec.spec import read, resolve
from zoo.training.evaluate import measure

Probe = dict[str, npt.NDArray[Any]]

RECORDS = ("spec.yaml", "provenance.json")
SAMPLES = (".png", ".mp4")
SHOWN_BYTES = 500_000
"""Every install of the package brings them along."""
TOLERANCE = 0.02
"""How far a probe may move when weights are halved, as a share of its largest value."""


def bundle(run: Run, into: Path, real: Path | None = None) -> Path:
    """Copy a run's artefact without logs, checkpoints, large pictures and places on this machine to `into`, in place of
    what is there.

    It ships with its scores, which are measured here, as what is halved is another network, and measured on the real
    data in `real` too where that is given. What is there stays until the new folder is whole. Raises ValueError for a
    run that is unfinished, where halving changes what the network does, and as `zoo.training.evaluate` does.
    """
    if not run.finished:
        raise ValueError(unfinished_message(run.folder))
    with replacing(into) as part:
        loader = open_artefact(run.folder)
        loader.save(part)
        base_folder.leave_out(part)
        video_to_gloss.leave_out(part)
        for name in RECORDS:
            shutil.copyfile(run.folder / name, part / name)
        for sample in sorted(run.samples.glob("*")):
            if sample.suffix in SAMPLES and sample.stat().st_size <= SHOWN_BYTES:
                (part / "samples").mkdir(exist_ok=True)
                shutil.copyfile(sample, part / "samples" / sample.name)
        write_json(part / "provenance.json", {**run.provenance(), "rounded": "half"})
        for path in sorted(part.rglob("*.safetensors")):
            _halve(path)
        _refuse_another(loader.probe(), open_artefact(part).probe())
        spec = part / "spec.yaml"
        measure(resolve(read(spec), str(spec)), part, real=real)
        for name in RECORDS:
            forget_places(part / name)
        _drop_large(part)
        write(part)
    return into


def _halve(path: Path) -> None:
    """Round the weights in a file; what its writer noted in it stays."""
    with safe_open(path, "pt") as file:
        notes = file.metadata() or {"format": "pt"}
    save_file({name: _halved(value) for name, value in load_file(path).items()}, path, metadata=notes)


def _drop_large(folder: Path) -> None:
    """Leave out plots that no install should bring along."""
    for plot in sorted((folder / "plots").glob("*")):
        if plot.stat().st_size > SHOWN_BYTES:
            plot.unlink()


def _refuse_another(whole: Probe, halved: Probe) -> None:
    for name, values in whole.items():
        before, after = values.astype(float), halved[name].astype(float)
        if before.shape != after.shape or not np.abs(after - before).max() <= TOLERANCE * np.abs(before).max():
            raise ValueError(f"half precision changes the network's {name}")


def _halved(value: torch.Tensor) -> torch.Tensor:
    return value.to(torch.float16) if value.is_floating_point() else value


def main(argv: Sequence[str] | None = None) -> int:
    """Bundle one run; returns the exit code."""
    parser = argparse.ArgumentParser(
        "python -m zoo.publishing.bundle", description="Ship a finished run as a starter, measured."
    )
    parser.add_argument("run", metavar="RUN", type=user_path, help="the run's folder, runs/<name>/<id>")
    parser.add_argument("--real", metavar="FOLDER", type=user_path, help="the real data set, to measure it on as well")
    options = parser.parse_args(argv)
    run = Run(options.run)
    try:
        name = run.provenance().get("name")
        if name is None:
            raise ValueError(unfinished_message(run.folder))
        print(bundle(run, starter_folder(str(name)), options.real))
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
