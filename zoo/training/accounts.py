"""Whether this machine has accounts that training and publishing use; what opens them is neither read out nor kept."""

import netrc
import os
from pathlib import Path
from typing import Final

HUB_VARIABLES: Final = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")


def wandb_account() -> str | None:
    """Where the key of Weights & Biases is; None where there is none."""
    if os.environ.get("WANDB_API_KEY"):
        return "$WANDB_API_KEY"
    host = os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai").partition("://")[2].partition("/")[0]
    try:
        return "netrc" if netrc.netrc().authenticators(host) is not None else None
    except (OSError, netrc.NetrcParseError):
        return None


def hub_account() -> str | None:
    """Where the token of the Hugging Face Hub is; None where there is none."""
    if found := next((name for name in HUB_VARIABLES if os.environ.get(name)), None):
        return f"${found}"
    from huggingface_hub import constants

    path = Path(constants.HF_TOKEN_PATH).expanduser()
    return "the file of `hf auth login`" if path.is_file() and path.stat().st_size else None
