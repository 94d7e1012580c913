"""The card's text: a pure function of what a run recorded."""

import math
import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from lightning_modules.evaluation.glossary import meaning
from lightning_modules.evaluation.results import Results
from zoo.card import facts
from zoo.card.document import sealed
from zoo.card.facts import languages
from zoo.card.licences import Licence, licence_of
from zoo.card.settings import settings
from zoo.card.weights import Weights
from zoo.loaders import loader_class
from zoo.results import tables
from zoo.results.formatting import apa, cell, plain, sentence
from zoo.results.rows import beaten, compared, data_name, data_note, has_truth, judged, stillness, variants
from zoo.spec.registry import shipped_folder

if TYPE_CHECKING:
    from huggingface_hub import EvalResult, ModelCardData

TWIN_TAG = "avatar-twin"


def metadata(
    spec: dict[str, Any],
    config: dict[str, Any],
    results: Results,
    provenance: dict[str, Any],
    licence: Licence | None,
    library: str,
) -> "ModelCardData":
    """What the Hub reads of a model. A twin's model names no data set: who looks for it is not to find this."""
    from huggingface_hub import ModelCardData

    card = spec.get("card") or {}
    twin = bool(provenance["data"]["twin"])
    other = licence is not None and licence.identifier == "other"
    return ModelCardData(
        license=licence.identifier if licence else None,
        license_name=licence.name if licence and other else None,
        license_link=licence.link or None if licence and other else None,
        library_name=library,
        pipeline_tag=card.get("pipeline_tag"),
        base_model=facts.base_models(config, provenance),
        datasets=None if twin else card.get("datasets"),
        language=languages(spec, config, provenance) or None,
        tags=[*card.get("tags", []), *([TWIN_TAG] if twin else [])],
        model_name=spec["name"],
        eval_results=_measured(config, results, provenance) or None,
    )


def _measured(config: dict[str, Any], results: Results, provenance: dict[str, Any]) -> "list[EvalResult]":
    from huggingface_hub import EvalResult

    name = str(provenance["data"]["name"])
    trained_on = name + ("-avatar-twin" if provenance["data"]["twin"] else "")
    found = []
    for key, row in results.items():
        if not math.isfinite(row["value"]):
            continue  # which the Hub does not take for a number
        known = meaning(key)
        variant = key.partition("@")[2]
        found.append(
            EvalResult(
                task_type=config["task"],
                dataset_type=name if "dataset" in row else trained_on,
                dataset_name=row.get("dataset") or data_name(provenance),
                dataset_split=row.get("split", "test"),
                metric_type=key,
                metric_name=" @ ".join(filter(None, (known.title if known else key, variant))),
                metric_config=row.get("protocol"),
                metric_value=row["value"],
                verified=False,
            )
        )
    return found


TEMPLATE: Final = "template.md.j2"
IMAGES: Final = (".png", ".gif", ".jpg", ".jpeg", ".webp")
VIDEOS: Final = (".mp4", ".webm")
LIBRARY: Final = "sign-zoo"


def render(
    spec: dict[str, Any],
    config: dict[str, Any],
    results: Results,
    provenance: dict[str, Any],
    prose: str,
    samples: Sequence[str],
    plots: Sequence[str],
    weights: Weights,
    repo_id: str | None = None,
) -> str:
    """README.md of an artefact.

    Args:
        spec: resolved, as in spec.yaml.
        config, results, provenance: the JSON files; no results for a run that was not measured.
        prose: what a person wrote.
        samples, plots: files to show, by their paths in the artefact.
        weights: how large they are.
        repo_id: where on the Hub it will be opened from; None for "this folder".
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    card = spec.get("card") or {}
    loader = loader_class(config["architecture"])
    address = repo_id or "."
    copied, sampling = "base_sha256" in config, config.get("sampling", {})
    native = getattr(loader, "native_with_base" if copied else "native", "")
    for mark, stands_for in {
        "ADDRESS": address,
        "FOLDER": f'snapshot_download("{repo_id}")' if repo_id else '"."',
        "BASE": (f"../{config['base']}" if "base" in config else "base") if copied else config.get("base_model"),
        "REVISION": config.get("base_revision") or "main",
        "GUIDANCE": sampling.get("guidance"),
        "STEPS": sampling.get("steps"),
        "SOLVER": getattr(loader, "solvers", {}).get(sampling.get("sampler")),
    }.items():
        native = native.replace(mark, str(stands_for))
    licence = licence_or_none(spec, config, provenance)
    imports, usage = _imports_first(loader.usage)
    context = {
        "name": spec["name"],
        "summary": sentence(spec["summary"]),
        "note": data_note(provenance),
        "starter": provenance.get("starter"),
        **_samples(samples),
        "details": facts.details(spec, config, provenance, licence, repo_id),
        "sources": facts.sources(card, repo_id),
        "address": address,
        "imports": "\n".join(imports),
        "usage": usage.strip(),
        "native": native.strip(),
        **_exported(loader, config, spec["name"], address),
        "sizes": facts.sizes(spec, provenance, weights),
        "results": results,
        "testing": tables.testing(results, provenance),
        "factors": card.get("factors"),
        "metrics": tables.metrics(results),
        "beside": tables.beside(results),
        "truth": has_truth(results),
        "judged": [*variants(results), *judged(results)],
        "tables": tables.tables(results),
        "compared": compared(results),
        "beaten": list(beaten(results)),
        "stillness": list(stillness(results)),
        "plots": [{"path": path, "what": tables.plot_text(PurePosixPath(path).stem)} for path in plots],
        "reported": card.get("reported"),
        "network": [(key, plain(value)) for key, value in config.get("network", {}).items()],
        "bibtex": (card.get("citation") or "").strip(),
        "apa": apa(card.get("citation") or ""),
        "glossary": list((card.get("glossary") or {}).items()),
        "authors": card.get("authors"),
        "contact": card.get("contact"),
        **(facts.imported_training(provenance) if "imported" in provenance else _training(spec, provenance)),
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


def _exported(loader: Any, config: dict[str, Any], name: str, address: str) -> dict[str, Any]:
    """The commands that export a model, and Python that runs what they write; nothing for one that cannot be."""
    if not hasattr(loader, "alone"):
        return {"alone": "", "exports": []}
    _, *others = loader.parts(config)
    export = f"python -m zoo export {address}"
    commands = [f"{export} {name}.onnx", *(f"{export} {name}-{part}.onnx --part {part}" for part in others)]
    return {"alone": loader.alone(config).replace("NAME", name).strip(), "exports": commands}


def _training(spec: dict[str, Any], provenance: dict[str, Any]) -> dict[str, Any]:
    return {
        "data": facts.data(provenance),
        "procedure": facts.procedure(spec, provenance),
        "settings": settings(spec),
        "impact": facts.impact(provenance),
        "architecture": facts.architecture(spec),
        "hardware": facts.hardware(provenance),
        "software": facts.software(provenance),
        "versions": list(provenance["versions"].items()),
    }


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
