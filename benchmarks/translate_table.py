"""Translate every sentence of a How2Sign table with a model: how fast, and how long the poses are.

python benchmarks/translate_table.py NAME_OR_RUN how2sign_realigned_val.csv
"""

import sys
import time
from pathlib import Path

import numpy as np

import zoo
from datamodules.how2sign.files import read_table


def main(model: str, table: Path) -> None:
    loader = zoo.load(model)
    texts = [sentence.text for sentence in read_table(table).values()]
    start = time.perf_counter()
    poses = loader.translate(texts)
    seconds = time.perf_counter() - start
    frames = np.array([len(pose.body.data) for pose in poses])
    finite = all(np.isfinite(pose.body.data.filled(0)).all() for pose in poses)
    print(f"{len(texts)} sentences, {frames.sum()} frames in {seconds:.0f} s: {frames.sum() / seconds:.0f} frames/s")
    print(f"frames a sentence: {frames.min()} to {frames.max()}, median {np.median(frames):.0f}; all finite: {finite}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], Path(sys.argv[2]))
