"""The terminal's table of results: everything that belongs beside a score is there, at every width."""

import io
import json
from typing import Any

import pytest
from rich.console import Console

from zoo.artefacts.artefact import starter_folder
from zoo.cli import main
from zoo.results.console import ResultsTable

PROVENANCE: dict[str, Any] = {"data": {"name": "how2sign", "twin": {"seed": 0}}}
MORE = {"split": "test", "data": "0123456789ab", "n": 800}


def row(value: float, truth: float, guesses: list[float], **more: Any) -> dict[str, Any]:
    names = ("mean_pose", "frozen_pose", "other_reference", "nearest_train")
    beside = dict(zip(names, guesses, strict=False))
    interval = [0.97 * value, 1.031234 * value]
    return {"value": value, "interval": interval, "ground_truth": truth, **beside, "protocol": "free", **MORE, **more}


RESULTS = {
    "dtw_pt": row(0.7089544, 0.0, [8.188671, 13.158381, 8.603835, 2.50099]),
    "dtw_mje": row(0.0448, 0.0, [0.12175927, 0.0418, 0.10148309, 0.03321037]),
    "total_distance": row(0.257, 1.0, [0.0, 0.0, 1.0, 0.99633]),
    "bleu_4": row(41.25, 78.1, [0.5, 1.5, 2.5, 55.25], judge="back-translation (run 1a2b3c)"),
    "dtw_pt@oracle-length": row(0.6905588, 0.0, [], protocol="oracle-length"),
}


def printed(results: dict[str, Any], width: int, terminal: bool = False, encoding: str = "utf-8") -> str:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding)
    Console(file=file, width=width, highlight=False, force_terminal=terminal).print(
        ResultsTable("asl-slp, test", results, PROVENANCE)
    )
    file.flush()
    return raw.getvalue().decode(encoding)


def said(text: str) -> str:
    """On one line, as wrapping depends on the width."""
    return " ".join(text.split())


@pytest.mark.parametrize("width", [80, 100, 200])
@pytest.mark.parametrize("terminal", [True, False])
def test_everything_is_there_at_every_width(width: int, terminal: bool) -> None:
    text = printed(RESULTS, width, terminal)
    numbers = ("0.709", "[0.688, 0.731]", "78.1", "8.189", "13.16", "8.604", "2.501", "55.25", "0.6906", "800")
    for expected in (*numbers, "dtw_mje ↓", "total_distance → 1", "bleu_4 ↑", "dtw_pt@oracle-length ↓"):
        assert expected in text, expected
    assert "…" not in text
    assert ("\x1b[" in text) == terminal
    if not terminal:
        assert max(map(len, text.splitlines())) <= width


def test_a_pose_table_fits_a_hundred_columns_in_one_piece() -> None:
    assert [printed(RESULTS, width).count("dtw_mje ↓") for width in (80, 100, 200)] == [2, 1, 1]


def test_every_piece_says_key_and_value() -> None:
    lines = [line for line in printed(RESULTS, 60).splitlines() if line.startswith("dtw_mje ↓")]
    assert len(lines) == 2
    assert all(line.split()[2] == "0.0448" for line in lines)


def test_a_terminal_too_narrow_for_anything_still_shows_all() -> None:
    text = "".join(printed(RESULTS, 20).split())
    assert all(number in text for number in ("0.0418", "78.1", "2.501"))


def test_baselines_that_win_are_marked_and_no_others() -> None:
    text = printed(RESULTS, 200)
    marked = [part.split()[-1] for line in text.splitlines() for part in line.split(" ▲")[:-1]]
    assert marked == ["0.0418", "0.03321", "1", "0.9963", "55.25"]
    assert "▲ this baseline is better than the model" in text
    assert "▲" not in printed({"dtw_pt": RESULTS["dtw_pt"]}, 200)


def test_what_a_frozen_pose_wins_is_flagged_in_words() -> None:
    text = said(printed(RESULTS, 80))
    assert (
        "dtw_mje: the frozen pose wins (0.0418 against 0.0448): hardly moving scores well here, "
        "read it beside total_distance (0.257)"
    ) in text
    assert text.count("hardly moving") == 1


def test_what_still_poses_win_shares_a_line() -> None:
    text = said(printed({**RESULTS, "dtw_p": row(2.5, 0.0, [1.5, 2.0])}, 80))
    assert (
        "dtw_mje: the frozen pose wins (0.0418 against 0.0448); "
        "dtw_p: the mean pose and the frozen pose win (1.5 and 2 against 2.5): hardly moving scores well here, "
        "read them beside total_distance (0.257)"
    ) in text


def test_the_judge_the_protocols_and_the_data_are_named() -> None:
    text = said(printed(RESULTS, 80))
    judged = "bleu_4: read by back-translation (run 1a2b3c), which itself scores 78.1 (bleu_4) on the reference poses"
    for expected in (
        judged,
        "Protocol: free (the model begins, paces and ends its motion by itself)",
        "Protocol: oracle-length (the model is told how many frames the reference has)",
        "Trained on the signing avatar's twin of How2Sign",
        "Measured on the test split, 800 items, fingerprint 0123456789ab.",
    ):
        assert text.count(expected) == 1, expected


def test_scores_with_protocols_of_their_own_share_a_table() -> None:
    results = {key: {"value": 0.5, "copy_condition": 0.1, "protocol": f"as {key}", "n": 9} for key in ("ssim", "l1")}
    text = printed(results, 80)
    assert text.count("copy") == 1
    assert "Protocol of ssim: as ssim\nProtocol of l1: as l1\n" in text


def test_a_terminal_without_unicode_gets_words() -> None:
    text = printed(RESULTS, 200, encoding="ascii")
    assert "dtw_pt (lower)" in text
    assert "0.0418 *" in text


@pytest.mark.parametrize(
    "results",
    [
        {},
        {"val_loss": {"value": 0.5}},
        {"charm": {"value": float("nan"), "rival": float("inf"), "made_by": "hand", "interval": None}},
        {"dtw_pt": {"value": 1, "mean_pose": 2, "protocol": "free", "n": 3}},
    ],
)
def test_what_an_older_zoo_or_a_stranger_wrote_is_printed(results: dict[str, Any]) -> None:
    for width in (20, 80, 200):
        text = printed(results, width)
        assert all(key in text for key in results)
        assert "ground" not in text
        assert "interval" not in text


@pytest.mark.parametrize("folder", sorted(starter_folder("asl-slp").parent.iterdir()), ids=lambda folder: folder.name)
def test_every_starters_results_fit_a_hundred_columns(folder: Any) -> None:
    results = json.loads((folder / "results.json").read_text())
    lines = printed(results, 100).splitlines()
    free = [key for key in results if "@" not in key]  # the others' names are long
    pieces = 1 + any("teacher" in row for row in results.values())  # a column more than there is room for
    assert all(sum(line.startswith(f"{key} ") for line in lines) == pieces for key in free)


def test_the_command_line_prints_it(tiny_runs: Any, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tiny_runs("asl-slp")
    capsys.readouterr()
    assert main(["validate", str(folder)]) == 0
    text = capsys.readouterr().out
    assert text.startswith("asl-slp, validate\n")
    assert "Trained on the signing avatar's twin of How2Sign" in text
