"""Data sets of text and poses: their own files, their twins, and what a batch holds."""

import json
import pickle
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import NamedTemporaryFile

import hypothesis
import numpy as np
import pytest
import torch
from hypothesis import strategies as st

import datamodules.phoenix14t
from datamodules.avatar.renderer.openpose import openpose_keypoints
from datamodules.files import read_lines
from datamodules.how2sign import sentences as how2sign_sentences
from datamodules.how2sign.files import clip_path, read_table, table_path
from datamodules.how2sign.sentences import How2Sign, resample
from datamodules.media.video import write_video
from datamodules.phoenix14t import Phoenix14T
from datamodules.poses.formats import read_skels, write_openpose
from datamodules.poses.sequences import cache_path
from datamodules.text_pose.pairs import LengthOrder
from datamodules.text_repair import remarks, repaired
from datamodules.twins import Twin, phoenix14t
from datamodules.twins.how2sign import CAMERA

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

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(phoenix14t, "write", interrupted)
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
        (HEAD + "v\ta\t0\t1\tb\tc\n", "line 2: found 6 cells, expected 5 as in the first line"),
        (HEAD + 'v\ta\t0\t1\t""\n', "line 2: no SENTENCE;"),
        (HEAD + "v\ta\t0\tend\tb\n", "line 2: found '0' to 'end', expected START_REALIGNED and END_REALIGNED in sec"),
        (
            HEAD + "v\ta\t0\t1\tb\nv\tc\t0\t1\td\nv\ta\t2\t3\te\n",
            "line 4: SENTENCE_NAME a stands in an earlier line too",
        ),
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


def test_quotes_are_those_that_were_said(tmp_path):
    said = {
        '"She said ""hello"", and left."': 'She said "hello", and left.',
        '"""Good."""': '"Good."',
        '"Use the 1/2"" and the 3/4""."': 'Use the 1/2" and the 3/4".',
        '"Two\nlines, ""one"" sentence."': 'Two lines, "one" sentence.',
        '"A tab\there."': "A tab\there.",
        '"Hello", she said.': '"Hello", she said.',  # as people write, no csv
        '"So it begins': '"So it begins',
        'and so it ends."': 'and so it ends."',
        'The 2" pipe.': 'The 2" pipe.',
        "\ufeff Plain. \r": "Plain.",
    }
    rows = "".join(f"v\t{n}\t0\t1\t{text}\n" for n, text in enumerate(said))
    (tmp_path / "table.csv").write_text(f"\ufeff{HEAD}{rows}\n \n", newline="")
    table = read_table(tmp_path / "table.csv")
    assert [repaired(sentence.text).strip() for sentence in table.values()] == list(said.values())
    quoted = HEAD.strip().replace("\t", '"\t"')
    (tmp_path / "all.csv").write_text(f'"{quoted}"\r\n"v"\t"a"\t"0"\t"1"\t"He ""waved""."\r\n', newline="")
    assert read_table(tmp_path / "all.csv")["a"].text == 'He "waved".'


def test_the_real_table_has_no_quotes_of_csv(shared):
    texts = [s.text for s in read_table(shared / "data" / "how2sign" / "how2sign_realigned_val.csv").values()]
    assert [text for text in texts if '""' in text] == []
    assert sum('"' in text for text in texts) == 8
    assert [message for _, _, message in remarks(texts)] == [
        "5 of 1741 texts are repaired, such as 'non-verbalâ\\x80\\x99s' to 'non-verbal’s'"
    ]


@hypothesis.given(st.binary(max_size=200))
@hypothesis.example(b"\xff\xfe")
@hypothesis.example(HEAD.encode() + b"v\ta\t0\t1\t" + b"x" * 200_000)
@hypothesis.example(HEAD.encode() + b"v\ta\t0\t1\t\0")
@hypothesis.settings(max_examples=50, deadline=None)
def test_a_table_of_any_bytes_is_read_or_refused_by_name(content):
    with NamedTemporaryFile(suffix=".csv") as file:
        file.write(content)
        file.flush()
        try:
            read_table(Path(file.name))
            refusal = file.name
        except ValueError as error:
            refusal = str(error)
    assert refusal.startswith(file.name)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Four-sentence twins of both data sets, to be copied before they are changed."""
    folder = tmp_path_factory.mktemp("written")
    for dataset in DATASETS:
        dataset(str(folder / dataset.dataset), twin=Twin(4)).prepare_data()
    return {dataset.dataset: folder / dataset.dataset for dataset in DATASETS}


@pytest.fixture
def copies(written: dict[str, Path], tmp_path: Path) -> dict[str, Path]:
    return {name: Path(shutil.copytree(folder, tmp_path / name)) for name, folder in written.items()}


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


class TestSpoiltText:
    @pytest.mark.parametrize("dataset", DATASETS)
    def test_it_is_repaired_for_training_and_said(self, dataset, copies, capsys):
        root = copies[dataset.dataset]
        name = "train.text" if dataset is Phoenix14T else "how2sign_realigned_train.csv"
        lines = (root / name).read_text().splitlines()
        head, _, _ = lines[-1].rpartition("\t")
        lines[-1] = f"{head}\tIt isnâ€™t." if head else "It isnâ€™t."
        (root / name).write_text("\n".join(lines))
        data = dataset(str(root))
        data.prepare_data()
        data.setup("fit")
        assert data.examples["train"].texts[-1] == "It isn’t."
        said = f"{root}: train: 1 of 4 texts are repaired, such as 'isnâ€™t.' to 'isn’t.'"
        assert capsys.readouterr().err.count(said) == 1

    def test_blank_lines_at_the_end_and_marks_change_nothing(self, copies):
        before = Phoenix14T(str(copies["phoenix14t"]))
        before.prepare_data()
        before.setup("fit")
        for path in copies["phoenix14t"].glob("*.*"):
            if path.suffix in (".text", ".gloss", ".files", ".skels"):
                path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n") + b"\r\n \n\n")
        after = Phoenix14T(str(copies["phoenix14t"]))
        after.prepare_data()
        after.setup("fit")
        for split in ("train", "dev"):
            assert after.examples[split].texts == before.examples[split].texts
            assert after.examples[split].names == before.examples[split].names
            pairs = zip(after.examples[split], before.examples[split], strict=True)
            assert all(np.array_equal(a.joints, b.joints) for a, b in pairs)

    def test_a_line_without_a_name_is_refused_by_its_number(self, copies):
        edit(copies["phoenix14t"] / "dev.files", "dev/avatar-1000000", "")
        with pytest.raises(ValueError, match=r"dev\.files, line 1: blank, expected the name of its sequence"):
            Phoenix14T(str(copies["phoenix14t"])).prepare_data()


class TestLeaks:
    def test_a_video_of_how2sign_in_two_splits_is_refused_by_name(self, copies):
        edit(copies["how2sign"] / "how2sign_realigned_val.csv", "avatar1000001\t", "avatar000003\t")
        with pytest.raises(
            ValueError, match=r"source 'avatar000003' .*'avatar000003_0-3-rgb_front' in train, 'avatar1000001_0-1"
        ):
            How2Sign(str(copies["how2sign"])).prepare_data()

    def test_a_recording_of_phoenix14t_in_two_splits_is_refused_whatever_its_folder(self, copies):
        edit(copies["phoenix14t"] / "test.files", "test/avatar-2000001", "test/avatar-2")
        with pytest.raises(ValueError, match="'train/avatar-2' in train, 'test/avatar-2' in test"):
            Phoenix14T(str(copies["phoenix14t"])).prepare_data()

    def test_the_same_words_may_be_signed_in_two_splits(self, copies):
        text = copies["phoenix14t"] / "dev.text"
        first = read_lines(copies["phoenix14t"] / "train.text")[0]
        text.write_text("\n".join([first, *read_lines(text)[1:]]) + "\n")
        Phoenix14T(str(copies["phoenix14t"])).prepare_data()


class TestCache:
    def test_text_is_parsed_once(self, copies, monkeypatch):
        first = Phoenix14T(str(copies["phoenix14t"]))
        first.prepare_data()

        def parsed(path):
            pytest.fail(f"{path} is parsed again")
            yield

        monkeypatch.setattr(datamodules.phoenix14t, "iterate_skels", parsed)
        again = Phoenix14T(str(copies["phoenix14t"]))
        again.prepare_data()
        again.setup("fit")
        truth = read_skels(copies["phoenix14t"] / "train.skels")
        for example, joints in zip(again.examples["train"], truth, strict=True):
            np.testing.assert_array_equal(example.joints, joints)

    def test_what_changed_is_parsed_anew(self, copies):
        data = Phoenix14T(str(copies["phoenix14t"]))
        lengths = data.read("train").lengths
        skels = copies["phoenix14t"] / "train.skels"
        skels.write_text("".join(reversed(skels.read_text().splitlines(keepends=True))))
        assert data.read("train").lengths == lengths[::-1]

    @pytest.mark.parametrize("left", [0, 10, 0.5, -100, -1])
    def test_a_cache_that_was_cut_off_is_written_anew(self, copies, left):
        data = Phoenix14T(str(copies["phoenix14t"]))
        lengths = data.read("train").lengths
        cache = cache_path(copies["phoenix14t"] / "train.skels")
        whole = cache.read_bytes()
        cache.write_bytes(whole[: int(left * len(whole)) if isinstance(left, float) else left])
        assert data.read("train").lengths == lengths
        assert cache.read_bytes() == whole

    def test_a_broken_line_leaves_no_cache(self, copies):
        skels = copies["phoenix14t"] / "train.skels"
        skels.write_text(skels.read_text()[:-1000])
        with pytest.raises(ValueError, match=r"train\.skels, line 4.*cut off"):
            Phoenix14T(str(copies["phoenix14t"])).prepare_data()
        assert not list(cache_path(skels).parent.glob(f"*{cache_path(skels).stem}*"))

    def test_a_loader_process_gets_a_path_and_not_the_poses(self, copies):
        data = Phoenix14T(str(copies["phoenix14t"]))
        data.setup("fit")
        sent = pickle.dumps(data.examples["train"])
        assert len(sent) < 4_000
        assert sum(data.examples["train"].lengths) * 600 > 100_000
        for theirs, ours in zip(pickle.loads(sent), data.examples["train"], strict=True):
            np.testing.assert_array_equal(theirs.joints, ours.joints)

    def test_a_cache_that_cannot_be_written_says_where_else(self, copies, tmp_path, monkeypatch):
        (tmp_path / "file").touch()
        monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "file" / "cache"))
        with pytest.raises(OSError, match=r"file/cache: cannot keep parsed poses here.*set ZOO_CACHE"):
            Phoenix14T(str(copies["phoenix14t"])).prepare_data()

    def test_nothing_is_written_beside_the_data(self, copies):
        before = sorted(copies["phoenix14t"].rglob("*"))
        data = Phoenix14T(str(copies["phoenix14t"]))
        data.prepare_data()
        data.setup("fit")
        assert sorted(copies["phoenix14t"].rglob("*")) == before


FPS = 24.0


def with_keypoints(root: Path, layout: str) -> dict[str, np.ndarray]:
    """Put OpenPose keypoints at 24 frames a second where How2Sign's poses were; returns the poses by name."""
    truth = {}
    for name in ("train", "val", "test"):
        poses = read_skels(root / f"{name}.skels")
        truth |= dict(zip(read_lines(root / f"{name}.files"), poses, strict=True))
        folder = {
            "official": root / f"sentence_level/{name}/rgb_front/features/openpose_output/json",
            "flat": root,
        }[layout]
        for sentence in read_lines(root / f"{name}.files"):
            slower = resample(truth[sentence], 25.0 * 25.0 / FPS)
            write_openpose(folder / sentence, sentence, openpose_keypoints(slower, CAMERA))
        (root / f"{name}.skels").unlink()
        (root / f"{name}.files").unlink()
        if layout == "official":
            table = root / f"how2sign_realigned_{name}.csv"
            place = root / f"sentence_level/{name}/text/en/raw_text/re_aligned"
            place.mkdir(parents=True)
            table.rename(place / table.name)
    return truth


class TestOpenPose:
    """How2Sign as downloaded: keypoints, no prepared poses."""

    @pytest.mark.parametrize("layout", ["official", "flat"])
    def test_keypoints_are_lifted_to_the_poses_they_show(self, copies, capsys, layout):
        root = copies["how2sign"]
        truth = with_keypoints(root, layout)
        data = How2Sign(str(root))
        data.prepare_data()
        assert "the poses of train, dev, test are OpenPose keypoints lifted to 3D" in capsys.readouterr().err
        data.setup("fit")
        assert len(data.examples["train"]) == 4
        for example in data.examples["train"]:
            true = truth[example.name]
            assert abs(len(example.joints) - len(true)) <= 1
            common = min(len(true), len(example.joints))
            error = np.linalg.norm(example.joints[:common, :, :2] - true[:common, :, :2], axis=-1)
            assert np.median(error) < 0.05
        first = data.fingerprint()
        edit_keypoints(root, data.examples["train"].names[0])
        assert How2Sign(str(root)).fingerprint() != first

    def test_an_interrupted_lifting_goes_on_where_it_stopped(self, copies, monkeypatch):
        root = copies["how2sign"]
        with_keypoints(root, "flat")
        lifts, real = [], how2sign_sentences.lift

        def lift(keypoints):
            if len(lifts) == 2:
                raise KeyboardInterrupt
            lifts.append(len(keypoints))
            return real(keypoints)

        monkeypatch.setattr(how2sign_sentences, "lift", lift)
        monkeypatch.setattr(how2sign_sentences.joblib, "cpu_count", lambda: 1)
        data = How2Sign(str(root))
        with pytest.raises(KeyboardInterrupt):
            data.poses("train")
        monkeypatch.setattr(how2sign_sentences, "lift", lambda keypoints: lifts.append(0) or real(keypoints))
        assert len(data.poses("train")) == 4
        assert len(lifts) == 4
        assert not list(cache_path(root / "train.openpose").parent.glob("train-*.parts"))

    def test_the_rate_of_a_video_counts_for_all_clips_of_its_recording(self, copies):
        root = copies["how2sign"]
        with_keypoints(root, "official")
        table = table_path(root, "train")
        one, *_, other = read_table(table)
        lines = table.read_text().splitlines()
        recording = lines[1].split("\t")[0]
        lines[-1] = "\t".join([recording, *lines[-1].split("\t")[1:]])
        table.write_text("\n".join(lines))
        slow = How2Sign(str(root)).poses("train").lengths
        clip_path(root, "train", one).parent.mkdir(parents=True)
        clip_path(root, "train", one).write_bytes(b"broken")
        write_video(clip_path(root, "train", other), np.zeros((4, 16, 16, 3), np.uint8), 2 * FPS)
        cache_path(root / "train.openpose").unlink()
        fast = How2Sign(str(root)).poses("train").lengths
        assert fast[[0, -1]] == pytest.approx(slow[[0, -1]] / 2, abs=1)
        assert (fast[1:-1] == slow[1:-1]).all()

    def test_who_comes_second_waits_for_what_the_first_lifts(self, copies, monkeypatch):
        root, lifts, real = copies["how2sign"], [], how2sign_sentences.lift
        with_keypoints(root, "flat")

        def slowly(keypoints):
            lifts.append(len(keypoints))
            time.sleep(0.05)
            return real(keypoints)

        monkeypatch.setattr(how2sign_sentences, "lift", slowly)
        with ThreadPoolExecutor(3) as three:
            poses = list(three.map(lambda _: How2Sign(str(root)).poses("train"), range(3)))
        assert [len(clips) for clips in poses] == [4, 4, 4]
        assert len(lifts) == 4

    def test_a_clip_that_cannot_be_lifted_is_left_out_and_said(self, copies, capsys):
        root = copies["how2sign"]
        with_keypoints(root, "flat")
        next((root / "avatar000001_0-1-rgb_front").glob("*_000000000003_*")).write_text("{")
        data = How2Sign(str(root))
        data.setup("fit")
        assert "avatar000001_0-1-rgb_front" not in data.examples["train"].names
        assert len(data.examples["train"]) == 3
        assert "1 clips of train are left out; the first: " in capsys.readouterr().err

    def test_prepared_poses_come_first(self, copies, written):
        root = copies["how2sign"]
        with_keypoints(root, "flat")
        for name in ("train.skels", "train.files"):
            shutil.copy(written["how2sign"] / name, root)
        data = How2Sign(str(root))
        assert [split for split in ("train", "dev", "test") if data.lifts(split)] == ["dev", "test"]


def edit_keypoints(root: Path, name: str) -> None:
    """Cut a clip's last frame off."""
    frames = sorted(next(path for path in root.rglob(name) if path.is_dir()).iterdir())
    frames[-1].unlink()


@pytest.mark.parametrize("fps", [23.976, 24.0, 25.0, 30.0, 50.0])
def test_resampling_keeps_a_steady_motion_steady(fps):
    seconds = np.arange(round(4 * fps), dtype=np.float32) / fps
    joints = np.broadcast_to(seconds[:, None, None], (len(seconds), 50, 3))
    resampled = resample(np.ascontiguousarray(joints), fps)
    assert abs(len(resampled) - 100) <= 1
    np.testing.assert_allclose(resampled[:-2, 0, 0], np.arange(len(resampled) - 2) / 25, atol=1e-4)


def test_a_twin_speaks_as_the_avatar_does(tmp_path: Path) -> None:
    data = Phoenix14T(str(tmp_path / "twin"), twin=Twin(4))
    data.prepare_data()
    assert data.languages == ("en", "ase")
    (tmp_path / "real").mkdir()
    assert Phoenix14T(str(tmp_path / "real")).languages == ("de", "gsg")
