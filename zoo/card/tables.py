"""The tables of an evaluation, as rows of text."""

from typing import Any

from lightning_modules.metrics.meanings import PROTOCOLS, meaning
from zoo.card.evaluation import BEATS, Results, baseline_name, baselines, data_name, rows
from zoo.card.words import cell


def testing(results: Results, provenance: dict[str, Any]) -> str:
    """What was tested on, in two sentences."""
    counts = sorted({row["n"] for row in results.values() if "n" in row})
    size = f", {' and '.join(f'{count:,}' for count in counts)} items" if counts else ""
    return f"The test split of **{data_name(provenance)}**{size}. No item of it was seen in training."


def metrics(results: Results) -> list[tuple[str, str, str]]:
    """Key, meaning and better side of every score that the table of meanings has."""
    found = {}
    for key in results:
        name = key.partition("@")[0]
        if known := meaning(key):
            found[name] = (name, f"{known.title}: {known.text}", known.better)
    return list(found.values())


def tables(results: Results) -> list[dict[str, Any]]:
    """A table for each protocol; a single one with a column of protocols where each score has its own."""
    groups: dict[str, Results] = {}
    for key, row in results.items():
        groups.setdefault(str(row.get("protocol", "")), {})[key] = row
    alone = all(len(group) == 1 for group in groups.values())
    return [_table(group) for group in ([results] if alone else groups.values()) if group]


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


def _protocol(name: str) -> str:
    return f"{name}: {PROTOCOLS[name]}" if name in PROTOCOLS else name
