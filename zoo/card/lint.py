"""Everything that is wrong with a card, at once."""

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import yaml

from lightning_modules.evaluation.results import Results
from zoo.card.document import CLOSE, OPEN, split
from zoo.card.figures import unmeasured
from zoo.card.licences import licence_of
from zoo.card.page import METADATA, Page, read
from zoo.results.rows import data_name

PLACEHOLDERS: Final = re.compile(
    r"\bTODO\b|\bTBD\b|\bFIXME\b|\[optional\]|\bN/A\b|\[?more information needed\]?|\blorem ipsum\b|\{\{|\}\}|\{%|%\}"
    r"|\byour[-_]?(?:user)?name\b|\[(?:insert|your)\b[^\]]*\]",
    re.IGNORECASE,
)
PLACE: Final = re.compile(
    r"(?<![\w/:.<>~})\]-])/(?:[\w.@+-]+/)+[\w.@+-]+|\b[A-Za-z]:\\\\?[\w.]+\\|file://|(?<!\w)~/[\w.]+"
)
"""A path of the machine that the card was written on."""
REQUIRED: Final = {
    "Out-of-scope use": re.compile(r"out.of.scope", re.IGNORECASE),
    "Bias, risks and limitations": re.compile(r"bias.*limitations", re.IGNORECASE),
}
WRITES: Final = "`python -m zoo card NAME` writes it"
ELSEWHERE: Final = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)


def findings(folder: Path, text: str, fresh: str, records: dict[str, Any]) -> list[tuple[int, str]]:
    """Line, 0 for none, and complaint: all that can be seen without running the card's code.

    text: README.md. fresh: what would be written now. records: `spec`, `config`, `results` and `provenance`.
    """
    text = text.replace("\r\n", "\n")
    page = read(text)
    found = [
        *_marks(text),
        *_metadata(text, fresh, records),
        *_placeholders(page),
        *_sections(page),
        *_links(page, folder),
        *_places(text),
        *unmeasured(page, read(fresh), records["results"], records["spec"]),
    ]
    return list(dict.fromkeys(found))


Found = Iterator[tuple[int, str]]


def _marks(text: str) -> Found:
    try:
        parts = split(text)
    except ValueError as error:
        yield 0, str(error)
        return
    if OPEN not in text:
        yield 0, f"found no {OPEN} and {CLOSE}, between which what people write is kept; {WRITES}"
    elif parts.recorded is None:
        yield 0, f"found no checksums at its end, by which edits are told; {WRITES}"
    elif parts.rest_edited:
        yield 0, f"edited by hand outside {OPEN} ... {CLOSE}, which the next writing undoes"


def _metadata(text: str, fresh: str, records: dict[str, Any]) -> Found:
    from huggingface_hub import ModelCard

    if not METADATA.match(text):
        yield 1, f"found no metadata between two lines of ---; {WRITES}"
        return
    try:
        found: Any = ModelCard(text).data
        wanted: Any = ModelCard(fresh).data
    except (ValueError, TypeError, KeyError, AttributeError, yaml.YAMLError) as error:
        yield 1, f"metadata that huggingface_hub refuses: {' '.join(str(error).split())}"
        return
    yield from _licence(text, found, records)
    for key in ("library_name", "base_model"):
        if getattr(found, key) != getattr(wanted, key):
            yield _line(text, key), f"{key}: found {getattr(found, key)!r}, expected {getattr(wanted, key)!r}"
    for code in [found.language] if isinstance(found.language, str) else found.language or []:
        if not re.fullmatch(r"[a-z]{2,3}", str(code)):
            yield (
                _line(text, "language"),
                f"language: found {code!r}, expected a code of ISO 639, of two or three letters",
            )
    yield from _model_index(text, found.eval_results or [], records)


def _licence(text: str, found: Any, records: dict[str, Any]) -> Found:
    try:
        wanted = licence_of(records["config"], records["provenance"], records["spec"].get("card"))
    except ValueError as error:
        yield _line(text, "license"), f"license: {error}"
        return
    if found.license is None:
        yield 1, f"license: missing, expected {wanted.identifier} ({wanted.why})"
    elif found.license != wanted.identifier:
        where = _line(text, "license")
        yield where, f"license: found {found.license}, expected {wanted.identifier} ({wanted.why})"
    elif wanted.identifier == "other" and found.get("license_name") != wanted.name:
        where = _line(text, "license_name")
        yield where, f"license_name: found {found.get('license_name')}, expected {wanted.name}"


def _model_index(text: str, found: list[Any], records: dict[str, Any]) -> Found:
    results: Results = records["results"]
    dataset = data_name(records["provenance"])
    for score in found:
        where = _line(text, score.metric_type, "- type")
        if score.metric_type not in results:
            yield where, f"model-index: {score.metric_type} is not in results.json"
        elif score.metric_value != (value := results[score.metric_type]["value"]):
            yield where, f"model-index: {score.metric_type} is {score.metric_value}, but results.json has {value}"
        elif score.metric_config != (protocol := results[score.metric_type].get("protocol")):
            yield where, f"model-index: {score.metric_type}: found {score.metric_config!r}, measured as {protocol!r}"
        expected = results.get(score.metric_type, {}).get("dataset", dataset)
        if score.dataset_name != expected:
            yield where, f"model-index: found data set {score.dataset_name!r}, expected {expected!r}"
    finite = {key for key, row in results.items() if math.isfinite(row["value"])}
    for key in sorted(finite - {score.metric_type for score in found}):
        yield _line(text, "model-index"), f"model-index: {key} of results.json is missing"


def _placeholders(page: Page) -> Found:
    bibtex = {
        line
        for fence in page.fences
        if fence.language == "bibtex"
        for line in range(fence.line, fence.line + fence.code.count("\n"))
    }
    for number, line in enumerate(page.lines, 1):
        for match in PLACEHOLDERS.finditer(line):
            if not (number in bibtex and match[0] in ("{{", "}}")):
                yield number, f"placeholder: {match[0]}"


def _sections(page: Page) -> Found:
    for heading in page.empty:
        yield heading.line, f"empty section: {heading.text or 'a heading without text'}"
    written = [heading.text for heading in page.headings if heading.area == "prose"]
    for name, pattern in REQUIRED.items():
        if not any(map(pattern.search, written)):
            yield 0, f"found no section {name!r} in the prose; write it between {OPEN} and {CLOSE}, or into cards/"


def _links(page: Page, folder: Path) -> Found:
    for line, target in page.links:
        path, _, anchor = target.partition("#")
        if ELSEWHERE.match(target):
            continue
        if not path:
            if unquote(anchor) not in page.anchors:
                yield line, f"dead anchor: #{anchor}"
            continue
        place = (folder / unquote(path.partition("?")[0])).resolve()
        if not place.is_relative_to(folder.resolve()):
            yield line, f"link out of the repository: {target}"
        elif not place.exists():
            yield line, f"dead link: {target} is not in {folder}"


def _places(text: str) -> Found:
    for number, line in enumerate(text.split("\n"), 1):
        for match in PLACE.finditer(line):
            yield number, f"path of one machine: {match[0]}"


def _line(text: str, key: str, before: str = "") -> int:
    """Where a key, or a value behind `before`, stands in the metadata; 1 where it does not."""
    pattern = re.compile(rf"\s*{re.escape(before)}: {re.escape(key)}" if before else rf"{re.escape(key)}:")
    head = METADATA.match(text)
    lines = (head[0] if head else "").split("\n")
    return next((number for number, line in enumerate(lines, 1) if pattern.match(line)), 1)
