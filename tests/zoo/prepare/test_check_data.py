"""`python -m zoo data check`: clean data passes; each planted fault is named in the table, the JSON and the page."""

import json
import os
import shutil
from collections.abc import Callable
from fractions import Fraction
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from bad_pictures import spoil
from PIL import Image
from video_files import grey, write

from datamodules.asl_alphabet import CLASSES
from datamodules.avatar.renderer.openpose import openpose_keypoints
from datamodules.files import read_lines
from datamodules.media.video import write_video
from datamodules.poses.formats import read_skels, write_openpose, write_skels
from datamodules.twins import Twin, ensure_twin
from datamodules.twins.how2sign import CAMERA
from datamodules.wlasl.survey import survey
from zoo.cli import main
from zoo.prepare import inspection

Check = Callable[..., "Checked"]


class Checked:
    """Exit code, table, page and JSON of one check."""

    def __init__(self, code: int, table: str, folder: Path) -> None:
        self.code, self.table, self.folder = code, table, folder
        self.page = (folder / "index.html").read_text() if code in (0, 1) else ""
        self.json: dict[str, Any] = json.loads((folder / "check.json").read_text()) if self.page else {}

    def found(self, kind: str) -> list[dict[str, str]]:
        """Findings of a kind, which table and page must name too."""
        findings = [finding for finding in self.json["findings"] if finding["kind"] == kind]
        assert findings, f"no {kind} among {self.json['findings']}"
        assert kind in self.table
        assert kind in self.page
        for finding in findings[:5]:
            assert finding["where"] in self.page
        return findings


@pytest.fixture
def check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Check:
    def run(dataset: str, root: Path, *options: str) -> Checked:
        folder = tmp_path / "report"
        code = main(["data", "check", dataset, str(root), "--report", str(folder), *options])
        captured = capsys.readouterr()
        return Checked(code, captured.out + captured.err, folder)

    return run


def noise(rng: np.random.Generator, side: int = 24) -> np.ndarray:
    return rng.integers(0, 256, (side, side, 3), np.uint8)


@pytest.fixture(scope="module")
def all_letters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve unlike pictures a class, in the layout of ASL Alphabet."""
    root, rng = tmp_path_factory.mktemp("letters"), np.random.default_rng(0)
    for name in CLASSES:
        (root / name).mkdir()
        for frame in range(1, 13):
            cv2.imwrite(str(root / name / f"{name}{frame}.jpg"), noise(rng))
    return root


@pytest.fixture
def letters(all_letters: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(all_letters, tmp_path / "letters"))


@pytest.fixture
def wlasl(tmp_path: Path) -> Path:
    """Two glosses of six clips each, in the layout of WLASL."""
    root, rng = tmp_path / "wlasl", np.random.default_rng(0)
    index = []
    for gloss in ("book", "drink"):
        instances = []
        for number in range(6):
            name = f"{gloss == 'drink':d}{number:04d}"
            frames = [cv2.resize(noise(rng, 4), (32, 32)) for _ in range(25)]
            write_video(root / "videos" / f"{name}.mp4", frames, 25)
            split = "val" if number == 4 else "test" if number == 5 else "train"
            instance = {"video_id": name, "split": split, "url": f"https://x/{name}", "signer_id": number}
            instances.append({**instance, "frame_start": 1, "frame_end": -1, "fps": 25, "source": "x", "bbox": []})
        index.append({"gloss": gloss, "instances": instances})
    (root / "WLASL_v0.3.json").write_text(json.dumps(index))
    return root


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("twins")
    for dataset in ("how2sign", "phoenix14t"):
        ensure_twin(dataset, folder / dataset, Twin(6), only="poses")
    return folder


@pytest.fixture
def phoenix(twins: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(twins / "phoenix14t", tmp_path / "phoenix14t"))


@pytest.fixture
def how2sign(twins: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(twins / "how2sign", tmp_path / "how2sign"))


def change(path: Path, line: int, change: Callable[[str], str]) -> None:
    lines = path.read_text().splitlines()
    lines[line] = change(lines[line])
    path.write_text("\n".join(lines) + "\n")


class TestClean:
    def test_letters(self, letters: Path, check: Check) -> None:
        checked = check("asl-alphabet", letters)
        assert checked.code == 0, checked.table
        assert checked.json["findings"] == []
        assert "nothing wrong found" in checked.table
        assert "nothing wrong found" in checked.page
        assert sum(row["samples"] for row in checked.json["counts"].values()) <= 29 * 12
        assert checked.json["counts"]["train"]["labels"] == 29
        assert checked.json["licence"] == "GPL-2.0-only"
        assert "GPL-2.0-only" in checked.table
        assert "GPL-2.0-only" in checked.page

    def test_videos(self, wlasl: Path, check: Check) -> None:
        checked = check("wlasl", wlasl)
        assert [f for f in checked.json["findings"] if f["severity"] == "error"] == []
        assert checked.code == 0

    def test_spoilt_text_is_named_and_lines_without_names_are_no_leak(self, phoenix: Path, check: Check) -> None:
        for name in ("train", "dev", "test"):
            change(phoenix / f"{name}.files", 0, lambda _: "")
        change(phoenix / "train.text", 1, lambda _: "It isnâ€™t.")
        change(phoenix / "dev.text", 1, lambda _: "A caf\ufffd.")
        checked = check("phoenix14t", phoenix)
        assert [finding["where"] for finding in checked.found("unnamed")] == ["dev.files", "test.files", "train.files"]
        assert "isn’t" in checked.found("repaired text")[0]["message"]
        assert "lost for good" in checked.found("lost characters")[0]["message"]
        assert {f["kind"] for f in checked.json["findings"]} == {"unnamed", "repaired text", "lost characters"}

    def test_the_index_that_a_training_is_told(self, wlasl: Path, check: Check) -> None:
        (wlasl / "mine").mkdir()
        subset = {f"0000{number}": {"subset": "train", "action": [0, 1, 25]} for number in range(3)}
        (wlasl / "mine" / "few.json").write_text(json.dumps(subset))
        (wlasl / "mine" / "wlasl_class_list.txt").write_text("0\tbook\n")
        checked = check("wlasl", wlasl, "--index", "mine/few.json")
        assert [row["samples"] for row in checked.json["counts"].values()] == [3, 0, 0]
        assert "9 files that few.json does not name" in checked.table
        assert "mine/none.json: no such index" in check("wlasl", wlasl, "--index", "mine/none.json").table
        assert "only wlasl does" in check("how2sign", wlasl, "--index", "mine/few.json").table

    @pytest.mark.parametrize("dataset", ["how2sign", "phoenix14t"])
    def test_poses_of_a_twin_which_the_report_calls_one(self, dataset: str, twins: Path, check: Check) -> None:
        checked = check(dataset, twins / dataset)
        assert checked.code == 0, checked.table
        assert checked.json["findings"] == []
        assert checked.json["counts"]["train"] == {"samples": 6, "sources": 6, "files": 0, "labels": 0}
        assert checked.json["twin"]
        assert "twin of" in checked.table
        assert "reviewed by no Deaf" in checked.page

    def test_blank_last_lines_and_marks_are_nobodys_sentence(self, phoenix: Path, check: Check) -> None:
        for path in phoenix.glob("*.*"):
            if path.suffix in (".text", ".gloss", ".files", ".skels"):
                path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes() + b"\r\n \n")
        checked = check("phoenix14t", phoenix)
        assert checked.code == 0, checked.table
        assert checked.json["findings"] == []
        assert checked.json["counts"]["train"]["samples"] == 6

    @pytest.mark.parametrize("dataset", ["mnist", "cifar10"])
    def test_pictures_that_share_a_file(self, dataset: str, tmp_path: Path, check: Check) -> None:
        ensure_twin(dataset, tmp_path / dataset, Twin(120, signers=2))
        checked = check(dataset, tmp_path / dataset)
        assert checked.code == 0, checked.table
        assert [f for f in checked.json["findings"] if f["severity"] == "error"] == []
        assert checked.json["counts"]["train"]["labels"] == 10
        assert checked.page.count("<img") >= 60
        assert "cannot be shown" not in checked.page

    def test_the_same_data_gives_the_same_bytes(self, letters: Path, check: Check) -> None:
        first = check("asl-alphabet", letters)
        second = check("asl-alphabet", letters)
        assert (first.page, first.json) == (second.page, second.json)


class TestPictures:
    def test_a_cut_picture(self, letters: Path, check: Check) -> None:
        path = letters / "B" / "B3.jpg"
        path.write_bytes(path.read_bytes()[:300])
        checked = check("asl-alphabet", letters)
        assert checked.code == 1
        (finding,) = checked.found("unreadable")
        assert finding["where"] == "B/B3.jpg"
        assert "unreadable" in checked.table
        assert str(letters) not in finding["message"]

    def test_a_picture_of_no_bytes(self, letters: Path, check: Check) -> None:
        (letters / "B" / "B3.jpg").write_bytes(b"")
        checked = check("asl-alphabet", letters)
        assert checked.code == 1
        assert "B/B3.jpg" in {finding["where"] for finding in checked.found("empty")}

    def test_no_fault_is_named_twice(self, letters: Path, check: Check) -> None:
        expected = spoil(letters, [f"{name}/{name}5.jpg" for name in "ABCDEFG"])
        Image.new("1", (8000, 7000)).save(letters / "H" / "H5.jpg", "PNG")
        (letters / "I" / "I5.jpg").unlink()
        (letters / "I" / "I5.jpg").symlink_to("nowhere")
        expected |= {"H/H5.jpg": "8000 x 7000 pixels, expected at most", "I/I5.jpg": "a link to nothing"}
        checked = check("asl-alphabet", letters)
        assert checked.code == 1
        found = {finding["where"]: finding["message"] for finding in checked.json["findings"]}
        assert len(found) == len(checked.json["findings"])
        assert found.keys() == expected.keys()
        assert all(words in found[name] for name, words in expected.items())

    def test_a_copy_across_splits_is_an_error_and_within_one_a_warning(self, letters: Path, check: Check) -> None:
        shutil.copy(letters / "C" / "C1.jpg", letters / "C" / "C12.jpg")
        shutil.copy(letters / "D" / "D1.jpg", letters / "D" / "D2.jpg")
        checked = check("asl-alphabet", letters)
        assert checked.code == 1
        severity = {finding["where"]: finding["severity"] for finding in checked.found("duplicate")}
        assert severity == {"C/C12": "error", "D/D2": "warning"}

    def test_a_copy_under_another_label_is_an_error(self, letters: Path, check: Check) -> None:
        shutil.copy(letters / "C" / "C1.jpg", letters / "D" / "D1.jpg")
        (finding,) = check("asl-alphabet", letters).found("duplicate")
        assert (finding["where"], finding["severity"]) == ("D/D1", "error")

    def test_a_copy_saved_again_is_a_look_alike(self, letters: Path, check: Check) -> None:
        smooth = cv2.resize(noise(np.random.default_rng(7), 6), (64, 64))
        cv2.imwrite(str(letters / "C" / "C1.jpg"), smooth, [cv2.IMWRITE_JPEG_QUALITY, 95])
        cv2.imwrite(str(letters / "C" / "C12.jpg"), smooth, [cv2.IMWRITE_JPEG_QUALITY, 70])
        checked = check("asl-alphabet", letters)
        (finding,) = checked.found("look-alike")
        assert finding["where"] == "C/C12"
        assert "looks like C/C1 " in finding["message"]
        assert checked.code == 0

    def test_an_empty_class_and_what_no_index_knows(self, letters: Path, check: Check) -> None:
        for path in (letters / "Q").iterdir():
            path.unlink()
        (letters / "Qu").mkdir()
        checked = check("asl-alphabet", letters)
        assert checked.code == 1
        assert [finding["where"] for finding in checked.found("missing")] == ["Q"]
        assert [finding["where"] for finding in checked.found("unlisted")] == ["Qu"]

    def test_many_findings_are_counted_on_the_page_and_all_in_the_json(self, letters: Path, check: Check) -> None:
        for number in range(60):
            (letters / "A" / f"note{number:02d}.txt").touch()
        checked = check("asl-alphabet", letters)
        assert len(checked.json["findings"]) == 60
        assert "35 more in check.json" in checked.page
        assert "note59" not in checked.page


class TestVideos:
    def test_zero_bytes_a_missing_file_and_one_that_no_index_names(self, wlasl: Path, check: Check) -> None:
        (wlasl / "videos" / "00001.mp4").write_bytes(b"")
        (wlasl / "videos" / "10002.mp4").unlink()
        (wlasl / "videos" / "99999.mp4").write_bytes((wlasl / "videos" / "10001.mp4").read_bytes())
        checked = check("wlasl", wlasl)
        for kind, what in (("missing", "2 of the 12"), ("unreadable", "00001.mp4"), ("unlisted", "99999.mp4")):
            assert any(what in finding["message"] for finding in checked.found(kind)), kind

    @pytest.mark.parametrize("kept", [0.5, 0.9])
    def test_a_cut_video(self, wlasl: Path, check: Check, kept: float) -> None:
        path = wlasl / "videos" / "00000.mp4"
        content = path.read_bytes()
        path.write_bytes(content[: int(kept * len(content))])
        checked = check("wlasl", wlasl)
        assert checked.code == 1
        (finding,) = checked.found("unreadable")
        assert finding["where"] == "videos/00000.mp4"

    def test_what_is_particular_about_a_video_is_named(self, wlasl: Path, check: Check) -> None:
        videos, frames = wlasl / "videos", grey(range(20, 220, 10))
        write(videos / "00000.mp4", frames, np.cumsum([0, *[0.04] * 10, *[0.2] * 9]))
        write(videos / "00001.mp4", frames, matrix=(0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30))
        write(videos / "00002.mp4", frames, aspect=Fraction(4, 3))
        write(videos / "00003.mp4", frames, options={"x264-params": "tff=1"})
        slow = write(videos / "10000.mp4", frames).read_bytes()
        at = slow.index(b"elst") + 20  # its first part's rate, twice 16 bits
        (videos / "10000.mp4").write_bytes(slow[:at] + b"\0\0\x80\0" + slow[at + 4 :])
        checked = check("wlasl", wlasl)
        for kind, name, said in (
            ("variable rate", "00000", "0.04 to 0.2 seconds apart; read at 25 a second"),
            ("turned", "00001", "turned by 90 degrees clockwise"),
            ("pixel aspect", "00002", "pixels of 1.333 to 1; read as 85 x 48"),
            ("interlaced", "00003", "20 of 20 frames are interlaced"),
            ("edit list", "10000", "plays parts at another speed"),
        ):
            (finding,) = checked.found(kind)
            assert (finding["where"], finding["severity"]) == (f"videos/{name}.mp4", "warning")
            assert said in finding["message"]

    def test_a_page_of_html_called_mp4(self, wlasl: Path, check: Check) -> None:
        (wlasl / "videos" / "00000.mp4").write_text("<html>This video is gone.</html>")
        (finding,) = check("wlasl", wlasl).found("unreadable")
        assert "32 bytes that are no video" in finding["message"]

    def test_a_gloss_that_is_tested_but_never_trained(self, wlasl: Path, check: Check) -> None:
        for sample in survey(wlasl).samples:
            if (sample.label, sample.split) == ("book", "train"):
                sample.files[0].unlink()
        checked = check("wlasl", wlasl)
        assert any(f["where"] == "train" and "book" in f["message"] for f in checked.found("empty class"))
        assert checked.code == 1

    def test_a_broken_index_is_one_message(self, wlasl: Path, check: Check) -> None:
        (wlasl / "WLASL_v0.3.json").write_text('[{"gloss": "book"}, ')
        checked = check("wlasl", wlasl)
        assert checked.code == 2
        assert checked.table.startswith(f"error: {wlasl / 'WLASL_v0.3.json'}")
        assert checked.table.count("\n") == 1
        assert not checked.folder.exists()


class TestPoses:
    def test_broken_sequences(self, phoenix: Path, check: Check) -> None:
        poses = read_skels(phoenix / "train.skels")
        poses[0][:] = poses[0][:1]
        write_skels(phoenix / "train.skels", poses)
        skels = phoenix / "train.skels"
        change(skels, 1, lambda line: " ".join(["nan", *line.split()[1:]]))
        change(skels, 2, lambda line: line[: len(line) // 2])
        change(skels, 3, lambda line: "")
        checked = check("phoenix14t", phoenix)
        assert checked.code == 1
        for kind, number in (("frozen", 0), ("nan", 1), ("cut", 2), ("empty", 3)):
            assert [finding["where"] for finding in checked.found(kind)] == [f"train/avatar-{number}"]

    def test_a_copied_sequence_and_a_leaking_recording(self, phoenix: Path, check: Check) -> None:
        copy = (phoenix / "train.skels").read_text().splitlines()[4]
        change(phoenix / "dev.skels", 0, lambda line: copy)
        change(phoenix / "test.files", 1, lambda line: "test/avatar-3")
        checked = check("phoenix14t", phoenix)
        assert checked.code == 1
        assert "the same poses as train/avatar-4 (dev and train)" in checked.found("duplicate")[0]["message"]
        (leak,) = checked.found("leak")
        assert "train/avatar-3 in train, test/avatar-3 in test" in leak["message"]

    def test_files_that_do_not_run_in_parallel_and_repeated_words(self, phoenix: Path, check: Check) -> None:
        words = read_lines(phoenix / "train.text")[0]
        change(phoenix / "dev.text", 0, lambda line: words)
        text = phoenix / "test.text"
        text.write_text(text.read_text().partition("\n")[2])
        (phoenix / "train.files").unlink()
        (phoenix / "train.files").write_text("\n".join(f"train/avatar-{n}" for n in range(5)) + "\n")
        checked = check("phoenix14t", phoenix)
        assert {finding["where"] for finding in checked.found("mismatch")} == {"test.text", "train.skels", "train.text"}
        (finding,) = checked.found("repeated text")
        assert finding["severity"] == "warning"
        assert words in finding["message"]

    def test_a_missing_file(self, phoenix: Path, check: Check) -> None:
        (phoenix / "dev.skels").unlink()
        checked = check("phoenix14t", phoenix)
        assert [finding["where"] for finding in checked.found("missing")] == ["dev.skels"]
        assert checked.code == 1

    def test_poses_without_sentences_and_sentences_without_poses(self, how2sign: Path, check: Check) -> None:
        table = how2sign / "how2sign_realigned_train.csv"
        change(table, 2, lambda line: line.replace("avatar000001_0-1", "avatar999999_0-1"))
        checked = check("how2sign", how2sign)
        assert [f["where"] for f in checked.found("unlisted")] == ["avatar000001_0-1-rgb_front"]
        (finding,) = checked.found("no poses")
        assert "1 of 6 sentences of train have no poses" in finding["message"]
        assert finding["severity"] == "warning"

    def test_keypoints_are_read_to_the_last_frame(self, how2sign: Path, check: Check) -> None:
        for name, joints in zip(read_lines(how2sign / "val.files"), read_skels(how2sign / "val.skels"), strict=True):
            write_openpose(how2sign / "val" / name, name, openpose_keypoints(joints, CAMERA))
        first, second = sorted((how2sign / "val").iterdir())
        (first / f"{first.name}_000000000004_keypoints.json").write_text('{"people": [{}]}')
        (second / f"{second.name}_000000000004_keypoints.json").unlink()
        checked = check("how2sign", how2sign)
        assert checked.code == 1
        faults = {f["where"]: f["message"] for f in checked.found("unreadable")}
        assert faults.keys() == {f"val/{first.name}", f"val/{second.name}"}
        assert faults[f"val/{first.name}"].startswith(f"{first.name}_000000000004_keypoints.json: people[0]")
        assert faults[f"val/{second.name}"].startswith("frames 4 are missing")

    def test_several_people_in_view_are_said(self, tmp_path: Path) -> None:
        """A warning: one of them is followed."""
        keypoints = np.zeros((3, 137, 3))
        keypoints[:, 95:] = (50, 50, 1)
        keypoints[:, :8] = np.random.default_rng(0).uniform(1, 99, (3, 8, 3))
        write_openpose(tmp_path / "clip", "clip", keypoints)
        path = tmp_path / "clip" / "clip_000000000001_keypoints.json"
        frame = json.loads(path.read_text())
        path.write_text(json.dumps({"people": frame["people"] * 2}))
        found = inspection.inspect(tmp_path, tmp_path / "clip")
        assert (found.kind, found.message) == (inspection.PEOPLE, "2 people in view at once; the largest is followed")

    def test_keypoints_alone_are_shown_as_what_they_are_lifted_to(self, how2sign: Path, check: Check) -> None:
        for name, joints in zip(read_lines(how2sign / "val.files"), read_skels(how2sign / "val.skels"), strict=True):
            write_openpose(how2sign / "val" / name, name, openpose_keypoints(joints, CAMERA))
        for suffix in ("skels", "files"):
            (how2sign / f"val.{suffix}").unlink()
        checked = check("how2sign", how2sign)
        assert checked.code == 0, checked.table
        assert checked.json["counts"]["dev"] == {"samples": 2, "sources": 2, "files": 2, "labels": 0}
        assert "cannot be shown" not in checked.page

    def test_a_video_in_two_splits(self, how2sign: Path, check: Check) -> None:
        change(
            how2sign / "how2sign_realigned_val.csv", 1, lambda line: line.replace("avatar1000000\t", "avatar000002\t")
        )
        (leak,) = check("how2sign", how2sign).found("leak")
        assert "avatar000002_0-2-rgb_front in train, avatar1000000_0-0-rgb_front in dev" in leak["message"]


class Page(HTMLParser):
    """Collects what a page asks for, and sees that its tags match."""

    VOID = frozenset({"meta", "img", "br", "link", "input"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, self.getpos()


class TestPage:
    def test_it_asks_nothing_of_anybody_and_says_what_pictures_show(self, letters: Path, check: Check) -> None:
        page = Page(check("asl-alphabet", letters).page)
        assert not page.open
        pictures = [attributes for tag, attributes in page.tags if tag == "img"]
        assert len(pictures) == 3 * 29
        for attributes in pictures:
            assert str(attributes["src"]).startswith("data:image/jpeg;base64,")
            assert attributes["alt"]
        assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in page.tags}
        linked = {attributes.get("href") for _, attributes in page.tags} - {None}
        assert linked == {"https://www.kaggle.com/datasets/grassknoted/asl-alphabet"}
        assert "url(" not in check("asl-alphabet", letters).page

    def test_names_from_the_disk_are_text_and_not_html(self, letters: Path, check: Check) -> None:
        (letters / "<b>bold [red]").mkdir()
        checked = check("asl-alphabet", letters)
        assert "<b>bold [red]" in checked.table
        assert "&lt;b&gt;bold [red]" in checked.page
        assert "<b>bold" not in checked.page
        assert not Page(checked.page).open

    def test_a_name_that_is_no_utf_8_is_told_with_its_bytes(self, letters: Path, check: Check) -> None:
        strange = Path(os.fsdecode(b"A\xe9.jpg"))
        (letters / "A" / strange).write_bytes(b"x")
        checked = check("asl-alphabet", letters)
        assert checked.code == 1
        assert [finding["where"] for finding in checked.json["findings"]] == [f"A/{strange}"]
        assert "A\\udce9.jpg" in checked.page
        assert "A\\udce9.jpg" in checked.table

    def test_it_shows_poses_and_pictures_only_so_many(self, twins: Path, check: Check) -> None:
        page = check("phoenix14t", twins / "phoenix14t").page
        assert page.count("<img") == 6 + 2 + 2
        assert "cannot be shown" not in page


class TestReport:
    def test_an_interrupted_check_goes_on(self, letters: Path, check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
        seen: list[Path] = []
        real = inspection.inspect

        def inspect(root: Path, path: Path) -> inspection.Inspected:
            if len(seen) == 200:
                raise KeyboardInterrupt
            seen.append(path)
            return real(root, path)

        monkeypatch.setattr(inspection, "inspect", inspect)
        assert check("asl-alphabet", letters).code == 130
        assert not list((letters.parent / "report").glob("*.html"))
        monkeypatch.setattr(inspection, "inspect", lambda root, path: seen.append(path) or real(root, path))
        assert check("asl-alphabet", letters).code == 0
        assert len(set(seen)) <= len(seen) < len(set(seen)) + 200
        assert not list((letters.parent / "report").glob("*.jsonl"))

    def test_what_is_no_report_is_not_written_over(self, letters: Path, check: Check) -> None:
        mine = letters.parent / "report" / "index.html"
        mine.parent.mkdir()
        mine.write_text("my page")
        checked = check("asl-alphabet", letters)
        assert checked.code == 2
        assert "no report of this command" in checked.table
        assert mine.read_text() == "my page"

    def test_a_report_within_the_data_is_refused(self, letters: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["data", "check", "asl-alphabet", str(letters), "--report", str(letters / "report")]) == 2
        assert "within the data set" in capsys.readouterr().err

    def test_half_of_a_data_set_says_what_the_other_half_is(self, wlasl: Path, how2sign: Path, check: Check) -> None:
        shutil.copytree(wlasl / "videos", wlasl / "alone" / "videos")
        alone = check("wlasl", wlasl / "alone")
        assert alone.code == 2
        assert "only an index tells what clips show" in alone.table
        shutil.rmtree(wlasl / "videos")
        (finding,) = check("wlasl", wlasl).found("missing")
        assert finding["message"].startswith(
            "none of the 12 clips that WLASL_v0.3.json names is there; expected videos/"
        )
        assert finding["severity"] == "error"
        table = how2sign.parent / "table" / "how2sign_realigned_val.csv"
        table.parent.mkdir()
        shutil.copy(how2sign / table.name, table)
        missing = {finding["where"]: finding["message"] for finding in check("how2sign", table.parent).found("missing")}
        assert missing.keys() == {"dev", "how2sign_realigned_train.csv", "how2sign_realigned_test.csv"}
        assert missing["dev"].startswith(
            "there is nothing of the 2 sentences that how2sign_realigned_val.csv names; exp"
        )

    def test_no_such_folder(self, tmp_path: Path, check: Check) -> None:
        checked = check("wlasl", tmp_path / "nowhere")
        assert checked.code == 2
        assert "nowhere: no such folder; give the folder of WLASL" in checked.table

    def test_many_files_are_read_on_every_core(
        self, letters: Path, check: Check, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (letters / "Z" / "Z3.jpg").write_bytes(b"no picture")
        here = check("asl-alphabet", letters)
        monkeypatch.setattr(inspection, "FEW", 0)
        spread = check("asl-alphabet", letters)
        assert here.json == spread.json
        assert here.page == spread.page


def test_real_samples_are_checked(shared: Path, check: Check) -> None:
    checked = check("rwth-boston50", shared / "data" / "rwth_boston50")
    assert checked.code == 0
    assert checked.json["counts"]["train"]["samples"] == 345
    assert {finding["kind"] for finding in checked.json["findings"]} == {"duplicate", "look-alike"}
    checked = check("phoenix14t", shared / "data" / "progressive_transformers")
    assert checked.json["counts"]["train"]["samples"] == 5
    assert checked.code == 0
