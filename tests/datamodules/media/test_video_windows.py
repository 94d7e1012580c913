"""What V-JEPA 2 sees of a video: frames at 16 a second, the middle square, windows padded by their last frame."""

import numpy as np
import pytest

from datamodules.media.video_windows import crop, still, variants, windows


def test_a_video_without_a_frame_is_refused():
    with pytest.raises(ValueError, match="no frame"):
        list(windows([], 25, 8, 32))


def triangle(length: int, to: int) -> np.ndarray:
    """Bilinear resizing with antialiasing as a matrix (to, length)."""
    scale = length / to
    centres = (np.arange(to) + 0.5) * scale
    weights = 1 - abs(np.arange(length) + 0.5 - centres[:, None]) / max(scale, 1)
    weights = weights.clip(min=0)
    return weights / weights.sum(1, keepdims=True)


@pytest.mark.parametrize(("height", "width"), [(192, 288), (240, 320), (720, 405), (480, 640), (212, 288), (37, 200)])
def test_the_middle_square_is_that_of_an_independent_resize(height, width):
    rng = np.random.default_rng(height)
    frame = rng.integers(0, 256, (height, width, 3), np.uint8)
    shorter = min(height, width)
    to_height, to_width = (int(73 * side / shorter) for side in (height, width))  # 64 * 256 / 224 = 73.1
    down, across = triangle(height, to_height), triangle(width, to_width)
    resized = np.stack([down @ frame[..., channel] @ across.T for channel in range(3)], axis=2)
    top, left = int((to_height - 64) / 2), int((to_width - 64) / 2)  # as transformers' own center_crop
    expected = resized[top : top + 64, left : left + 64]
    assert abs(crop(frame, 64) - expected).max() <= 1.01


def test_a_full_crop_is_cut_from_292_pixels_as_published():
    ramp = np.broadcast_to(np.arange(292, dtype=float)[:, None, None] * 255 / 292, (292, 292, 3)).astype(np.uint8)
    assert np.array_equal(crop(ramp, 256), ramp[18:274, 18:274])


def test_a_frame_that_is_all_but_a_line_is_refused():
    with pytest.raises(ValueError, match="found a frame of 900x100, expected sides of at most 8 to 1"):
        crop(np.zeros((100, 900, 3), np.uint8), 64)


def test_three_variants_the_same_blurred_and_grey():
    frame = np.random.default_rng(0).integers(0, 256, (128, 128, 3), np.uint8)
    original, gaussian, grey = variants(frame)
    assert np.array_equal(original, frame)
    assert np.array_equal(grey[..., 0], grey[..., 1])
    assert np.array_equal(grey[..., 0], grey[..., 2])
    luma = frame @ [0.299, 0.587, 0.114]
    assert abs(grey[..., 0] - luma).max() <= 1
    assert gaussian.std() < frame.std() / 2
    assert gaussian.mean() == pytest.approx(frame.mean(), abs=1)


def test_the_last_window_is_padded_by_its_last_frame():
    frames = [np.full((64, 64, 3), 10 * number, np.uint8) for number in range(11)]
    (first, whole), (second, real) = windows(frames, 16, 8, 32)
    assert first.shape == second.shape == (3, 8, 32, 32, 3)
    assert (whole, real) == (8, 3)
    assert first[0, :, 0, 0, 0].tolist() == [0, 10, 20, 30, 40, 50, 60, 70]
    assert second[0, :, 0, 0, 0].tolist() == [80, 90, 100, 100, 100, 100, 100, 100]


class TestStill:
    """A bright square before a grey wall, which moves or does not."""

    @staticmethod
    def square(at: int) -> np.ndarray:
        frame = np.full((64, 64, 3), 90, np.uint8)
        frame[24:44, at : at + 20] = 220
        return frame

    def test_movement_is_told_from_a_picture_that_stays(self) -> None:
        moving, resting = [self.square(at) for at in range(0, 40, 4)], [self.square(0)] * 10
        assert not still(moving).any()
        assert still(resting).all()
        assert still([*resting, *moving[1:]]).tolist() == [True] * 10 + [False] * 9

    @pytest.mark.parametrize("times", [2, 3, 4])
    def test_frames_of_a_slow_camera_that_are_shown_again_are_no_rest(self, times: int) -> None:
        """Nor where they are not shown quite the same, as after compression."""
        noise = np.random.default_rng(0)
        shown = [self.square(at) for at in range(0, 40, 4) for _ in range(times)]
        assert not still(shown)[times:].any()
        assert not still([frame + noise.integers(0, 3, frame.shape, np.uint8) for frame in shown])[times:].any()

    def test_who_rests_after_moving_is_still_a_moment_later(self) -> None:
        ends = still([*(self.square(at) for at in range(0, 40, 4)), *[self.square(36)] * 10])
        assert ends.tolist() == [False] * 13 + [True] * 7

    def test_a_frame_alone_shows_no_movement(self) -> None:
        assert still([self.square(0)]).tolist() == [True]
