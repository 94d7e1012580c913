"""The tables of an evaluation, as rows of text."""

from typing import Any

from lightning_modules.evaluation.glossary import GROUND_TRUTH, PLOTS, PROTOCOLS, meaning
from lightning_modules.evaluation.results import Results
from zoo.results.formatting import cell
from zoo.results.lineage import base_name, may_have_seen
from zoo.results.rows import (
    BEATS,
    baseline_name,
    baseline_text,
    baselines,
    by_data,
    by_protocol,
    data_name,
    has_truth,
    rows,
    tested,
)


def testing(results: Results, provenance: dict[str, Any]) -> str:
    """What was tested on, two sentences for each data set."""
    own, *others = by_data(results).items()
    doubtful = may_have_seen(provenance)
    seen = "No item of it was seen in training."
    if doubtful:
        names = " and ".join(map(base_name, doubtful))
        how = "on which it stands" if doubtful[0].get("argument") else "from which the training started"
        seen = f"{names}, {how}, may have been trained on items of it."
    sentences = [f"**{data_name(provenance)}**, {tested(own[1])}. {seen}"]
    for title, group in others:
        text = f"{', '.join(f'`{key}`' for key in group)}: **{title}** itself, {tested(group)}."
        sentences.append(f"{text} No item of it was seen in training, nor in the choice of a checkpoint.")
    return "\n\n".join(sentences)


def metrics(results: Results) -> list[tuple[str, str, str]]:
    """Key, meaning and better side of every score that the table of meanings has."""
    found = {}
    for key in results:
        name = key.partition("@")[0]
        if known := meaning(key):
            found[name] = (name, f"{known.title}: {known.text}", known.better)
    return list(found.values())


def beside(results: Results) -> list[tuple[str, str]]:
    """Name and meaning of everything that stands beside the scores: the ground truth first, then the baselines."""
    truth = [("ground truth", GROUND_TRUTH)] if has_truth(results) else []
    return [*truth, *((baseline_name(name), baseline_text(name)) for name in baselines(results))]


def tables(results: Results) -> list[dict[str, Any]]:
    """A table for each protocol; a single one with a column of protocols where each score has its own."""
    return [_table(group) for group in by_protocol(results)]


def _table(results: Results) -> dict[str, Any]:
    found = rows(results)
    intervals, truth = any(row.interval for row in found), has_truth(results)
    protocols = list(dict.fromkeys(row.protocol for row in found))
    columns = ["key", "better", "this model", *(["95 % interval"] if intervals else [])]
    columns += [*(["ground truth"] if truth else []), *map(baseline_name, baselines(results))]
    columns += ["n", *(["protocol"] if len(protocols) > 1 else [])]
    lines = [
        [
            f"`{row.key}`",
            row.better,
            f"**{row.value}**",
            *([row.interval] if intervals else []),
            *([row.truth] if truth else []),
            *(f"{item.text}{BEATS if item.beats else ''}" for item in row.baselines),
            row.n,
            *([row.protocol] if len(protocols) > 1 else []),
        ]
        for row in found
    ]
    return {
        "protocol": protocol_text(protocols[0]) if len(protocols) == 1 else "",
        "columns": columns,
        "rows": [[cell(item) for item in line] for line in lines],
    }


def protocol_text(name: str) -> str:
    """A protocol's name, and what it means where the name does not say it."""
    return f"{name} ({PROTOCOLS[name]})" if name in PROTOCOLS else name


def plot_text(name: str) -> str:
    """What one sees on a plot, by the name of its file: `length`, or `confusion_dev` with what it is of behind."""
    kind, _, of = name.partition("_")
    return " ".join(filter(None, (PLOTS.get(kind, f"Plot: {kind}"), f"({of.replace('_', ' ')})" if of else "")))
