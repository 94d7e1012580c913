"""Whether the avatar's pictures are like photographs: statistics of real data and of their twins, side by side.

    python benchmarks/picture_statistics.py ../shared/data ../shared/models/hand_landmarker.task [pictures a column]

Grey levels are of 255. contrast: deviation of a picture's grey levels. brightness: their mean. saturation: mean of
(max - min) / max of a pixel's channels. sharpness: mean length of the grey level's gradient, a pixel. noise: deviation
of what a Laplacian mask leaves where the picture is flat (Immerkaer 1996, "Fast Noise Variance Estimation"), median of
the picture's tenths. light hand: mean brightness within the hand's box less that of the picture. Each is given as
median, and as the tenth and ninetieth percentile over pictures. hand found: share of pictures in which MediaPipe
finds one; hand size: the longer side of its box, as a share of the picture's; cut: share of the hands found with a
landmark outside the picture.
"""

import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import cv2
import mediapipe as mp
import numpy as np
from mediapipe.tasks.python import BaseOptions, vision
from numpy.typing import NDArray

from datamodules.features.landmarks import ignore_profiling
from datamodules.media.drawing_primitives import Image
from datamodules.media.images import read_image
from datamodules.media.video import read_video
from datamodules.twins import Twin, ensure_twin

Rows = dict[str, NDArray[np.float64]]
_IMMERKAER = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)


def statistics(picture: Image) -> dict[str, float]:
    """Of one picture, what needs no landmarker."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    high, low = picture.max(-1).astype(float), picture.min(-1).astype(float)
    left, down = cv2.Sobel(grey, cv2.CV_32F, 1, 0, scale=1 / 8), cv2.Sobel(grey, cv2.CV_32F, 0, 1, scale=1 / 8)
    rest = np.abs(cv2.filter2D(grey, -1, _IMMERKAER))[1:-1, 1:-1]
    tiles = [part.mean() for rows in np.array_split(rest, 10) for part in np.array_split(rows, 10, axis=1)]
    return {
        "contrast": float(grey.std()),
        "brightness": float(grey.mean()),
        "saturation": float(((high - low) / np.maximum(high, 1)).mean()),
        "sharpness": float(np.hypot(left, down).mean()),
        "noise": float(np.median(tiles)) * np.sqrt(np.pi / 2) / 6,
    }


def measured(pictures: Iterable[Image], landmarker: vision.HandLandmarker) -> Rows:
    """The statistics of all pictures; those of hands where one is found."""
    rows: dict[str, list[float]] = {}
    for picture in pictures:
        found = statistics(picture)
        hands = landmarker.detect(mp.Image(mp.ImageFormat.SRGB, np.ascontiguousarray(picture))).hand_landmarks
        found["hand found"] = float(bool(hands))
        if hands:
            places = np.array([[point.x, point.y] for point in hands[0]])
            found["hand size"] = float(np.ptp(places, axis=0).max())
            found["cut"] = float(places.min() < 0 or places.max() > 1)
            height, width = picture.shape[:2]
            x, y = places.clip(0, 0.999).T
            left, right, top, bottom = x.min() * width, x.max() * width, y.min() * height, y.max() * height
            box = picture[int(top) : int(bottom) + 1, int(left) : int(right) + 1]
            found["light hand"] = float(box.mean() - picture.mean())
        for name, value in found.items():
            rows.setdefault(name, []).append(value)
    return {name: np.array(values) for name, values in rows.items()}


def photographs(folder: Path, count: int) -> Iterator[Image]:
    """So many of the JPEGs under a folder, chosen evenly from all but those of "nothing"."""
    paths = sorted(path for path in folder.rglob("*.jpg") if path.parent.name != "nothing")
    for path in paths[:: max(1, len(paths) // count)][:count]:
        yield read_image(path)


def halves(folder: Path, count: int) -> Iterator[Image]:
    """The camera's part of RWTH-BOSTON-50's pairs."""
    for pair in photographs(folder, count):
        yield pair[:240, 8:328]


def frames(folder: Path, count: int) -> Iterator[Image]:
    """So many frames of the videos under a folder, alike many of each and evenly from its length."""
    paths = sorted(folder.rglob("*.mp4"))
    paths = paths[:: max(1, len(paths) // count)]
    each = -(-count // len(paths))
    for path in paths:
        shown = list(read_video(path)[0])
        for index in np.linspace(0, len(shown) - 1, each + 2).round().astype(int)[1:-1]:
            yield shown[index]


def columns(data: Path, twins: Path, count: int) -> Iterator[tuple[str, Iterator[Image]]]:
    """A real data set and its twin, and the next."""
    letters, clips, pairs, sentences = (twins / name for name in ("letters", "wlasl", "pairs", "how2sign"))
    begun = time.perf_counter()
    ensure_twin("asl-alphabet", letters, Twin(max(29, count)))
    print(f"letter twin: {len(list(letters.rglob('*.jpg'))) / (time.perf_counter() - begun):.0f} pictures a second")
    ensure_twin("wlasl", clips, Twin(24))
    ensure_twin("rwth-boston50", pairs, Twin(120))
    ensure_twin("how2sign", sentences, Twin(4, signers=4))
    yield "asl_alphabet", photographs(data / "asl_alphabet", count)
    yield "its twin", photographs(letters, count)
    yield "wlasl", frames(data / "wlasl", count)
    yield "its twin", frames(clips, count)
    yield "boston50", halves(data / "rwth_boston50", count)
    yield "its twin", halves(pairs, count)
    yield "how2sign", frames(data / "how2sign", count)
    yield "its twin", frames(sentences, count)


def main(data: Path, model: Path, count: int) -> None:
    ignore_profiling()
    options = vision.HandLandmarkerOptions(BaseOptions(model_asset_path=str(model)), num_hands=1)
    with tempfile.TemporaryDirectory() as folder, vision.HandLandmarker.create_from_options(options) as landmarker:
        print(f"{'':14}{'pictures':>9}{'contrast':>18}{'brightness':>18}{'saturation':>18}", end="")
        print(f"{'sharpness':>18}{'noise':>18}{'light hand':>18}{'hand size':>18}{'found':>7}{'cut':>6}")
        for name, pictures in columns(data, Path(folder), count):
            rows = measured(islice(pictures, count), landmarker)
            cells = [f"{name:14}{len(rows['contrast']):9d}"]
            for key in ("contrast", "brightness", "saturation", "sharpness", "noise", "light hand", "hand size"):
                low, middle, high = np.quantile(rows.get(key, np.array([np.nan])), (0.1, 0.5, 0.9))
                digits = 2 if key in ("saturation", "hand size") else 1
                cells.append(f"{middle:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})".rjust(18))
            cells.append(f"{rows['hand found'].mean():7.2f}{rows.get('cut', np.array([np.nan])).mean():6.2f}")
            print("".join(cells), flush=True)


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        raise SystemExit("usage: python benchmarks/picture_statistics.py DATA hand_landmarker.task [pictures]")
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 300)
