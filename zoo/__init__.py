"""How models are run, published and composed. Importing this loads no torch: the verbs that need it do."""

from os import PathLike
from typing import TYPE_CHECKING, Any

from zoo.spec.registry import list_models, list_pipelines

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Literal

__all__ = ["__version__", "list_models", "list_pipelines", "load"]


def __getattr__(name: str) -> str:
    """`__version__`, when it is asked for: reading it takes longer than all the rest of an import."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("sign-zoo")
    except PackageNotFoundError:  # a source tree that was never installed
        return "0+source"


def load(name: "str | Path", weights: "Literal['starter', 'hub'] | None" = None, **stages: Any) -> Any:
    """Open a model by its name, by the path of a run or artefact folder, or by its repository on the Hub, and return
    its loader.

    A name opens what its spec pins on the Hub, or the bundled starter weights while it pins nothing, and goes before
    a folder called the same, which "./name" means; `weights="starter"` and `weights="hub"` choose. "user/repo@revision"
    is a repository at a branch, tag or commit; "user/repo" is its main, unless there is such a folder here. What is
    downloaded lies in the Hub's standard cache, is verified each time, and opens without a network, where
    HF_HUB_OFFLINE=1 makes no request at all. One line on stderr says what was opened, with the commit to pin. Raises
    ValueError for an unknown name or repository, an unfinished run, what cannot be downloaded whole, and files that
    are not an artefact.

        zoo.load("asl-slp").translate("What is your name?")

    The name or YAML file of a pipeline opens the components that its stages name, after what they take and give was
    seen to fit: all that does not is one ValueError, before any weights load. `stages` puts other components in, by
    role: a name, a path, "user/repo@revision", an opened loader, or None to leave the stage out.

        zoo.load("text-to-video", renderer="pix2pix").translate("What is your name?").save("name.mp4")

    The components without weights that pipelines are made of, such as "drawing", open by their names too.
    """
    from zoo.pipelines.components import RULE_BASED
    from zoo.spec.pipeline_spec import pipeline_file

    if not isinstance(name, str | PathLike) or not str(name).strip():
        raise ValueError(f"found {name!r}, expected a model's name, a folder, or a repository as user/name@revision")
    if stages or pipeline_file(name):
        from zoo.pipelines.compose import load as load_pipeline

        return load_pipeline(name, weights, stages)
    if name in RULE_BASED:
        if weights is not None:
            raise ValueError(f"weights={weights!r}: {name} follows rules and has none")
        return RULE_BASED[str(name)].open()
    from zoo.artefacts.resolve import load as load_address

    return load_address(name, weights)
