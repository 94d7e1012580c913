"""The twin of CIFAR-10: the letters A to J, 32 x 32 in colour, in the files of its binary version."""

from pathlib import Path

import numpy as np

from datamodules.twins.closeups import close_ups, shuffled
from datamodules.twins.signers import Twin

LETTERS = "ABCDEFGHIJ"
SIDE = 32
BATCHES = 5


def write(root: Path, twin: Twin) -> None:
    """`cifar-10-batches-bin/`: `size` pictures in five batches, at least one in each, and a fifth as many to test.

    A record is its label and then the red, the green and the blue of its picture, row by row.
    """
    folder = root / "cifar-10-batches-bin"
    folder.mkdir()
    sizes = [*(max(1, (twin.size + k) // BATCHES) for k in range(BATCHES)), max(1, twin.size // BATCHES)]
    labels = shuffled(sizes, len(LETTERS), twin.seed)
    pictures = close_ups([LETTERS[label] for label in np.concatenate(labels)], SIDE, twin)
    planes = pictures.transpose(0, 3, 1, 2).reshape(len(pictures), -1)
    records = np.concatenate([np.concatenate(labels)[:, None], planes], axis=1)
    names = [*(f"data_batch_{k + 1}.bin" for k in range(BATCHES)), "test_batch.bin"]
    for name, own in zip(names, np.split(records, np.cumsum(sizes)[:-1]), strict=True):
        (folder / name).write_bytes(own.tobytes())
    (folder / "batches.meta.txt").write_text("".join(f"{letter}\n" for letter in (*LETTERS, "")))
