"""WLASL's indexes (Li et al. 2020): which clip shows which gloss, from which source video, in which split."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from datamodules.files import read_lines
from datamodules.samples import Split

INDEX: Final = "WLASL_v0.3.json"
NAMES: Final = (INDEX, *(f"nslt_{glosses}.json" for glosses in (2000, 1000, 300, 100)))
GLOSS_LIST: Final = "wlasl_class_list.txt"
OFFICIAL: Final[dict[str, Split]] = {"train": "train", "val": "dev", "test": "test"}
LARGEST: Final = 256 << 20


@dataclass(frozen=True)
class Instance:
    """One clip of an index.

    video: its id, which is its file's name.
    gloss, number: its class and the place of that in WLASL, from 0: WLASL100 is those below 100.
    split: the official one.
    start, end: first and last frame in the source video, counted from 1 at 25 a second; -1 is the video's last.
    url, signer: of the source video; None in an nslt index.
    """

    video: str
    gloss: str
    split: Split
    start: int = 1
    end: int = -1
    url: str | None = None
    signer: int | None = None
    number: int = 0


def find_index(root: Path) -> Path | None:
    """Of the indexes in a WLASL folder or its meta/, the one that names most of its clips; of equals the v0.3 one, then
    the larger. None where there is none. Raises ValueError for a broken one."""
    paths = [path for folder in (root, root / "meta") for name in NAMES if (path := folder / name).is_file()]
    there = {path.stem for path in (root / "videos").glob("*.mp4")}
    best, most = None, -1
    for path in paths:
        named = sum(instance.video in there for instance in read_index(path)) if len(paths) > 1 else 0
        if named > most:
            best, most = path, named
        if named == len(there):
            break
    return best


def read_index(path: Path) -> list[Instance]:
    """The clips of an index in its order: WLASL_v0.3.json and its like, or nslt_*.json beside wlasl_class_list.txt.

    The first tells a class by the order of its glosses, which is that of WLASL; an nslt index numbers them, and lists
    clips in no order. It gives no urls and no signers, and its frames count from the start of the published, trimmed
    clip.

    Raises:
        ValueError: no JSON, or entries of another form; the message names the entry and the key.
        FileNotFoundError: no index, or an nslt index without its list of glosses.
    """
    content = _read_json(path)
    if isinstance(content, list):
        glosses = [_text(path, f"[{n}].gloss", group, "gloss") for n, group in enumerate(content)]
        numbers = {gloss: number for number, gloss in enumerate(dict.fromkeys(glosses))}
        return [
            _instance(path, f"[{n}].instances[{k}]", gloss, numbers[gloss], entry)
            for n, (gloss, group) in enumerate(zip(glosses, content, strict=True))
            for k, entry in enumerate(_list(path, f"[{n}].instances", group, "instances"))
        ]
    if isinstance(content, dict):
        glosses = _read_glosses(path.with_name(GLOSS_LIST))
        return [_nslt_instance(path, video, entry, glosses) for video, entry in content.items()]
    raise ValueError(f"{path}: found {type(content).__name__}, expected a list of glosses (v0.3) or an object (nslt)")


def _read_json(path: Path) -> Any:
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: no such index; set data.init_args.index, or --index of `data check`, to a file in the data set's "
            f"folder, such as {INDEX}"
        )
    if path.stat().st_size > LARGEST:
        raise ValueError(f"{path}: {path.stat().st_size} bytes, expected an index of some megabytes; fetch it again")
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: no JSON ({error}); fetch it again") from None


def _instance(path: Path, key: str, gloss: str, number: int, entry: Any) -> Instance:
    video = _video(path, f"{key}.video_id", _text(path, f"{key}.video_id", entry, "video_id"))
    url = _text(path, f"{key}.url", entry, "url")
    split = _split(path, f"{key}.split", entry.get("split"))
    start, end, signer = (
        None if entry.get(name) is None else _number(path, f"{key}.{name}", entry[name])
        for name in ("frame_start", "frame_end", "signer_id")
    )
    return Instance(video, gloss, split, max(start or 1, 1), end or -1, url, signer, number)


def _nslt_instance(path: Path, video: str, entry: Any, glosses: Sequence[str]) -> Instance:
    action = entry.get("action") if isinstance(entry, dict) else None
    if not isinstance(action, list) or len(action) != 3:
        raise _unexpected(path, f"{video}.action", action, "[class, first frame, last frame]")
    number = _number(path, f"{video}.action[0]", action[0])
    if not 0 <= number < len(glosses):
        raise _unexpected(path, f"{video}.action[0]", number, f"a class below {len(glosses)}, as in {GLOSS_LIST}")
    split = _split(path, f"{video}.subset", entry.get("subset"))
    return Instance(_video(path, video, video), glosses[number], split, number=number)


def _read_glosses(path: Path) -> list[str]:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: missing; an nslt index needs the list of glosses beside it")
    glosses: dict[str, int] = {}
    for number, line in enumerate(read_lines(path)):
        index, _, gloss = line.partition("\t")
        if index != str(number) or not gloss.strip():
            raise _unexpected(path, f"line {number + 1}", line, f"{number}, a tab and a gloss")
        if gloss.strip() in glosses:
            raise _unexpected(path, f"line {number + 1}", line, f"a gloss other than that of {glosses[gloss.strip()]}")
        glosses[gloss.strip()] = number
    return list(glosses)


def _text(path: Path, key: str, entry: Any, name: str) -> str:
    value = entry.get(name) if isinstance(entry, dict) else None
    if not isinstance(value, str) or not value.strip():
        raise _unexpected(path, key, value, "a text")
    return value.strip()


def _list(path: Path, key: str, entry: dict[str, Any], name: str) -> list[Any]:
    value = entry.get(name)
    if not isinstance(value, list):
        raise _unexpected(path, key, value, "a list")
    return value


def _number(path: Path, key: str, value: Any) -> int:
    if type(value) is not int:
        raise _unexpected(path, key, value, "a whole number")
    return value


def _split(path: Path, key: str, value: Any) -> Split:
    if not isinstance(value, str) or value not in OFFICIAL:
        raise _unexpected(path, key, value, " or ".join(OFFICIAL))
    return OFFICIAL[value]


def _video(path: Path, key: str, value: str) -> str:
    """An id becomes a file's name: nothing that leads out of the folder."""
    if not re.fullmatch(r"[\w-]{1,64}", value):
        raise _unexpected(path, key, value, "an id of letters, digits, _ and -")
    return value


def _unexpected(path: Path, key: str, value: Any, expected: str) -> ValueError:
    return ValueError(f"{path}: {key}: found {repr(value)[:60]}, expected {expected}; fetch it again or repair it")
