"""Every reader on thousands of damaged files: it reads what is right or says what is wrong, and nothing else.

    python -m benchmarks.fuzz_readers [--count 10000] [reader ...]

Each reader works in a process of its own under a limit of memory and, for every file, of time. What counts as wrong:
another exception than a ValueError that names the file, a crash, a hang, a result that breaks the reader's own promise.
"""

import argparse
import multiprocessing as mp
import os
import random
import re
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

MEMORY: Final = 1 << 30  # bytes that a reader may take beyond what its imports take
SECONDS: Final = 10.0  # for one file
CHUNK: Final = 500  # files a process
_BLANKS: Final = b" \t\n,:[]{}\"'"
_TOKENS: Final = (b"nan", b"-inf", b"1e999", b"1e-999", b"-", b"", b"null", b"[" * 2000, b"9" * 400, b"\xff\xfe", b"\r")


@dataclass(frozen=True)
class Reader:
    """`make` writes good files into a folder and returns what `read` is given; `read` asserts what it promises."""

    name: str
    make: Callable[[Path], Path]
    read: Callable[[Path], object]


@dataclass
class Outcome:
    """How many files were read, refused, or met wrongly; the first wrong ones with what happened."""

    read: int = 0
    refused: int = 0
    wrong: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    memory: int = 0  # bytes beyond the imports
    messages: set[str] = field(default_factory=set)


def mutate(content: bytes, rng: random.Random) -> bytes:
    """The content with one to three kinds of damage."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 3))):
        if not data:
            break
        at = rng.choice(
            (rng.randrange(len(data)), rng.randrange(min(len(data), 256)), max(0, len(data) - 1 - rng.randrange(256)))
        )
        kind = rng.randrange(9)
        if kind == 0:
            del data[at:]
        elif kind == 1:
            for _ in range(rng.choice((1, 1, 8))):
                data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        elif kind == 2:
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 3:  # a count, larger than anything
            size = rng.choice((1, 2, 4, 8))
            data[at : at + size] = rng.choice(
                (b"\xff" * size, b"\x7f" * size, b"\0" * size, b"\xff" * (size - 1) + b"\x7f")
            )
        elif kind == 4:
            del data[at : at + rng.choice((1, 2, 4, 1000))]
        elif kind == 5:
            data[at:at] = rng.randbytes(rng.choice((1, 2, 4, 1000)))
        elif kind == 6:
            data[at:at] = data[at : at + rng.choice((1, 100, 10_000))]
        elif kind == 7:
            data[at : at + 100] = bytes(min(100, len(data) - at))
        else:  # a word of a text
            start, end = at, at
            while start and data[start - 1] not in _BLANKS:
                start -= 1
            while end < len(data) and data[end] not in _BLANKS and end - at < 50:
                end += 1
            data[start:end] = rng.choice(_TOKENS)
    return bytes(data)


def fuzz(readers: Iterable[Reader], count: int, seed: int = 0, seconds: float = SECONDS) -> dict[str, Outcome]:
    """Give every reader `count` damaged files, and its good one first."""
    return {reader.name: _fuzz_one(reader, count, seed, seconds) for reader in readers}


def _fuzz_one(reader: Reader, count: int, seed: int, seconds: float) -> Outcome:
    outcome, context = Outcome(), mp.get_context("spawn")
    start = 0
    while start <= count:
        here, there = context.Pipe()
        stop = min(start + CHUNK, count + 1)
        process = context.Process(target=_work, args=(there, reader, range(start, stop), seed), daemon=True)
        process.start()
        there.close()
        done, limit = start, 60 + seconds  # importing counts for the first
        try:
            while done < stop:
                if not here.poll(limit):
                    outcome.wrong[f"hang on file {done}"] += 1
                    done += 1
                    break
                verdict, message, took, memory = here.recv()
                limit = seconds
                if verdict == "broken":
                    outcome.wrong[message] += 1
                    return outcome
                if verdict == "read":
                    outcome.read += 1
                elif verdict == "refused":
                    outcome.refused += 1
                    outcome.messages.add(message)
                else:
                    outcome.wrong[message] += 1
                outcome.slowest = max(outcome.slowest, took)
                outcome.memory = max(outcome.memory, memory)
                done += 1
        except EOFError:
            process.join()
            outcome.wrong[f"the process died ({process.exitcode}) on file {done}"] += 1
            done += 1
        finally:
            process.kill()
            process.join()
            here.close()
        start = done
    return outcome


def _work(out: Connection, reader: Reader, numbers: range, seed: int) -> None:
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - decoders warn of every damaged file
    os.dup2(sys.stderr.fileno(), 2)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            target = reader.make(folder)
            files = sorted(path for path in folder.rglob("*") if path.is_file())
            good = {path: path.read_bytes() for path in files}
            reader.read(target)  # imports and compiles whatever it needs
        except Exception as error:
            out.send(("broken", f"on its good file: {type(error).__name__}: {error}", 0.0, 0))
            return
        resident = _peak()
        size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, resource.RLIM_INFINITY))
        for number in numbers:
            rng = random.Random(f"{seed} {number}")
            path = rng.choice(files)
            if number:
                path.write_bytes(mutate(good[path], rng))
            start = time.perf_counter()
            verdict, message = _verdict(reader, target, folder)
            took = time.perf_counter() - start
            out.send((verdict, message, took, _peak() - resident))
            path.write_bytes(good[path])


def _verdict(reader: Reader, target: Path, folder: Path) -> tuple[str, str]:
    try:
        reader.read(target)
    except ValueError as error:
        if str(folder) in str(error):
            return "refused", str(error).replace(str(folder), "")[:200]
        return "wrong", f"{type(error).__name__} that names no file: {_kind(error)}"
    except MemoryError:
        return "wrong", f"MemoryError: it asked for more than {MEMORY >> 20} MiB"
    except BaseException as error:
        return "wrong", f"{type(error).__name__}: {_kind(error)}"
    return "read", ""


def _kind(error: BaseException) -> str:
    return re.sub(r"0x[0-9a-f]+|\d+", "#", str(error))[:100]


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def make_skels(folder: Path) -> Path:
    import numpy as np

    from datamodules.poses.formats import write_skels

    rng = np.random.default_rng(0)
    write_skels(folder / "dev.skels", [rng.normal(0, 0.3, (frames, 50, 3)) for frames in (3, 5)])
    return folder / "dev.skels"


def read_skels(path: Path) -> None:
    import numpy as np

    from datamodules.poses.formats import iterate_skels

    for joints in iterate_skels(path):
        assert joints.shape[1:] == (50, 3)
        assert len(joints)
        assert np.isfinite(joints).all()


def make_pose(folder: Path) -> Path:
    import numpy as np

    from datamodules.poses.conversion import to_pose
    from datamodules.poses.formats import write_pose

    write_pose(folder / "a.pose", to_pose(np.random.default_rng(0).normal(0, 0.3, (4, 50, 3)), 25.0))
    return folder / "a.pose"


def make_pose_0_1(folder: Path) -> Path:
    """The same in version 0.1, whose rate and count are two bytes each."""
    import struct

    path = make_pose(folder)
    content = path.read_bytes()
    body = content.index(struct.pack("<fI", 25.0, 4))
    path.write_bytes(struct.pack("<f", 0.1) + content[4:body] + struct.pack("<HH", 25, 4) + content[body + 8 :])
    return path


def read_pose(path: Path) -> None:
    import numpy as np

    from datamodules.poses.formats import read_pose

    pose = read_pose(path)
    frames, people, points, dimensions = pose.body.data.shape
    assert frames > 0
    assert people > 0
    assert (points, dimensions) == (pose.header.total_points(), pose.header.num_dims())
    assert 0 < pose.body.fps <= 1000
    assert np.isfinite(pose.body.data.compressed()).all()


def make_openpose(folder: Path) -> Path:
    import numpy as np

    from datamodules.poses.formats import write_openpose

    keypoints = np.random.default_rng(0).uniform(0, 500, (3, 137, 3))
    keypoints[1] = 0
    write_openpose(folder / "clip", "clip", keypoints)
    return folder / "clip"


def read_openpose(path: Path) -> None:
    import numpy as np

    from datamodules.poses.formats import read_openpose

    keypoints = read_openpose(path)
    assert keypoints.shape == (3, 137, 3)
    assert np.isfinite(keypoints).all()


def make_npz(folder: Path) -> Path:
    import numpy as np

    from datamodules.poses.formats import Recording, write_npz
    from datamodules.poses.skeletons import SLP_50

    joints = np.random.default_rng(0).normal(0, 0.3, (4, 50, 3)).astype(np.float32)
    write_npz(folder / "a.npz", Recording(SLP_50, joints, np.ones((4, 50), np.float32), 25.0))
    return folder / "a.npz"


def read_npz(path: Path) -> None:
    from datamodules.poses.formats import read_npz

    recording = read_npz(path)
    assert recording.joints.shape[1] == recording.layout.joints


def make_lines(folder: Path) -> Path:
    (folder / "dev.text").write_text("am mittwoch regen .\nim süden sonne .\n" * 20, encoding="utf-8")
    return folder / "dev.text"


def read_lines(path: Path) -> None:
    from datamodules.files import read_lines

    assert all(line == line.strip() for line in read_lines(path))


def make_table(folder: Path) -> Path:
    from datamodules.how2sign.files import COLUMNS

    rows = [
        "\t".join(("VIDEO_NAME", "SENTENCE_ID", *COLUMNS)),
        *(
            "\t".join((f"v{n}", f"s{n}", f"v{n}", f"s{n}-rgb_front", f"{n}.25", f"{n + 3}.5", f"Hi {n}."))
            for n in range(9)
        ),
    ]
    (folder / "how2sign_realigned_val.csv").write_text("\n".join(rows), encoding="utf-8")
    return folder / "how2sign_realigned_val.csv"


def read_table(path: Path) -> None:
    from datamodules.how2sign.files import read_table

    for sentence in read_table(path).values():
        assert abs(sentence.seconds) < float("inf")


def make_wlasl(folder: Path) -> Path:
    import json

    instance = {"split": "train", "frame_start": 1, "frame_end": -1, "signer_id": 3, "url": "https://a.org/b.mp4"}
    glosses = ("book", "drink", "go")
    index = [
        {"gloss": gloss, "instances": [instance | {"video_id": f"{10 * n + k:05d}"} for k in range(3)]}
        for n, gloss in enumerate(glosses)
    ]
    (folder / "WLASL_v0.3.json").write_text(json.dumps(index))
    return folder / "WLASL_v0.3.json"


def read_wlasl(path: Path) -> None:
    from datamodules.wlasl.index import read_index

    assert all(instance.gloss and instance.video for instance in read_index(path))


def make_embeddings(folder: Path) -> Path:
    from datamodules.features.embedding_files import HEADER, INDEX

    rows = [",".join(HEADER), *(f"v{n},book,v{n}/original.npy" for n in range(9))]
    (folder / INDEX).write_text("\n".join(rows))
    return folder


def read_embeddings(path: Path) -> None:
    from datamodules.features.embedding_files import read_index

    read_index(path)


def make_image(suffix: str, folder: Path) -> Path:
    import cv2
    import numpy as np

    noise = np.random.default_rng(0).integers(0, 255, (12, 12, 3), np.uint8)
    cv2.imwrite(str(folder / f"a{suffix}"), cv2.resize(noise, (96, 64)))
    return folder / f"a{suffix}"


def read_image(path: Path) -> None:
    from datamodules.media.images import read_image

    picture = read_image(path)
    assert picture.dtype.name == "uint8"
    assert picture.ndim == 3
    assert picture.shape[2] == 3


def see_fault(path: Path) -> None:
    from datamodules.media.frame_files import picture_fault

    if finding := picture_fault(path.parent, path):
        raise ValueError(f"{path}: {finding.message}")


def make_idx(packed: bool, folder: Path) -> Path:
    import gzip

    import numpy as np

    from datamodules.twins.mnist import write_idx

    path = folder / "train-images-idx3-ubyte"
    write_idx(path, np.random.default_rng(0).integers(0, 255, (9, 28, 28), np.uint8))
    if packed:
        path.write_bytes(gzip.compress(path.read_bytes()))
    return path


def read_idx(path: Path) -> None:
    from datamodules.mnist import read_idx

    pictures = read_idx(path, (28, 28))
    assert pictures.dtype.name == "uint8"
    assert pictures.shape[1:] == (28, 28)
    assert len(pictures)


def make_cifar10(folder: Path) -> Path:
    import numpy as np

    from datamodules.cifar10 import RECORD

    records = np.random.default_rng(0).integers(0, 255, (9, RECORD), np.uint8)
    records[:, 0] %= 10
    (folder / "test_batch.bin").write_bytes(records.tobytes())
    (folder / "batches.meta.txt").write_text("".join(f"class {n}\n" for n in range(10)))
    return folder


def read_cifar10(path: Path) -> None:
    from datamodules.cifar10 import read_batch, read_names

    pictures, labels = read_batch(path / "test_batch.bin")
    assert pictures.shape == (len(labels), 32, 32, 3)
    assert labels.max() < len(set(read_names(path / "batches.meta.txt"))) == 10


def make_video(folder: Path) -> Path:
    import numpy as np

    from datamodules.media.video import write_video

    rng = np.random.default_rng(0)
    write_video(folder / "a.mp4", (rng.integers(0, 255, (48, 64, 3), np.uint8) for _ in range(8)), 25.0)
    return folder / "a.mp4"


def read_video(path: Path) -> None:
    from itertools import islice

    from datamodules.media.video import read_video

    frames, fps = read_video(path)
    assert fps > 0
    for frame in islice(frames, 100):
        assert frame.shape[2] == 3


READERS: Final = (
    Reader("skels", make_skels, read_skels),
    Reader("pose 0.2", make_pose, read_pose),
    Reader("pose 0.1", make_pose_0_1, read_pose),
    Reader("openpose", make_openpose, read_openpose),
    Reader("npz", make_npz, read_npz),
    Reader("lines", make_lines, read_lines),
    Reader("how2sign csv", make_table, read_table),
    Reader("wlasl json", make_wlasl, read_wlasl),
    Reader("embedding csv", make_embeddings, read_embeddings),
    Reader("jpg", partial(make_image, ".jpg"), read_image),
    Reader("png", partial(make_image, ".png"), read_image),
    Reader("idx", partial(make_idx, False), read_idx),
    Reader("idx gz", partial(make_idx, True), read_idx),
    Reader("cifar10", make_cifar10, read_cifar10),
    Reader("picture fault", partial(make_image, ".png"), see_fault),
    Reader("video", make_video, read_video),
)


def main() -> int:
    """Print a row a reader; 1 if anything went wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(reader.name for reader in READERS)}; default all")
    parser.add_argument("--count", type=int, default=10_000, help="damaged files a reader")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    chosen = [reader for reader in READERS if not arguments.names or reader.name in arguments.names]
    print(f"{'reader':<14} {'files':>7} {'read':>7} {'refused':>8} {'wrong':>6} {'slowest':>10} {'memory':>9}")
    failed = False
    for reader in chosen:
        outcome = fuzz([reader], arguments.count, arguments.seed)[reader.name]
        wrong = outcome.wrong.total()
        failed |= bool(wrong)
        print(
            f"{reader.name:<14} {arguments.count:>7} {outcome.read:>7} {outcome.refused:>8} {wrong:>6} "
            f"{1000 * outcome.slowest:>7.0f} ms {outcome.memory >> 20:>5} MiB",
            flush=True,
        )
        for what, times in outcome.wrong.most_common(8):
            print(f"    {times} x {what}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
