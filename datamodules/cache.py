"""Where this machine keeps what can be made or fetched again: parsed poses, downloaded models."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """$ZOO_CACHE, else sign-zoo in $XDG_CACHE_HOME, else ~/.cache/sign-zoo; there or not."""
    general = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(os.environ.get("ZOO_CACHE") or Path(general, "sign-zoo")).expanduser()
