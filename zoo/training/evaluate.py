"""validate and test: an artefact on a split of its data, by the weights that users load."""

from pathlib import Path
from typing import Any

import numpy as np
from lightning.fabric.utilities.exceptions import MisconfigurationException
from torch import Tensor

from datamodules.base import SurveyedDataModule, signed_pixels
from datamodules.catalogue import CATALOGUE
from datamodules.files import replacing, write_json
from datamodules.kinds.paired_frames import PairedFramesBatch
from datamodules.media.skeleton_drawing import write_png
from datamodules.samples import SPLITS, Split
from lightning_modules.evaluation.rendering.contenders import Beside
from lightning_modules.evaluation.results import Evaluation, Results
from lightning_modules.evaluation.sample_strips import as_images
from zoo.artefacts.artefact import open_artefact
from zoo.artefacts.base_model import Foundation
from zoo.artefacts.provenance import refuse_other_data
from zoo.artefacts.resolve import find, opened
from zoo.card import write
from zoo.files import read_json
from zoo.loaders.base import Loader
from zoo.results.formatting import number
from zoo.results.lineage import base_name, may_have_seen, relation
from zoo.spec.spec import Spec
from zoo.training.judges import find_judge, judge_name
from zoo.training.lightning_cli import SpecCLI, assemble, one_line
from zoo.training.log_filters import quiet
from zoo.training.memory import said_when_out_of_memory

ONE_DEVICE = {"devices": 1, "num_nodes": 1, "strategy": "auto"}
"""A split is measured whole, by one process: several would each score, and write, their share."""
DIGITS = 12
"""Of the data's fingerprint, in every row; provenance.json has it whole."""


def validate(spec: Spec, folder: Path) -> Results:
    """What training logs of the validation split, for the artefact in a folder. Raises ValueError as `evaluated`."""
    cli, _ = _assembled(spec, folder, "validate")
    with one_line(MisconfigurationException):
        cli.trainer.validate(cli.model, datamodule=cli.datamodule, verbose=False)
    return {key: {"value": float(value)} for key, value in cli.trainer.callback_metrics.items()}


def measure(
    spec: Spec,
    folder: Path,
    split: Split = "test",
    judge: str | None = None,
    real: Path | None = None,
    beside: str | None = None,
) -> Results:
    """Measure the artefact in a folder and keep what was found in it: results, plots and the card that shows them.

    The test split's are results.json and plots/; another split's results-<split>.json and plots-<split>/ stand beside,
    and no card shows them. With `real`, what `on_real_data` finds there is kept too, until it is measured again. Raises
    ValueError as these.
    """
    evaluation, results = evaluated(spec, folder, split, judge, beside)
    suffix = "" if split == "test" else f"-{split}"
    path = folder / f"results{suffix}.json"
    if real is not None:
        results |= on_real_data(spec, folder, real)
    elif path.is_file():
        results |= {key: row for key, row in read_json(path).items() if "dataset" in row}
    with replacing(folder / f"plots{suffix}") as plots:
        for name, picture in evaluation.plots().items():
            write_png(plots / f"{name}.png", picture)
    write_json(path, results)
    if not suffix:
        write(folder)
    return results


def evaluated(
    spec: Spec, folder: Path, split: Split, judge: str | None = None, beside: str | None = None
) -> tuple[Evaluation, Results]:
    """What a test of the artefact in a folder finds; nothing is written.

    judge: who reads what the model gives, as an address; None for the zoo's own, where it fits. A LightningModule says
    as `judged_by` which task reads it; one that does not is read by nobody.
    beside: a renderer, as an address, whose frames are one more baseline of a renderer's test.

    Raises ValueError where the data is not what the artefact was trained on, where a judge was asked for that cannot
    read what is measured, and as `find_beside`.
    """
    cli, artefact = _assembled(spec, folder, "test")
    module, data = cli.model, cli.datamodule
    data.tested, recorded = split, read_json(folder / "provenance.json")
    if hasattr(module, "judged_by"):
        module.judge = find_judge(module.judged_by, judge, artefact, recorded)
    elif judge is not None:
        raise ValueError(f"--judge {judge}: nothing that {spec.name} gives is read by a judge; leave it out")
    of = {"split": split, "data": recorded["data"]["fingerprint"][:DIGITS]}
    if beside is not None:
        if not hasattr(module, "beside"):
            raise ValueError(f"--beside {beside}: {spec.name} is no renderer; leave it out")
        module.beside, of["beside"] = find_beside(beside, recorded, data.image_size)
    with one_line(MisconfigurationException), said_when_out_of_memory(spec.config):
        cli.trainer.test(module, datamodule=data, verbose=False)
    return module.test_scores, {key: {**row, **of} for key, row in module.test_scores.results().items()}


def find_beside(address: str, provenance: dict[str, Any], size: int) -> tuple[dict[str, Beside], str]:
    """The renderer at an address as what stands beside another in its test, by name, and how results refer to it.

    Raises ValueError for one that does not paint drawings of this size, and for one that was trained on other data.
    """
    artefact = find(address)
    recorded = read_json(artefact.folder() / "provenance.json")
    if recorded["data"]["fingerprint"] != provenance["data"]["fingerprint"]:
        raise ValueError(f"--beside {address}: it was trained on other data than the model; train it on the same")
    loader: Any = opened(artefact)
    if not hasattr(loader, "paint") or loader.size != size:
        made = f"{loader.task} of {loader.size} pixels" if hasattr(loader, "paint") else f"{loader.task}"
        raise ValueError(f"--beside {address}: found {made}, expected what paints drawings of {size} pixels")

    def painted(batch: PairedFramesBatch) -> Tensor:
        return signed_pixels(loader.paint(np.stack(as_images(batch.conditions)))).to(batch.conditions.device)

    return {recorded["name"]: painted}, judge_name(artefact.folder())


def on_real_data(spec: Spec, folder: Path, real: Path) -> Results:
    """What a test of an artefact that was trained on a twin finds on the real data set in `real`, all splits together:
    the model saw none of it. Keys end in "@real"; baselines that learn have learnt from the twin.

    Raises ValueError where there is no twin on the one side and no real data on the other, where a model that it
    started from may have seen that, and as `evaluated`.
    """
    cli, _ = _assembled(spec, folder, "test")
    data, recorded = cli.datamodule, read_json(folder / "provenance.json")
    if not isinstance(data, SurveyedDataModule) or hasattr(cli.model, "judged_by"):
        raise ValueError(f"--real {real}: {spec.name} cannot be measured apart from its own data; leave it out")
    if recorded["data"]["twin"] is None:
        raise ValueError(f"--real {real}: {spec.name} was trained on real data, which its test measures; leave it out")
    if seen := may_have_seen(recorded, real=True):
        raise ValueError(
            f"--real {real}: {spec.name} {relation(seen[0])} {base_name(seen[0])}, which may have been trained on it; "
            "leave it out"
        )
    settings = spec.config["data"]
    init = {**settings["init_args"], "root": str(real), "twin": None}
    other = assemble({**spec.config, "data": {**settings, "init_args": init}}, folder, []).datamodule
    foundation = Foundation.of(spec)
    if foundation is not None and foundation.section == "data":
        foundation.hand_to(cli.model, other)
    other.prepare_data()
    if other.twin_mark() is not None:
        raise ValueError(f"--real {real}: found a twin, expected {CATALOGUE[data.dataset].title} itself")
    data.test_on(other)
    with one_line(MisconfigurationException):
        cli.trainer.test(cli.model, datamodule=data, verbose=False)
    of = {
        "split": " + ".join(SPLITS),
        "data": other.fingerprint()[:DIGITS],
        "dataset": CATALOGUE[data.dataset].title,
    }
    return {f"{key}@real": {**row, **of} for key, row in cli.model.test_scores.results().items()}


def compared(folder: Path, results: Results) -> list[str]:
    """Lines that say where results differ, as they are printed, from those that an artefact was published with."""
    path = folder / "results.json"
    if not path.is_file():
        return [f"{folder}: published without results"]
    before = read_json(path)
    if not any("dataset" in row for row in results.values()):
        before = {key: row for key, row in before.items() if "dataset" not in row}
    lines = [
        f"{key}: published {number(before[key]['value'])}, here {number(results[key]['value'])}"
        for key in before.keys() & results.keys()
        if number(before[key]["value"]) != number(results[key]["value"])
    ]
    apart = sorted(before.keys() ^ results.keys())
    return [
        *sorted(lines),
        *(f"{key}: {'published, not measured here' if key in before else 'not published'}" for key in apart),
    ] or [f"{folder}: all {len(results)} scores are as published"]


def _assembled(spec: Spec, folder: Path, verb: str) -> tuple[SpecCLI, Loader]:
    """The spec's module with the artefact's network, its data, seen to be what it was trained on, and the artefact."""
    quiet()
    trainer: dict[str, Any] = {**spec.config["trainer"], "callbacks": None, **ONE_DEVICE}
    cli = assemble({**spec.config, "trainer": trainer}, folder, [])
    cli.datamodule.prepare_data()
    recorded = read_json(folder / "provenance.json")
    advice = f"`{verb}` needs the data that it was trained on"
    refuse_other_data(folder, recorded, cli.datamodule.fingerprint(), advice)
    if foundation := Foundation.of(spec):
        foundation.refuse_another(recorded, str(folder))
        foundation.hand_to(cli.model, cli.datamodule)
    artefact = open_artefact(folder)
    cli.model.network = artefact.network
    return cli, artefact
