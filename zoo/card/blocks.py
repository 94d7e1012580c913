"""Run the Python of a card as a reader would: one block after another, in a fresh process, beside a copy of the files.

This runs code out of README.md. It is for who wrote the card: nothing but `python -m zoo card --check` and publishing
calls it, and no load does.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from zoo import subprocesses as fresh
from zoo.card.page import Fence
from zoo.safety.filenames import OURS, SHOWN
from zoo.spec.hub_reference import REPO

SECONDS: Final = 300
"""For all blocks together."""
LOADED: Final = re.compile(r"""zoo\.load\(\s*["']([^"']+)["']""")
EXPORTED: Final = "onnxruntime"
"""What runs an exported file, which is not in the folder: exports have a test that runs their blocks."""
LINE: Final = re.compile(r"README\.md, line (\d+)")


def failures(fences: Sequence[Fence], folder: Path, seconds: float = SECONDS) -> list[tuple[int, str]]:
    """Line and complaint of the first Python block that does not run; those after it are not tried.

    The card's own address, "." or a repository, opens a copy of `folder`, and so does plain diffusers or peft. There is
    no Hub, and what the blocks write is thrown away. Blocks that run an exported file are left out.
    """
    blocks = [fence for fence in fences if fence.language == "python" and EXPORTED not in fence.code]
    if not blocks:
        return []
    found = [match[1].partition("@")[0] for fence in blocks for match in LOADED.finditer(fence.code)]
    address = next((name for name in found if REPO.fullmatch(name)), ".")
    with tempfile.TemporaryDirectory(prefix="zoo-card-") as scratch:
        copy = Path(scratch, address)
        shutil.copytree(folder, copy, ignore=_ours(folder), dirs_exist_ok=True)
        task = {"address": address, "folder": str(copy), "blocks": [(fence.line, fence.code) for fence in blocks]}
        return _run(task, scratch, seconds)


def _run(task: dict[str, Any], scratch: str, seconds: float) -> list[tuple[int, str]]:
    first = task["blocks"][0][0]
    try:
        code, reason = fresh.run("zoo.card.blocks", input=json.dumps(task), cwd=scratch, timeout=seconds)
    except subprocess.TimeoutExpired:
        return [(first, f"the Python blocks did not end within {seconds:g} seconds")]
    if code == 0:
        return []
    where = LINE.search(reason)
    return [(int(where[1]) if where else first, f"this Python does not run: {LINE.sub('', reason).lstrip(': ')}")]


def _ours(folder: Path) -> Any:
    """What a run holds beside its artefact is not copied."""

    def ignored(place: str, names: list[str]) -> list[str]:
        mine = [name for name in names if name in OURS and name not in SHOWN] if Path(place) == folder else []
        return [*mine, *(name for name in names if name.startswith("."))]

    return ignored


def main() -> int:
    """Run the blocks that stdin describes; the last line of stderr says where and why one failed."""
    import zoo

    task = json.load(sys.stdin)
    opens = zoo.load

    def load(name: Any, *arguments: Any, **options: Any) -> Any:
        own = str(name).partition("@")[0] == task["address"]
        return opens(task["folder"] if own else name, *arguments, **options)

    zoo.load = load
    scope: dict[str, Any] = {"__name__": "__main__"}
    for line, code in task["blocks"]:
        try:
            exec(compile("\n" * (line - 1) + code, "README.md", "exec"), scope)
        except BaseException as error:
            frames = traceback.extract_tb(error.__traceback__)
            own = [frame.lineno for frame in frames if frame.filename == "README.md"]
            place = error.lineno if isinstance(error, SyntaxError) else own[-1] if own else line
            reason = traceback.format_exception_only(error)[-1].strip().splitlines()[0]
            print(f"README.md, line {place}: {reason}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
