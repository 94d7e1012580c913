"""Letters by the landmarks of real hands: a table that reads itself, wherever the hand is and however large."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from datamodules.features.hand_landmarks import Hand
from datamodules.features.letter_landmarks import TABLE, nearest_letter, real_letters, shape_of, write_letters

POINTS = hnp.arrays(np.float64, (21, 2), elements=st.floats(0, 200, width=32))


def test_the_table_has_every_letter_and_reads_each_mean_as_its_own():
    letters = real_letters()
    assert "".join(letters) == "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    assert {mean.shape for mean in letters.values()} == {(105,)}
    assert [nearest_letter(mean, letters) for mean in letters.values()] == list(letters)


def test_a_table_is_written_as_it_is_read(tmp_path):
    write_letters(tmp_path / "table.csv", real_letters())
    assert (tmp_path / "table.csv").read_bytes() == TABLE.read_bytes()


@given(POINTS.filter(lambda points: np.ptp(points) > 1), st.floats(-50, 50), st.floats(0.2, 5))
def test_place_and_size_are_no_part_of_a_shape_and_orientation_is(points, shift, scale):
    deep = np.c_[points, points[:, :1]] / 1000
    shape = shape_of(Hand(points, deep))
    np.testing.assert_allclose(shape_of(Hand(points * scale + shift, deep * scale)), shape, atol=1e-6)
    turned = shape_of(Hand(points * (-1, 1), deep))
    np.testing.assert_allclose(turned[:42:2], -shape[:42:2], atol=1e-9)
