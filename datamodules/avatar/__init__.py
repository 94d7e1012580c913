"""The signing avatar: phonological signs performed by kinematics."""

from datamodules.avatar.perform import Performance, perform
from datamodules.avatar.signer import Signer

__all__ = ["Performance", "Signer", "perform"]
