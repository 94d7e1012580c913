"""Drawings show which hand is which, what is nearer, which way a palm faces and which letter is spelled."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from datamodules.media.skeleton_drawing import (
    HIGHLIGHT,
    PALM_BACK,
    PALM_FRONT,
    contact_sheet,
    draw_frames,
    write_png,
)
from datamodules.poses.conversion import FINGER_COLOURS, LEFT_COLOUR, RIGHT_COLOUR
from datamodules.poses.skeletons import LEFT_HAND, RIGHT_HAND

PANELS = np.s_[: int(0.3 * 512)]


def drawn(joints: np.ndarray, *settings: object, **named: object) -> np.ndarray:
    """All frames of a motion, (T, size, size, 3)."""
    return np.stack(list(draw_frames(joints, *settings, **named)))


def open_hand(thumb_to: float) -> np.ndarray:
    """(21, 3), unit = palm length, y down: fingers up, the thumb toward x = `thumb_to`."""
    hand = np.zeros((21, 3))
    for finger, x in enumerate((0.5, 0.27, 0.03, -0.19, -0.38)):
        hand[1 + 4 * finger : 5 + 4 * finger] = [(x, -0.9 - 0.3 * i, 0.0) for i in range(4)]
    hand[1:5, 1] += 0.7
    hand[:, 0] *= thumb_to
    return hand


@pytest.fixture
def signer() -> np.ndarray:
    """(50, 3): both hands beside the chest, palms to the viewer."""
    joints = np.zeros((50, 3))
    joints[:8] = [
        (0, -0.2, 0.05),
        (0, 0, 0),
        (0.167, 0.03, 0),
        (0.25, 0.25, 0),
        (0.2, 0.15, 0.15),
        (-0.167, 0.03, 0),
        (-0.25, 0.25, 0),
        (-0.2, 0.15, 0.15),
    ]
    joints[RIGHT_HAND] = 0.09 * open_hand(+1) + joints[7]
    joints[LEFT_HAND] = 0.09 * open_hand(-1) + joints[4]
    return joints


def centre(image: np.ndarray, colour: tuple[int, int, int], tolerance: int = 3) -> tuple[float, float]:
    ys, xs = np.nonzero((np.abs(image.astype(int) - colour) <= tolerance).all(-1))
    assert len(xs) > 10, f"nothing is drawn in {colour}"
    return float(xs.mean()), float(ys.mean())


def amount(image: np.ndarray, colour: tuple[int, int, int]) -> int:
    return int((image == colour).all(-1).sum())


def test_the_signers_right_is_the_viewers_left(signer: np.ndarray) -> None:
    figure = drawn(signer[None])[0][int(0.3 * 512) :]
    assert centre(figure, RIGHT_COLOUR)[0] < 256 < centre(figure, LEFT_COLOUR)[0]


def test_each_hand_is_enlarged_in_its_corner(signer: np.ndarray) -> None:
    image = drawn(signer[None])[0]
    for side in (np.s_[:, :150], np.s_[:, -150:]):
        for colour in FINGER_COLOURS:
            assert amount(image[PANELS][side], colour) > 2 * amount(image[150:][side], colour) / 3
    signer[RIGHT_HAND] += 0.05
    moved = drawn(signer[None])[0]
    np.testing.assert_array_equal(moved[PANELS], image[PANELS])


def test_a_palm_shows_which_way_it_faces(signer: np.ndarray) -> None:
    assert amount(drawn(signer[None])[0], PALM_BACK) == 0
    signer[RIGHT_HAND] = 0.09 * open_hand(-1) + signer[7]
    image = drawn(signer[None])[0][PANELS]
    assert amount(image[:, :150], PALM_BACK) > 100
    assert amount(image[:, :150], PALM_FRONT) == 0
    assert amount(image[:, -150:], PALM_FRONT) > 100


@pytest.mark.parametrize("nearer", [RIGHT_HAND, LEFT_HAND])
def test_the_nearer_hand_covers_the_other(signer: np.ndarray, nearer: slice) -> None:
    signer[RIGHT_HAND] = 0.09 * open_hand(+1) + (0, 0.2, 0.2)
    signer[LEFT_HAND] = 0.09 * open_hand(-1) + (0, 0.2, 0.2)
    signer[nearer, 2] += 0.1
    both = drawn(signer[None])[0][150:]
    other = LEFT_HAND if nearer == RIGHT_HAND else RIGHT_HAND
    signer[other] = np.nan
    alone = drawn(signer[None])[0][150:]
    fingers = np.any([(alone == colour).all(-1) for colour in FINGER_COLOURS], axis=0)
    np.testing.assert_array_equal(both[fingers], alone[fingers])


def test_absent_joints_are_left_out(signer: np.ndarray) -> None:
    signer[LEFT_HAND] = np.nan
    image = drawn(signer[None])[0]
    assert all(amount(image[:, 270:], colour) == 0 for colour in FINGER_COLOURS)
    assert drawn(np.full((1, 50, 3), np.nan)).shape == (1, 512, 512, 3)


def test_a_caption_highlights_what_stands_in_brackets(signer: np.ndarray) -> None:
    captions = ["MY NAME ANNA", "MY NAME [A]NNA", "MY NAME ANN[A]"]
    plain, first, last = drawn(np.stack([signer] * 3), captions=captions)
    assert amount(plain, HIGHLIGHT) == 0
    assert centre(first, HIGHLIGHT)[0] < centre(last, HIGHLIGHT)[0]
    assert centre(last, HIGHLIGHT)[1] > 0.9 * 512


def test_a_long_caption_is_made_to_fit(signer: np.ndarray) -> None:
    image = drawn(signer[None], 256, ["[" + "LONG " * 8 + "]"])[0]
    xs = np.nonzero((image == HIGHLIGHT).all(-1))[1]
    assert 0 < xs.min() < xs.max() < 255


def test_frames_come_one_by_one(signer: np.ndarray) -> None:
    frames = draw_frames(np.stack([signer + shift for shift in (0, 0.01)]), 128)
    first, second = next(frames), next(frames)
    assert first.shape == (128, 128, 3)
    assert first.dtype == np.uint8
    assert not np.array_equal(first, second)
    with pytest.raises(StopIteration):
        next(frames)


def test_what_does_not_fit_is_refused(signer: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"expected joints of shape \(T, 50, 3\), found \(50, 3\)"):
        drawn(signer)
    with pytest.raises(ValueError, match="a caption for each of 1 frames, found 2"):
        drawn(signer[None], captions=["a", "b"])
    with pytest.raises(ValueError, match="a label for each of 1 frames, found 2"):
        contact_sheet(drawn(signer[None], 64), 2, ["a", "b"])
    with pytest.raises(ValueError, match="expected frames and at least one column, found 0 and 2"):
        contact_sheet([], 2)


def test_a_contact_sheet_holds_every_frame_in_reading_order() -> None:
    frames = [np.full((40, 64, 3), 10 * i, np.uint8) for i in range(5)]
    sheet = contact_sheet(frames, 3, [f"frame {i}" for i in range(5)])
    places = [np.argwhere((sheet == 10 * i).all(-1)) for i in range(5)]
    assert [len(place) >= 40 * 64 for place in places] == [True] * 5
    corners = [place.mean(0).round(-1).tolist() for place in places]
    assert corners == sorted(corners)
    assert contact_sheet(frames[:2], 8).shape[1] < 3 * 64


def test_a_png_comes_back(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 255, (9, 7, 3)).astype(np.uint8)
    write_png(tmp_path / "a.png", image)
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / "a.png"))[..., ::-1], image)
