"""Pictures a second that the data modules deliver, beside what a plain loop makes of the same files.

    python benchmarks/loading.py [WORKERS]

On twins, written on first use below build/: letters at 64 x 64, pairs at 256 x 256, How2Sign frames at 512 x 512. The
plain loop opens each picture with Pillow, scales it there and makes a float tensor of it, one by one; of a video, it
decodes every frame to RGB up to the one it wants. The ratio is of processor time, which holds on a busy machine too.
"""

import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image

from datamodules.asl_alphabet import Letters
from datamodules.base import SurveyedDataModule
from datamodules.how2sign.frame_reading import Frames
from datamodules.how2sign.frames import How2SignFrames
from datamodules.media.conditions.openpose_drawing import draw_openpose
from datamodules.media.video import read_video
from datamodules.poses.formats import read_openpose
from datamodules.rwth_boston50 import Boston50
from datamodules.samples import Sample
from datamodules.twins import Twin

TWINS = Path("build") / "loading"
SECONDS = 5.0
PROCESSOR = time.process_time


def tensor(picture: Image.Image, size: int) -> torch.Tensor:
    scaled = np.asarray(picture.convert("RGB").resize((size, size)), np.float32) / 127.5 - 1
    return torch.from_numpy(scaled.transpose(2, 0, 1).copy())


def plain_letter(sample: Sample) -> int:
    tensor(Image.open(sample.files[0]), 64)
    return 1


def plain_pair(sample: Sample) -> int:
    both = Image.open(sample.files[0])
    for left in (0, both.width // 2):
        tensor(both.crop((left, 0, left + both.width // 2, 240)), 286)[:, :256, :256].clone()
    return 1


def plain_frame(examples: Frames, index: int) -> int:
    video, folder = examples.samples[examples.clips[index]].files
    number = int(examples.numbers[index])
    frame = next(islice(read_video(video)[0], number, None))
    height, width = frame.shape[:2]
    left = (width - height) // 2
    drawing = draw_openpose(read_openpose(folder)[number], width, height)
    for picture in (frame, drawing):
        tensor(Image.fromarray(picture).crop((left, 0, left + height, height)), 512)
    return 1


def rate(steps: Iterator[int], clock: Callable[[], float] = time.perf_counter) -> float:
    """Items a second of a clock, after one step to warm up."""
    next(steps)
    count, start = 0, clock()
    while clock() - start < SECONDS:
        count += next(steps)
    return count / (clock() - start)


def batches(data: SurveyedDataModule) -> Iterator[int]:
    loader = data.train_dataloader()
    while True:
        yield from (len(batch.names) for batch in loader)


def endless(work: Callable[[Any], int], items: list[Any]) -> Iterator[int]:
    while True:
        yield from map(work, items)


def main() -> None:
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    workers = int(sys.argv[1]) if len(sys.argv) > 1 else 2
    letters, parallel_letters = (
        Letters(str(TWINS / "letters"), batch_size=128, num_workers=number, twin=Twin(1450)) for number in (0, workers)
    )
    pairs, parallel_pairs = (
        Boston50(str(TWINS / "pairs"), batch_size=16, num_workers=number, twin=Twin(240)) for number in (0, workers)
    )
    frames, parallel_frames = (
        How2SignFrames(str(TWINS / "frames"), batch_size=16, num_workers=number, twin=Twin(8))
        for number in (0, workers)
    )
    alone, delivered = (letters, pairs, frames), (parallel_letters, parallel_pairs, parallel_frames)
    for data in (*alone, *delivered):
        data.prepare_data()
        data.setup("fit")
    examples = frames.examples("train")
    shuffled = np.random.default_rng(0).permutation(len(examples)).tolist()
    plain = (
        endless(plain_letter, letters.samples["train"]),
        endless(plain_pair, pairs.samples["train"]),
        endless(partial(plain_frame, examples), shuffled),
    )
    for parallel, single, loop in zip(delivered, alone, plain, strict=True):
        wall, ours, theirs = rate(batches(parallel)), rate(batches(single), PROCESSOR), rate(loop, PROCESSOR)
        print(
            f"{type(single).__name__:15}{wall:8.1f}/s with {workers} workers; a second of processor time: {ours:8.1f}, "
            f"plain {theirs:8.1f}, {ours / theirs:.1f} times"
        )


if __name__ == "__main__":
    main()
