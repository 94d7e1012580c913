"""Text-to-pose decoding, 300 frames of one sentence: cached against recomputing the whole prefix, in one run.

python benchmarks/decoding.py
"""

import torch
from timing import seconds

from lightning_modules.networks.text_to_pose.decoding import decode, decode_whole_prefix
from lightning_modules.networks.text_to_pose.progressive_transformer import (
    ProgressiveTransformer,
    ProgressiveTransformerConfig,
)

FRAMES = 300


def main() -> None:
    torch.manual_seed(0)
    network = ProgressiveTransformer(ProgressiveTransformerConfig(vocabulary=1100)).eval()
    tokens = torch.randint(4, 1100, (1, 20))
    frames = torch.tensor([FRAMES])
    cached = seconds(lambda: decode(network, tokens, frames=frames))
    whole = seconds(lambda: decode_whole_prefix(network, tokens, FRAMES), rounds=2)
    difference = (decode(network, tokens, frames=frames)[0] - decode_whole_prefix(network, tokens, FRAMES)).abs().max()
    print(f"published sizes, {FRAMES} frames, one sentence, {torch.get_num_threads()} threads")
    print(f"whole prefix  {FRAMES / whole:8.0f} frames/s")
    print(f"cached        {FRAMES / cached:8.0f} frames/s")
    print(f"ratio         {whole / cached:8.1f}")
    print(f"greatest difference {difference:.1e} SLP units")


if __name__ == "__main__":
    main()
