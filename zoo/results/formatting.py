"""Facts in words: numbers, times, sizes, languages, citations."""

import re
from collections.abc import Mapping
from typing import Any, Final

LANGUAGES: Final = {
    "en": "English",
    "de": "German",
    "ase": "American Sign Language",
    "gsg": "German Sign Language",
}
KINDS: Final = {
    "text": "a text",
    "glosses": "glosses, ranked",
    "letters": "letters, ranked",
    "pose": "a pose",
    "image": "a picture",
    "video": "a video",
    "embedding": "an embedding, rows of numbers",
}
NORMALISATIONS: Final = {"slp": "the neck as origin and three shoulder widths as unit"}


def number(value: Any) -> str:
    """Four digits of a float, all of anything else; an interval with its ends."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(number, value))}]"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def language(code: str) -> str:
    """Its name, or its code where the table has none."""
    return LANGUAGES.get(code, code)


def signal(content: Mapping[str, Any]) -> str:
    """What flows in or out, as config.json has it: `a pose: slp-50 joints, 12.5 frames a second`."""
    details = [
        language(content["language"]) if content.get("language") else "",
        f"{content['skeleton'].upper()} joints" if content.get("skeleton") else "",
        NORMALISATIONS.get(content.get("normalisation", ""), ""),
        f"{number(content['fps'])} frames a second" if content.get("fps") else "",
        f"{content['size']} x {content['size']} pixels" if content.get("size") else "",
    ]
    described = ", ".join(filter(None, details))
    kind = KINDS.get(content["kind"], str(content["kind"]))
    return f"{kind} ({described})" if described else kind


def times(count: int) -> str:
    """How often."""
    return "once" if count == 1 else f"{count} times"


def duration(seconds: float) -> str:
    """`48 seconds`, `12 minutes`, `3.5 hours`."""
    for size, unit in ((3600, "hours"), (60, "minutes")):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.2g} {unit}" if seconds < 10 * size else f"{seconds / size:.0f} {unit}"
    return "1 second" if round(seconds) == 1 else f"{seconds:.0f} seconds"


def quantity(value: float, unit: str) -> str:
    """With two digits and a prefix: `1.2 k`, `0.031 `; for kWh, kg and bytes."""
    for size, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g} {prefix}{unit}"
    return f"{value:.2g} {unit}" if value < 100 else f"{value:.0f} {unit}"


def plain(value: Any) -> str:
    """A setting as a spec would write it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "none"
    if isinstance(value, dict) and "class_path" in value:
        arguments = ", ".join(f"{key} {plain(item)}" for key, item in (value.get("init_args") or {}).items())
        return str(value["class_path"]) + (f" ({arguments})" if arguments else "")
    if isinstance(value, dict):
        return ", ".join(f"{key} {plain(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(map(plain, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def sentence(text: str) -> str:
    """On one line, with its full stop."""
    text = " ".join(str(text).split())
    return text if not text or text[-1] in ".!?" else f"{text}."


def cell(value: Any) -> str:
    """Text that stays in its cell of a table."""
    return re.sub(r"\s+", " ", str(value)).replace("|", "\\|").strip()


def apa(bibtex: str) -> list[str]:
    """Entries of BibTeX in the style of the APA; those without author, title or year are left out."""
    found = []
    for entry in re.findall(r"@\w+\s*\{[^@]*", bibtex):
        fields = {
            name.lower(): re.sub(r"\s+", " ", re.sub(r"[{}]", "", value)).strip()
            for name, value in re.findall(r"(\w+)\s*=\s*(\{(?:[^{}]|\{[^{}]*\})*\})", entry)
        }
        if {"author", "title", "year"} <= set(fields):
            where = fields.get("journal") or fields.get("booktitle") or fields.get("publisher")
            link = f"https://doi.org/{fields['doi']}" if "doi" in fields else fields.get("url")
            end = [f"*{where}*." if where else "", link or ""]
            parts = [f"{_people(fields['author'])} ({fields['year']}).", f"{fields['title']}.", *end]
            found.append(" ".join(filter(None, parts)))
    return found


def _people(names: str) -> str:
    people = [_person(name) for name in re.split(r"\s+and\s+", names)]
    if people[-1] == "others":
        return f"{', '.join(people[:-1])}, et al."
    return people[0] if len(people) == 1 else f"{', '.join(people[:-1])}, & {people[-1]}"


def _person(name: str) -> str:
    family, comma, given = name.partition(",")
    initials = " ".join(f"{part[0]}." for part in given.split())
    return f"{family.strip()}, {initials}" if comma and initials else name.strip()
