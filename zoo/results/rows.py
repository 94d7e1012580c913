"""What was measured, as tables: a score never stands without its baselines, its protocol and what it is over."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from datamodules.catalogue import CATALOGUE
from lightning_modules.evaluation.glossary import BASELINES, meaning
from lightning_modules.evaluation.results import GROUND_TRUTH, Results
from zoo.results.formatting import number
from zoo.results.lineage import base_name, bases, may_have_seen, relation

_SETTING: Final = ("protocol", "n", "split", "data", "dataset", "judge", "variant")
NO_BASELINE: Final = ("value", "interval", GROUND_TRUTH, *_SETTING)
STILL: Final = {"frozen_pose": "the frozen pose", "mean_pose": "the mean pose"}
"""Baselines that do not move."""
UNNAMED: Final = "data that nobody named"
"""What an import is said to be trained on until somebody says it."""
SPELLED_OUT: Final = 3
"""Keys that still poses win are told with their scores up to this many."""
READ: Final = {"bleu_4": ("reference poses", 5.0), "judged_acc": ("true pictures", 0.5)}
"""By the key that says how well a judge reads: what it read, and the score below which it tells nothing; random poses
come near that BLEU-4."""
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
    truth: str
    baselines: list[Cell]
    n: str
    protocol: str


def data_note(provenance: dict[str, Any]) -> str:
    """What a model was trained on, in a sentence, and another for each model that it started from or stands on; a twin
    is never passed off as the data set."""
    data = provenance["data"]
    dataset = title(provenance)
    note = f"Trained on {dataset}."
    if data["twin"]:
        note = (
            f"Trained on the signing avatar's twin of {dataset}: synthetic signing, reviewed by no Deaf "
            f"signer. Numbers here are the twin's, not {dataset}'s."
        )
    doubtful = may_have_seen(provenance)
    for base in bases(provenance):
        note += f" It {relation(base)} {base_name(base)}, {_trained_on(base)}"
        note += ", which may hold items that are tested here." if base in doubtful else "."
    return note


def _trained_on(base: dict[str, Any]) -> str:
    if not base["data"]:
        return "of whose training nothing is known"
    return f"trained on {'the avatar twin of ' if base['data']['twin'] else ''}{title(base)}"


def title(provenance: dict[str, Any]) -> str:
    """The published name of the data set that a run's data is, or is the twin of."""
    name = str(provenance["data"]["name"] or UNNAMED)
    return CATALOGUE[name].title if name in CATALOGUE else name


def data_name(provenance: dict[str, Any]) -> str:
    """As `title`; of a twin so that nobody takes it for the data set."""
    return title(provenance) + (" (avatar twin)" if provenance["data"]["twin"] else "")


def baselines(results: Results) -> list[str]:
    """The names of all baselines, in the order that they come."""
    return list(
        dict.fromkeys(
            name
            for row in results.values()
            for name, score in row.items()
            if name not in NO_BASELINE and isinstance(score, int | float)
        )
    )


def rows(results: Results) -> list[Row]:
    """Every key with what stands beside it; what an older zoo did not record is empty."""
    names = baselines(results)
    found = []
    for key, row in results.items():
        known, winners = meaning(key), winning(key, row)
        found.append(
            Row(
                key,
                known.better if known else "",
                number(row["value"]),
                number(row["interval"]) if row.get("interval") else "",
                number(row.get(GROUND_TRUTH, "")),
                [Cell(number(row.get(name, "")), name in winners) for name in names],
                str(row.get("n", "")),
                str(row.get("protocol", "")),
            )
        )
    return found


def has_truth(results: Results) -> bool:
    """Whether it was measured what the references themselves score."""
    return any(GROUND_TRUTH in row for row in results.values())


def by_protocol(results: Results) -> list[Results]:
    """The rows of each protocol together; all rows where each score has a protocol of its own."""
    groups: dict[str, Results] = {}
    for key, row in results.items():
        groups.setdefault(str(row.get("protocol", "")), {})[key] = row
    alone = all(len(group) == 1 for group in groups.values())
    return [group for group in ([results] if alone else groups.values()) if group]


def winning(key: str, row: dict[str, Any]) -> list[str]:
    """The names of the baselines that are better than the model."""
    known = meaning(key)
    return [name for name in baselines({key: row}) if known and known.beats(row[name], row["value"])]


def beaten(results: Results) -> Iterator[str]:
    """A sentence for every score that a baseline beats: which, by how much."""
    for key, row in results.items():
        if winners := winning(key, row):
            names = ", ".join(f"{baseline_name(name)} ({number(row[name])})" for name in winners)
            yield f"`{key}` ({number(row['value'])}): {names}"


def stillness(results: Results) -> Iterator[str]:
    """Warnings of scores that a pose held still wins: they say little of how well a model signs."""
    flagged: dict[str, list[str]] = {}
    for key, row in results.items():
        if winners := [name for name in winning(key, row) if name in STILL]:
            who = " and ".join(STILL[name] for name in winners) + (" wins" if len(winners) == 1 else " win")
            scores = " and ".join(number(row[name]) for name in winners)
            name, _, variant = key.partition("@")
            moved = f"total_distance@{variant}" if f"total_distance@{variant}" in results else "total_distance"
            clause = f"`{key}`: {who} ({scores} against {number(row['value'])})"
            flagged.setdefault(moved if name != "total_distance" else "", []).append(clause)
    for moved, clauses in flagged.items():
        which = "it" if len(clauses) == 1 else "them"
        if len(clauses) > SPELLED_OUT:
            clauses = [", ".join(clause.partition(":")[0] for clause in clauses) + ": a pose held still wins"]
        beside = f", read {which} beside `{moved}` ({number(results[moved]['value'])})" if moved in results else ""
        yield f"{'; '.join(clauses)}: hardly moving scores well here{beside}"


def variants(results: Results) -> Iterator[str]:
    """How a score that no judge read was measured, where its protocol does not say it."""
    for key, row in results.items():
        if row.get("variant") and not row.get("judge"):
            yield f"`{key}`: {row['variant']}"


def judged(results: Results) -> Iterator[str]:
    """For every judge: which scores are of what it read, how it reads what is true, and their variants."""
    for judge in dict.fromkeys(row["judge"] for row in results.values() if row.get("judge")):
        own = {key: row for key, row in results.items() if row.get("judge") == judge}
        keys = list(dict.fromkeys(f"`{key.partition('@')[0]}`" for key in own))
        text = f"{', '.join(keys)}: read by {judge}"
        shown = next((key for key in (*READ, *own) if key in own and GROUND_TRUTH in own[key]), None)
        if shown:
            of, blind = READ.get(shown, ("references", 0.0))
            text += f", which itself scores {number(own[shown][GROUND_TRUTH])} (`{shown}`) on the {of}"
            if own[shown][GROUND_TRUTH] < blind:
                text += ": it reads so little that these scores say nothing"
        variants = _all(own, "variant")
        yield f"{text}. Measured with {'; '.join(variants)}" if variants else text


def by_data(results: Results) -> dict[str, Results]:
    """The rows of each data set together: first, under no title, those of the data that was trained on."""
    groups: dict[str, Results] = {"": {}}
    for key, row in results.items():
        groups.setdefault(str(row.get("dataset", "")), {})[key] = row
    return groups


def tested(results: Results) -> str:
    """The split, how many items of it, and the fingerprint of its data, as far as they were recorded."""
    splits = _all(results, "split") or ["test"]
    counts = [f"{count:,}" for count in sorted({row["n"] for row in results.values() if "n" in row})]
    parts = [
        f"{' and '.join(splits)} split",
        f"{' and '.join(counts)} items" if counts else "",
        f"fingerprint `{'`, `'.join(prints)}`" if (prints := _all(results, "data")) else "",
    ]
    return ", ".join(filter(None, parts))


def _all(results: Results, column: str) -> list[str]:
    return list(dict.fromkeys(str(row[column]) for row in results.values() if row.get(column)))


def compared(results: Results) -> int:
    """How many scores stand beside a baseline, and have a better side."""
    return sum(1 for key, row in results.items() if meaning(key) and baselines({key: row}))


def baseline_name(name: str) -> str:
    """In print."""
    return name.replace("_", " ")


def baseline_text(name: str) -> str:
    """What a baseline is, in a clause; empty for one that the table does not have."""
    return BASELINES.get(name, "")
