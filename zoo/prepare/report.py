"""What a check found, as a table on the terminal, as check.json and as a page that a person can look at."""

import base64
import io
import json
import statistics
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from datamodules.catalogue import CATALOGUE, DataSet
from datamodules.files import atomic
from datamodules.samples import SPLITS, Finding, Sample, Split
from datamodules.twins import MARK

SCHEMA: Final = 1
LISTED: Final = 25
"""Findings of a kind that the page lists; check.json has all."""
BARS: Final = 60
"""Labels whose balance the page draws: the largest and the smallest halves."""
PICTURES: Final = 30
"""Samples of a split that the page shows."""


@dataclass
class Report:
    """Samples of a data set in `root`, and what is wrong with them; errors come first, then in order of their names."""

    dataset: str
    root: Path
    samples: Sequence[Sample]
    findings: Sequence[Finding]

    def __post_init__(self) -> None:
        self.findings = sorted(self.findings, key=lambda f: (f.severity, f.kind, f.where, f.message))

    @property
    def about(self) -> DataSet:
        return CATALOGUE[self.dataset]

    @property
    def bad(self) -> bool:
        """Whether there is an error."""
        return any(finding.severity == "error" for finding in self.findings)

    @property
    def twin(self) -> bool:
        """Whether this is the avatar's twin, and not the data set itself."""
        return (self.root / MARK).is_file()

    @cached_property
    def counts(self) -> dict[Split, dict[str, int]]:
        """Samples, sources, files and labels of each split."""
        found = {}
        for split in SPLITS:
            own = [sample for sample in self.samples if sample.split == split]
            found[split] = {
                "samples": len(own),
                "sources": len({sample.source for sample in own}),
                "files": len({path for sample in own for path in sample.files}),
                "labels": len({sample.label for sample in own if sample.label is not None}),
            }
        return found

    @cached_property
    def labels(self) -> dict[str, dict[Split, int]]:
        """Samples of each label in each split, the largest label first."""
        counted = {split: Counter(s.label for s in self.samples if s.split == split) for split in SPLITS}
        names = {sample.label for sample in self.samples if sample.label is not None}
        rows = {name: {split: counted[split][name] for split in SPLITS} for name in names}
        return dict(sorted(rows.items(), key=lambda row: (-sum(row[1].values()), row[0])))

    @cached_property
    def balance(self) -> dict[Split, dict[str, float]]:
        """Fewest, median and most samples of a label in each split; empty where there are no labels."""
        if not self.labels:
            return {}
        sizes = {split: [row[split] for row in self.labels.values()] for split in SPLITS}
        return {
            split: {"min": min(own), "median": statistics.median(own), "max": max(own)} for split, own in sizes.items()
        }

    @cached_property
    def kinds(self) -> dict[tuple[str, str], list[Finding]]:
        """Findings by severity and kind, errors first."""
        found: dict[tuple[str, str], list[Finding]] = {}
        for finding in self.findings:
            found.setdefault((finding.severity, finding.kind), []).append(finding)
        return found

    @property
    def verdict(self) -> str:
        """How much is wrong, in a few words."""
        many = Counter(finding.severity for finding in self.findings)
        named = [f"{n} {severity}{'s' * (n > 1)}" for severity in ("error", "warning") if (n := many[severity])]
        return " and ".join(named) or "nothing wrong found"

    def to_json(self) -> dict[str, Any]:
        """All of it, as plain data."""
        about = self.about
        return {
            "schema": SCHEMA,
            "dataset": self.dataset,
            "title": about.title,
            "licence": about.licence,
            "terms": about.terms,
            "home": about.home,
            "root": str(self.root),
            "twin": self.twin,
            "verdict": self.verdict,
            "counts": self.counts,
            "balance": self.balance,
            "labels": self.labels,
            "findings": [asdict(finding) for finding in self.findings],
        }


def refuse_foreign(folder: Path, root: Path) -> None:
    """Raise ValueError for a report within the data set, FileExistsError for one over what is no report."""
    if folder.resolve().is_relative_to(root.resolve()):
        raise ValueError(f"{folder}: this is within the data set; put the report elsewhere with --report DIR")
    if folder.is_file():
        raise FileExistsError(f"{folder}: this is a file; give a folder with --report DIR")
    taken = [name for name in ("index.html", "check.json") if (folder / name).exists()]
    if taken and not _is_report(folder / "check.json"):
        raise FileExistsError(
            f"{folder / taken[0]}: no report of this command; choose another folder with --report DIR"
        )


def _is_report(path: Path) -> bool:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and {"schema", "dataset", "findings"} <= content.keys()


def write_report(report: Report, folder: Path) -> None:
    """Write check.json and index.html, each whole or not at all.

    A file's name may be no UTF-8: its strange bytes appear as \\udce9, in JSON the name itself.
    """
    texts = {
        "check.json": json.dumps(report.to_json(), indent=1, ensure_ascii=False) + "\n",
        "index.html": render(report),
    }
    for name, text in texts.items():
        with atomic(folder / name) as part:
            part.write_text(text, encoding="utf-8", errors="backslashreplace")


def render(report: Report) -> str:
    """The page: one file that asks nothing of any other."""
    from jinja2 import Environment, StrictUndefined

    from zoo.prepare.thumbnails import thumbnails

    template = (files("zoo.prepare") / "report.html.j2").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    sheets: dict[Split, list[tuple[Sample, str | None]]] = {split: [] for split in SPLITS}
    for sample, picture in thumbnails(report.about, report.root, report.samples, PICTURES):
        uri = None if picture is None else "data:image/jpeg;base64," + base64.b64encode(_jpeg(picture)).decode()
        sheets[sample.split].append((sample, uri))
    rows = list(report.labels.items())
    shown = rows if len(rows) <= BARS else [*rows[: BARS // 2], *rows[-BARS // 2 :]]
    return environment.from_string(template).render(
        report=report,
        about=report.about,
        splits=SPLITS,
        sheets=sheets,
        bars=shown,
        between=len(rows) - len(shown),
        most=max((sum(row.values()) for row in report.labels.values()), default=1),
        listed=LISTED,
    )


def _jpeg(picture: Any) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


def print_report(report: Report, folder: Path) -> None:
    """Counts, findings by kind with the first of each, balance, licence, and where the page stands."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Column, Table

    console = Console(width=None if sys.stdout.isatty() else 200, highlight=False)
    what = f"the avatar's twin of {report.about.title}" if report.twin else report.about.title
    console.print(f"{what}, {escape(_printable(str(report.root)))}", style="bold", soft_wrap=True)
    counts = Table("split", "samples", "sources", "files")
    labelled = bool(report.labels)
    if labelled:
        counts.add_column("labels")
        counts.add_column("samples a label: min, median, max")
    for split, row in report.counts.items():
        cells = [split, *(f"{row[key]:,}" for key in ("samples", "sources", "files"))]
        if labelled:
            cells += [f"{row['labels']:,}", ", ".join(f"{value:g}" for value in report.balance[split].values())]
        counts.add_row(*cells)
    console.print(counts)
    if report.findings:
        found = Table("", "what", "how often", Column("where first", overflow="fold"), Column(overflow="fold"))
        for (severity, kind), findings in report.kinds.items():
            first = findings[0]
            style = "bold red" if severity == "error" else "yellow"
            cells = [severity, kind, f"{len(findings):,}", _printable(first.where), _printable(first.message)]
            found.add_row(*map(escape, cells), style=style if sys.stdout.isatty() else None)
        console.print(found)
    of = f"{report.about.title} itself: " if report.twin else ""
    console.print(f"{of}{report.about.licence or 'no standard licence'}. {report.about.terms}")
    console.print(escape(f"{report.verdict}; all of it in {folder / 'index.html'}"))


def _printable(text: str) -> str:
    return text.encode(errors="backslashreplace").decode()
