"""Files and folders that appear whole or not at all, one writer at a time; lines of text that run in parallel."""

import atexit
import errno
import json
import os
import re
import shutil
import string
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""The system's errors of a disk that is full, or lets no file become so large."""


def user_path(path: str | os.PathLike[str]) -> Path:
    """A path as a person wrote it, with `~` for the home folder: not every one has gone through a shell. "./~" is a
    folder called so.

    Raises ValueError where nothing tells which folder that is.
    """
    found = os.path.expanduser(path)
    if os.fspath(found).startswith("~"):
        raise ValueError(f"{path}: nothing tells where this home folder is; set HOME, or write the path out")
    return Path(found)


def cache_folder() -> Path:
    """Where this machine keeps what can be made or fetched again, parsed poses and downloaded models: $ZOO_CACHE, else
    sign-zoo in $XDG_CACHE_HOME, else ~/.cache/sign-zoo; there or not. Raises ValueError where there is no home."""
    if own := os.environ.get("ZOO_CACHE"):
        return user_path(own)
    try:
        return user_path(Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "sign-zoo"))
    except ValueError:
        raise ValueError("no home folder to keep parsed poses and models in; set ZOO_CACHE to a folder") from None


NUMBA: Final = "NUMBA_CACHE_DIR"
CACHES: Final = {NUMBA: "numba", "MPLCONFIGDIR": "matplotlib", "HF_HOME": "huggingface"}
"""What tells a library where to keep things, and the folder within ours."""


def settle_caches(package: Path) -> None:
    """Give libraries a place in `cache_folder` where the home folder cannot be written, as in a container that runs as
    somebody; numba, where the folder of our `package` cannot either. What is set, and what is there, stays."""
    home = Path(os.path.expanduser("~"), ".cache")
    if _writable(home):
        return
    for variable, name in CACHES.items():
        own = variable == NUMBA and _writable(package)
        if variable not in os.environ and not own and not (home / name).exists() and (place := _place(variable, name)):
            os.environ[variable] = str(place)
    if NUMBA in os.environ and "numba" in sys.modules:  # it has read its own already
        sys.modules["numba"].config.CACHE_DIR = os.environ[NUMBA]


def _place(variable: str, name: str) -> Path | None:
    """A folder in the cache. Where there is no cache either, numba, which refuses to work without, has one for as long
    as this process lives."""
    with suppress(ValueError):
        if _writable(cache_folder()):
            return cache_folder() / name
    if variable != NUMBA:
        return None
    folder = tempfile.mkdtemp(prefix="sign-zoo-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def _writable(folder: Path) -> bool:
    there = next((place for place in (folder, *folder.parents) if place.exists()), None)
    return folder.is_absolute() and there is not None and there.is_dir() and os.access(there, os.W_OK | os.X_OK)


@contextmanager
def named_when_full(path: str | os.PathLike[str]) -> Iterator[None]:
    """A disk without room for what is written here is one error that names `path`: a write's own names no file, and
    torch and safetensors hide it in theirs. Raises OSError."""
    try:
        yield
    except Exception as error:
        failure = _no_room(error)
        if failure is None or failure.filename is not None:
            raise
        raise OSError(failure.errno, os.strerror(failure.errno or 0), os.fspath(path)) from None


def _no_room(error: BaseException) -> OSError | None:
    """The full disk that an error comes from, where it comes from one."""
    if (told := re.search(r"\(os error (\d+)\)", str(error))) and int(told[1]) in NO_ROOM:
        return OSError(int(told[1]), "")
    cause: BaseException | None = error
    while cause is not None and not (isinstance(cause, OSError) and cause.errno in NO_ROOM):
        cause = cause.__cause__ or cause.__context__
    return cause


@contextmanager
def atomic(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place when the block ends well and vanishes otherwise."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        with named_when_full(path):
            yield temporary
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """An empty folder that takes the place of `folder` if the block fills it and ends well, and vanishes otherwise.

    It lies in one beside `folder` that always has the same name, so that the next writer clears away what a killed one
    left. Where several processes may write at once, the caller must hold a lock.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    workshop = folder.with_name(f".{folder.name}.unfinished")
    try:
        shutil.rmtree(workshop, ignore_errors=True)
        part = workshop / str(os.getpid())  # a killed writer's workers may live on for a moment: not in here
        part.mkdir(parents=True)
        yield part
        if any(part.iterdir()):
            if folder.exists():
                folder.rename(workshop / "old")
            part.rename(folder)
    finally:
        shutil.rmtree(workshop, ignore_errors=True)


@contextmanager
def locked(path: str | os.PathLike[str], refusal: str | None = None) -> Iterator[None]:
    """One process or thread at a time is in here with the same `path`: others wait until it leaves, or ends in whatever
    way. The empty file stays.

    Args:
        path: the file to hold; its folder exists.
        refusal: do not wait, and say this.

    Raises:
        ValueError: held by somebody else, where `refusal` is given.
    """
    from filelock import FileLock, Timeout  # takes as long as all else here, and listing models locks nothing

    try:
        with FileLock(path, blocking=refusal is None, is_singleton=False):
            yield
    except Timeout:
        raise ValueError(refusal) from None


def write_text(path: Path, text: str) -> None:
    """Replace a file in one step, so that nobody ever reads half of it."""
    with atomic(path) as part:
        part.write_text(text, encoding="utf-8")


def write_json(path: Path, content: object) -> None:
    """Replace a JSON file in one step."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def read_text(path: str | os.PathLike[str]) -> str:
    """A file's text, its line ends as they are; without the mark (BOM) that Windows' editors put before it.

    Raises:
        ValueError: bytes that are not UTF-8; the message names file and line.
    """
    content = Path(path).read_bytes()
    try:
        return content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line, start = content.count(b"\n", 0, error.start) + 1, content.rfind(b"\n", 0, error.start) + 1
        raise ValueError(
            f"{path}, line {line}: byte {error.start - start} is no UTF-8 text; save the file as UTF-8"
        ) from None


def read_lines(path: str | os.PathLike[str]) -> list[str]:
    """The stripped lines of a `.text`, `.gloss` or `.files` file; empty ones stay, since the files are parallel, except
    at the end. A mark (BOM) goes wherever files that had one were joined.

    Raises:
        ValueError: bytes that are not UTF-8; the message names file and line.
    """
    lines = [line.strip("\ufeff" + string.whitespace).strip() for line in read_text(path).split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    return lines
