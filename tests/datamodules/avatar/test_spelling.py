"""The close-up hand that fingerspells: every letter in order, long enough, within the picture, without a jump."""

from itertools import groupby

import numpy as np
import pytest

from datamodules.avatar.renderer.letters import configuration
from datamodules.avatar.renderer.spelling import HOLD, _seen, spell, spelled
from datamodules.avatar.renderer.views import SYMBOLS

INDEX, LITTLE = 8, 20  # tips


def test_letters_come_in_order_and_stay_long_enough_to_be_read() -> None:
    for fps in (12.5, 25, 30000 / 1001):
        runs = [(letter, len(list(run))) for letter, run in groupby(letter for letter, _ in spelled("HELLO 42 A", fps))]
        assert [letter for letter, _ in runs if letter] == list("HELLO42A")
        assert min(count for letter, count in runs if letter) >= int(HOLD * fps)
        assert not runs[0][0]
        assert not runs[-1][0]


def test_a_held_hand_has_the_letters_shape() -> None:
    for letter, hand in spelled("BCL"):
        if letter:
            np.testing.assert_allclose(hand.configuration[0], configuration(letter))


def test_the_hand_stays_in_the_picture_while_it_shows_a_letter_and_never_jumps() -> None:
    before = None
    for letter, hand in spelled(f"{SYMBOLS} ZJ", fps=50):
        joints, _ = _seen(hand, 256.0)
        if letter:
            assert joints[:, :2].min() > 0, letter
            assert joints[:, :2].max() < 256, letter
        if before is not None:
            assert np.abs(joints - before).max() < 40, letter  # pixels in a fiftieth of a second
        before = joints


def tip(letter: str, joint: int) -> np.ndarray:
    """The way of a fingertip, palm lengths from its start."""
    way = np.stack([hand.joints()[0, joint, :2] for shown, hand in spelled(letter, fps=100) if shown])
    return way - way[0]


def test_j_is_drawn_down_and_around_by_the_little_finger() -> None:
    way = tip("J", LITTLE)
    lowest = way[:, 1].argmin()
    assert way[lowest, 1] == pytest.approx(-0.9, abs=0.02)
    assert 0 < lowest < len(way) - 1
    np.testing.assert_allclose(way[-1], (0.6, -0.6), atol=0.02)


def test_z_is_drawn_by_the_index_across_back_down_and_across() -> None:
    way = tip("Z", INDEX)
    corners = np.array([(-0.9, 0), (0, -0.9), (-0.9, -0.9)])
    nearest = [np.linalg.norm(way - corner, axis=1).argmin() for corner in corners]
    assert nearest == sorted(nearest)
    for index, corner in zip(nearest, corners, strict=True):
        np.testing.assert_allclose(way[index], corner, atol=0.08)


def test_of_two_equal_letters_the_second_is_held_aside() -> None:
    wrists = [hand.wrist[0] for letter, hand in spelled("LLL") if letter]
    places = [next(run) for _, run in groupby(wrists, key=lambda wrist: wrist.round(6).tolist())]
    assert len(places) == 3
    assert places[1][0] < places[0][0] - 0.3
    np.testing.assert_allclose(places[2], places[0])


def test_frames_are_pictures_and_the_same_ones_again() -> None:
    frames, again = (list(spell("I", 10, 64)) for _ in range(2))
    assert len(frames) == len(list(spelled("I", 10)))
    assert all(frame.shape == (64, 64, 3) and frame.dtype == np.uint8 for frame in frames)
    np.testing.assert_array_equal(frames, again)
    held, sunk = frames[[letter for letter, _ in spelled("I", 10)].index("I") + 1], frames[0]
    assert np.abs(held.astype(int) - sunk).mean() > 3


@pytest.mark.parametrize(
    ("letters", "fps", "message"),
    [
        ("É", 25, "cannot spell 'É': expected A-Z, digits and blanks"),
        ("  ", 25, "nothing to spell"),
        ("A", 0, "fps: expected a number from 1 to 1000, found 0"),
    ],
)
def test_what_cannot_be_spelled_is_refused_at_once(letters: str, fps: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        spell(letters, fps)
