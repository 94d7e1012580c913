"""`.skels` files and their texts: what is written comes back, what is broken is named by file, line and place."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from datamodules.files import atomic, read_lines
from datamodules.poses.formats import BrokenLine, iterate_skels, read_skels, write_skels
from datamodules.poses.formats.skels import LONGEST, parse_decimals, scan_skels


@pytest.fixture
def sequences() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.normal(0, 0.3, (length, 50, 3)).astype(np.float32) for length in (1, 7, 30)]


def line_of(frames: int) -> list[str]:
    return [word for frame in range(frames) for word in [*["0.12500"] * 150, f"{frame / frames:.5f}"]]


def test_sequences_come_back_to_five_decimals(tmp_path: Path, sequences: list[np.ndarray]) -> None:
    write_skels(tmp_path / "a.skels", sequences)
    back = read_skels(tmp_path / "a.skels")
    assert len(back) == 3
    for expected, found in zip(sequences, back, strict=True):
        assert found.dtype == np.float32
        assert found.flags.c_contiguous
        np.testing.assert_allclose(found, expected, atol=6e-6)


some_sequences = st.lists(
    hnp.arrays(np.float32, st.tuples(st.integers(1, 3), st.just(50), st.just(3)), elements=st.floats(-9, 9, width=32)),
    min_size=1,
    max_size=3,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(given_sequences=some_sequences)
def test_any_sequences_come_back_to_five_decimals(tmp_path: Path, given_sequences: list[np.ndarray]) -> None:
    write_skels(tmp_path / "a.skels", given_sequences)
    for expected, found in zip(given_sequences, read_skels(tmp_path / "a.skels"), strict=True):
        np.testing.assert_allclose(found, expected, atol=6e-6)


@settings(max_examples=100, deadline=None)
@given(
    words=st.lists(
        st.tuples(st.sampled_from(["%.5f", "%.1f", "%d", "%+.3f", "%g", "%.9e"]), st.floats(-1e8, 1e8)).map(
            lambda pair: pair[0] % pair[1]
        )
    )
)
def test_decimals_are_read_as_python_reads_them(words: list[str]) -> None:
    found = parse_decimals(" ".join(words).encode())
    if found is None:  # left to the slower reader: a power of ten beyond exact arithmetic
        assert any("e" in word for word in words)
    else:
        np.testing.assert_array_equal(found, np.array([float(word) for word in words], np.float64).astype(np.float32))


@pytest.mark.parametrize("text", ["nan", "1e999", "-", ".", "1e", "1-2", "0x1", "1_0", "1,5", "1\0", "١", "1" * 16])
def test_what_is_no_plain_decimal_is_left_to_the_slower_reader(text: str) -> None:
    assert parse_decimals(f"0.5 {text}".encode()) is None


def test_a_number_that_only_the_slower_reader_takes_is_read(tmp_path: Path) -> None:
    words = line_of(2)
    words[3:6] = ["0.12345678901234567890", "1e-30", "1_0"]
    (tmp_path / "a.skels").write_text(" ".join(words))
    np.testing.assert_array_equal(
        read_skels(tmp_path / "a.skels")[0][0, 1], np.float32([0.12345678901234568, 1e-30, 10])
    )


def test_a_line_without_an_end_is_not_swallowed_whole(tmp_path: Path) -> None:
    with open(tmp_path / "a.skels", "wb") as out:
        out.truncate(LONGEST + 2)
    with pytest.raises(ValueError, match=r"a\.skels, line 1: longer than 32 MiB"):
        read_skels(tmp_path / "a.skels")


def test_the_counter_is_written_as_published_files_have_it(tmp_path: Path) -> None:
    write_skels(tmp_path / "a.skels", [np.zeros((4, 50, 3))])
    numbers = np.array((tmp_path / "a.skels").read_text().split(), float).reshape(4, 151)
    assert numbers[:, -1].tolist() == [0.0, 0.25, 0.5, 0.75]


def test_published_samples_are_read_and_written_back(tmp_path: Path, shared: Path) -> None:
    folder = shared / "data/progressive_transformers"
    for split in ("train", "dev", "test"):
        sequences = read_skels(folder / f"{split}.skels")
        assert len(sequences) == len(read_lines(folder / f"{split}.text")) == 5
        assert len(read_lines(folder / f"{split}.gloss")) == len(read_lines(folder / f"{split}.files")) == 5
        assert all(not joints[:, 1].any() for joints in sequences)  # the neck is the origin
        write_skels(tmp_path / "copy.skels", sequences)
        for expected, found in zip(sequences, read_skels(tmp_path / "copy.skels"), strict=True):
            np.testing.assert_allclose(found, expected, atol=6e-6)


def test_sequences_are_read_one_by_one(tmp_path: Path) -> None:
    (tmp_path / "a.skels").write_text(" ".join(line_of(2)) + "\nbroken\n")
    lines = iterate_skels(tmp_path / "a.skels")
    assert next(lines).shape == (2, 50, 3)
    with pytest.raises(ValueError, match="line 2"):
        next(lines)


@pytest.mark.parametrize(
    ("words", "kind", "message"),
    [
        (line_of(2)[:-3], "cut", r"line 2: found 299 numbers, expected a multiple of 151 .* cut off in frame 1"),
        (
            line_of(9)[: 6 * 151],
            "cut",
            r"line 2: found 6 frames, but their counter ends at 0\.556 and counts to 9 frames",
        ),
        (["x1", *line_of(1)[1:]], "unreadable", r"line 2: found 'x1' at frame 0, joint 0, expected a number"),
        ([*line_of(1)[:7], "nan", *line_of(1)[8:]], "nan", r"line 2: found 'nan' at frame 0, joint 2 .*finite"),
        ([*line_of(2)[:-1], "inf"], "nan", r"line 2: found 'inf' at frame 1, the counter"),
        ([], "empty", r"line 2: empty; expected T x 151 numbers; remove the line here and in"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, words: list[str], kind: str, message: str) -> None:
    path = tmp_path / "dev.skels"
    path.write_text("\n".join([" ".join(line_of(1)), " ".join(words), " ".join(line_of(1))]))
    with pytest.raises(BrokenLine, match=r"dev\.skels, " + message) as error:
        read_skels(path)
    assert error.value.kind == kind


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.full((2, 50, 3), np.nan), "sequence 2: frame 0, joint 0 is not finite"),
        (np.zeros((0, 50, 3)), r"sequence 2: expected \(T, 50, 3\) with T >= 1, found \(0, 50, 3\)"),
        (np.zeros((3, 21, 3)), r"sequence 2: expected \(T, 50, 3\) with T >= 1, found \(3, 21, 3\)"),
    ],
)
def test_what_cannot_be_written_leaves_the_old_file_alone(tmp_path: Path, bad: np.ndarray, message: str) -> None:
    path = tmp_path / "a.skels"
    path.write_text("precious")
    with pytest.raises(ValueError, match=message):
        write_skels(path, [np.zeros((2, 50, 3)), bad])
    assert path.read_text() == "precious"
    assert [file.name for file in tmp_path.iterdir()] == ["a.skels"]


def test_atomic_makes_the_folder_and_ordinary_permissions(tmp_path: Path) -> None:
    with atomic(tmp_path / "new/a.txt") as temporary:
        temporary.write_text("done")
        assert not (tmp_path / "new/a.txt").exists()
    (tmp_path / "b.txt").touch()
    assert (tmp_path / "new/a.txt").read_text() == "done"
    assert (tmp_path / "new/a.txt").stat().st_mode == (tmp_path / "b.txt").stat().st_mode


def test_lines_stay_parallel(tmp_path: Path) -> None:
    (tmp_path / "a.text").write_text("hello .\n\n  wetter für morgen\u2028süd \r\n", encoding="utf-8")
    assert read_lines(tmp_path / "a.text") == ["hello .", "", "wetter für morgen\u2028süd"]


def test_blank_lines_at_the_end_and_marks_of_joined_files_are_no_lines(tmp_path: Path) -> None:
    (tmp_path / "a.files").write_bytes(b"\xef\xbb\xbfa\r\n\r\n\xef\xbb\xbf b\r\n\r\n \xef\xbb\xbf\n\n")
    assert read_lines(tmp_path / "a.files") == ["a", "", "b"]
    frame = " ".join(["0.5"] * 151)
    (tmp_path / "a.skels").write_bytes(f"\ufeff{frame}\n\n{frame}\r\n\r\n \n".encode())
    first, blank, last = scan_skels(tmp_path / "a.skels")
    assert np.array_equal(first, last)
    assert (blank.kind, str(blank).split(":")[0]) == ("empty", f"{tmp_path / 'a.skels'}, line 2")


def test_the_mark_before_a_windows_text_is_no_part_of_it(tmp_path: Path) -> None:
    (tmp_path / "a.files").write_bytes("train/a\r\ntrain/b\r\n".encode("utf-8-sig"))
    assert read_lines(tmp_path / "a.files") == ["train/a", "train/b"]


def test_text_that_is_no_utf_8_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.text").write_bytes("hello\nfür\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"a\.text, line 2: byte 1 is no UTF-8 text"):
        read_lines(tmp_path / "a.text")
