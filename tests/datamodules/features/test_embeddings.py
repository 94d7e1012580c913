"""Embedding videos: the rows are the model's own, and their bytes survive kills, corrupt neighbours and restarts."""

import csv
import json
import os
import pickle
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import VJEPA2Config, VJEPA2Model
from video_files import CONTAINERS, grey, write

from datamodules.clips import list_clips
from datamodules.features.embedding_files import HEADER, Embedded, EmbeddingSettings, npy_path, read_index, sole_writer
from datamodules.features.embeddings import embed
from datamodules.features.vjepa import Encoder, model_folder
from datamodules.media.clip import Clip
from datamodules.media.video import write_video
from datamodules.media.video_windows import VARIANTS, windows
from zoo.artefacts.artefact import starter_folder
from zoo.cli import main

TINY = {
    "crop_size": 64,
    "frames_per_clip": 8,
    "hidden_size": 16,
    "num_attention_heads": 2,
    "num_hidden_layers": 2,
    "mlp_ratio": 2.0,
    "pred_hidden_size": 12,
    "pred_num_attention_heads": 1,
    "pred_num_hidden_layers": 1,
    "initializer_range": 0.2,
}


def save_model(folder: Path, seed: int = 0) -> Path:
    torch.manual_seed(seed)
    VJEPA2Model(VJEPA2Config(**TINY)).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return save_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def videos(tmp_path_factory) -> Path:
    """Clips of many lengths, rates and sizes."""
    folder = tmp_path_factory.mktemp("videos")
    rng = np.random.default_rng(0)
    for number in range(9):
        height, width = (48, 64) if number % 2 else (72, 60)
        canvas = np.kron(rng.integers(0, 256, (height // 12, width // 12, 3), np.uint8), np.ones((12, 12, 1), np.uint8))
        frames = [np.roll(canvas, shift, axis=1) for shift in range(1 + 7 * number)]
        write_video(folder / f"{number:05d}.mp4", frames, fps=(16, 25, 29.97)[number % 3])
    return folder


@pytest.fixture(scope="module")
def undisturbed(videos, model, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("embedded") / "out"
    assert embed(list_clips(videos), out, model=str(model), batch_size=4) == {}
    return out


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_every_variant_of_every_clip_has_its_file_and_its_row(undisturbed, videos):
    names = [f"{path.stem}_{variant}_vjepa.npy" for path in videos.iterdir() for variant in VARIANTS]
    rows = list(csv.reader((undisturbed / "index.csv").open()))
    assert rows[0] == HEADER == ["video_id", "gloss", "path_to_npy_file"]
    assert rows[1:] == [[name, "", name] for name in sorted(names)]
    assert set(contents(undisturbed)) == {*names, "index.csv", "embeddings.json", "report.json"}
    assert EmbeddingSettings.read(undisturbed).width == 16


def test_the_rows_are_those_of_the_model_called_directly_window_by_window(undisturbed, videos, model):
    network = VJEPA2Model.from_pretrained(model).eval()
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    for clip in list_clips(videos)[::4]:
        expected = [[], [], []]
        for views, real in windows(*clip.frames(), 8, 64):
            for variant, view in enumerate(views):
                pixels = ((torch.from_numpy(view) / 255 - mean) / std).permute(0, 3, 1, 2)[None]
                with torch.no_grad():
                    tokens = network(pixels, skip_predictor=True).last_hidden_state[0]  # 4 tubelets x 4 x 4 patches
                expected[variant].append(
                    torch.stack([tokens[16 * t : 16 * t + 16].mean(0) for t in range((real + 1) // 2)])
                )
        for variant, rows in zip(VARIANTS, expected, strict=True):
            found = np.load(undisturbed / f"{clip.name}_{variant}_vjepa.npy")
            assert found.dtype == np.float32
            np.testing.assert_allclose(found, torch.cat(rows), atol=1e-5)


def test_a_file_is_named_after_gloss_clip_and_variant():
    assert npy_path(Clip("25076", Path("25076.mp4"), "good"), "gaussian") == Path("good_25076_gaussian_vjepa.npy")
    assert npy_path(Clip("day/1", Path("1.mp4")), "grey") == Path("day/1_grey_vjepa.npy")
    row = Embedded("", "and/or", npy_path(Clip("7_b", Path("7_b.mp4"), "and/or"), "original"))
    assert str(row.path) == "and-or_7_b_original_vjepa.npy"
    assert (row.clip, row.variant) == ("7_b", "original")


def test_variants_differ_and_padding_leaves_no_row(undisturbed):
    original, gaussian, grey = (np.load(undisturbed / f"00003_{variant}_vjepa.npy") for variant in VARIANTS)
    assert len(original) == 11  # 22 frames at 16 a second: two windows of 8, one of 6
    assert abs(original - gaussian).max() > 1e-3
    assert abs(original - grey).max() > 1e-3
    assert len(np.load(undisturbed / "00000_original_vjepa.npy")) == 1  # a single frame


def test_killed_at_any_moment_it_goes_on_to_the_same_bytes(undisturbed, videos, model, tmp_path):
    out = tmp_path / "out"
    command = [sys.executable, "-m", "zoo", "data", "embed", str(videos), str(out), "--model", str(model)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while len(list(out.glob("[0-9]*.npy"))) < 7:
        assert process.poll() is None
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    written = {path: path.stat().st_mtime_ns for path in out.glob("[0-9]*.npy")}
    assert 7 <= len(written) < 27
    assert not (out / "index.csv").exists()
    (out / ".00006_grey_vjepa-half____.npy").write_bytes(b"what a kill while writing leaves")
    next(iter(written)).unlink()  # as if killed between two variants of a clip
    written.pop(next(iter(written)))
    embed(list_clips(videos), out, model=str(model), batch_size=4)
    assert contents(out) == contents(undisturbed)
    assert all(path.stat().st_mtime_ns == when for path, when in written.items())


def test_a_corrupt_video_is_reported_and_changes_nobody_elses_bytes(undisturbed, videos, model, tmp_path):
    folder, out = tmp_path / "videos", tmp_path / "out"
    folder.mkdir()
    for path in videos.iterdir():
        (folder / path.name).symlink_to(path)
    (folder / "00001a.mp4").write_bytes(b"no video at all")
    whole = (videos / "00008.mp4").read_bytes()
    (folder / "00002b.mp4").write_bytes(whole[: len(whole) // 2])
    (folder / "00000.mkv").write_bytes(b"")
    (folder / "00000.mkv").rename(folder / "00000c.mkv")
    failed = embed(list_clips(folder), out, model=str(model), batch_size=4)
    assert sorted(map(Path, failed)) == [folder / "00000c.mkv", folder / "00001a.mp4", folder / "00002b.mp4"]
    report = json.loads((out / "report.json").read_text())
    assert report["clips"] == 12
    assert [entry["file"] for entry in report["failed"]] == sorted(failed)
    assert "15 bytes that are no video" in report["failed"][1]["reason"]
    ours, theirs = contents(out), contents(undisturbed)
    for name in theirs.keys() - {"report.json"}:
        assert ours[name] == theirs[name]
    assert ours.keys() == theirs.keys()


def test_nothing_but_corrupt_videos_is_an_error(model, tmp_path):
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "a.mp4").write_bytes(b"junk")
    with pytest.raises(ValueError, match=r"not one of 1 clips could be read, .*a\.mp4: 4 bytes that are no video"):
        embed(list_clips(tmp_path / "videos"), tmp_path / "out", model=str(model), batch_size=4)


def test_the_command_line_says_where_the_embeddings_are(undisturbed, videos, model, capsys):
    before = contents(undisturbed)
    assert main(["data", "embed", str(videos), str(undisturbed), "--model", str(model)]) == 0
    assert capsys.readouterr().out == f"{undisturbed}\n"
    assert contents(undisturbed) == before


@pytest.mark.parametrize("address", ["vjepa-starter", str(starter_folder("vjepa-starter"))])
def test_the_zoos_own_encoder_is_known_by_its_name_and_its_folder(address, tmp_path, capsys):
    write(tmp_path / "in" / "a.mp4", grey(range(20, 200, 10)), [k / 25 for k in range(18)])
    (tmp_path / "in" / "empty.mp4").touch()
    assert main(["data", "embed", str(tmp_path / "in"), str(tmp_path / "out"), "--model", address]) == 1
    assert re.search(rf"{tmp_path}/in/empty.mp4: .*\n.*1 files could not be read", capsys.readouterr().out)
    assert EmbeddingSettings.read(tmp_path / "out").size == 96
    assert len(read_index(tmp_path / "out")) == 3


def test_a_file_that_is_no_embedding_is_made_again_as_its_message_says(model, tmp_path):
    write(tmp_path / "in" / "a.mp4", grey(range(20, 200, 10)), [k / 25 for k in range(18)])
    command = ["data", "embed", str(tmp_path / "in"), str(tmp_path / "out"), "--model", str(model)]
    assert main(command) == 0
    first = next(iter(read_index(tmp_path / "out")))
    right = first.path.read_bytes()
    first.path.write_bytes(b"junk!")
    with pytest.raises(ValueError, match=r"no .npy at all\); remove it, and the same `python -m zoo data embed`"):
        first.read()
    first.path.unlink()
    assert main(command) == 0
    assert first.path.read_bytes() == right


def test_every_common_container_is_embedded_and_the_rest_is_said(model, tmp_path, capsys):
    """At the same uneven times each gives as many rows; a film that is no film is told by the exit code."""
    keep = [suffix for suffix, kind in CONTAINERS.items() if kind.times]
    for suffix in keep:
        write(tmp_path / "in" / f"{suffix}.{suffix}", grey(range(20, 200, 30)), [0, 0.04, 0.4, 0.44, 0.48, 0.96])
    (tmp_path / "in" / "notes.txt").touch()
    command = ["data", "embed", str(tmp_path / "in"), str(tmp_path / "out"), "--model", str(model)]
    assert main(command) == 0
    assert "skipped, no clips by index or suffix: 1 .txt" in capsys.readouterr().out
    assert {row.clip for row in read_index(tmp_path / "out")} == set(keep)
    assert {len(np.load(path)) for path in (tmp_path / "out").glob("*.npy")} == {8}  # a second at 16, two a row
    (tmp_path / "in" / "cut.mp4").write_bytes(b"no film")
    assert main(command) == 1
    assert "1 files could not be read" in capsys.readouterr().out


def test_another_model_or_setting_is_refused_where_embeddings_are(undisturbed, videos, model, tmp_path, capsys):
    other = save_model(tmp_path / "other", seed=1)
    before = contents(undisturbed)
    for extra, what in (
        (["--model", str(other)], "weights is"),
        (["--model", str(model), "--batch-size", "2"], "batch_size is 4"),
    ):
        assert main(["data", "embed", str(videos), str(undisturbed), *extra]) == 2
        assert what in capsys.readouterr().err
    assert contents(undisturbed) == before


def test_a_model_that_was_moved_is_the_same_model(undisturbed, videos, tmp_path):
    moved = save_model(tmp_path / "moved")
    assert embed(list_clips(videos), undisturbed, model=str(moved), batch_size=4) == {}


def test_a_folder_of_other_things_is_left_alone(videos, model, tmp_path):
    (tmp_path / "index.csv").write_text("mine")
    with pytest.raises(FileExistsError, match=r"holds files but no embeddings\.json"):
        embed(list_clips(videos), tmp_path, model=str(model), batch_size=4)
    assert contents(tmp_path) == {"index.csv": b"mine"}


def test_one_writer_at_a_time(videos, model, tmp_path):
    with sole_writer(tmp_path), pytest.raises(ValueError, match="another process is writing embeddings there"):
        embed(list_clips(videos), tmp_path, model=str(model), batch_size=4)


def test_another_folder_of_videos_adds_to_the_index(videos, model, tmp_path):
    for name, file in (("a", "00001.mp4"), ("b", "00002.mp4")):
        (tmp_path / name).mkdir()
        (tmp_path / name / file).symlink_to(videos / file)
        embed(list_clips(tmp_path / name), tmp_path / "out", model=str(model), batch_size=4)
    assert {row.clip for row in read_index(tmp_path / "out")} == {"00001", "00002"}


def without_layer(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    save_file(
        {name: value for name, value in weights.items() if "encoder.layer.1." not in name}, folder / "model.safetensors"
    )


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda folder: (folder / "config.json").unlink(), r"no config\.json"),
        (lambda folder: (folder / "config.json").write_text("{"), "not readable as JSON"),
        (
            lambda folder: (folder / "config.json").write_text('{"model_type": "bert"}'),
            "model_type is 'bert', expected 'vjepa2'",
        ),
        (
            lambda folder: (folder / "model.safetensors").rename(folder / "pytorch_model.bin"),
            "pickled weights are not read",
        ),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"junk"), "no readable VJEPA2Model"),
        (without_layer, "weights of the encoder are missing"),
    ],
)
def test_what_is_no_whole_model_is_refused(harm, message, tmp_path):
    harm(save_model(tmp_path))
    with pytest.raises(ValueError, match=message):
        Encoder.open(tmp_path)


def test_a_model_that_is_nowhere_is_named():
    with pytest.raises(ValueError, match=r"facebook/absent: no such folder, and not in the Hub's cache"):
        model_folder("facebook/absent", download=False)
    with pytest.raises(ValueError, match="neither a folder nor a Hub id"):
        model_folder("../no/such/place", download=False)


def test_half_precision_as_on_a_gpu_stays_close(model):
    frames = torch.randint(0, 256, (2, 8, 64, 64, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    exact, half = Encoder.open(model)(frames), Encoder.open(model, torch.bfloat16)(frames)
    assert half.dtype == torch.float32
    assert (exact - half).abs().max() < 0.1


def test_a_folder_can_be_moved_and_absolute_paths_are_read_too(tmp_path):
    rows = np.ones((3, 4), np.float32)
    np.save(tmp_path / "good_1_grey_vjepa.npy", rows)
    for where in ("good_1_grey_vjepa.npy", tmp_path / "good_1_grey_vjepa.npy"):
        (tmp_path / "index.csv").write_text(f"video_id,gloss,path_to_npy_file\ngood_1_grey_vjepa.npy,good,{where}\n")
        (row,) = read_index(tmp_path)
        assert row.gloss == "good"
        assert (row.clip, row.variant) == ("1", "grey")
        assert np.array_equal(row.read(), rows)


@pytest.mark.parametrize("text", ["", "video,gloss,path\n", "video_id,gloss,path_to_npy_file\na,b\n"])
def test_an_index_of_another_form_is_refused(text, tmp_path):
    (tmp_path / "index.csv").write_text(text)
    with pytest.raises(ValueError, match=r"index\.csv, line \d: found .*expected"):
        read_index(tmp_path)


def huge(path: Path) -> None:
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": (10**9, 1408)})


@pytest.mark.parametrize(
    "write",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"\x93NUMPY\x01\x00\xff\xff"),
        huge,
        lambda path: path.write_bytes(pickle.dumps(os.system)),
        lambda path: np.save(path, np.array([{}], object), allow_pickle=True),
        lambda path: np.save(path, np.ones(3, np.float32)),
        lambda path: np.save(path, np.ones((3, 4))),
        lambda path: np.save(path, np.ones((0, 4), np.float32)),
        lambda path: np.save(path, np.full((3, 4), np.nan, np.float32)),
        lambda path: np.save(path, np.ones((3, 5), np.float32)),
        lambda path: np.savez(path.open("wb"), rows=np.ones((3, 4), np.float32)),
    ],
)
def test_a_file_that_is_no_embedding_is_named(write, tmp_path):
    path = tmp_path / "bad.npy"
    write(path)
    with pytest.raises(ValueError, match=r"bad\.npy: "):
        Embedded("bad.npy", "bad", path).read(width=4)
