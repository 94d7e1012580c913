"""Twins: the avatar's performances in the on-disk layout of a real data set."""

import hashlib
import json
import shutil
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
from rich.progress import track

from datamodules.avatar.grammar import Sentence, Split, sentences
from datamodules.avatar.perform import perform
from datamodules.avatar.signer import Signer
from datamodules.formats import write_skels

MARK = "twin.json"
SIZES: Final = {"asl-alphabet": 5800, "wlasl": 240, "rwth-boston50": 420, "how2sign": 40, "phoenix14t": 2000}
"""How many training items (pictures, clips, pairs, sentences) `python -m zoo data twin` writes unless told."""


@dataclass(frozen=True)
class Twin:
    """How large a twin to write: `size` training sentences, a tenth each for dev and test, by `signers` people."""

    size: int = 2000
    seed: int = 0
    signers: int = 8

    def __post_init__(self) -> None:
        for name in ("size", "signers"):
            if getattr(self, name) < 1:
                raise ValueError(f"twin.{name}: found {getattr(self, name)}, expected at least 1")


def ensure_twin(dataset: str, root: Path, twin: Twin, videos: bool = True) -> None:
    """Write the twin of a data set at `root`, unless the same twin by the same avatar is there already.

    The folder appears whole or not at all. Raises FileExistsError where `root` holds anything but a twin.
    """
    wanted = {"layout": dataset, **asdict(twin), "avatar": avatar_fingerprint()}
    mark = root / MARK
    if mark.is_file():
        if json.loads(mark.read_text()) == wanted:
            return
    elif root.exists():
        raise FileExistsError(
            f"{root} holds data that is no avatar twin: refusing to write over it. Drop data.init_args.twin to train "
            "on it, or point data.init_args.root elsewhere."
        )
    root.parent.mkdir(parents=True, exist_ok=True)
    sizes: dict[Split, int] = {"train": twin.size, "dev": max(2, twin.size // 10), "test": max(2, twin.size // 10)}
    with TemporaryDirectory(prefix=f".{root.name}-", dir=root.parent) as unfinished:
        folder = Path(unfinished) / root.name
        folder.mkdir()
        for split, size in sizes.items():
            LAYOUTS[dataset](folder, split, sentences(split, size, seed=twin.seed), twin)
        (folder / MARK).write_text(json.dumps(wanted))
        shutil.rmtree(root, ignore_errors=True)
        folder.replace(root)


def avatar_fingerprint() -> str:
    """SHA-256 over the avatar's code and tables: a twin of an earlier avatar is not the same twin."""
    digest = hashlib.sha256()
    for path in sorted(path for path in Path(__file__).parent.iterdir() if path.suffix in (".py", ".yaml")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def cast(twin: Twin) -> list[Signer]:
    """The signers of a twin: right-handed, as in the real data sets; a lone one is the neutral default."""
    if twin.signers == 1:
        return [Signer()]
    return [replace(Signer.random(1000 * twin.seed + n), handedness="right") for n in range(twin.signers)]


def _perform_all(split: Split, spoken: list[Sentence], twin: Twin) -> list[np.ndarray]:
    """Each sentence by one of the signers in turn, joints (T, 50, 3) at 25 frames a second."""
    signers = cast(twin)
    offset = {"train": 0, "dev": 1_000_000, "test": 2_000_000}[split]
    return [
        perform(sentence.glosses, signers[number % twin.signers], seed=twin.seed + offset + number).joints
        for number, sentence in enumerate(_shown(spoken, f"the avatar signs {split}"))
    ]


def _shown(spoken: list[Sentence], what: str) -> Iterable[Sentence]:
    """The same sentences, with a progress bar where somebody can see it."""
    return track(spoken, what, transient=True, disable=not sys.stdout.isatty())


def write_phoenix14t(root: Path, split: Split, spoken: list[Sentence], twin: Twin) -> None:
    """`{split}.{skels,text,gloss,files}`; the text is English, being the avatar's."""
    _write_lines(root / f"{split}.text", [sentence.text for sentence in spoken])
    _write_lines(root / f"{split}.gloss", [" ".join(sentence.glosses) for sentence in spoken])
    _write_lines(root / f"{split}.files", [f"{split}/avatar-{number}" for number in range(len(spoken))])
    write_skels(root / f"{split}.skels", _perform_all(split, spoken, twin))


def write_how2sign(root: Path, split: Split, spoken: list[Sentence], twin: Twin) -> None:
    """`how2sign_realigned_{split}.csv`, `{split}.skels`, `{split}.files`."""
    split_name = {"dev": "val"}.get(split, split)
    joints = _perform_all(split, spoken, twin)
    rows = ["VIDEO_ID\tVIDEO_NAME\tSENTENCE_ID\tSENTENCE_NAME\tSTART_REALIGNED\tEND_REALIGNED\tSENTENCE"]
    names = []
    for number, (sentence, pose) in enumerate(zip(spoken, joints, strict=True)):
        video, signer = f"avatar{number:06d}", number % twin.signers
        names.append(f"{video}_0-{signer}-rgb_front")
        end = f"{len(pose) / 25:.2f}"
        rows.append(f"{video}\t{video}-{signer}-rgb_front\t{video}_0\t{names[-1]}\t0.0\t{end}\t{sentence.text}")
    _write_lines(root / f"how2sign_realigned_{split_name}.csv", rows)
    _write_lines(root / f"{split_name}.files", names)
    write_skels(root / f"{split_name}.skels", joints)


LAYOUTS: dict[str, Callable[[Path, Split, list[Sentence], Twin], None]] = {
    "phoenix14t": write_phoenix14t,
    "how2sign": write_how2sign,
}


def _write_lines(path: Path, lines: list[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
