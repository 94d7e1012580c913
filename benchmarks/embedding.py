"""Clips to V-JEPA 2's rows, from .mp4 to .npy, as a plain script does it and as `python -m zoo data embed` does.

    python benchmarks/embedding.py [--size L] [--frames 16] [--clips 2] [--batch 6]

The network has the published shapes of ViT-L (`--size L`) or ViT-g (`--size g`) and random weights; `--size tiny` runs
the same on a few thousand. Windows are of 16 frames, where the published weights take 64, to spare a processor.
The plain script takes a variant of a clip at a time, in single precision: it decodes it, takes the steps of
the published processor, asks the model as transformers' documentation does, `model(pixels)`, and means tokens over the
picture. That asks the predictor, too, whose answer is not needed; `encoder alone` is its `get_vision_features`. Ours
decodes a clip once for its three variants and reads many windows at once; on a GPU in bfloat16.

Printed are seconds a clip of both, how many times as fast ours is, how far its rows of the original are from the plain
script's, for their largest, and how many clips a second are decoded alone, which says what bounds ours.
"""

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from PIL import Image
from transformers import VJEPA2Config, VJEPA2Model

from datamodules.avatar import Signer, perform
from datamodules.avatar.renderer.frames import render
from datamodules.clips import list_clips
from datamodules.features.embedding_files import npy_path
from datamodules.features.embeddings import ClipWindows, embed
from datamodules.features.vjepa import MEAN, STD, settings_of
from datamodules.media.clip import Clip
from datamodules.media.resampling import resample
from datamodules.media.video import Frame, write_video
from datamodules.media.video_windows import FPS, VARIANTS, variants

SIZES: Final[dict[str, dict[str, Any]]] = {
    "tiny": {"crop_size": 64, "hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2},
    "L": {"crop_size": 256, "hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16},
    "g": {
        "crop_size": 256,
        "hidden_size": 1408,
        "num_hidden_layers": 40,
        "num_attention_heads": 22,
        "mlp_ratio": 48 / 11,
    },
}
SIGNS: Final = ("HELLO", "NAME", "MOTHER", "THANK-YOU", "WATER", "SCHOOL")
DEVICE: Final = "cuda" if torch.cuda.is_available() else "cpu"


def film(folder: Path, count: int) -> None:
    """Write so many clips of signs, of 320 by 320 pixels."""
    folder.mkdir()
    for number in range(count):
        signer = Signer.random(number)
        frames = render(perform([SIGNS[number % len(SIGNS)]], signer).joints, signer.look, 320)
        write_video(folder / f"{number:04d}.mp4", frames, 25)


def processed(frame: Frame, size: int) -> Frame:
    """The published processor's resizing and cropping of a frame, to (size, size, 3)."""
    height, width = frame.shape[:2]
    side = size * 256 // 224
    to = (side * width // min(height, width), side * height // min(height, width))
    left, top = ((length - size) // 2 for length in to)
    return np.asarray(
        Image.fromarray(frame).resize(to, Image.Resampling.BILINEAR).crop((left, top, left + size, top + size))
    )


@torch.no_grad()
def plain(clips: Sequence[Clip], out: Path, model: Any, predictor: bool) -> None:
    """Embed each variant of each clip by itself."""
    out.mkdir()
    size, length, tubelet = model.config.crop_size, model.config.frames_per_clip, model.config.tubelet_size
    for clip in clips:
        for number, variant in enumerate(VARIANTS):
            frames = [variants(processed(frame, size))[number] for frame in resample(*clip.frames(), FPS)]
            rows = []
            for start in range(0, len(frames), length):
                part = frames[start : start + length]
                shown = np.stack(part + [part[-1]] * (length - len(part)))
                pixels = (
                    torch.from_numpy(shown).movedim(-1, 1) / 255 - torch.tensor(MEAN).view(3, 1, 1)
                ) / torch.tensor(STD).view(3, 1, 1)
                tokens = model(pixels[None].to(DEVICE), skip_predictor=not predictor).last_hidden_state
                rows.append(tokens.unflatten(1, (length // tubelet, -1)).mean(2)[0, : -(-len(part) // tubelet)].cpu())
            np.save(out / npy_path(clip, variant), torch.cat(rows).numpy())


def took(work: Any, *inputs: Any, **options: Any) -> float:
    """Seconds."""
    start = time.perf_counter()
    work(*inputs, **options)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", choices=SIZES, default="L")
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument("--clips", type=int, default=2)
    parser.add_argument("--batch", type=int, default=6)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        film(root / "clips", options.clips)
        torch.manual_seed(0)
        model = VJEPA2Model(VJEPA2Config(frames_per_clip=options.frames, **SIZES[options.size])).eval()
        model.save_pretrained(root / "model")
        clips = list_clips(root / "clips")
        read = ClipWindows(clips, settings_of("model", root / "model", options.batch))
        decoding = took(lambda: list(read))
        model.to(DEVICE)
        plain(clips[:1], root / "warmed up", model, predictor=True)
        ways = {"model(pixels)": True, "encoder alone": False}
        seconds = {name: took(plain, clips, root / name, model, predictor) for name, predictor in ways.items()}
        del model
        ours = took(embed, clips, root / "ours", model=str(root / "model"), batch_size=options.batch)
        pairs = [
            [np.load(root / way / npy_path(clip, VARIANTS[0])) for way in ("ours", "encoder alone")] for clip in clips
        ]
    off = max(float(np.abs(a - b).max() / np.abs(b).max()) for a, b in pairs)
    print(f"ViT-{options.size}, windows of {options.frames} frames, {DEVICE}: ours {ours / len(clips):.1f} s a clip")
    for name, taken in seconds.items():
        print(f"  plain, {name}: {taken / len(clips):.1f} s a clip, ours is {taken / ours:.2f} times as fast")
    print(f"  rows differ by {off:.1e} of the largest; decoding alone: {len(clips) / decoding:.1f} clips a second")


if __name__ == "__main__":
    main()
