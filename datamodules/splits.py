"""Splits that do not leak: what resembles each other stays together, and a seed and the names alone decide."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from datamodules.samples import SPLITS, Sample, Split

SHARES: Final = (0.8, 0.1, 0.1)


def leaks(samples: Iterable[Sample]) -> dict[str, list[Sample]]:
    """Sources of which samples stand in more than one split, with those samples."""
    by_source: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        by_source[sample.source].append(sample)
    return {source: found for source, found in by_source.items() if len({sample.split for sample in found}) > 1}


def refuse_leaks(root: Path, samples: Iterable[Sample]) -> None:
    """Raise ValueError naming a source that stands in two splits: scores would measure memory."""
    found = leaks(samples)
    if not found:
        return
    source, shared = next(iter(found.items()))
    first = {split: next((s.name for s in shared if s.split == split), None) for split in SPLITS}
    places = ", ".join(f"{name!r} in {split}" for split, name in first.items() if name is not None)
    more = f" ({len(found) - 1} more sources do)" if len(found) > 1 else ""
    raise ValueError(
        f"{root}: {len(shared)} samples of source {source!r} stand in more than one split: {places}{more}; "
        "what is cut from one source must stay in one split"
    )


def assign(
    sources: Sequence[str], labels: Sequence[str | None], shares: Sequence[float] = SHARES, seed: int = 0
) -> list[Split]:
    """A split for each sample, so that no source stands in two and each label is shared out like the whole.

    The largest sources are placed first, each where its labels and the whole lack most; sources of one size follow in
    the order of a hash, so that the same names get the same splits on every machine. A label's first sources go to
    training.

    Args:
        sources, labels: of N samples.
        shares: of train, dev and test; they sum to 1.
        seed: another one gives another assignment.
    """
    groups: dict[str, Counter[str | None]] = defaultdict(Counter)
    for source, label in zip(sources, labels, strict=True):
        groups[source][label] += 1
    seen: Counter[str | None] = Counter()
    placed: dict[Split, Counter[str | None]] = {split: Counter() for split in SPLITS}
    totals: Counter[Split] = Counter()
    chosen: dict[str, Split] = {}
    for source in sorted(groups, key=lambda source: (-groups[source].total(), _order(source, seed))):
        counts, size = groups[source], groups[source].total()
        seen.update(counts)
        lack = {
            split: share * (seen.total())
            - totals[split]
            + sum(n * (share * seen[label] - placed[split][label]) for label, n in counts.items()) / size
            for split, share in zip(SPLITS, shares, strict=True)
        }
        split = max(SPLITS, key=lack.__getitem__)
        placed[split].update(counts)
        totals[split] += size
        chosen[source] = split
    return [chosen[source] for source in sources]


def _order(source: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}:{source}".encode()).digest()


def components(links: Iterable[tuple[str, str]]) -> dict[str, str]:
    """What hangs together: each node of the linked pairs, with the smallest name that can be reached from it."""
    above: dict[str, str] = {}

    def top(node: str) -> str:
        above.setdefault(node, node)
        while above[node] != node:
            above[node] = node = above[above[node]]
        return node

    for a, b in links:
        low, high = sorted((top(a), top(b)))
        above[high] = low
    return {node: top(node) for node in list(above)}


def cut(numbers: Sequence[int], shares: Sequence[float], guard: int) -> list[list[int]]:
    """Contiguous blocks of ascending frame numbers, one a share, with a gap between neighbours.

    Neighbouring frames are near-duplicates: two blocks lie more than `guard` numbers apart. The frames of the gaps are
    the first block's loss, the others have their full shares. Each block keeps a frame where there are enough.

    Args:
        numbers: ascending.
        shares: sizes of the blocks, summing to 1.
        guard: numbers of frames.
    """
    rest, blocks = list(numbers), list[list[int]]()
    for before in range(len(shares) - 1, 0, -1):
        size = min(max(1, round(shares[before] * len(numbers))), max(0, len(rest) - before))
        rest, block = rest[: len(rest) - size], rest[len(rest) - size :]
        if block:
            apart = [number for number in rest if number < block[0] - guard]
            rest = apart if len(apart) >= before else rest[:before]
        blocks.append(block)
    return [rest, *reversed(blocks)]
