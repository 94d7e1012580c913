"""`python -m zoo list`: what there is, and where its weights are."""

import sys

from rich.console import Console
from rich.table import Table

from zoo.artefact import starter_folder
from zoo.spec import list_models, read, shipped_folder


def show(pattern: str) -> None:
    """Print the models whose names match a shell pattern. Raises ValueError when none does."""
    names = list_models(pattern)
    if not names:
        raise ValueError(f"no model matches {pattern!r}; there are {', '.join(list_models())}")
    table = Table("name", "task", "summary", "starter weights", box=None, pad_edge=False)
    for name in names:
        spec = read(shipped_folder() / f"{name}.yaml")
        shipped = "yes" if (starter_folder(name) / "config.json").is_file() else "no"
        table.add_row(name, str(spec.get("task")), str(spec.get("summary")), shipped)
    Console(width=None if sys.stdout.isatty() else 200).print(table)
