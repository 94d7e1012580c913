"""validate and test: an artefact on a split of its data, by the weights that users load."""

from pathlib import Path
from typing import Any

from lightning.fabric.utilities.exceptions import MisconfigurationException

from datamodules.files import replacing, write_json
from datamodules.media.skeleton_drawing import write_png
from datamodules.samples import Split
from lightning_modules.evaluation.results import Evaluation, Results
from zoo.artefacts.artefact import open_artefact
from zoo.artefacts.provenance import refuse_other_data
from zoo.card import write
from zoo.files import read_json
from zoo.loaders.base import Loader
from zoo.results.formatting import number
from zoo.spec.spec import Spec
from zoo.training.judges import find_judge
from zoo.training.lightning_cli import SpecCLI, assemble, one_line
from zoo.training.log_filters import quiet

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


def measure(spec: Spec, folder: Path, split: Split = "test", judge: str | None = None) -> Results:
    """Measure the artefact in a folder and keep what was found in it: results, plots and the card that shows them.

    The test split's are results.json and plots/; another split's results-<split>.json and plots-<split>/ stand beside,
    and no card shows them. Raises ValueError as `evaluated`.
    """
    evaluation, results = evaluated(spec, folder, split, judge)
    suffix = "" if split == "test" else f"-{split}"
    with replacing(folder / f"plots{suffix}") as plots:
        for name, picture in evaluation.plots().items():
            write_png(plots / f"{name}.png", picture)
    write_json(folder / f"results{suffix}.json", results)
    if not suffix:
        write(folder)
    return results


def evaluated(spec: Spec, folder: Path, split: Split, judge: str | None = None) -> tuple[Evaluation, Results]:
    """What a test of the artefact in a folder finds; nothing is written.

    judge: who reads what the model gives, as an address; None for the zoo's own, where it fits. A LightningModule says
    as `judged_by` which task reads it; one that does not is read by nobody.

    Raises ValueError where the data is not what the artefact was trained on, or a judge was asked for that cannot read
    what is measured.
    """
    cli, artefact = _assembled(spec, folder, "test")
    module, data = cli.model, cli.datamodule
    data.tested, recorded = split, read_json(folder / "provenance.json")
    if hasattr(module, "judged_by"):
        module.judge = find_judge(module.judged_by, judge, artefact, recorded)
    elif judge is not None:
        raise ValueError(f"--judge {judge}: nothing that {spec.name} gives is read by a judge; leave it out")
    with one_line(MisconfigurationException):
        cli.trainer.test(module, datamodule=data, verbose=False)
    of = {"split": split, "data": recorded["data"]["fingerprint"][:DIGITS]}
    return module.test_scores, {key: {**row, **of} for key, row in module.test_scores.results().items()}


def compared(folder: Path, results: Results) -> list[str]:
    """Lines that say where results differ, as they are printed, from those that an artefact was published with."""
    path = folder / "results.json"
    if not path.is_file():
        return [f"{folder}: published without results"]
    before = read_json(path)
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
    artefact = open_artefact(folder)
    cli.model.network = artefact.network
    return cli, artefact
