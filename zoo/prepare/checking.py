"""`python -m zoo data check`: everything that would spoil a training or its scores, found before it starts."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from datamodules.catalogue import CATALOGUE
from datamodules.samples import SPLITS, Finding, Sample
from datamodules.splits import leaks
from zoo.prepare.inspection import PEOPLE, Inspected, inspect_all
from zoo.prepare.report import Report, print_report, refuse_foreign, write_report

NEAR: Final = 4
"""Bits of 256 in which the looks of neighbouring frames differ, by the median of those of RWTH-BOSTON-50."""
COMPARED: Final = 20_000
"""Pictures of a split, evenly spread, whose looks are compared."""
JOURNAL: Final = "inspected.jsonl"


def check(dataset: str, root: Path, report_dir: Path, **settings: str) -> bool:
    """Check a data set in `root`; print a table, write check.json and index.html into `report_dir`.

    True when an error was found. An interrupted check goes on where it stopped. `settings` are those of the survey.

    Raises:
        FileNotFoundError: `root`, or all that tells what the data set consists of, is missing.
        ValueError: an index that cannot be read, or a report within the data set.
        FileExistsError: `report_dir` holds something that is no report.
    """
    if not root.is_dir():
        raise FileNotFoundError(f"{root}: no such folder; give the folder of {CATALOGUE[dataset].title}")
    refuse_foreign(report_dir, root)
    survey = CATALOGUE[dataset].survey(root, **settings)
    samples = survey.samples
    paths = sorted({path for sample in samples for path in sample.files})
    journal = report_dir / JOURNAL
    inspected = inspect_all(root, paths, journal)
    known = {finding.where for finding in survey.findings if finding.severity == "error"}
    faults = [
        Finding(i.kind, i.path, i.message, "warning" if i.kind == PEOPLE else "error")
        for i in inspected.values()
        if i.kind
    ]
    findings = [
        *survey.findings,
        *(finding for finding in faults if finding.where not in known),
        *(Finding(kind, i.path, text, "warning") for i in inspected.values() for kind, text in i.particulars.items()),
        *_names(samples),
        *_shared(samples),
        *_duplicates(samples, inspected),
        *_look_alikes(samples, inspected),
        *_imbalance(samples),
    ]
    report = Report(dataset, root, samples, findings)
    write_report(report, report_dir)
    journal.unlink()
    print_report(report, report_dir)
    return report.bad


def _names(samples: Sequence[Sample]) -> Iterator[Finding]:
    for name, count in Counter(sample.name for sample in samples).items():
        if count > 1:
            yield Finding("duplicate", name, f"{count} samples of this name; a name must be unique")


def _shared(samples: Sequence[Sample]) -> Iterator[Finding]:
    """Sources, and files, in two splits."""
    for source, found in leaks(samples).items():
        yield Finding("leak", found[0].name, f"source {source!r} stands in more than one split: {_listed(found)}")
    users: dict[Path, list[Sample]] = defaultdict(list)
    for sample in samples:
        for path in sample.files:
            users[path].append(sample)
    for found in users.values():
        if len({sample.split for sample in found}) > 1 and len({sample.source for sample in found}) > 1:
            yield Finding("leak", found[0].name, f"samples of two splits use one file: {_listed(found)}")


def _listed(samples: Sequence[Sample]) -> str:
    """The first sample of each split, and how many there are."""
    first = {sample.split: sample.name for sample in reversed(samples)}
    return ", ".join(f"{first[split]} in {split}" for split in SPLITS if split in first) + f" ({len(samples)} samples)"


def _duplicates(samples: Sequence[Sample], inspected: Mapping[Path, Inspected]) -> Iterator[Finding]:
    """Samples whose files are others' files byte for byte: an error across splits or labels."""
    content: dict[tuple[str, ...], list[Sample]] = defaultdict(list)
    for sample in samples:
        digests = tuple(inspected[path].digest for path in sample.files)
        if digests and all(digests):
            content[digests].append(sample)
    for found in content.values():
        first = found[0]
        for other in found[1:]:
            if other.files == first.files:
                continue  # parts of one file
            apart = other.split != first.split or other.label != first.label
            message = f"the same content as {first.name} ({_place(other)} and {_place(first)})"
            yield Finding("duplicate", other.name, message, "error" if apart else "warning")


def _place(sample: Sample) -> str:
    return f"{sample.split}, {sample.label}" if sample.label else sample.split


def _look_alikes(samples: Sequence[Sample], inspected: Mapping[Path, Inspected]) -> Iterator[Finding]:
    """A warning for each picture that looks like one of an earlier split but is another file."""
    earlier: list[Sample] = []
    for split in SPLITS:
        own = [
            sample for sample in samples if sample.split == split and sample.files and inspected[sample.files[0]].look
        ]
        own = own[:: max(1, -(-len(own) // COMPARED))]
        theirs = _looks(earlier, inspected)
        for sample, look in zip(own, _looks(own, inspected), strict=True) if earlier else ():
            apart = np.bitwise_count(theirs ^ look).sum(1)
            other = earlier[int(apart.argmin())]
            same = inspected[sample.files[0]].digest == inspected[other.files[0]].digest
            if apart.min() <= NEAR and not same:
                message = f"looks like {other.name} ({split} and {other.split}; {apart.min()} of 256 bits differ)"
                yield Finding("look-alike", sample.name, message, "warning")
        earlier += own


def _looks(samples: Sequence[Sample], inspected: Mapping[Path, Inspected]) -> npt.NDArray[np.uint64]:
    looks = "".join(inspected[sample.files[0]].look for sample in samples)
    return np.frombuffer(bytes.fromhex(looks), np.uint64).reshape(-1, 4)


def _imbalance(samples: Sequence[Sample]) -> Iterator[Finding]:
    """Splits without samples, and labels that training or a test lacks."""
    counts = Counter(sample.split for sample in samples)
    for split in SPLITS:
        if not counts[split]:
            yield Finding("empty", split, "no sample in this split", "error" if split == "train" else "warning")
    labels = {split: {sample.label for sample in samples if sample.split == split and sample.label} for split in SPLITS}
    known = sorted(set().union(*labels.values()))
    for split in SPLITS if counts["train"] else ():
        absent = [label for label in known if label not in labels[split]]
        if absent and counts[split]:
            shown = ", ".join(absent[:10]) + (", ..." if len(absent) > 10 else "")
            message = f"{len(absent)} of {len(known)} labels have no sample in {split}: {shown}"
            yield Finding("empty class", split, message, "error" if split == "train" else "warning")
