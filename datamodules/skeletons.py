"""Named joint layouts.

SLP-50 is the layout of `.skels` files (Saunders et al. 2020, Progressive Transformers): neck at the origin, y down,
z toward the viewer, one unit = three shoulder widths. The published code calls joints 2-4 and 29-49 "right"; in its
shipped data they lie at x > 0 of an unmirrored camera view and move less than the others: they are the signer's left.
The names here are anatomical.
"""

from dataclasses import dataclass

HAND_JOINTS = (
    "WRIST",
    *(
        f"{finger}_{joint}"
        for finger, joints in (
            ("THUMB", ("CMC", "MCP", "IP", "TIP")),
            *((finger, ("MCP", "PIP", "DIP", "TIP")) for finger in ("INDEX", "MIDDLE", "RING", "PINKY")),
        )
        for joint in joints
    ),
)
HAND_BONES = tuple(
    (0 if joint == 0 else 4 * finger + joint, 4 * finger + joint + 1) for finger in range(5) for joint in range(4)
)


@dataclass(frozen=True)
class Component:
    """A part of a skeleton: its joints' names and the bones between them, as indices within the part."""

    name: str
    joints: tuple[str, ...]
    bones: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Skeleton:
    """A joint layout: its parts in storage order."""

    name: str
    components: tuple[Component, ...]

    @property
    def joints(self) -> int:
        """Number of joints."""
        return sum(len(component.joints) for component in self.components)

    @property
    def bones(self) -> tuple[tuple[int, int], ...]:
        """Every bone as a pair of joint indices within the whole layout."""
        bones: list[tuple[int, int]] = []
        start = 0
        for component in self.components:
            bones.extend((start + a, start + b) for a, b in component.bones)
            start += len(component.joints)
        return tuple(bones)


_BODY = (
    "NOSE",
    "NECK",
    *(f"{side}_{joint}" for side in ("LEFT", "RIGHT") for joint in ("SHOULDER", "ELBOW", "WRIST")),
)

SLP_50 = Skeleton(
    "slp-50",
    (
        Component("BODY", _BODY, ((1, 0), (1, 2), (2, 3), (3, 4), (1, 5), (5, 6), (6, 7))),
        Component("RIGHT_HAND", HAND_JOINTS, HAND_BONES),
        Component("LEFT_HAND", HAND_JOINTS, HAND_BONES),
    ),
)

NOSE, NECK = 0, 1
LEFT_SHOULDER, LEFT_ELBOW, LEFT_WRIST = 2, 3, 4
RIGHT_SHOULDER, RIGHT_ELBOW, RIGHT_WRIST = 5, 6, 7
BODY = slice(0, 8)
RIGHT_HAND = slice(8, 29)
LEFT_HAND = slice(29, 50)
