"""Pictures of results: what must be seen is there, whatever the data look like; the same data make the same bytes."""

import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress

import matplotlib
import numpy as np
import pytest

from datamodules.avatar import perform
from lightning_modules.evaluation.plot_style import STYLE, own_style
from lightning_modules.evaluation.plots import confusion, intervals, length_against_error
from lightning_modules.evaluation.sample_strips import SHORTEST, motion_pairs, motion_strip, strips

Image = np.ndarray
BLUE, VERMILLION, GREEN = (0, 114, 178), (213, 94, 0), (0, 158, 115)
UGLY = ["x" * 300, "手語 $\\alpha_", "", "two\nlines", "\0\t"]
NAN, INF = float("nan"), float("inf")


@pytest.fixture(autouse=True)
def no_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.fixture(scope="module")
def signed() -> np.ndarray:
    return perform(["MY", "NAME", "#ANNA"]).joints


def painted(image: Image, colour: tuple[int, int, int], tolerance: int = 12) -> np.ndarray:
    """(H, W) where a picture has a colour."""
    return (np.abs(image.astype(int) - colour) <= tolerance).all(-1)


def plain(shade: int, height: int = 60, width: int = 60) -> Image:
    return np.full((height, width, 3), (shade, 0, 255 - shade), np.uint8)


def lengths_and_errors() -> tuple[list[float], list[float]]:
    rng = np.random.default_rng(0)
    lengths = rng.integers(10, 300, 200)
    return list(lengths), list(0.01 + 0.0001 * lengths * rng.uniform(0.5, 1.5, 200))


def glosses(count: int) -> list[str]:
    return [f"G{index}" for index in range(count)]


PICTURES: list[Callable[[], Image]] = [
    lambda: length_against_error(*lengths_and_errors(), "dtw_mje", "shoulder widths"),
    lambda: length_against_error([7], [0.1], "dtw_mje"),
    lambda: length_against_error([7] * 40, [0.1] * 40, "dtw_mje"),
    lambda: length_against_error([7, 8, 9], [0.1, NAN, INF], UGLY[0], UGLY[1]),
    lambda: length_against_error([], [], "dtw_mje"),
    lambda: length_against_error(range(20_000), np.arange(20_000) * 1e6, "dtw_mje"),
    lambda: confusion(np.eye(5), glosses(5)),
    lambda: confusion(np.zeros((5, 5)), UGLY),
    lambda: confusion([[3]], ["A"]),
    lambda: confusion(np.full((3, 3), 1e300), glosses(3)),
    lambda: confusion(np.full((29, 29), 10**7), [UGLY[0]] * 29),
    lambda: confusion(np.eye(2000), glosses(2000)),
    lambda: intervals(["a", "b"], [1.0, 2.0], [(0.5, 1.5), None], "dtw_p", "lower", {"ground truth": 0.0}),
    lambda: intervals(UGLY, [NAN, INF, -INF, 1e300, -1e-300], [None] * 5, UGLY[0], "", {UGLY[1]: NAN, UGLY[0]: 3.0}),
    lambda: intervals(["a", "b"], [1.0, 2.0], [(NAN, INF), (-INF, 3.0)], "dtw_p", "lower", {"x": INF}),
    lambda: intervals(["a"], [1.0], [(1.0, 1.0)], "total_distance", "nearer to 1", {str(i): 1.0 for i in range(9)}),
    lambda: intervals(glosses(100), [1.0] * 100, [(0.0, 2.0)] * 100, "top1", "higher"),
    lambda: strips([("best: 0.93", [("truth", plain(9)), ("model", plain(99))]), ("worst", [])]),
    lambda: strips([(word, [(word, plain(9, 3, 400)), (word, plain(9, 400, 3))]) for word in UGLY]),
]


@pytest.mark.parametrize("draw", PICTURES)
def test_is_a_picture_in_the_same_bytes_each_time(draw: Callable[[], Image]) -> None:
    found = draw()
    assert found.dtype == np.uint8
    assert found.ndim == 3
    assert found.shape[1] >= 1000
    assert found.shape[2] == 3
    assert (found[0, 0] == 255).all()
    assert found.tobytes() == draw().tobytes()


def test_what_a_caller_set_for_matplotlib_neither_matters_nor_changes() -> None:
    before = PICTURES[0]()
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red", "text.usetex": True, "figure.dpi": 50}):
        settings = dict(matplotlib.rcParams)
        assert (PICTURES[0]() == before).all()
        assert dict(matplotlib.rcParams) == settings


def test_needs_no_pyplot() -> None:
    code = "import sys, lightning_modules.evaluation.plots as _, lightning_modules.evaluation.sample_strips; "
    code += "sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


class TestLengthAgainstError:
    def test_every_sentence_is_a_dot_in_its_place(self) -> None:
        for errors, middle in (([1, 9], np.array([-1, 1])), ([9, 1], np.array([1, -1]))):
            found = painted(length_against_error([10, 100], errors, "k")[60:505, 80:], (64, 149, 196))
            centres = [np.nonzero(side)[0].mean() for side in (found[:, :460], found[:, 460:])]
            assert np.sign(222 - np.array(centres)).tolist() == middle.tolist()  # the larger error stands higher

    def test_medians_follow_the_errors(self) -> None:
        lengths = np.arange(200)
        image = length_against_error(lengths, lengths * 1.0, "k")
        rows, columns = np.nonzero(painted(image[60:480], VERMILLION))
        assert np.corrcoef(rows, columns)[0, 1] < -0.95

    def test_sentences_and_errors_are_as_many(self) -> None:
        with pytest.raises(ValueError, match="an error for each of 2 lengths, found 1"):
            length_against_error([1, 2], [1], "k")


class TestConfusion:
    @pytest.mark.parametrize("classes", [5, 29, 100, 2000])
    def test_a_class_that_is_taken_for_another_is_seen(self, classes: int) -> None:
        right = np.eye(classes) * 20
        wrong = right.copy()
        wrong[1, 1], wrong[1, classes - 2] = 0, 20
        dark = painted(confusion(wrong, glosses(classes)), (8, 48, 107)) & ~painted(
            confusion(right, glosses(classes)), (8, 48, 107)
        )
        rows, columns = np.nonzero(dark[:, :620])
        assert len(rows) > 4
        assert np.median(rows) < 250
        assert np.median(columns) > 330

    @pytest.mark.parametrize("classes", [5, 29, 100])
    def test_one_mistake_in_twenty_is_still_seen(self, classes: int) -> None:
        right = np.eye(classes) * 20
        wrong = right.copy()
        wrong[1, classes - 2] = 1
        before, after = (
            confusion(counts, glosses(classes))[:, : 1000 if classes < 10 else 640] for counts in (right, wrong)
        )
        assert (np.abs(after.astype(int) - before).max(-1) > 30).sum() > 4

    def test_a_class_without_a_sample_is_grey_and_not_wrong(self) -> None:
        counts = np.eye(5) * 20
        counts[2] = 0
        assert painted(confusion(counts, glosses(5)), (221, 221, 221), 0).sum() > 10_000
        assert painted(confusion(np.eye(5), glosses(5)), (221, 221, 221), 0).sum() < 100

    def test_the_pairs_that_are_confused_most_are_written_beside_many_classes(self) -> None:
        right = np.eye(100) * 20
        wrong = right + np.eye(100, k=7)
        beside = np.s_[80:, 760:]
        assert painted(confusion(wrong, glosses(100))[beside], (0, 0, 0), 60).sum() > 500
        assert not painted(confusion(right, glosses(100))[beside], (0, 0, 0), 60).any()

    @pytest.mark.parametrize("counts", [[[NAN]], [[-1]], [[INF]]])
    def test_what_are_no_counts_is_refused(self, counts: list[list[float]]) -> None:
        with pytest.raises(ValueError, match=r"expected counts of 0 or more, found (nan|-1|inf)"):
            confusion(counts, ["A"])

    @pytest.mark.parametrize(("shape", "names"), [((2, 3), 2), ((2, 2), 3), ((0, 0), 0)])
    def test_another_shape_is_refused(self, shape: tuple[int, int], names: int) -> None:
        with pytest.raises(ValueError, match=r"expected counts \(C, C\)"):
            confusion(np.zeros(shape), glosses(names))


class TestIntervals:
    def test_rows_stand_in_their_order_with_dot_and_interval(self) -> None:
        image = intervals(["a", "b"], [1.0, 3.0], [(0.5, 1.5), (2.9, 3.1)], "dtw_p", "lower")
        rows, columns = np.nonzero(painted(image, BLUE))
        middle = (rows.min() + rows.max()) / 2
        first, second = columns[rows < middle], columns[rows > middle]
        assert first.mean() < second.mean()
        assert np.ptp(first) > 3 * np.ptp(second)

    def test_what_stands_beside_is_an_upright_line_in_its_place(self) -> None:
        image = intervals(["a"], [1.0], [None], "top1", "higher", {"ground truth": 2.0, "majority class": 0.0})
        plot = image[: len(image) // 3]
        dot, truth, guess = (np.nonzero(painted(plot, c).any(0))[0].mean() for c in (BLUE, VERMILLION, GREEN))
        assert guess < dot < truth

    def test_a_value_that_is_not_finite_has_no_dot(self) -> None:
        assert not painted(intervals(["a"], [NAN], [None], "top1", "higher"), BLUE).any()

    @pytest.mark.parametrize(("labels", "values"), [([], []), (["a"], [1.0, 2.0])])
    def test_labels_and_values_are_as_many(self, labels: list[str], values: list[float]) -> None:
        with pytest.raises(ValueError, match="expected labels with a value and an interval each"):
            intervals(labels, values, [None] * len(labels), "top1", "higher")


class TestStrips:
    def test_pictures_stand_side_by_side_at_one_height(self) -> None:
        small, large = plain(10, 30, 30), plain(200, 600, 600)
        image = strips([("title", [("a", small), ("b", large)])])
        boxes = [np.argwhere(painted(image, tuple(picture[0, 0]), 0)) for picture in (small, large)]
        (top, left), (below, right) = boxes[0].min(0), boxes[0].max(0)
        assert (top, below) == (boxes[1][:, 0].min(), boxes[1][:, 0].max())
        assert right < boxes[1][:, 1].min()
        assert below - top == right - left > 100

    def test_each_row_has_its_title_and_captions(self) -> None:
        row = [("caption", plain(99))]
        bare = strips([("", [("", plain(99))])] * 2)
        titled, captioned = strips([("best", [("", plain(99))])] * 2), strips([("", row)] * 2)
        assert len(titled) > len(bare)
        assert painted(captioned, (0, 0, 0), 60).any()
        assert not painted(bare, (0, 0, 0), 60).any()

    def test_many_pictures_stay_large_enough_to_be_seen(self) -> None:
        image = strips([("all", [("", plain(99))] * 60)])
        assert image.shape[1] >= 60 * SHORTEST

    @pytest.mark.parametrize("picture", [np.zeros((9, 9), np.uint8), np.zeros((9, 9, 3)), plain(1, 0)])
    def test_what_is_no_picture_is_refused(self, picture: np.ndarray) -> None:
        with pytest.raises(ValueError, match=r"expected pictures \(H, W, 3\) uint8, found"):
            strips([("", [("", picture)])])
        with pytest.raises(ValueError, match="at least one row"):
            strips([])


class TestMotions:
    def test_frames_are_spread_from_the_first_to_the_last(self, signed: np.ndarray) -> None:
        frames = motion_strip(signed, 3)
        middle = (len(signed) - 1) // 2
        for frame, place in zip(frames, (0, middle, len(signed) - 1), strict=True):
            assert any((frame == motion_strip(signed[near : near + 1], 1)[0]).all() for near in (place, place + 1))
        assert (frames[0] != frames[1]).any()

    def test_the_reference_stands_above_what_was_produced(self, signed: np.ndarray) -> None:
        row = motion_pairs(signed, signed[:1], 4)
        assert (row[0][0], row[-1][0]) == ("1 / 1", f"{len(signed)} / 1")
        drawn = np.s_[:140]  # the words in the first pair stand below
        for (_, picture), above in zip(row, motion_strip(signed, 4), strict=True):
            assert (picture[:160][drawn] == above[drawn]).all()
            assert (picture[160:][drawn] == motion_strip(signed[:1], 1)[0][drawn]).all()
        words = [(row[0][1][half] != row[1][1][half])[140:].any() for half in (np.s_[:160], np.s_[160:])]
        assert words == [True, True]

    def test_a_motion_without_a_frame_or_without_a_joint_is_empty(self, signed: np.ndarray) -> None:
        assert motion_strip(signed[:0]) == []
        assert (motion_pairs(signed, signed[:0], 2)[1][1][160:] == 255).all()
        assert motion_strip(signed * NAN, 2)[0].shape == (160, 160, 3)


def test_threads_that_draw_at_once_leave_a_callers_settings_alone() -> None:
    """matplotlib's are those of all threads: who begins while another draws would take that one's for the caller's."""
    drawing, sizes = threading.Barrier(2, timeout=0.5), []

    def draw() -> None:
        with own_style():
            with suppress(threading.BrokenBarrierError):  # nobody joins in
                drawing.wait()
            sizes.append(matplotlib.rcParams["font.size"])

    with matplotlib.rc_context({"font.size": 33}):
        threads = [threading.Thread(target=draw) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert matplotlib.rcParams["font.size"] == 33
    assert sizes == [STYLE["font.size"]] * 2
