"""What a camera makes of a scene: blurred movement, focus, exposure, colour cast, sharpening, noise and compression."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from datamodules.media.drawing_primitives import Image

Floats = NDArray[np.floating]

_LEAST, _MOST = 0.6, 1.9  # by how much a camera changes a scene's contrast
_DEVIATION = 62.0, 11.0  # grey levels, as drawn; what is clipped and cannot be reached makes it about 54 in pictures


@dataclass(frozen=True)
class Shot:
    """One camera and how it is set. The default takes a scene as it is.

    contrast: deviation of grey levels that it exposes for, or None. lift: by how many grey levels it brightens.
    gain (3,): of the colour channels. blur: radius of its softness in 256ths of the picture's height. sharpening:
    share of what blur takes away that is added again. noise, mottle: standard deviations in grey levels, of each pixel
    and of colours over neighbouring ones. quality: of its JPEG, 1 to 100, or None.
    """

    contrast: float | None = None
    lift: float = 0.0
    gain: tuple[float, float, float] = (1.0, 1.0, 1.0)
    blur: float = 0.0
    sharpening: float = 0.0
    noise: float = 0.0
    mottle: float = 0.0
    quality: int | None = None

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Shot":
        """A telephone, a webcam, or a video of one: anything from crisp to poor."""
        poor = rng.random()
        red, green, blue = (np.exp(rng.normal(0, 0.05)) * np.exp(rng.normal(0, 0.035, 3))).tolist()
        return cls(
            contrast=min(max(rng.normal(*_DEVIATION), 25.0), 88.0),
            lift=rng.normal(0, 18),
            gain=(red, green, blue),
            blur=rng.uniform(0.2, 0.4 + 1.4 * poor) if rng.random() < 0.6 else 0.0,
            sharpening=rng.uniform(0.2, 1.2) if rng.random() < 0.4 else 0.0,
            noise=rng.exponential(0.4 + 1.6 * poor),
            mottle=rng.exponential(1.2 * poor),
            quality=int(rng.integers(round(92 - 62 * poor), 96)) if rng.random() < 0.7 else None,
        )

    @classmethod
    def studio(cls, rng: np.random.Generator) -> "Shot":
        """A video camera on a stand in good light; the video's codec compresses what it sees."""
        red, green, blue = np.exp(rng.normal(0, 0.025, 3)).tolist()
        contrast = min(max(rng.normal(54, 6), 35.0), 75.0)
        return cls(contrast, gain=(red, green, blue), blur=rng.uniform(0.15, 0.5), noise=rng.uniform(0.3, 1.5))

    def take(self, scene: Floats, rng: np.random.Generator) -> Image:
        """The picture (H, W, 3) uint8 that the camera makes of a whole scene (H, W, 3) in grey levels, from which its
        contrast is set; `rng` gives the noise."""
        height, width = scene.shape[:2]
        picture = scene.astype(np.float32) * np.asarray(self.gain, np.float32)
        if self.blur:
            cv2.GaussianBlur(picture, (0, 0), max(0.15, self.blur * height / 256), dst=picture)
        if self.sharpening:
            picture += self.sharpening * (picture - cv2.GaussianBlur(picture, (0, 0), 0.006 * height + 0.4))
        if self.contrast is not None:
            grey = picture.mean(-1)
            mean, deviation = float(grey.mean()), float(grey.std())
            share = min(max(self.contrast / max(deviation, 1.0), _LEAST), _MOST)
            middle = min(max(mean + self.lift, 70.0), 185.0) if share > 1 else mean + self.lift
            colour = share**0.3  # tone curves of cameras leave colours nearly as they are
            picture = colour * (picture - grey[..., None]) + (share * (grey - mean) + middle)[..., None]
        if self.noise:
            picture += self.noise * rng.standard_normal(picture.shape, np.float32)
        if self.mottle:
            coarse = self.mottle * rng.standard_normal((-(-height // 3), -(-width // 3), 3), np.float32)
            picture += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
        frame: Image = picture.clip(0, 255).astype(np.uint8)
        return frame if self.quality is None else _compressed(frame, self.quality)


def smear(image: Floats, way: tuple[float, float]) -> Floats:
    """An image (H, W, C) of something that moves by `way` (x, y) pixels while the shutter is open."""
    length = float(np.hypot(*way))
    if length < 1:
        return image
    side = 2 * int(np.ceil(length / 2)) + 1
    kernel, middle = np.zeros((side, side), np.float32), (side - 1) / 2
    start, end = ([round(16 * (middle + sign * step / 2)) for step in way] for sign in (-1, 1))
    cv2.line(kernel, start, end, (1.0,), 1, cv2.LINE_8, 4)
    smeared: Floats = cv2.filter2D(image, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE)
    return smeared


def _compressed(frame: Image, quality: int) -> Image:
    """The frame as its JPEG shows it."""
    _, encoded = cv2.imencode(".jpg", frame[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded: Image = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR))[..., ::-1]
    return decoded
