"""The card's text: a pure function of what a run recorded."""

import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any, Final

from datamodules.catalogue import CATALOGUE
from lightning_modules.metrics.meanings import PROTOCOLS, meaning
from zoo.card.document import sealed
from zoo.card.evaluation import (
    BEATS,
    Results,
    baseline_name,
    baseline_text,
    baselines,
    beaten,
    compared,
    data_name,
    data_note,
    rows,
    title,
)
from zoo.card.metadata import metadata
from zoo.card.settings import described, settings
from zoo.card.weights import Weights
from zoo.card.words import apa, cell, duration, language, plain, quantity, signal
from zoo.licences import Licence, licence_of
from zoo.loaders import loader_class
from zoo.spec import shipped_folder

TEMPLATE: Final = "template.md.j2"
IMAGES: Final = (".png", ".gif", ".jpg", ".jpeg", ".webp")
VIDEOS: Final = (".mp4", ".webm")
LIBRARY: Final = "sign-zoo"
REGIMES: Final = {
    "32": "single precision",
    "16": "half precision",
    "bf16": "bfloat16",
    "64": "double precision",
}

Facts = list[tuple[str, str]]
"""A label and what there is to say, for those about which there is something to say."""


def render(
    spec: dict[str, Any],
    config: dict[str, Any],
    results: Results,
    provenance: dict[str, Any],
    prose: str,
    samples: Sequence[str],
    weights: Weights,
    repo_id: str | None = None,
) -> str:
    """README.md of an artefact.

    Args:
        spec: resolved, as in spec.yaml.
        config, results, provenance: the JSON files; no results for a run that was not measured.
        prose: what a person wrote.
        samples: files to show, by their paths in the artefact.
        weights: how large they are.
        repo_id: where on the Hub it will be opened from; None for "this folder".
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    card = spec.get("card") or {}
    loader = loader_class(config["task"])
    address = repo_id or "."
    native = getattr(loader, "native", "").replace("ADDRESS", address)
    licence = licence_or_none(spec, config, provenance)
    imports, usage = _imports_first(loader.usage)
    context = {
        "name": spec["name"],
        "summary": _sentence(spec["summary"]),
        "note": data_note(provenance),
        "starter": provenance.get("starter"),
        **_samples(samples),
        "details": _details(spec, config, licence, repo_id),
        "sources": _sources(card, repo_id),
        "address": address,
        "imports": "\n".join(imports),
        "usage": usage.strip(),
        "native": native.replace("BASE", str(config.get("base_model")))
        .replace("REVISION", str(config.get("base_revision") or "main"))
        .strip(),
        "data": _data(provenance),
        "procedure": _procedure(spec, provenance),
        "settings": settings(spec),
        "sizes": _sizes(spec, provenance, weights),
        "results": results,
        "testing": _testing(results, provenance),
        "factors": card.get("factors"),
        "metrics": _metrics(results),
        "baselines": [(baseline_name(name), baseline_text(name)) for name in baselines(results)],
        "tables": _tables(results),
        "compared": compared(results),
        "beaten": list(beaten(results)),
        "reported": card.get("reported"),
        "impact": _impact(provenance),
        "architecture": _architecture(spec),
        "network": [(key, plain(value)) for key, value in config.get("network", {}).items()],
        "hardware": _hardware(provenance),
        "software": _software(provenance),
        "bibtex": (card.get("citation") or "").strip(),
        "apa": apa(card.get("citation") or ""),
        "glossary": list((card.get("glossary") or {}).items()),
        "authors": card.get("authors"),
        "contact": card.get("contact"),
        "versions": list(provenance["versions"].items()),
    }
    environment = Environment(
        loader=FileSystemLoader(shipped_folder().with_name("cards")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
    )
    environment.filters["cell"] = cell
    body = environment.get_template(TEMPLATE).render(context)
    head = metadata(spec, config, results, provenance, licence, getattr(loader, "library", LIBRARY)).to_yaml()
    body = re.sub(r"\n{3,}", "\n\n", body).strip()
    return sealed(f"---\n{head}\n---\n\n{body}\n", prose)


def licence_or_none(spec: dict[str, Any], config: dict[str, Any], provenance: dict[str, Any]) -> Licence | None:
    """None where no licence follows; publishing says why, and until then the card is silent about it."""
    try:
        return licence_of(config, provenance, spec.get("card"))
    except ValueError:
        return None


def _imports_first(code: str) -> tuple[list[str], str]:
    """The imports that a piece of Python begins with, and the rest."""
    lines = code.strip().split("\n")
    rest = next((index for index, line in enumerate(lines) if line and not line.startswith(("import ", "from "))), 0)
    return [line for line in lines[:rest] if line], "\n".join(lines[rest:])


def _samples(paths: Sequence[str]) -> dict[str, list[dict[str, str]]]:
    shown: list[dict[str, str]] = []
    others: list[dict[str, str]] = []
    for path in sorted(paths):
        suffix = PurePosixPath(path).suffix.lower()
        kind = "image" if suffix in IMAGES else "video" if suffix in VIDEOS else "file"
        sample = {"path": path, "kind": kind, "what": f"Sample {PurePosixPath(path).stem}"}
        (others if kind == "file" else shown).append(sample)
    return {"shown": shown, "others": others}


def _details(spec: dict[str, Any], config: dict[str, Any], licence: Licence | None, repo_id: str | None) -> Facts:
    card = spec.get("card") or {}
    facts = [
        ("Developed by", card.get("developers")),
        ("Funded by", card.get("funding")),
        ("Shared by", repo_id and repo_id.partition("/")[0]),
        ("Model type", config["task"].replace("-", " ")),
        ("Input", signal(config["accepts"])),
        ("Output", signal(config["gives"])),
        ("Languages", ", ".join(map(language, card.get("language", [])))),
        ("License", licence and f"[{licence.name}]({licence.link}); {licence.why}" if licence else None),
        ("Terms", licence and " ".join(licence.terms)),
        ("Builds on", config.get("base_model") and _hub_link(config["base_model"])),
    ]
    return [(label, text) for label, text in facts if text]


def _sources(card: dict[str, Any], repo_id: str | None) -> Facts:
    facts = [
        ("Repository", card.get("repository") or (repo_id and f"https://huggingface.co/{repo_id}")),
        ("Paper", card.get("paper")),
        ("Demo", card.get("demo")),
    ]
    return [(label, text) for label, text in facts if text]


def _data(provenance: dict[str, Any]) -> Facts:
    data = provenance["data"]
    dataset, items, twin = CATALOGUE.get(data["name"]), data.get("items"), data["twin"]
    described_as = described(str(data.get("class_path"))).module
    facts: Facts = [
        ("Data set", data_name(provenance) if twin or not dataset else f"[{dataset.title}]({dataset.home})")
    ]
    if twin:
        made = ", ".join(f"{key} {value}" for key, value in twin.items())
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
    if items:
        facts.append(("Size", f"{items['train']:,} items in training, {items['dev']:,} in validation"))
    facts.append(("Fingerprint", f"`{data['fingerprint']}` (SHA-256 over its files)"))
    return facts


def _procedure(spec: dict[str, Any], provenance: dict[str, Any]) -> Facts:
    code, resumed = provenance["code"], provenance["resumed"]
    commit = code["commit"] and f"`{code['commit']}`" + (" with uncommitted changes" if code["dirty"] else "")
    facts = [
        ("Recipe", f"[spec.yaml](spec.yaml); `python -m zoo fit spec.yaml` trains it, run `{provenance['run']}`"),
        ("Regime", _regime(spec)),
        ("Seed", str(provenance["seed"])),
        ("Interrupted", f"{len(resumed)} times, and resumed from its checkpoint" if resumed else "no"),
        ("Code", commit),
    ]
    return [(label, text) for label, text in facts if text]


def _sizes(spec: dict[str, Any], provenance: dict[str, Any], weights: Weights) -> Facts:
    precision = " and ".join(weights.precisions)
    stored = f"{quantity(weights.size, 'B')}, in {precision} precision" if precision else quantity(weights.size, "B")
    if "half" in weights.precisions:
        stored += f"; scores were measured in {_regime(spec)}"
    seconds = _seconds(provenance)
    time = duration(seconds) if seconds is not None else ""
    facts = [("Training time", time), ("Parameters", f"{weights.parameters:,}"), ("Weights", stored)]
    facts.append(("Trained", _dates(provenance)))
    return [(label, text) for label, text in facts if text]


def _seconds(provenance: dict[str, Any]) -> float | None:
    """Of training; of a run that did not count them, from start to finish if nothing came between."""
    if "seconds" in provenance:
        return float(provenance["seconds"])
    if "finished" not in provenance or provenance["resumed"]:
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


def _testing(results: Results, provenance: dict[str, Any]) -> str:
    counts = sorted({row["n"] for row in results.values() if "n" in row})
    size = f", {' and '.join(f'{count:,}' for count in counts)} items" if counts else ""
    return f"The test split of **{data_name(provenance)}**{size}. No item of it was seen in training."


def _metrics(results: Results) -> list[tuple[str, str, str]]:
    found = {}
    for key in results:
        name = key.partition("@")[0]
        if known := meaning(key):
            found[name] = (name, f"{known.title}: {known.text}", known.better)
    return list(found.values())


def _tables(results: Results) -> list[dict[str, Any]]:
    """A table for each protocol; a single one with a column of protocols where each score has its own."""
    groups: dict[str, Results] = {}
    for key, row in results.items():
        groups.setdefault(str(row.get("protocol", "")), {})[key] = row
    alone = all(len(group) == 1 for group in groups.values())
    return [_table(group) for group in ([results] if alone else groups.values()) if group]


def _protocol(name: str) -> str:
    return f"{name}: {PROTOCOLS[name]}" if name in PROTOCOLS else name


def _table(results: Results) -> dict[str, Any]:
    found = rows(results)
    intervals = any(row.interval for row in found)
    protocols = list(dict.fromkeys(row.protocol for row in found))
    columns = ["key", "better", "this model", *(["95 % interval"] if intervals else [])]
    columns += [*map(baseline_name, baselines(results)), "n", *(["protocol"] if len(protocols) > 1 else [])]
    lines = [
        [
            f"`{row.key}`",
            row.better,
            f"**{row.value}**",
            *([row.interval] if intervals else []),
            *(f"{item.text}{BEATS if item.beats else ''}" for item in row.baselines),
            row.n,
            *([row.protocol] if len(protocols) > 1 else []),
        ]
        for row in found
    ]
    return {
        "protocol": _protocol(protocols[0]) if len(protocols) == 1 else "",
        "columns": columns,
        "rows": [[cell(item) for item in line] for line in lines],
    }


def _impact(provenance: dict[str, Any]) -> Facts:
    emissions = provenance.get("emissions")
    facts = [("Hardware type", _computed_on(provenance)), ("Hours used", _hours(provenance))]
    if emissions:
        covered = f"over {duration(emissions['seconds'])} of training" if emissions["seconds"] else ""
        facts.append(("Energy", f"{quantity(emissions['kwh'], 'kWh')} {covered}, measured with codecarbon"))
        if emissions["kg_co2e"] is not None:
            facts.append(("Carbon emitted", f"{quantity(emissions['kg_co2e'], 'kg')} CO2eq ({emissions['country']})"))
    return [(label, text) for label, text in facts if text]


def _hours(provenance: dict[str, Any]) -> str:
    seconds = _seconds(provenance)
    if seconds is None:
        return ""
    return f"{seconds / 3600:.2g}" if seconds >= 36 else "less than 0.01"


def _computed_on(provenance: dict[str, Any]) -> str:
    machine = provenance["hardware"]
    gpus: list[str] = machine["gpus"]
    counted = [f"{gpus.count(name)} x {name}" for name in dict.fromkeys(gpus)]
    return ", ".join(counted) or f"{machine['processor']}, {machine['cores']} cores"


def _hardware(provenance: dict[str, Any]) -> str:
    machine = provenance["hardware"]
    processor = f"{machine['processor']}, {machine['cores']} cores"
    return f"{_computed_on(provenance)}; {processor}." if machine["gpus"] else f"{processor}, no GPU."


def _software(provenance: dict[str, Any]) -> str:
    versions = provenance["versions"]
    parts = [f"{name} {versions[name]}" for name in ("sign-zoo", "torch", "lightning") if name in versions]
    return f"{', '.join(parts)}; Python {versions['python']} on {provenance['hardware']['platform']}."


def _architecture(spec: dict[str, Any]) -> str:
    found = described(str((spec.get("model") or {}).get("class_path")))
    return " ".join(filter(None, (_sentence(found.module), _sentence(found.summary))))


def _hub_link(model: str) -> str:
    return f"[{model}](https://huggingface.co/{model})"


def _sentence(text: str) -> str:
    text = " ".join(str(text).split())
    return text if not text or text[-1] in ".!?" else f"{text}."
