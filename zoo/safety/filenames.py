"""The names of an artefact's files: which a load sees or downloads, and which are refused before anything is.

Formats that can run code when they are read are refused by name, and so is every name that could mean another file than
the one it shows.
"""

import os
import re
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Final

PICKLED: Final = """.bin .pt .pth .ckpt .pkl .pickle .pk .p .dill .joblib .sav .npy .npz .h5 .hdf5 .keras .msgpack
.torch .t7 .mar .nemo .pdparams .params .ot"""
OTHER_WEIGHTS: Final = ".onnx .gguf .ggml .pb .tflite .task .engine .plan .mlmodel"
CODE: Final = """.py .pyc .pyo .pyd .pyx .pyz .ipynb .egg .whl .so .dll .dylib .exe .com .msi .bat .cmd .ps1 .vbs .sh
.bash .zsh .js .mjs .jar .class .wasm .lua .rb .pl .php .desktop .lnk"""
ARCHIVES: Final = ".zip .tar .tgz .gz .bz2 .xz .zst .7z .rar .iso"
REFUSED: Final = {
    **dict.fromkeys(PICKLED.split(), "can run code when it is read; weights are taken as safetensors only"),
    **dict.fromkeys(OTHER_WEIGHTS.split(), "is no format of this zoo's; weights are taken as safetensors only"),
    **dict.fromkeys(CODE.split(), "is code, and none is taken from a repository"),
    **dict.fromkeys(ARCHIVES.split(), "is an archive, whose contents cannot be checked by name"),
}
DEVICES: Final = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?")
"""Names that mean a device on Windows."""
VISIBLE: Final = ".gitattributes"
LOADED: Final = (".json", ".txt", ".safetensors")
OURS: Final = ("checkpoints", "grids", "hub", "logs", "plots", "samples", "wandb")
"""Folders of a run or repository that no loader looks into."""
SHOWN: Final = ("plots", "samples")
"""Those of them that belong to the artefact: its card shows them."""

MAX_NAMES: Final = 10_000
MAX_DEPTH: Final = 5


def wanted(name: str) -> bool:
    """Whether a load downloads a file of a repository: what loaders read, and what says where it came from."""
    if name in ("spec.yaml", "README.md"):
        return True
    return PurePosixPath(name).suffix in LOADED and PurePosixPath(name).parts[0] not in OURS


def refuse_names(names: Iterable[str], where: str) -> None:
    """Raise ValueError, which starts with `where`, for a listing that holds pickles, code, archives, names that lead
    out of the folder, or names that are the same file on some system."""
    spelled: dict[str, str] = {}
    files: set[str] = set()
    folders: set[str] = set()
    for count, name in enumerate(names):
        if count >= MAX_NAMES:
            raise ValueError(f"{where}: refused, it holds more than {MAX_NAMES:,} files")
        if reason := _unsafe(name):
            raise ValueError(f"{where}: refused, it holds {name!r}, which {reason}")
        parts = name.split("/")
        *above, path = ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
        for part in (*above, path):
            other = spelled.setdefault(_folded(part), part)
            if other != part or _folded(part) in files or (part == path and _folded(part) in folders):
                both = f"{other!r} and {part!r}, which are one" if other != part else f"{part!r} twice"
                raise ValueError(f"{where}: refused, it holds {both} on some systems")
        files.add(_folded(path))
        folders.update(map(_folded, above))


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()


def _unsafe(name: str) -> str | None:
    """What is wrong with one name of a listing; looked at as it is and as systems that normalise would have it."""
    if not isinstance(name, str) or not name:
        return "is no name of a file"
    if any(unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") for letter in name):
        return "has characters that cannot be seen"
    plain = unicodedata.normalize("NFKC", name)
    if found := next((letter for letter in plain if letter in '\\:*?"<>|'), None):
        return f"has {found!r} in it: a path or device on some systems"
    if plain.startswith(("/", "~")):
        return "is an absolute path"
    parts = plain.split("/")
    if len(parts) > MAX_DEPTH or len(plain.encode()) > 1000 or any(len(part.encode()) > 255 for part in parts):
        return f"is longer, or deeper than {MAX_DEPTH} folders, than any file of a model"
    for part in parts:
        if part == "..":
            return "leads out of its folder"
        if part in ("", ".") or part != part.strip() or part.endswith("."):
            return "has an empty part, or one that ends in a dot or space"
        if part.startswith(".") and name != VISIBLE:
            return "is hidden"
        if DEVICES.fullmatch(part.casefold()):
            return "is a device on some systems"
    suffix = PurePosixPath(plain).suffix.casefold()
    return f"{REFUSED[suffix]}" if suffix in REFUSED else None


def visible(folder: Path, depth: int = 1) -> Iterator[tuple[Path, int]]:
    """What is in a folder, and how deep. A linked folder is not entered."""
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.name.startswith(".") or (depth == 1 and entry.name in OURS):
                continue
            yield Path(entry.path), depth
            if entry.is_dir(follow_symlinks=False) and depth <= MAX_DEPTH:
                yield from visible(Path(entry.path), depth + 1)
