"""What every model that draws letters does with its `draw`: pictures by name and seed, words, sheets and videos."""

import copy
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from datamodules.media.video import read_video
from lightning_modules.networks.diffusion import noise
from zoo.loaders.letters.letter_sampler import BATCH, LETTERS, LetterSampler, Pictures

ALPHABET = [*"ABCDEFGHIJKLMNOPQRSTUVWXYZ", "del", "nothing", "space"]


class Grey(LetterSampler):
    """Draws a class as a level of grey with dots of its seed's noise, and notes what it was asked for."""

    task, usage = "grey", ""

    def __init__(self, classes: Sequence[str] = ALPHABET, size: int = 32, strength: float = 0.1) -> None:
        super().__init__(nn.Linear(1, 1), classes, size, "ase")
        self.strength = strength
        self.asked: list[list[tuple[int, int]]] = []

    def draw(self, labels: Tensor, seeds: Sequence[int]) -> Tensor:
        self.asked.append(list(zip(labels.tolist(), seeds, strict=True)))
        levels = (labels / max(len(self.classes) - 1, 1) * 1.6 - 0.8)[:, None, None, None]
        dots = noise.draw(noise.generators(seeds), (3, self.size, self.size), labels.device)
        return levels + self.strength * dots.clamp(-1, 1)

    def sample(self, letter: str, n: int = 1, seed: int = 0, *, strength: float | None = None) -> Pictures:
        return super(Grey, self._drawing(strength)).sample(letter, n, seed)

    def _drawing(self, strength: float | None) -> "Grey":
        other = copy.copy(self)
        other.strength = self.strength if strength is None else strength
        return other

    @classmethod
    def open(cls, folder: Path) -> Any: ...

    def save(self, folder: Path) -> None: ...


def level(label: int, classes: int = len(ALPHABET)) -> float:
    """The mean of what Grey draws of a class."""
    return (label / (classes - 1) * 1.6 + 0.2) * 127.5


def png(path: Path) -> np.ndarray:
    found = cv2.imread(str(path))
    assert found is not None
    return found[..., ::-1]


class TestSample:
    def test_pictures_of_a_class_are_uint8_and_differ(self) -> None:
        pictures = Grey().sample("C", n=3)
        assert (pictures.shape, pictures.dtype) == ((3, 32, 32, 3), np.uint8)
        assert pictures.mean((1, 2, 3)) == pytest.approx([level(2)] * 3, abs=2)
        assert not np.array_equal(pictures[0], pictures[1])

    def test_picture_i_is_that_of_seed_plus_i_whatever_n_and_the_batch(self) -> None:
        many = Grey().sample("A", n=BATCH + 5, seed=4)
        for index in (0, 1, BATCH - 1, BATCH, BATCH + 4):
            np.testing.assert_array_equal(many[index], Grey().sample("A", seed=4 + index)[0])
        np.testing.assert_array_equal(Grey().sample("A", n=3, seed=9), many[5:8])

    def test_no_more_than_a_batch_is_drawn_at_once(self) -> None:
        model = Grey()
        model.sample("A", n=2 * BATCH + 1)
        assert [len(asked) for asked in model.asked] == [BATCH, BATCH, 1]

    @pytest.mark.parametrize(("name", "meant"), [("a", "A"), ("Space", "space"), ("NOTHING", "nothing"), ("j", "J")])
    def test_classes_are_known_in_either_case(self, name: str, meant: str) -> None:
        np.testing.assert_array_equal(Grey().sample(name), Grey().sample(meant))

    def test_case_matters_where_it_tells_classes_apart(self) -> None:
        model = Grey(["A", "a", "B"])
        assert [model.sample(name).mean() for name in "AaBb"] == pytest.approx(
            [level(label, 3) for label in (0, 1, 2, 2)], abs=2
        )

    def test_digits_are_letters_where_they_were_taught(self) -> None:
        assert Grey([*"0123456789"]).spell("42").mean((1, 2, 3)) == pytest.approx([level(4, 10), level(2, 10)], abs=2)

    def test_values_beyond_the_range_are_clipped(self) -> None:
        assert {0, 255} <= set(np.unique(Grey().sample("A", strength=50)))

    def test_a_subclass_takes_settings_for_one_call(self) -> None:
        model = Grey()
        assert model.sample("A", strength=0).std() == 0 < model.sample("A").std()

    @pytest.mark.parametrize("seed", [-1, 2**63, 1.5, "0"])
    def test_a_seed_that_no_generator_takes_is_refused(self, seed: int) -> None:
        model = Grey()
        for draw in (model.sample, model.spell, model.stream):
            with pytest.raises(ValueError, match=f"seed: found {seed!r}, expected a whole number from 0 to"):
                draw("A", seed=seed)
        assert not model.asked

    @pytest.mark.parametrize("number", [0, -3, "2", 10**9])
    def test_another_number_of_pictures_is_refused(self, number: Any) -> None:
        with pytest.raises(ValueError, match=f"n: found {number!r}, expected a whole number from 1 to"):
            Grey().sample("A", n=number)

    def test_the_last_picture_s_seed_is_one_too(self) -> None:
        assert len(Grey().sample("A", n=2, seed=2**63 - 2)) == 2
        with pytest.raises(ValueError, match=f"seed: found {2**63 - 1}, expected a whole number from 0 to {2**63 - 2}"):
            Grey().sample("A", n=2, seed=2**63 - 1)

    def test_numpy_s_whole_numbers_are_taken(self) -> None:
        drawn = Grey().sample("A", n=np.int64(2), seed=np.int64(3))
        np.testing.assert_array_equal(drawn, Grey().sample("A", n=2, seed=3))

    def test_what_is_no_text_is_refused(self) -> None:
        model = Grey()
        for draw in (model.sample, model.spell, model.stream):
            with pytest.raises(ValueError, match="found int, expected a text: letters to spell"):
                draw(3)  # type: ignore[operator]

    def test_a_word_is_told_to_be_spelled(self) -> None:
        with pytest.raises(ValueError, match=r"not taught: 'hello'; .*; `spell` draws a picture for each letter"):
            Grey().sample("hello")

    def test_the_training_s_network_is_asked_without_gradients_and_in_its_place(self) -> None:
        class Layer(Grey):
            def draw(self, labels: Tensor, seeds: Sequence[int]) -> Tensor:
                assert labels.device == self.network.weight.device
                assert not self.network.training
                return self.network(torch.zeros(len(labels), 3, self.size, self.size, 1))[..., 0]

        assert Layer().sample("A").shape == (1, 32, 32, 3)


class TestSpell:
    def test_a_picture_for_each_letter_and_none_for_blanks(self) -> None:
        pictures = Grey().spell(" Hi \n you")
        assert pictures.shape == (5, 32, 32, 3)
        assert pictures.mean((1, 2, 3)) == pytest.approx([level(ALPHABET.index(letter)) for letter in "HIYOU"], abs=2)

    def test_a_letter_is_drawn_once_in_one_call_and_moved_sideways_where_it_is_double(self) -> None:
        model = Grey()
        pictures = model.spell("hello lola", seed=3)
        assert model.asked == [[(7, 3), (4, 3), (11, 3), (14, 3), (0, 3)]]
        np.testing.assert_array_equal(pictures[2], pictures[5])
        np.testing.assert_array_equal(pictures[3][:, 4:], pictures[2][:, :-4])
        assert not np.array_equal(pictures[3], pictures[2])

    def test_three_alike_alternate(self) -> None:
        first, second, third, fourth = Grey().spell("aaAa")
        assert np.array_equal(first, third)
        assert np.array_equal(second, fourth)
        assert not np.array_equal(first, second)

    @pytest.mark.parametrize("text", ["", " \t\n"])
    def test_nothing_to_spell_is_refused(self, text: str) -> None:
        with pytest.raises(ValueError, match=r"nothing to spell in .*: expected a letter"):
            Grey().spell(text)

    def test_all_that_was_not_taught_is_named_beside_what_was(self) -> None:
        model = Grey()
        with pytest.raises(ValueError) as refused:  # noqa: PT011
            model.spell("Käse 1 äé")
        assert str(refused.value) == (
            "not taught: 'ä', '1', 'é'; the model knows A, B, C, D, ..., Z, del, nothing, space"
        )
        assert not model.asked

    def test_a_misspelt_class_is_recognised(self) -> None:
        for name in ("nohting", "NOHTING"):
            with pytest.raises(ValueError, match=r"not taught: .*did you mean 'nothing'\?"):
                Grey().sample(name)
        with pytest.raises(ValueError, match="'h', 'o', 'r', 'z', 'e'; the model knows cat, horse; did you mean 'hors"):
            Grey(["cat", "horse"]).spell("horze")


class TestStream:
    def test_letters_are_held_and_fade_into_one_another(self) -> None:
        frames = list(Grey().stream("az m", fps=50))
        assert {frame.shape for frame in frames} == {(256, 256, 3)}
        assert len(frames) == round((0.5 + 0.2 + 1 + 0.2 + 1) * 50)
        runs = [list(run) for _, run in groupby(frames, key=np.ndarray.tobytes)]
        held = [run for run in runs if len(run) > 5]
        assert [run[0].mean() for run in held] == pytest.approx([level(0), level(25), level(12)], abs=2)
        assert [len(run) for run in held] == [25, 50, 50]
        fades = [run[0].mean() for run in runs if len(run) == 1]
        assert len(fades) == 20
        assert (np.diff(fades[:10]) > 0).all()
        assert (np.diff(fades[10:]) < 0).all()

    def test_frames_are_the_pictures_a_whole_number_of_times_as_large(self) -> None:
        for size, side in ((32, 256), (64, 256), (28, 280), (300, 300)):
            model = Grey(size=size)
            (picture,) = model.spell("q")
            frame = next(model.stream("q"))
            assert frame.shape == (side, side, 3)
            np.testing.assert_array_equal(frame[:: side // size, :: side // size], picture)
            assert len(np.unique(frame.reshape(-1, 3), axis=0)) == len(np.unique(picture.reshape(-1, 3), axis=0))

    @pytest.mark.parametrize("fps", [0, -1.0, 1.5, float("nan"), float("inf")])
    def test_a_rate_that_skips_letters_is_refused_before_the_first_frame(self, fps: float) -> None:
        with pytest.raises(ValueError, match=f"fps: found {fps}, expected at least 2: a letter stands for 0.5 s"):
            Grey().stream("ab", fps=fps)
        assert len({frame.tobytes() for frame in Grey().stream("abc", fps=2)}) >= 3

    def test_what_is_wrong_is_said_before_the_first_frame(self) -> None:
        with pytest.raises(ValueError, match="not taught: '!'"):
            Grey().stream("a!")


class TestRun:
    def test_a_word_becomes_a_sheet_with_its_letters(self, tmp_path: Path) -> None:
        assert Grey().run("Ab", [tmp_path / "new" / "ab.png"]) == [tmp_path / "new" / "ab.png"]
        sheet = png(tmp_path / "new" / "ab.png")
        assert 190 < sheet.shape[1] < 260  # two, large enough to be seen
        halves = sheet[-50:-10, 10:90].mean(), sheet[-50:-10, -90:-10].mean()
        assert halves == pytest.approx((level(0), level(1)), abs=2)
        assert sheet[:24].min() < 120  # ink of the labels

    def test_a_class_becomes_a_sheet_and_a_video_of_many_pictures(self, tmp_path: Path) -> None:
        outputs = [tmp_path / "cat.png", tmp_path / "cat.mp4"]
        model = Grey(["cat", "dog"])
        assert model.run("Cat", outputs) == outputs
        assert model.asked == [[(0, seed) for seed in range(16)]]
        sheet = png(outputs[0])
        assert sheet.shape[0] == sheet.shape[1] > 4 * 96
        frames, fps = read_video(outputs[1])
        shown = list(frames)
        assert (fps, len(shown), shown[0].shape) == (25, round((16 * 0.5 + 15 * 0.2) * 25), (256, 256, 3))
        assert np.stack(shown).mean() == pytest.approx(level(0, 2), abs=3)

    def test_a_word_becomes_an_mp4_with_even_sides(self, tmp_path: Path) -> None:
        Grey(size=43).run("zoo", [tmp_path / "zoo.mp4"])  # 258 pixels
        frames, _ = read_video(tmp_path / "zoo.mp4")
        shown = list(frames)
        assert shown[0].shape == (258, 258, 3)
        assert len(shown) == round((0.5 * 2 + 1 + 0.4) * 25)
        assert [shown[0].mean(), shown[-1].mean()] == pytest.approx([level(25), level(14)], abs=3)

    def test_what_cannot_be_written_or_spelled_is_refused_before_anything_is_drawn(self, tmp_path: Path) -> None:
        model = Grey()
        for text, output, message in (
            ("a", "a.gif", r"cannot write \.gif; use \.png, \.mp4"),
            ("a?", "a.png", r"not taught: '\?'"),
            ("ab" * LETTERS, "a.png", f"a.png: found {2 * LETTERS:,} letters, a sheet holds {LETTERS:,}; use .mp4"),
        ):
            with pytest.raises(ValueError, match=message):
                model.run(text, [tmp_path / output])
        assert not model.asked
        assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("classes", "each", "columns", "rows"),
    [(ALPHABET, 2, 16, 4), ([*"0123456789"], 6, 12, 5), (["cat", "dog"], 8, 16, 1)],
)
def test_a_preview_shows_as_many_pictures_of_every_class(
    classes: list[str], each: int, columns: int, rows: int, tmp_path: Path
) -> None:
    model = Grey(classes)
    assert model.preview(None, tmp_path) == [tmp_path / "preview.png"]
    asked = [one for batch in model.asked for one in batch]
    assert asked == [(label, seed) for label in range(len(classes)) for seed in range(each)]
    sheet = png(tmp_path / "preview.png")
    assert columns * 96 < sheet.shape[1] < (columns + 1) * 96
    assert rows * 110 < sheet.shape[0] < (rows + 1) * 110


@pytest.mark.parametrize("classes", [ALPHABET, ["A"]])
def test_a_probe_is_what_was_drawn_before_it_is_rounded(classes: list[str]) -> None:
    (pictures,) = Grey(classes).probe().values()
    assert (pictures.shape, pictures.dtype) == ((2, 3, 32, 32), np.float32)
    np.testing.assert_array_equal(pictures, Grey(classes).probe()["pictures"])
    assert len(np.unique(pictures)) > 256
