"""Twins: the avatar's performances in the on-disk layout of a real data set, one module a data set.

What each writes, `size` training items and a share of others:

    asl-alphabet   asl_alphabet_train/{A..Z,del,nothing,space}/A123.jpg
    wlasl          WLASL_v0.3.json, nslt_<n>.json, wlasl_class_list.txt, videos/00001.mp4, landmarks/00001.pose as
                   MediaPipe would see them, joints/00001.pose as they are; with landmarks only, no videos and joints;
                   with skeletons only, and of ten glosses, landmarks/skeletons/00001/00000.png in place of all
    rwth-boston50  {train,val}/image123.jpg
    phoenix14t     {train,dev,test}.{skels,text,gloss,files}
    how2sign       how2sign_realigned_{train,val,test}.csv and {train,val,test}.{skels,files}; with videos also, as the
                   official download has them, sentence_level/{train,val,test}/
                       rgb_front/raw_videos/SENTENCE_NAME.mp4
                       rgb_front/features/openpose_output/json/SENTENCE_NAME/SENTENCE_NAME_000000000000_keypoints.json
                       text/en/raw_text/re_aligned/how2sign_realigned_{train,val,test}.csv
    mnist          {train,t10k}-{images-idx3,labels-idx1}-ubyte: the digits 0 to 9, signed
    picture-folder {train,validation,test}/{metadata.jsonl,00001.jpg,00002.png}
    cifar10        cifar-10-batches-bin/{data_batch_{1..5},test_batch}.bin, batches.meta.txt: the letters A to J
"""

import json
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Literal

from datamodules.avatar import VERSION
from datamodules.catalogue import CATALOGUE
from datamodules.files import locked, replacing
from datamodules.twins.folder import contents
from datamodules.twins.signers import Twin

__all__ = ["Twin", "as_written", "ensure_twin", "twin_at"]

MARK: Final = "twin.json"
Part = Literal["poses", "skeletons", "landmarks"]
"""What some training reads of a data set, where its writer has a `write_poses` and so on for that alone."""


def ensure_twin(dataset: str, root: Path, twin: Twin, only: Part | None = None) -> None:
    """Write the twin of a data set at `root`, unless that of this version of the avatar is there already, whole.

    The folder appears whole or not at all, also when the writing is killed. Who calls while another process writes
    waits for it, at the empty file `.<name>.lock` beside `root`, which stays.
    `only="poses"` writes what text-to-pose training reads, where that is less, and `only="landmarks"` what MediaPipe
    would find in clips; the whole twin will do for both too. `only="skeletons"` writes skeleton frames of clips, which
    the whole twin does not have.

    Raises FileExistsError where `root` holds anything but a twin of the data set, or strange files with a twin that
    must be replaced.
    """
    writer = import_module(CATALOGUE[dataset].twin)
    write = getattr(writer, f"write_{only}", writer.write)
    own = {"layout": dataset, **asdict(twin), "avatar": VERSION}
    holds: dict[str, Any] = getattr(writer, "HOLDS", {})
    whole = {**own, "videos": True, **holds}
    of_part: dict[str, Any] = {part: version for part, version in holds.items() if part == only}
    wanted = whole if write is writer.write else {**own, "videos": False, "part": only, **of_part}
    enough = [wanted] if only == "skeletons" else [wanted, whole]
    if _stands(dataset, root, enough):
        return
    root.parent.mkdir(parents=True, exist_ok=True)
    with locked(root.with_name(f".{root.name}.lock")), replacing(root) as folder:
        if _stands(dataset, root, enough):  # written by somebody else meanwhile
            return
        write(folder, twin)
        (folder / MARK).write_text(json.dumps({**wanted, "files": contents(folder)}))


def _stands(dataset: str, root: Path, enough: list[dict[str, Any]]) -> bool:
    """Whether a twin with one of these marks stands at `root`, every file of it whole.

    Raises FileExistsError where writing one would cost somebody's files.
    """
    if not root.exists() or (root.is_dir() and not any(root.iterdir())):
        return False
    try:
        mark = json.loads((root / MARK).read_text())
        files = mark.pop("files", None)
    except (OSError, ValueError, AttributeError):
        raise FileExistsError(
            f"{root} holds data that is no avatar twin: refusing to write over it. Give another folder; to train on "
            "what is there, drop data.init_args.twin."
        ) from None
    if mark.get("layout") != dataset:
        raise FileExistsError(
            f"{root} is the avatar's twin of {mark.get('layout')}, not of {dataset}: give another folder"
        )
    if files is None:  # earlier versions listed none
        return False
    found = contents(root)
    if mark in enough and all(found.get(name) == size for name, size in files.items()):
        return True
    strange = sorted(found.keys() - files.keys() - {MARK})
    if strange:
        raise FileExistsError(
            f"{root} is an avatar twin, but not the one asked for or not whole, and {len(strange)} files in it are not "
            f"the twin's, the first is {strange[0]}: move them elsewhere, then the twin is written anew"
        )
    return False


def twin_at(root: Path) -> dict[str, Any] | None:
    """Layout, size, seed, signers and version of the avatar of the twin in a folder, by its mark, which had none before
    the avatar had versions; None for data of another origin.

    Raises ValueError for a mark that is not readable.
    """
    path = root / MARK
    if not path.is_file():
        return None
    try:
        mark = json.loads(path.read_text())
        version = {"avatar": mark["avatar"]} if "avatar" in mark else {}
        return {key: mark[key] for key in ("layout", "size", "seed", "signers")} | version
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{path}: not the mark of a twin; remove the folder and have the twin written anew") from None


def as_written(root: Path) -> dict[str, int]:
    """The files that the mark of a twin lists, and their sizes; none for data of another origin, nor where the mark is
    of an early version."""
    path = root / MARK
    files: dict[str, int] = json.loads(path.read_text()).get("files", {}) if path.is_file() else {}
    return files
