"""What was measured, as tables: a score never stands without its baselines, its protocol and what it is over."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from datamodules.catalogue import CATALOGUE
from lightning_modules.metrics.meanings import BASELINES, meaning
from zoo.card.words import number

Results = dict[str, dict[str, Any]]

NO_BASELINE: Final = ("value", "interval", "protocol", "n")
BEATS: Final = " ▲"
"""Behind a baseline's score that is better than the model's."""


class Cell(NamedTuple):
    """One score in print, and whether it is a baseline's that beats the model's."""

    text: str
    beats: bool


class Row(NamedTuple):
    """One key of results.json."""

    key: str
    better: str
    value: str
    interval: str
    baselines: list[Cell]
    n: str
    protocol: str


def data_note(provenance: dict[str, Any]) -> str:
    """One sentence on what a model was trained on; a twin is never passed off as the data set."""
    data = provenance["data"]
    dataset = title(provenance)
    if data["twin"]:
        return (
            f"Trained on the signing avatar's twin of {dataset}: synthetic signing, reviewed by no Deaf "
            f"signer. Numbers here are the twin's, not {dataset}'s."
        )
    return f"Trained on {dataset}."


def title(provenance: dict[str, Any]) -> str:
    """The published name of the data set that a run's data is, or is the twin of."""
    name = str(provenance["data"]["name"])
    return CATALOGUE[name].title if name in CATALOGUE else name


def data_name(provenance: dict[str, Any]) -> str:
    """As `title`; of a twin so that nobody takes it for the data set."""
    return title(provenance) + (" (avatar twin)" if provenance["data"]["twin"] else "")


def results_table(results: Results) -> tuple[list[str], list[list[str]]]:
    """Head and rows of a table of results as they are, for the terminal."""
    columns = list(dict.fromkeys(column for row in results.values() for column in row))
    return ["key", *columns], [
        [key, *(number(row.get(column, "")) for column in columns)] for key, row in results.items()
    ]


def baselines(results: Results) -> list[str]:
    """The names of all baselines, in the order that they come."""
    return list(dict.fromkeys(name for row in results.values() for name in row if name not in NO_BASELINE))


def rows(results: Results) -> list[Row]:
    """Every key with what stands beside it."""
    found = []
    for key, row in results.items():
        known = meaning(key)
        cells = [
            Cell(number(row[name]), bool(known and known.beats(row[name], row["value"])))
            if name in row
            else Cell("", False)
            for name in baselines(results)
        ]
        interval = number(row["interval"]) if row.get("interval") else ""
        better = known.better if known else ""
        found.append(
            Row(key, better, number(row["value"]), interval, cells, str(row.get("n", "")), str(row.get("protocol", "")))
        )
    return found


def beaten(results: Results) -> Iterator[str]:
    """A sentence for every score that a baseline beats: which, by how much."""
    for key, row in results.items():
        known = meaning(key)
        better = [name for name in baselines({key: row}) if known and known.beats(row[name], row["value"])]
        if better:
            names = ", ".join(f"{baseline_name(name)} ({number(row[name])})" for name in better)
            yield f"`{key}` ({number(row['value'])}): {names}"


def compared(results: Results) -> int:
    """How many scores stand beside a baseline, and have a better side."""
    return sum(1 for key, row in results.items() if meaning(key) and baselines({key: row}))


def baseline_name(name: str) -> str:
    """In print."""
    return name.replace("_", " ")


def baseline_text(name: str) -> str:
    """What a baseline is, in a clause; empty for one that the table does not have."""
    return BASELINES.get(name, "")
