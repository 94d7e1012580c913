"""The signing avatar: phonological signs performed by kinematics."""

from datamodules.avatar.perform import Performance, perform
from datamodules.avatar.signer import Signer

__all__ = ["VERSION", "Performance", "Signer", "perform"]

VERSION = 2
"""Of what the avatar and the twins' writers make. Raised when output changes: twins are then written anew, and what was
measured on earlier ones is not comparable."""
