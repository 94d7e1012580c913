"""Real clips of WLASL from video to gloss, by both readers that learn on a processor: what is read and what is named.

    python benchmarks/real_clips.py WLASL OUT [--most N] [--frames 30] [--epochs 2]

WLASL is a folder with an index and videos/. In OUT its clips, the N smallest where that is given, lie
beside two that are no clips: a file that is no video, and a clip of one frame. They are embedded by a V-JEPA 2 of
random weights, and MediaPipe finds their landmarks ($ZOO_MODELS may name the folder of its models); on either a
classifier is trained, and asked about a clip of validation. The embedding is too small and the training too short to be
worth a score: what counts is that nothing real stops the way. Printed are the files that were left out, with why, and
the likeliest glosses.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

import zoo
from datamodules.media.video import read_video, write_video
from datamodules.wlasl.index import INDEX, find_index, read_index
from lightning_modules.networks.recognition.vjepa import video_encoder
from zoo.cli import main as command

SIZES = {"patch": 32, "tubelet": 2, "width": 48, "layers": 2, "heads": 3, "predictor_width": 24, "predictor_layers": 1}
"""Of the V-JEPA 2."""
NO_VIDEO, ONE_FRAME = "99998", "99999"
"""Ids that the index has for what is no clip."""


def lay_out(wlasl: Path, root: Path, most: int | None) -> dict[str, str]:
    """Link clips into a folder with an index of them; returns their glosses by id, those of validation first."""
    index = find_index(wlasl)
    assert index is not None, f"{wlasl} has no index of WLASL"
    (root / "videos").mkdir(parents=True)
    named = [(wlasl / "videos" / f"{clip.video}.mp4", clip) for clip in read_index(index)]
    smallest = sorted((path.stat().st_size, path, clip.video, clip) for path, clip in named if path.is_file())[:most]
    for _, path, _, _ in smallest:
        (root / "videos" / path.name).symlink_to(path.resolve())
    clips = sorted((clip for *_, clip in smallest), key=lambda clip: clip.split != "dev")
    frames, fps = read_video(root / "videos" / f"{clips[0].video}.mp4")
    write_video(root / "videos" / f"{ONE_FRAME}.mp4", [next(frames)], fps)
    (root / "videos" / f"{NO_VIDEO}.mp4").write_bytes(b"no video" * 100)
    none = [replace(clips[0], video=video, split="train") for video in (NO_VIDEO, ONE_FRAME)]
    entries: dict[str, list[dict[str, str]]] = {clip.gloss: [] for clip in sorted(clips, key=lambda clip: clip.number)}
    for clip in [*clips, *none]:
        subset = "val" if clip.split == "dev" else clip.split
        entries[clip.gloss].append({"video_id": clip.video, "split": subset, "url": f"file:{clip.video}"})
    content = [{"gloss": gloss, "instances": instances} for gloss, instances in entries.items()]
    (root / INDEX).write_text(json.dumps(content), encoding="utf-8")
    return {clip.video: clip.gloss for clip in clips}


def unread(folder: Path) -> dict[str, str]:
    """What a report says could not be read, and why: that of `data embed`, or that of `data landmarks`."""
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    named: dict[str, str] = report.get("unreadable clips") or {}
    return named | {Path(one["file"]).stem: one["reason"] for one in report.get("failed", [])}


def trained(name: str, root: Path, epochs: int) -> Path:
    """A run of a model's own recipe on the clips, but for its length."""
    small = ["--data.glosses=null", "--data.split=official", "--data.num_workers=0", "--trainer.logger=false"]
    if command(["fit", name, f"--data.root={root}", *small, f"--trainer.max_epochs={epochs}"]):
        raise SystemExit(f"{name} could not be trained")
    (run,) = Path(os.environ["ZOO_RUNS"], name).iterdir()
    return run


def main(arguments: Sequence[str]) -> dict[str, list[Any]]:
    """Returns the glosses of a clip, the likeliest first, by reader."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wlasl", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--most", type=int)
    parser.add_argument("--frames", default="30")
    parser.add_argument("--epochs", type=int, default=2)
    options = parser.parse_args(arguments)
    root, encoder = options.out / "wlasl", options.out / "encoder"
    os.environ["ZOO_RUNS"] = str(options.out / "runs")
    clips = lay_out(options.wlasl, root, options.most)
    torch.manual_seed(0)
    video_encoder(64, 8, **SIZES).save_pretrained(encoder)
    prepared = {
        "gloss-classifier": ["embed", str(root), str(root / "embeddings"), "--model", str(encoder)],
        "gloss-landmarks": ["landmarks", str(root), str(root / "landmarks"), "--frames", options.frames],
    }
    asked = next(iter(clips))
    found = {}
    for name, made in prepared.items():
        code = command(["data", *made])
        print(f"{made[0]}: exit code {code}, of {len(clips) + 2} files left out: {unread(Path(made[2]))}")
        run = trained(name, root, options.epochs)
        found[name] = zoo.load(run).predict(root / "videos" / f"{asked}.mp4")
        print(f"{name}: {clips[asked]} is read as {', '.join(guess.gloss for guess in found[name][:3])}")
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
