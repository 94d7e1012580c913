"""The block of metadata at the head of a card, through huggingface_hub's own classes."""

import math
from typing import TYPE_CHECKING, Any

from lightning_modules.evaluation.glossary import meaning
from lightning_modules.evaluation.results import Results
from zoo.card.facts import languages
from zoo.card.licences import Licence
from zoo.results.rows import data_name

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
        license_link=licence.link if licence and other else None,
        library_name=library,
        pipeline_tag=card.get("pipeline_tag"),
        base_model=config.get("base_model"),
        datasets=None if twin else card.get("datasets"),
        language=languages(spec, config, provenance) or None,
        tags=[*card.get("tags", []), *([TWIN_TAG] if twin else [])],
        model_name=spec["name"],
        eval_results=_measured(config, results, provenance) or None,
    )


def _measured(config: dict[str, Any], results: Results, provenance: dict[str, Any]) -> "list[EvalResult]":
    from huggingface_hub import EvalResult

    dataset = str(provenance["data"]["name"]) + ("-avatar-twin" if provenance["data"]["twin"] else "")
    found = []
    for key, row in results.items():
        if not math.isfinite(row["value"]):
            continue  # which the Hub does not take for a number
        known = meaning(key)
        variant = key.partition("@")[2]
        found.append(
            EvalResult(
                task_type=config["task"],
                dataset_type=dataset,
                dataset_name=data_name(provenance),
                dataset_split=row.get("split", "test"),
                metric_type=key,
                metric_name=" @ ".join(filter(None, (known.title if known else key, variant))),
                metric_config=row.get("protocol"),
                metric_value=row["value"],
                verified=False,
            )
        )
    return found
