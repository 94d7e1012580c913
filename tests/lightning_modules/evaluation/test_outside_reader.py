"""An outside reader reads photographs of real letters, and nothing in pictures without a hand."""

import cv2
import numpy as np
import pytest
import torch

from lightning_modules.evaluation.outside_reader import FOUND, READ, OutsideReader
from lightning_modules.evaluation.results import GROUND_TRUTH, MODEL


@pytest.fixture(scope="module")
def photographs(shared):
    """Two of each of a few letters that look apart, (N, 3, 200, 200) in [0, 1], and their letters."""
    folder = shared / "data" / "asl_alphabet" / "asl_alphabet_train"
    paths = [(letter, path) for letter in "ABFLVY" for path in sorted((folder / letter).glob("*.jpg"))[:2]]
    if not paths:
        pytest.skip(f"needs {folder}")
    pictures = [cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB) for _, path in paths]
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2) / 255, [letter for letter, _ in paths]


def test_real_letters_are_read_and_noise_is_not(bundle, photographs):
    pictures, letters = photographs
    reader = OutsideReader(bundle, sorted(set(letters)), (MODEL, GROUND_TRUTH))
    labels = [sorted(set(letters)).index(letter) for letter in letters]
    for part in (slice(0, 5), slice(5, None)):
        noise = torch.rand(pictures[part].shape, generator=torch.Generator().manual_seed(0))
        reader.update({GROUND_TRUTH: pictures[part], MODEL: noise}, labels[part])
    results = reader.results()
    assert results[FOUND]["ground_truth"] >= results[READ]["ground_truth"] >= 0.75
    assert results[FOUND]["value"] == results[READ]["value"] == 0
    assert results[READ]["n"] == len(letters)


def test_a_letter_asked_for_and_another_shown_is_not_read_as_asked(bundle, photographs):
    pictures, _ = photographs
    reader = OutsideReader(bundle, ["C", "O"], (MODEL,))
    reader.update({MODEL: pictures[:4]}, [0, 1, 0, 1])
    assert reader.results()[READ]["value"] == 0


def test_classes_that_are_no_letters_are_left_out(bundle):
    reader = OutsideReader(bundle, ["A", "del", "nothing"], (MODEL,))
    reader.update({MODEL: torch.zeros(2, 3, 32, 32)}, [1, 2])
    assert reader.results() == {}
    reader.update({MODEL: torch.zeros(3, 3, 32, 32)}, [0, 1, 2])
    assert {key: row["n"] for key, row in reader.results().items()} == {FOUND: 1, READ: 1}
