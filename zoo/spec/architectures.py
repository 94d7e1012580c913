"""Which architectures there are: what flows through each, and the class that opens its artefacts. No torch.

A task says what flows, text to pose, and an architecture who opens it: several may do one task. Each loader in
`zoo/loaders/` states both; they are read from its source, and nothing but these classes is ever imported to open one.
"""

import re
from pathlib import Path
from typing import Final, NamedTuple

from zoo.spec.problems import nearest

LOADERS: Final = Path(__file__).parents[1] / "loaders"
CLASS: Final = re.compile(r"^class (\w+)", re.MULTILINE)
STATED: Final = re.compile(r'^    (task|architecture): ClassVar\[str\] = "([a-z0-9-]+)"$', re.MULTILINE)


class Architecture(NamedTuple):
    """What its artefacts are for, and the dotted name of the class that opens them."""

    task: str
    loader: str


def _stated() -> dict[str, Architecture]:
    """Every architecture by its name, which only one loader may have."""
    found: dict[str, Architecture] = {}
    for path in sorted(LOADERS.rglob("*.py")):
        module = ".".join(("zoo", *path.relative_to(LOADERS.parent).with_suffix("").parts))
        _, *classes = CLASS.split(path.read_text(encoding="utf-8"))
        for name, body in zip(classes[::2], classes[1::2], strict=True):
            stated = dict(STATED.findall(body))
            if stated.keys() == {"task", "architecture"}:
                loader = f"{module}.{name}"
                known = found.setdefault(stated["architecture"], Architecture(stated["task"], loader))
                if known.loader != loader:
                    raise ImportError(f"{loader}: architecture {stated['architecture']!r} is {known.loader}'s already")
    return found


ARCHITECTURES: Final = _stated()
TASKS: Final = frozenset(task for task, _ in ARCHITECTURES.values())


def kind_problems(task: object, architecture: object) -> dict[str, str]:
    """What is wrong with a task and an architecture, by key: a name that nothing has, or two that do not belong."""
    if not isinstance(task, str) or task not in TASKS:
        return {"task": f"found {task!r}, which no loader has{nearest(str(task), TASKS)}"}
    fitting = [name for name, (of, _) in ARCHITECTURES.items() if of == task]
    if not isinstance(architecture, str) or architecture not in fitting:
        return {"architecture": f"found {architecture!r}, expected one of {task}: {', '.join(fitting)}"}
    return {}
