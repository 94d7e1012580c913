"""How models are run, published and composed. Importing this loads no torch: the verbs that need it do."""

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from zoo.spec import list_models, list_pipelines

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Literal

__all__ = ["__version__", "list_models", "list_pipelines", "load"]

try:
    __version__ = version("sign-zoo")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+source"


def load(name: "str | Path", weights: "Literal['starter', 'hub'] | None" = None) -> Any:
    """Open a model by its name, or by the path of a run or artefact folder, and return its loader.

    A name opens the bundled starter weights while its spec pins no Hub revision, and goes before a folder called
    the same, which "./name" means; `weights="starter"` takes them although a revision is pinned. This version
    downloads nothing: what only the Hub holds is refused. One line on stderr says what was opened. Raises
    ValueError for an unknown name, an unfinished run and files that are not an artefact.

        zoo.load("asl-slp").translate("What is your name?")
    """
    from zoo.addresses import load as load_address

    return load_address(name, weights)
