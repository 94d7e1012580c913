"""A Stable Diffusion in a repository of the Hub, as its makers published it: what others are trained on top of."""

from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Final

from zoo.artefacts.hub import OnHub
from zoo.artefacts.hub_cache import Entry
from zoo.artefacts.hub_errors import HubError
from zoo.loaders.foreign import COMPONENTS, INDEX, NETWORK_WEIGHTS
from zoo.safety.filenames import refuse_names

WEIGHTS: Final = (f"{NETWORK_WEIGHTS}.safetensors", "model.safetensors")
"""Of a network of diffusers, and of the text encoder."""


class HubBase(OnHub):
    """A repository of which the components of a Stable Diffusion alone are downloaded, once.

    Its makers' pickles, and the same weights in one file or in other precisions, stay where they are; so do the parts
    that nothing here uses, such as the safety checker. Every file that is brought has the sum that the Hub announces.
    """

    @cached_property
    def entries(self) -> dict[str, Entry]:
        """The files to download. Raises ValueError where the repository holds no Stable Diffusion of safetensors."""
        listed = self.listed()
        entries = {name: entry for name, entry in listed.items() if _needed(name)}
        refuse_names(entries, str(self))
        networks = {name: WEIGHTS[name == "text_encoder"] for name in ("vae", "text_encoder", "unet")}
        wanted = [INDEX, *(f"{folder}/{weights}" for folder, weights in networks.items())]
        if missing := [name for name in wanted if name not in entries]:
            pickled = any(name.endswith((".bin", ".ckpt")) for name in listed)
            advice = "; its pickles are not read, so choose a revision that has safetensors" if pickled else ""
            raise HubError(f"{self}: no {missing[0]}, expected a Stable Diffusion in diffusers' layout{advice}")
        return entries

    @cached_property
    def is_artefact(self) -> bool:
        """Whether the zoo published it, so that it is opened as an artefact."""
        return "config.json" in self.listed()

    def folder(self) -> Path:
        """The snapshot in the cache: whole, and every sum as announced; the index first, which says what it is."""
        self._bring([INDEX])
        self._bring(list(self.entries))
        return self.snapshot


def _needed(name: str) -> bool:
    if name in (INDEX, "README.md"):
        return True
    path = PurePosixPath(name)
    below = len(path.parts) == 2 and path.parts[0] in COMPONENTS
    return below and (path.suffix in (".json", ".txt") or path.name in WEIGHTS)
