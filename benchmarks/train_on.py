"""What a starter is worth as a beginning: as many steps from its weights and from nothing, on other data, and the
validation of each.

    python benchmarks/train_on.py                                asl-slp, on a twin of other sentences and vocabulary
    python benchmarks/train_on.py --real data/rwth_boston50      pix2pix too, on real pairs

Ends with 1 if a training from a starter is no better than one from nothing.
"""

import argparse
import csv
import os
import sys
import tempfile
from pathlib import Path

from zoo.cli import main as zoo

HERE = ("--trainer.accelerator=cpu", "--data.num_workers=0", "--trainer.max_epochs=2")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", type=Path, help="RWTH-BOSTON-50 itself")
    parser.add_argument("--steps", type=int, default=50)
    options = parser.parse_args()
    better = []
    with tempfile.TemporaryDirectory() as base:
        folder = Path(base)
        words = (f"--data.root={folder / 'twin'}", "--data.twin={size: 400, seed: 1, signers: 1}", "--data.min_count=4")
        better.append(compared("asl-slp", "val/loss", words, options.steps, folder))
        if options.real is not None:
            pairs = (f"--data.root={options.real.resolve()}", "--data.twin=null")
            better.append(compared("pix2pix", "val/l1", pairs, options.steps, folder))
    return int(not all(better))


def compared(name: str, key: str, data: tuple[str, ...], steps: int, folder: Path) -> bool:
    """Whether a training from the bundled starter is the better one; prints a line. Less is better of `key`."""
    found: list[float] = []
    begins: tuple[list[str], ...] = ([], ["--from", name])
    for begin in begins:
        runs = folder / f"{name}-{len(found)}"
        os.environ["ZOO_RUNS"] = str(runs)
        half = f"--trainer.limit_train_batches={steps // 2}"
        if zoo(["fit", name, "--starter", *data, *HERE, half, *begin]):
            raise SystemExit(f"{name}: no training {' '.join(begin) or 'from nothing'}")
        (log,) = runs.glob("*/*/logs/metrics.csv")
        with log.open() as file:
            found.append([float(row[key]) for row in csv.DictReader(file) if row[key]][-1])
    nothing, starter = found
    print(f"{name}, {key} after {steps} steps: {nothing:.4g} from nothing, {starter:.4g} from the starter", flush=True)
    return starter < nothing


if __name__ == "__main__":
    sys.exit(main())
