"""Files of the field: `.skels` and its parallel text files, `.pose`, OpenPose JSON, `.npz`.

What is read is checked, and what is wrong with it is a ValueError that says where; what is written appears whole or not
at all.
"""

from datamodules.poses.formats.npz import Recording, read_npz, write_npz
from datamodules.poses.formats.openpose import followed_openpose, read_openpose, write_openpose
from datamodules.poses.formats.pose import read_pose, write_pose
from datamodules.poses.formats.skels import BrokenLine, iterate_skels, read_skels, scan_skels, write_skels

__all__ = [
    "BrokenLine",
    "Recording",
    "followed_openpose",
    "iterate_skels",
    "read_npz",
    "read_openpose",
    "read_pose",
    "read_skels",
    "scan_skels",
    "write_npz",
    "write_openpose",
    "write_pose",
    "write_skels",
]
