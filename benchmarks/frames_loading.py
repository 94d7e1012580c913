"""Items a second that training on How2Sign's frames is served: parsed for every batch, parsed once, and from latents.

    python benchmarks/frames_loading.py [SIDE]

On a twin, written on first use below build/, at SIDE x SIDE pixels (512), by one process. Of each item there are the
drawing, where its hands are, and FR-Net's two pictures; the frame itself, or in its place what an autoencoder might
have made of it: zeros. The figures are of processor time, which holds on a busy machine too.
"""

import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
import torch

from datamodules.features.cached_tensors import CachedTensors, Rows, content_keys
from datamodules.how2sign.frames import How2SignFrames
from datamodules.how2sign.keypoints import Keypoints, ParsedClips, squared
from datamodules.media.conditions.frame_reinforcement import FRNet
from datamodules.poses.formats import read_openpose
from datamodules.samples import Sample
from datamodules.twins import Twin

TWIN = Path("build") / "loading" / "frames"
SECONDS = 10.0


class ParsedAlways(ParsedClips):
    """Keypoints as they were before there was a cache of them: all of a clip parsed wherever a batch comes to it."""

    def __init__(self) -> None:
        super().__init__()
        self.last: tuple[Path, Keypoints] | None = None

    def keypoints(self, sample: Sample, numbers: Sequence[int] | slice, size: int) -> Keypoints:
        folder = sample.files[1]
        if self.last is None or self.last[0] != folder:
            self.last = folder, read_openpose(folder)
        _, width, height = self.measure(sample)
        return squared(self.last[1][numbers], width, height, size)


def ready(side: int, fr_net: FRNet | None) -> How2SignFrames:
    data = How2SignFrames(str(TWIN), side, batch_size=16, fr_net=fr_net, twin=Twin(8))
    data.prepare_data()
    data.setup("fit")
    return data


def rate(data: How2SignFrames) -> float:
    """Items a second of processor time, after one batch to warm up."""
    steps = batches(data)
    next(steps)
    count, start = 0, time.process_time()
    while time.process_time() - start < SECONDS:
        count += next(steps)
    return count / (time.process_time() - start)


def batches(data: How2SignFrames) -> Iterator[int]:
    loader = data.train_dataloader()
    while True:
        yield from (len(batch.names) for batch in loader)


def blank(shape: tuple[int, ...], items: range) -> Rows:
    return np.zeros((len(items), *shape), np.float32)


def main() -> None:
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    side = int(sys.argv[1]) if len(sys.argv) > 1 else 512
    for name, fr_net in (("drawings", None), ("drawings and FR-Net", FRNet())):
        always, once, latents = (ready(side, fr_net) for _ in range(3))
        always.parsed = ParsedAlways()
        keys = content_keys([(name, path) for name, _, path in latents.described("train")])
        with TemporaryDirectory() as folder:
            shape = (8, side // 8, side // 8)
            moments = CachedTensors(Path(folder), keys, shape)
            moments.complete(partial(blank, shape), "zeros")
            latents.serve("train", moments)
            found = {"parsed for every batch": rate(always), "parsed once": rate(once), "from latents": rate(latents)}
        first = next(iter(found.values()))
        for what, each in found.items():
            print(f"{name:20} {what:23} {each:7.1f}/s, {each / first:4.1f} times")


if __name__ == "__main__":
    main()
