"""How fast the avatar signs: frames a second over 200 random sentences, truth included, on one core.

python benchmarks/avatar_poses.py
"""

import time

import numpy as np

from datamodules.avatar import Signer, perform
from datamodules.avatar.phonology.lexicon import lexicon

SENTENCES = 200


def main() -> None:
    """Print the rate, and how long a sentence lasts."""
    rng = np.random.default_rng(0)
    glosses = [*lexicon().signs, "#ANNA", "#2025"]
    drawn = [[glosses[k] for k in rng.integers(len(glosses), size=rng.integers(3, 6))] for _ in range(SENTENCES)]
    signers = [Signer.random(k) for k in range(SENTENCES)]
    perform(drawn[0])
    start = time.perf_counter()
    frames = [len(perform(drawn[k], signers[k], seed=k).joints) for k in range(SENTENCES)]
    seconds = time.perf_counter() - start
    print(
        f"{sum(frames) / seconds:,.0f} frames/s over {SENTENCES} sentences of {np.mean(frames) / 25:.2f} s on average"
    )


if __name__ == "__main__":
    main()
