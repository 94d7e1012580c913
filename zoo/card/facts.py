"""What there is to say of a run, as labelled lines; what was not recorded is left out."""

from datetime import datetime
from typing import Any, Final

from datamodules.catalogue import CATALOGUE
from zoo.card.licences import Licence
from zoo.card.settings import described
from zoo.card.weights import Weights
from zoo.results.formatting import duration, language, quantity, sentence, signal, times
from zoo.results.lineage import STANDS_ON, STARTED_FROM, base_name, chain
from zoo.results.rows import data_name, title
from zoo.spec.classes import dotted_name
from zoo.spec.registry import list_trained

REGIMES: Final = {
    "32": "single precision",
    "16": "half precision",
    "bf16": "bfloat16",
    "64": "double precision",
}

Facts = list[tuple[str, str]]
"""A label and what there is to say, for those about which there is something to say."""


def details(
    spec: dict[str, Any],
    config: dict[str, Any],
    provenance: dict[str, Any],
    licence: Licence | None,
    repo_id: str | None,
) -> Facts:
    """Who made the model, what it takes and gives, and under which licence."""
    card = spec.get("card") or {}
    facts = [
        ("Developed by", card.get("developers")),
        ("Funded by", card.get("funding")),
        ("Shared by", repo_id and repo_id.partition("/")[0]),
        ("Model type", config["task"].replace("-", " ")),
        ("Input", signal(config["accepts"])),
        ("Output", signal(config["gives"])),
        ("Languages", ", ".join(map(language, languages(spec, config, provenance)))),
        ("License", licence and f"{_linked(licence)}; {licence.why}"),
        ("Terms", licence and " ".join(licence.terms)),
        ("Builds on", config.get("base_model") and _hub_link(config["base_model"])),
        ("Base model", ", itself trained on from ".join(map(_base, chain(provenance, STARTED_FROM)))),
        ("Stands on", ", which stands on ".join(map(_base, chain(provenance, STANDS_ON)))),
    ]
    return [(label, text) for label, text in facts if text]


def languages(spec: dict[str, Any], config: dict[str, Any], provenance: dict[str, Any]) -> list[str]:
    """Their codes, as the spec declares them; of what was trained on the avatar, those that it knows."""
    declared: list[str] = (spec.get("card") or {}).get("language") or []
    known = dict.fromkeys(filter(None, (config[end].get("language") for end in ("accepts", "gives"))))
    return list(known) if provenance["data"]["twin"] and known else declared


def base_models(config: dict[str, Any], provenance: dict[str, Any]) -> str | list[str] | None:
    """Repositories of the Hub that a model builds on, that its training started from and that it stands on, as a card's
    metadata have one, several or none; of each kind, the nearest that is on the Hub."""
    nearest = [
        next((base["repo_id"] for base in chain(provenance, relation) if base.get("repo_id")), None)
        for relation in (STARTED_FROM, STANDS_ON)
    ]
    found = list(dict.fromkeys(filter(None, (config.get("base_model"), *nearest))))
    return found if len(found) > 1 else next(iter(found), None)


def sources(card: dict[str, Any], repo_id: str | None) -> Facts:
    """Where to read on."""
    facts = [
        ("Repository", card.get("repository") or (repo_id and f"https://huggingface.co/{repo_id}")),
        ("Paper", card.get("paper")),
        ("Demo", card.get("demo")),
    ]
    return [(label, text) for label, text in facts if text]


def data(provenance: dict[str, Any]) -> Facts:
    """What it was trained on, and on which terms; of a twin what that is."""
    data = provenance["data"]
    dataset, items, twin = CATALOGUE.get(data["name"]), data.get("items") or {}, data["twin"]
    described_as = described(dotted_name(str(data.get("class_path")), "data")).module
    facts: Facts = [
        ("Data set", data_name(provenance) if twin or not dataset else f"[{dataset.title}]({dataset.home})")
    ]
    if twin:
        made = ", ".join(f"{key} {value}" for key, value in twin.items() if value is not None)
        facts.append(
            (
                "What a twin is",
                f"the same files, written by a signing avatar ({made}); the code that reads it is "
                f"the code that reads {title(provenance)}",
            )
        )
    if described_as:
        facts.append(("The real data set is" if twin else "What it is", described_as))
    if dataset:
        terms = f"{dataset.licence or 'No standard licence'}. {dataset.terms}"
        facts.append(
            ("Its terms", f"{terms} They bind whoever trains on it; the twin holds nothing of it." if twin else terms)
        )
    if "train" in items:
        validation = f", {items['dev']:,} in validation" if "dev" in items else ""
        facts.append(("Size", f"{items['train']:,} items in training{validation}"))
    facts.append(("Fingerprint", f"`{data['fingerprint']}` (SHA-256 over its files)"))
    return facts


def procedure(spec: dict[str, Any], provenance: dict[str, Any]) -> Facts:
    """How to train it again, and how it went."""
    resumed = provenance["resumed"]
    base = next(chain(provenance, STARTED_FROM), None)
    nowhere = base is not None and not base.get("repo_id") and base.get("address") not in list_trained()
    again = "`python -m zoo fit spec.yaml`" + (", with `--from` the base model named above," if nowhere else "")
    facts = [
        ("Recipe", f"[spec.yaml](spec.yaml); {again} trains it, run `{provenance['run']}`"),
        ("Regime", _regime(spec)),
        ("Seed", str(provenance["seed"])),
        ("Interrupted", f"{times(len(resumed))}, and resumed from its checkpoint" if resumed else "no"),
        ("Continued", _continued(provenance)),
        ("Code", _commit(provenance["code"])),
    ]
    return [(label, text) for label, text in facts if text]


def _continued(provenance: dict[str, Any]) -> str | None:
    """That a run went on from a finished one, and what that was trained with where it was something else."""
    before = provenance.get("continued")
    if before is None:
        return None
    told = [f"run `{before['run']}` went on, with its optimiser, to be this long"]
    if before["code"] != provenance["code"] and (commit := _commit(before["code"])):
        told.append(f"its code was {commit}")
    own = provenance["versions"]
    if others := [f"{name} {value}" for name, value in before["versions"].items() if own.get(name) != value]:
        told.append(f"it was trained with {', '.join(others)}")
    if before["hardware"] != provenance["hardware"]:
        told.append(f"it was trained on {_computed_on(before)}")
    return "; ".join(told)


def _commit(code: dict[str, Any]) -> str | None:
    return code["commit"] and f"`{code['commit']}`" + (" with uncommitted changes" if code["dirty"] else "")


def sizes(spec: dict[str, Any], provenance: dict[str, Any], weights: Weights) -> Facts:
    """How long it took and how large it is."""
    precision = " and ".join(weights.precisions)
    stored = f"{quantity(weights.size, 'B')}, in {precision} precision" if precision else quantity(weights.size, "B")
    if rounded := provenance.get("rounded"):
        stored += f"; rounded to {rounded} precision after training, and measured so in {_regime(spec)}"
    seconds = _seconds(provenance)
    time = duration(seconds) if seconds is not None else ""
    facts = [("Training time", time), ("Parameters", f"{weights.parameters:,}"), ("Weights", stored)]
    facts.append(("Trained", _dates(provenance)))
    return [(label, text) for label, text in facts if text]


def impact(provenance: dict[str, Any]) -> Facts:
    """What it was trained with, for how long, and what that used."""
    emissions = provenance.get("emissions")
    facts = [("Hardware type", _computed_on(provenance)), ("Hours used", _hours(provenance))]
    if emissions:
        covered = f" over {duration(emissions['seconds'])} of training" if emissions["seconds"] else ""
        facts.append(("Energy", f"{quantity(emissions['kwh'], 'kWh')}{covered}, measured with codecarbon"))
        if emissions["kg_co2e"] is not None:
            facts.append(("Carbon emitted", f"{quantity(emissions['kg_co2e'], 'kg')} CO2eq ({emissions['country']})"))
    return [(label, text) for label, text in facts if text]


def hardware(provenance: dict[str, Any]) -> str:
    """The machine, in a sentence."""
    machine = provenance["hardware"]
    processor = f"{machine['processor']}, {machine['cores']} cores"
    return f"{_computed_on(provenance)}; {processor}." if machine["gpus"] else f"{processor}, no GPU."


def software(provenance: dict[str, Any]) -> str:
    """What ran on it, in a sentence."""
    versions = provenance["versions"]
    parts = [f"{name} {versions[name]}" for name in ("sign-zoo", "torch", "lightning") if name in versions]
    return f"{', '.join(parts)}; Python {versions['python']} on {provenance['hardware']['platform']}."


def architecture(spec: dict[str, Any]) -> str:
    """What the model's class and module say of themselves."""
    found = described(dotted_name(str((spec.get("model") or {}).get("class_path")), "model"))
    return " ".join(filter(None, (sentence(found.module), sentence(found.summary))))


def _computed_on(provenance: dict[str, Any]) -> str:
    machine = provenance["hardware"]
    gpus: list[str] = machine["gpus"]
    counted = [f"{gpus.count(name)} x {name}" for name in dict.fromkeys(gpus)]
    return ", ".join(counted) or f"{machine['processor']}, {machine['cores']} cores"


def _hours(provenance: dict[str, Any]) -> str:
    seconds = _seconds(provenance)
    if seconds is None:
        return ""
    return f"{seconds / 3600:.2g}" if seconds >= 36 else "less than 0.01"


def _seconds(provenance: dict[str, Any]) -> float | None:
    """Of training; of a run that did not count them, from start to finish if nothing came between."""
    if "seconds" in provenance:
        return float(provenance["seconds"])
    if "finished" not in provenance or provenance["resumed"] or "continued" in provenance:
        return None
    started, finished = (datetime.fromisoformat(provenance[key]) for key in ("started", "finished"))
    return (finished - started).total_seconds()


def _regime(spec: dict[str, Any]) -> str:
    """Lightning's `precision` in words."""
    kind, _, how = str((spec.get("trainer") or {}).get("precision") or "32-true").partition("-")
    return REGIMES.get(kind, kind) + (", mixed" if how == "mixed" else "")


def _dates(provenance: dict[str, Any]) -> str:
    days = [provenance[key][:10] for key in ("started", "finished") if key in provenance]
    return " to ".join(dict.fromkeys(days))


def _base(base: dict[str, Any]) -> str:
    name = _hub_link(base["repo_id"]) if base.get("repo_id") else base_name(base)
    run = f", run `{base['run']}`" if base["run"] else ""
    return f"{name}{run}, weights `{base['sha256'][:12]}`" if base.get("sha256") else f"{name}{run}"


def _linked(licence: Licence) -> str:
    return f"[{licence.name}]({licence.link})" if licence.link else licence.name


def _hub_link(model: str) -> str:
    return f"[{model}](https://huggingface.co/{model})"


def imported_training(provenance: dict[str, Any]) -> dict[str, Any]:
    """Of a model that was imported, in place of all that a run records of its training; the rest is empty."""
    imported, given = provenance["imported"], provenance["data"]
    dataset = CATALOGUE.get(given["name"])
    data: Facts = [("Data set", f"[{dataset.title}]({dataset.home})" if dataset else title(provenance))]
    if dataset:
        data.append(("Its terms", f"{dataset.licence or 'No standard licence'}. {dataset.terms}"))
    elif given.get("licence"):
        data.append(("Its licence", f"{given['licence']}, as its publisher says"))
    files = ", ".join(f"`{name}` (SHA-256 `{value}`)" for name, value in imported["files"].items())
    procedure = [
        ("Trained", "elsewhere, with diffusers or peft; no record of the training came with it"),
        ("Imported", f"on {imported['date'][:10]} by `python -m zoo import`, from {files}"),
        ("Imported with", ", ".join(f"{name} {value}" for name, value in imported["versions"].items())),
    ]
    nothing = {"settings": [], "impact": [], "architecture": "", "hardware": "", "software": "", "versions": []}
    return {"data": data, "procedure": procedure, **nothing}
