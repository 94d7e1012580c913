"""How many photographs of real letters the bundled letter judge reads, which has seen the avatar's alone.

python benchmarks/judge_on_photographs.py asl_alphabet_train
"""

import sys
from collections import Counter
from pathlib import Path

import cv2

import zoo


def main(folder: str) -> None:
    reader = zoo.load("letter-judge", weights="starter")
    hits: Counter[str] = Counter()
    paths = sorted(path for path in Path(folder).glob("*/*.jpg") if path.parent.name in reader.letters)
    for path in paths:
        picture = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        hits[path.parent.name] += reader.read(picture)[0].letter == path.parent.name
    counts = Counter(path.parent.name for path in paths)
    print("  ".join(f"{name} {hits[name] / counts[name]:.2f}" for name in sorted(counts)))
    print(f"read: {hits.total() / len(paths):.3f} of {len(paths)} photographs")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(sys.argv[1])
