"""How much faster `python -m zoo data landmarks` is than a plain pool of processes that makes the same landmarks.

    python benchmarks/landmarks.py VIDEOS MODELS [every n-th video, default 1]

The plain loop is `multiprocessing.Pool.map` over the videos in order of their names, a process a core, with landmarkers
made for each video and every frame looked at. Both look at all frames and must write the same bytes. Prints wall-clock
and processor time of both, which also differ by what else the machine does, and their ratios.
"""

import os
import resource
import subprocess
import sys
import time
from functools import partial
from multiprocessing import Pool
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from datamodules.clips import list_clips
from datamodules.features.bundles import HAND, POSE, find_bundle
from datamodules.features.landmarks import Landmarker, holistic_pose
from datamodules.media.clip import Clip
from datamodules.poses.formats import write_pose


def plain(models: Path, out: Path, clip: Clip) -> None:
    """What a loop over one video does."""
    with Landmarker(find_bundle(POSE, models), find_bundle(HAND, models)) as landmarker:
        frames, fps = clip.frames()
        points = []
        for frame in frames:
            points.append(landmarker(frame))
            height, width = frame.shape[:2]
    write_pose(out / f"{clip.name}.pose", holistic_pose(np.array(points), fps, width, height))


def timed(command: list[str]) -> tuple[float, float]:
    """Wall-clock and processor seconds of a command and the processes that it starts."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - start, processor


def main(videos: Path, models: Path, nth: int) -> None:
    with TemporaryDirectory() as scratch:
        chosen, pool, zoo = (Path(scratch) / name for name in ("videos", "pool", "zoo"))
        chosen.mkdir()
        for path in sorted(path for path in videos.resolve().iterdir() if path.is_file())[::nth]:
            (chosen / path.name).symlink_to(path)
        first = timed([sys.executable, __file__, "--pool", str(chosen), str(models), str(pool)])
        command = ["data", "landmarks", str(chosen), str(zoo), "--frames", "all", "--models", str(models)]
        second = timed([sys.executable, "-m", "zoo", *command])
        names = sorted(path.name for path in pool.iterdir())
        same = all((pool / name).read_bytes() == (zoo / name).read_bytes() for name in names)
        print(f"{len(names)} videos, {os.cpu_count()} cores; landmarks {'equal' if same else 'DIFFER'}")
        for name, (wall, processor) in (("plain pool", first), ("zoo", second)):
            print(f"{name:10}  {wall:7.1f} s wall-clock  {processor:7.1f} s processor")
        print(f"{'ratio':10}  {first[0] / second[0]:7.2f}               {first[1] / second[1]:7.2f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--pool"]:
        with Pool(os.cpu_count()) as workers:
            workers.map(partial(plain, Path(sys.argv[3]), Path(sys.argv[4])), list_clips(sys.argv[2]))
            workers.close()
            workers.join()
    elif len(sys.argv) in (3, 4):
        main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    else:
        raise SystemExit("usage: python benchmarks/landmarks.py VIDEOS MODELS [every n-th video]")
