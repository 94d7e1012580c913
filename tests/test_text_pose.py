"""Data sets of text and poses: their own files, their twins, and what a batch holds."""

import json

import numpy as np
import pytest
import torch

from datamodules.avatar.twins import Twin
from datamodules.how2sign import How2Sign
from datamodules.how2sign_files import read_table
from datamodules.phoenix14t import Phoenix14T
from datamodules.text_pose import LengthOrder

DATASETS = [How2Sign, Phoenix14T]


@pytest.fixture(scope="module", params=DATASETS, ids=lambda dataset: dataset.dataset)
def twin(request, tmp_path_factory):
    data = request.param(str(tmp_path_factory.mktemp("data") / "twin"), batch_size=4, stride=2, twin=Twin(20))
    data.prepare_data()
    return data


def test_a_twin_is_read_by_the_code_that_reads_the_real_thing(twin):
    again = type(twin)(str(twin.root), batch_size=4, stride=2)
    again.prepare_data()
    again.setup("fit")
    assert len(again.examples["train"]) == 20
    assert len(again.examples["dev"]) == 2
    assert all(example.joints.shape[1:] == (50, 3) for example in again.examples["train"])


def test_splits_share_no_sentence(twin):
    twin.setup("fit")
    twin.setup("test")
    texts = {split: {example.text for example in twin.examples[split]} for split in ("train", "dev", "test")}
    assert not texts["train"] & texts["test"]
    assert not texts["train"] & texts["dev"]
    assert not texts["dev"] & texts["test"]


def test_the_same_twin_is_not_written_twice_and_another_one_replaces_it(tmp_path):
    root = str(tmp_path / "twin")
    first = Phoenix14T(root, twin=Twin(4))
    first.prepare_data()
    stamp, fingerprint = (tmp_path / "twin" / "train.skels").stat().st_mtime_ns, first.fingerprint()
    Phoenix14T(root, twin=Twin(4)).prepare_data()
    assert (tmp_path / "twin" / "train.skels").stat().st_mtime_ns == stamp
    other = Phoenix14T(root, twin=Twin(4, seed=1))
    other.prepare_data()
    assert other.fingerprint() != fingerprint
    Phoenix14T(root, twin=Twin(4)).prepare_data()
    assert first.fingerprint() == fingerprint


def test_a_twin_of_an_earlier_avatar_is_written_anew(tmp_path):
    data = Phoenix14T(str(tmp_path / "twin"), twin=Twin(4))
    data.prepare_data()
    mark = tmp_path / "twin" / "twin.json"
    mark.write_text(json.dumps({**json.loads(mark.read_text()), "avatar": "of last year"}))
    (tmp_path / "twin" / "train.skels").write_text("old signs")
    data.prepare_data()
    assert len(data.read("train")) == 4


def test_real_data_is_never_overwritten_by_a_twin(tmp_path):
    (tmp_path / "train.skels").write_text("precious")
    with pytest.raises(FileExistsError, match="no avatar twin"):
        Phoenix14T(str(tmp_path), twin=Twin(4)).prepare_data()
    assert (tmp_path / "train.skels").read_text() == "precious"


def test_missing_files_are_all_named_with_a_way_out(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"missing train\.skels.*test\.files.*--starter"):
        Phoenix14T(str(tmp_path / "nowhere")).prepare_data()


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"batch_size": 0}, "batch_size: found 0, expected at least 1"),
        ({"stride": 0}, "stride: found 0, expected at least 1"),
        ({"num_workers": -1}, "num_workers: found -1, expected at least 0"),
    ],
)
def test_settings_out_of_range_are_refused(tmp_path, setting, message):
    with pytest.raises(ValueError, match=message):
        Phoenix14T(str(tmp_path), **setting)


@pytest.mark.parametrize("setting", [{"size": 0}, {"signers": 0}])
def test_a_twin_of_nobody_is_refused(setting):
    with pytest.raises(ValueError, match="found 0, expected at least 1"):
        Twin(**setting)


def test_a_sentence_with_nothing_to_sign_is_named_before_training(tmp_path):
    Phoenix14T(str(tmp_path / "twin"), twin=Twin(4)).prepare_data()
    text = tmp_path / "twin" / "train.text"
    text.write_text("\n".join(["?!", *text.read_text().splitlines()[1:]]) + "\n")
    with pytest.raises(ValueError, match="train sentence train/avatar-0: nothing to sign"):
        Phoenix14T(str(tmp_path / "twin")).setup("fit")


def test_a_batch_is_padded_and_says_how_long_each_sequence_is(twin):
    twin.setup("fit")
    batch = next(iter(twin.train_dataloader()))
    assert batch.tokens.shape[0] == batch.joints.shape[0] == len(batch.texts) == 4
    assert batch.joints.shape[1] == batch.lengths.max()
    for joints, length in zip(batch.joints, batch.lengths, strict=True):
        assert torch.count_nonzero(joints[length:]) == 0
        assert torch.count_nonzero(joints[length - 1]) > 0


def test_neighbours_in_the_training_order_have_similar_lengths():
    lengths = np.random.default_rng(0).integers(20, 300, 203)
    order = LengthOrder(lengths, batch_size=8, seed=0)
    indices = list(order)
    assert sorted(indices) == list(range(203))
    batches = [lengths[indices[start : start + 8]] for start in range(0, 203, 8)]
    waste = 1 - sum(b.sum() for b in batches) / sum(b.max() * len(b) for b in batches)
    assert waste < 0.15
    order.set_epoch(1)
    assert list(order) != indices
    order.set_epoch(0)
    assert list(order) == indices


def test_striding_keeps_every_nth_frame_and_lowers_the_frame_rate(twin):
    whole = type(twin)(str(twin.root), stride=1)
    whole.setup("test")
    twin.setup("test")
    assert twin.fps == 12.5
    np.testing.assert_array_equal(twin.examples["test"][0].joints, whole.examples["test"][0].joints[::2])


def test_sequences_over_the_limit_are_left_out_of_training(twin):
    short = type(twin)(str(twin.root), max_frames=60)
    short.setup("fit")
    assert 0 < len(short.examples["train"]) < 20
    none = type(twin)(str(twin.root), max_frames=5)
    with pytest.raises(ValueError, match="no train sequence left of 20: each is longer than max_frames=5"):
        none.setup("fit")


def test_files_that_do_not_run_in_parallel_are_refused(tmp_path):
    Phoenix14T(str(tmp_path / "twin"), twin=Twin(4)).prepare_data()
    text = tmp_path / "twin" / "train.text"
    text.write_text(text.read_text().partition("\n")[2])
    with pytest.raises(ValueError, match=r"train\.text has 3 lines but there are 4 names"):
        Phoenix14T(str(tmp_path / "twin")).setup("fit")


def test_a_pose_without_a_sentence_is_refused(tmp_path):
    How2Sign(str(tmp_path / "twin"), twin=Twin(4)).prepare_data()
    files = tmp_path / "twin" / "train.files"
    files.write_text(files.read_text().replace("avatar000002", "stranger"))
    with pytest.raises(
        ValueError, match=r"1 of 4 names are not in how2sign_realigned_train\.csv, the first is 'stranger"
    ):
        How2Sign(str(tmp_path / "twin")).setup("fit")


def test_an_interrupted_twin_leaves_no_half_written_data(tmp_path, monkeypatch):
    import datamodules.avatar.twins as twins

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setitem(twins.LAYOUTS, "phoenix14t", interrupted)
    data = Phoenix14T(str(tmp_path / "twin"), twin=Twin(4))
    with pytest.raises(KeyboardInterrupt):
        data.prepare_data()
    assert not (tmp_path / "twin").exists()
    monkeypatch.undo()
    data.prepare_data()
    assert json.loads((tmp_path / "twin" / "twin.json").read_text())["size"] == 4


def test_real_phoenix14t_samples_are_read(shared):
    data = Phoenix14T(str(shared / "data" / "progressive_transformers"))
    data.prepare_data()
    data.setup("fit")
    data.setup("test")
    assert {split: len(found) for split, found in data.examples.items()} == {"train": 5, "dev": 5, "test": 5}
    assert data.examples["train"][0].text.endswith(".")


def test_the_real_how2sign_table_is_read(shared):
    sentences = read_table(shared / "data" / "how2sign" / "how2sign_realigned_val.csv")
    assert len(sentences) == 1741
    sentence = sentences["-d5dN54tH2E_1-1-rgb_front"]
    assert (sentence.video, sentence.text) == ("-d5dN54tH2E", "I call it painting the wall.")
    assert sentence.seconds == pytest.approx(3.63)


HEAD = "VIDEO_ID\tSENTENCE_NAME\tSTART_REALIGNED\tEND_REALIGNED\tSENTENCE\n"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (HEAD + "v\ta\t0\t1\tb\nv\tc\t0\t1\n", "line 3: no SENTENCE;"),
        (HEAD + "v\ta\t0\tend\tb\n", "line 2: found '0' to 'end', expected START_REALIGNED and END_REALIGNED in sec"),
        (
            "SENTENCE_NAME,SENTENCE\na,b\n",
            "no column END_REALIGNED, SENTENCE, SENTENCE_NAME, START_REALIGNED, VIDEO_ID",
        ),
    ],
)
def test_a_broken_table_is_refused_by_line_and_column(tmp_path, table, message):
    (tmp_path / "table.csv").write_text(table)
    with pytest.raises(ValueError, match=message):
        read_table(tmp_path / "table.csv")
