"""How many of the avatar's letter close-ups MediaPipe's hand landmarker finds a hand in, and how near its joints lie.

    python benchmarks/letter_detection.py ../shared/models/hand_landmarker.task [frames a letter]

Prints, for each letter A-Z and over all: share of frames with a hand (confidences 0.5), share taken for a right hand,
mean landmark error in pixels of a 256-pixel frame and in palm lengths (wrist to middle knuckle, as projected).
"""

import sys

import mediapipe as mp
import numpy as np
from mediapipe.tasks.python import BaseOptions, vision

from datamodules.avatar.renderer.letters import letter_frame, letter_landmarks


def main(model: str, frames: int) -> None:
    options = vision.HandLandmarkerOptions(BaseOptions(model_asset_path=model), num_hands=1)
    found, right = 0, 0
    pixels: list[float] = []
    palms: list[float] = []
    with vision.HandLandmarker.create_from_options(options) as landmarker:
        for symbol in "ABCDEFGHIJKLMNOPQRSTUVWXYZ":
            hits, rights, errors = 0, 0, []
            for index in range(frames):
                seed = [index, ord(symbol)]
                image = mp.Image(mp.ImageFormat.SRGB, letter_frame(symbol, np.random.default_rng(seed)))
                result = landmarker.detect(image)
                if not result.hand_landmarks:
                    continue
                hits += 1
                rights += result.handedness[0][0].category_name == "Right"
                truth = letter_landmarks(symbol, np.random.default_rng(seed))
                seen = np.array([[256 * point.x, 256 * point.y] for point in result.hand_landmarks[0]])
                error = float(np.linalg.norm(seen - truth, axis=1).mean())
                errors.append((error, error / max(float(np.linalg.norm(truth[9] - truth[0])), 1.0)))
            found, right = found + hits, right + rights
            pixels += [error for error, _ in errors]
            palms += [error for _, error in errors]
            mean = np.mean(errors, axis=0) if errors else (np.nan, np.nan)
            print(
                f"{symbol}  found {hits / frames:5.2f}  right {rights / max(hits, 1):5.2f}  "
                f"error {mean[0]:5.1f} px  {mean[1]:5.2f} palms"
            )
    print(
        f"all found {found / (26 * frames):.3f}  right {right / max(found, 1):.3f}  "
        f"error mean {np.mean(pixels):.1f} px median {np.median(pixels):.1f} px  "
        f"mean {np.mean(palms):.3f} median {np.median(palms):.3f} palms"
    )


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        raise SystemExit("usage: python benchmarks/letter_detection.py hand_landmarker.task [frames a letter]")
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 10)
