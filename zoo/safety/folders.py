"""What is refused of a folder before anything in it is opened: whoever wrote it is not trusted.

Weights are safetensors, everything else that a loader reads is JSON or text, and neither may name code.
"""

import json
import os
import stat
import struct
from pathlib import Path
from typing import Any, Final

from zoo.files import items, json_content
from zoo.safety.filenames import MAX_DEPTH, MAX_NAMES, PICKLED, REFUSED, visible
from zoo.spec.interpolation import BOUNDLESS, boundless, resolvers
from zoo.spec.spec import RESOLVER_REFUSED, read, strings

RECORDS: Final = ("results.json", "provenance.json")
"""What was measured and made; nothing in it is ever opened as an object."""

MAX_HEADER: Final = 100_000_000
"""Of a safetensors file, in bytes, as its own library has it."""
NAMES_CODE: Final = ("auto_map", "custom_pipelines", "custom_pipeline", "class_path", "_target_")
"""Keys of JSON files through which transformers, diffusers and others name code to import or download."""
KERNELS: Final = tuple(f"{start}{kind}_implementation" for start in ("", "_") for kind in ("attn", "experts"))
"""Keys by which transformers downloads compiled code where there is a slash in them, as in a repository's name."""
PACKAGES: Final = ("datamodules", "lightning_modules", "zoo", "lightning")
"""Where the classes of a spec are."""
LIBRARIES: Final = ("diffusers", "transformers")
"""What a pipeline of diffusers or an adapter of peft may name where a package to import is named."""


def refuse_folder(folder: Path) -> None:
    """Raise ValueError for a folder on disk that a loader must not open.

    Refused are links that leave the folder (those of the Hub's cache into its own blobs do not), what is no regular
    file, pickled weights beside the others, files that are not what their suffix says, JSON that names code, and sizes
    that no model has. What loaders never look into is left alone: a run's checkpoints/ and logs/, and hidden files.
    """
    root = folder.resolve()
    for count, (path, depth) in enumerate(visible(root)):
        if count >= MAX_NAMES or depth > MAX_DEPTH:
            raise ValueError(f"{folder}: more than {MAX_NAMES:,} files or {MAX_DEPTH} levels, so this is no artefact")
        refuse_file(path, root)


def refuse_file(path: Path, root: Path) -> None:
    """Raise ValueError for what `refuse_folder` refuses, of one path in the resolved folder `root`."""
    status = _status(path, root)
    if stat.S_ISDIR(status.st_mode):
        return
    if not stat.S_ISREG(status.st_mode):
        raise ValueError(f"{path}: neither a file nor a folder, so it is not read")
    suffix = path.suffix.casefold()
    if suffix in PICKLED.split():
        raise ValueError(f"{path}: refused, it {REFUSED[suffix]}; remove it, or put it into checkpoints/")
    if suffix == ".json":
        refuse_json(path)
    elif path == root / "spec.yaml":
        refuse_spec(path)
    elif suffix == ".safetensors":
        shapes(path)


def _status(path: Path, root: Path) -> os.stat_result:
    """What a path is, a link followed if it may be. Raises ValueError."""
    if not path.is_symlink():
        return path.lstat()
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError):
        raise ValueError(f"{path}: a link to nothing; download or copy the file again") from None
    if target.is_dir() or not (_blob(target, root) or target.is_relative_to(root)):
        raise ValueError(f"{path}: refused, a link that leaves its folder (to {target}); copy the file instead")
    return target.stat()


def _blob(target: Path, root: Path) -> bool:
    """Whether a file is one of the Hub's cache, of the repository of which `root` is a snapshot: blobs/<hash> there,
    or blobs/<xx>/<hash> of the whole cache."""
    repo = root.parent.parent
    return root.parent.name == "snapshots" and (
        target.parent == repo / "blobs" or target.parent.parent == repo.parent / "blobs"
    )


def refuse_json(path: Path) -> None:
    """Raise ValueError for a JSON file that is too large or too deep, or that names code to import."""
    content = json_content(path)
    if path.name in RECORDS:
        return
    if path.name == "model_index.json" and isinstance(content, dict):
        for key, value in content.items():
            if isinstance(value, list) and value and value[0] not in (*LIBRARIES, None):
                raise ValueError(f"{path}: refused, {key} is {_short(value)}, expected of {' or '.join(LIBRARIES)}")
    for key, value in items(content):
        if reason := _names_code(key, value):
            raise ValueError(f"{path}: refused, `{key}` {reason}")


def refuse_spec(path: Path) -> None:
    """Raise ValueError for a spec that is none, or that names classes of packages that no spec of the zoo names.

    No load reads it; `fit` does, and then holds it against the closed list of classes. But where it is hostile, so is
    what lies beside it.
    """
    raw = read(path)
    for key, text in strings(raw):
        if resolvers(text):
            raise ValueError(f"{path}: {key}: {RESOLVER_REFUSED}")
        if key.endswith("class_path") and "." in text and text.partition(".")[0] not in PACKAGES:
            raise ValueError(f"{path}: {key}: refused, found {_short(text)}, expected a class of {', '.join(PACKAGES)}")
    if (grown := boundless(raw)) is not None:
        raise ValueError(f"{path}: {grown}: {BOUNDLESS}")


def _names_code(key: str, value: Any) -> str | None:
    if key in NAMES_CODE and isinstance(value, str | list | dict) and value:
        return f"names code to run ({_short(value)}), and none is taken from here"
    if key == "auto_mapping" and value:
        library = value.get("parent_library") if isinstance(value, dict) else None
        if not isinstance(library, str) or library.partition(".")[0] not in LIBRARIES:
            return f"names a package to import ({_short(value)}), expected {' or '.join(LIBRARIES)}"
    if key in KERNELS and "/" in json.dumps(value):
        return f"names compiled code to download ({_short(value)}), and none is taken from there"
    if key == "_class_name" and not (isinstance(value, str) and value.isidentifier()):
        return f"is {_short(value)}, expected the bare name of a class"
    if key == "weight_map" and isinstance(value, dict):
        for name in value.values():
            if not isinstance(name, str) or "/" in name or "\\" in name or not name.endswith(".safetensors"):
                return f"names {_short(name)}, expected safetensors beside it"
    return None


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=True)
    return text if len(text) <= 80 else f"{text[:77]}..."


def shapes(path: Path) -> list[list[int]]:
    """Of the tensors of a safetensors file, as its header claims them. Raises ValueError for any other file."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(9)
        if len(start) < 9 or start[8:] != b"{":
            raise ValueError(f"{path}: not a safetensors file{_known(start)}; it is not read")
        (length,) = struct.unpack("<Q", start[:8])
        if length > min(MAX_HEADER, size - 8):
            raise ValueError(f"{path}: damaged: its header claims {length:,} bytes, and the file has {size:,}")
        file.seek(8)
        raw = file.read(length)
    try:
        header = json.loads(raw)
        found = [tensor for name, tensor in header.items() if name != "__metadata__"]
        sides = [[int(side) for side in tensor["shape"]] for tensor in found]
        end = 8 + length + max((int(tensor["data_offsets"][1]) for tensor in found), default=0)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
        raise ValueError(f"{path}: damaged: its header is not that of a safetensors file") from None
    if end != size:
        raise ValueError(f"{path}: damaged: its header announces {end:,} bytes, and the file has {size:,}")
    return sides


def _known(start: bytes) -> str:
    kinds = {b"PK": "a zip archive, as torch.save writes", b"\x80": "a pickle", b"\x93NUMPY": "a NumPy file"}
    kinds |= {b"version https": "a pointer of Git LFS: run `git lfs pull`"}
    found = next((kind for magic, kind in kinds.items() if start.startswith(magic[:8])), None)
    return f" but {found}" if found else ""
