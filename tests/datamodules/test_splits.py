"""No split leaks: what resembles each other stays together, whatever the data."""

import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datamodules.samples import SPLITS, Sample
from datamodules.splits import SHARES, assign, components, cut, leaks, refuse_leaks

GROUPS = st.lists(st.tuples(st.integers(0, 12).map("source {}".format), st.sampled_from("ABC")), max_size=80)


def samples(sources, labels, splits):
    rows = zip(sources, labels, splits, strict=True)
    return [Sample(str(number), split, source, label) for number, (source, label, split) in enumerate(rows)]


@given(GROUPS, st.integers(0, 3))
def test_no_source_is_ever_assigned_to_two_splits(groups, seed):
    sources, labels = [group[0] for group in groups], [group[1] for group in groups]
    assert not leaks(samples(sources, labels, assign(sources, labels, seed=seed)))


@settings(max_examples=30)
@given(st.integers(0, 1000))
def test_labels_are_shared_out_like_the_whole(seed):
    labels = [label for label in "ABCDE" for _ in range(50)]
    sources = [f"{label}{number}" for number, label in enumerate(labels)]
    splits = assign(sources, labels, seed=seed)
    for label in "ABCDE":
        counts = Counter(split for split, own in zip(splits, labels, strict=True) if own == label)
        assert [counts[split] for split in SPLITS] == pytest.approx([40, 5, 5], abs=2)


def test_few_samples_a_label_still_leave_each_a_training_sample_and_every_split_some():
    labels = [str(number // 3) for number in range(300)]
    splits = assign([str(number) for number in range(300)], labels)
    counts = Counter(splits)
    assert [counts[split] for split in SPLITS] == pytest.approx([240, 30, 30], abs=3)
    assert {label for label, split in zip(labels, splits, strict=True) if split == "train"} == set(labels)


def test_the_order_of_samples_decides_nothing_and_the_seed_does():
    sources, labels = [f"s{number % 40}" for number in range(120)], [str(number % 3) for number in range(120)]
    once = dict(zip(sources, assign(sources, labels), strict=True))
    assert dict(zip(sources[::-1], assign(sources[::-1], labels[::-1]), strict=True)) == once
    assert dict(zip(sources, assign(sources, labels, seed=1), strict=True)) != once


def test_every_process_assigns_alike():
    code = "from datamodules.splits import assign; print(assign([f's{n}' for n in range(50)], ['a'] * 50))"
    runs = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("1", "2")
    }
    assert len(runs) == 1


def test_a_leak_is_refused_by_name():
    clean = samples(["a", "a", "b"], [None] * 3, ["train", "train", "dev"])
    refuse_leaks(Path("root"), clean)
    leaking = [*clean, Sample("planted", "test", "a")]
    assert leaks(leaking) == {"a": [clean[0], clean[1], leaking[-1]]}
    with pytest.raises(ValueError, match=r"root: 3 samples of source 'a' .*'0' in train, 'planted' in test"):
        refuse_leaks(Path("root"), leaking)


def test_what_hangs_together_gets_one_name():
    found = components([("signer 1", "u1"), ("signer 1", "u2"), ("signer 2", "u2"), ("signer 3", "u3")])
    assert found["u1"] == found["u2"] == found["signer 2"] == "signer 1"
    assert found["u3"] == "signer 3"


@given(
    st.lists(st.integers(0, 3000), min_size=3, max_size=300, unique=True).map(sorted),
    st.integers(0, 40),
)
def test_blocks_are_contiguous_lie_apart_and_are_never_empty(numbers, guard):
    blocks = cut(numbers, SHARES, guard)
    assert all(blocks)
    joined = [number for block in blocks for number in block]
    assert joined == sorted(joined)
    assert set(joined) <= set(numbers)
    for one, other in pairwise(blocks):
        assert other[0] - one[-1] > guard or len(one) == 1


def test_a_recording_of_3000_frames_is_cut_8_to_1_to_1_with_gaps():
    train, dev, test = cut(range(1, 3001), SHARES, 30)
    assert (train[0], train[-1], dev[0], dev[-1], test[0], test[-1]) == (1, 2340, 2371, 2670, 2701, 3000)
