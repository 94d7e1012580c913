"""The avatar's phonology, read from YAML: handshapes, letters, places, parts of the hand and signs."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TypeVar, cast

import numpy as np

from datamodules.avatar.kinematics.hand import (
    FINGERS,
    FLEXION_LIMITS,
    SPREAD_LIMITS,
    Array,
    Handshape,
    finger_joints,
    joint_mean,
)
from datamodules.avatar.kinematics.motion import MOVEMENTS, Movement
from datamodules.avatar.kinematics.rotation import direction
from datamodules.avatar.phonology.nonmanuals import nonmanuals
from datamodules.avatar.phonology.signs import Gesture, Head, Letter, Part, Place, Region, Role, Sign
from datamodules.avatar.phonology.tables import LexiconError, Table, pair
from datamodules.poses.skeletons import HAND_JOINTS

FOLDER = Path(__file__).parent
FIST = (85.0, 100.0, 60.0)
SIZES = {"circle": 0.1, "circle-in": 0.1, "arc": 0.06, "tap": 0.07, "shake": 0.05, "brush": 0.18, "swap": 0.1}
TURNS = {"nod": 35.0, "hinge": 25.0, "twist": 18.0, "wag": 20.0, "wiggle": 25.0}

Entry = TypeVar("Entry")


@dataclass(frozen=True, eq=False)
class Lexicon:
    """All tables, by name."""

    handshapes: Mapping[str, Handshape]
    letters: Mapping[str, Letter]
    places: Mapping[str, Place]
    parts: Mapping[str, Part]
    signs: Mapping[str, Sign]

    def gesture(self, handshape: str, place: str, palm: str, fingers: str) -> Gesture:
        """A still hand, palm centre at a place."""
        row = Table("(code)", place, {"hand": handshape, "at": place, "palm": palm, "fingers": fingers})
        return _gesture(row, self.handshapes, self.places, self.parts)


def load_lexicon(folder: Path) -> Lexicon:
    """The lexicon in a folder with handshapes.yaml, locations.yaml and signs.yaml. Raises LexiconError."""
    shapes = Table.read(folder / "handshapes.yaml")
    shapes.only(("thumbs", "shapes", "letters"))
    thumbs, rows, letters = shapes.table("thumbs"), shapes.table("shapes"), shapes.table("letters")
    handshapes = {name: _handshape(name, rows.inherit(name), thumbs) for name in rows.entries}
    body = Table.read(folder / "locations.yaml")
    body.only(("places", "parts"))
    parts = {name: _part(name, body.table("parts").table(name)) for name in body.table("parts").entries}
    places = {name: _place(name, body.table("places").table(name), parts) for name in body.table("places").entries}
    signs = Table.read(folder / "signs.yaml")
    return Lexicon(
        handshapes,
        {name: _letter(name, letters.table(name), handshapes, places, parts) for name in letters.entries},
        places,
        parts,
        {name: _sign(name, signs.inherit(name), handshapes, places, parts) for name in signs.entries},
    )


@cache
def lexicon() -> Lexicon:
    """The lexicon that comes with the package, read once."""
    return load_lexicon(FOLDER)


def _handshape(name: str, row: Table, thumbs: Table) -> Handshape:
    row.only((*FINGERS, "spread", "thumb"))
    spread = row.numbers("spread", 4)
    flexion = np.array([FIST if row.entries.get(name) == "fist" else row.numbers(name, 3) for name in FINGERS])
    for finger, angles in zip(FINGERS, flexion, strict=True):
        if ((angles < FLEXION_LIMITS[:, 0]) | (angles > FLEXION_LIMITS[:, 1])).any():
            bounds = ", ".join(f"{low:.0f} to {high:.0f}" for low, high in FLEXION_LIMITS)
            raise row.error(finger, f"degrees that a finger can bend: {bounds}")
    if ((spread < SPREAD_LIMITS[0]) | (spread > SPREAD_LIMITS[1])).any():
        raise row.error("spread", f"degrees from {SPREAD_LIMITS[0]:.0f} to {SPREAD_LIMITS[1]:.0f}")
    thumb = thumbs.table(row.choice("thumb", thumbs.entries))
    thumb.only(("touch", "offset", "arch"))
    joints = np.zeros((21, 3))
    joints[5:] = finger_joints(spread, flexion).reshape(16, 3)
    target = joint_mean(joints, _joints(thumb, "touch")) + thumb.numbers("offset", 3)
    try:
        return Handshape(name, spread, flexion, target, thumb.numbers("arch", 3, (1.0, -0.5, 0.4)))
    except ValueError as error:
        raise row.error("thumb", f"a thumb position that the shape {name} can reach: {error}") from None


def _joints(row: Table, key: str) -> list[str]:
    names = row.entries.get(key)
    if not isinstance(names, list) or not names or not set(names) <= set(HAND_JOINTS):
        raise row.error(key, f"a list of joints out of {', '.join(HAND_JOINTS)}")
    return names


def _part(name: str, row: Table) -> Part:
    row.only(("joints", "offset"))
    joints = _joints(row, "joints")
    weights = np.array([joints.count(joint) / len(joints) for joint in HAND_JOINTS])
    return Part(name, weights, row.numbers("offset", 3))


def _place(name: str, row: Table, parts: Mapping[str, Part]) -> Place:
    region = row.choice("region", ("head", "torso", "space", "arm", "hand"))
    if region == "hand":
        row.only(("region", "part"))
        return Place(name, "hand", np.zeros(3), parts[row.choice("part", parts)])
    row.only(("region", "at"))
    return Place(name, cast(Region, region), row.numbers("at", 3), None)


def _letter(
    symbol: str,
    row: Table,
    handshapes: Mapping[str, Handshape],
    places: Mapping[str, Place],
    parts: Mapping[str, Part],
) -> Letter:
    row.only(("shape", "palm", "fingers", "movement", "at", "part"))
    shape, movement = (
        row.choice("shape", handshapes, symbol),
        row.choice("movement", ("hold", "J", "Z"), "hold"),
    )
    entries = {"at": "spelling", "part": "wrist", **row.entries, "hand": shape}
    gesture = _gesture(Table(row.file, row.key, entries), handshapes, places, parts)
    stroke = Movement(movement, 1.0, np.zeros(3), 1, MOVEMENTS[movement].first)
    sign = Sign(symbol, gesture, "none", None, stroke, "none", "none", "")
    return Letter(symbol, shape, gesture.orientation, movement, sign)


def _sign(
    gloss: str,
    row: Table,
    handshapes: Mapping[str, Handshape],
    places: Mapping[str, Place],
    parts: Mapping[str, Part],
) -> Sign:
    hand = ("hand", "at", "part", "palm", "fingers")
    row.only((*hand, "touch", "move", "other", "head", "mouth"))
    dominant = _gesture(row, handshapes, places, parts)
    role, other = "none", None
    if "other" in row.entries:
        second = row.table("other")
        second.only((*hand, "role", "shift", "touch"))
        role = second.choice("role", ("sym", "alt", "base"))
        shared = {} if role == "base" else {key: row.entries[key] for key in hand if key in row.entries}
        other = _gesture(Table(row.file, second.key, {**shared, **second.entries}), handshapes, places, parts)
        for key, place in zip(("start", "end"), other.place, strict=True):
            if place.region == "hand":
                raise second.error("at", f"a {key} that is not on the hand which this place belongs to")
        shift = _steps(second, "shift", second.text("shift", "").split())
        other = replace(other, steps=(other.steps[0] + shift, other.steps[1] + shift))
    elif any(place.region == "hand" for place in dominant.place):
        raise row.error("other", f"a non-dominant hand, for the sign is made at {row.text('at')!r}")
    touch = row.choice("touch", ("none", "start", "end", "both", "through"), "none")
    head = row.choice("head", ("none", "nod", "shake"), "none")
    mouth = row.choice("mouth", nonmanuals().mouths) if "mouth" in row.entries else ""
    move = _movement(row.table("move"))
    return Sign(gloss, dominant, cast(Role, role), other, move, touch, cast(Head, head), mouth)


def _movement(row: Table) -> Movement:
    row.only(("kind", "size", "axis", "repeat", "seconds"))
    kind = row.choice("kind", MOVEMENTS)
    repeat = row.whole("repeat", 1, 1, 6)
    if kind in TURNS:
        size = row.number("size", TURNS[kind], 1.0, 90.0)
    else:
        size = row.number("size", SIZES.get(kind, 0.0), 0.0, 0.5)
    seconds = MOVEMENTS[kind].first + (repeat - 1) * MOVEMENTS[kind].further
    return Movement(kind, size, row.direction("axis", "F"), repeat, row.number("seconds", round(seconds, 3), 0.1, 2.0))


def _gesture(
    row: Table,
    handshapes: Mapping[str, Handshape],
    places: Mapping[str, Place],
    parts: Mapping[str, Part],
) -> Gesture:
    shape, part = _named(row, "hand", handshapes), _named(row, "part", parts, "palm")
    texts = pair(row.text("at"))
    words = [text.split() or [""] for text in texts]
    for text in words:
        if text[0] not in places:
            raise row.error("at", f"places out of {', '.join(places)}, each with steps such as F.20")
    place = (places[words[0][0]], places[words[1][0]])
    steps = (_steps(row, "at", words[0][1:]), _steps(row, "at", words[1][1:]))
    return Gesture(shape, place, steps, part, row.orientations())


def _named(row: Table, key: str, known: Mapping[str, Entry], default: str | None = None) -> tuple[Entry, Entry]:
    first, last = pair(row.text(key, default))
    probe = Table(row.file, row.key, {f"{key} (start)": first, f"{key} (end)": last})
    return known[probe.choice(f"{key} (start)", known)], known[probe.choice(f"{key} (end)", known)]


def _steps(row: Table, key: str, words: list[str]) -> Array:
    total = np.zeros(3)
    for word in words:
        letters = word.rstrip(".0123456789")
        try:
            way = direction(letters)
            total += way / np.linalg.norm(way, axis=-1) * float(word[len(letters) :])
        except ValueError:
            raise LexiconError(row.file, row.address(key), word, "a step such as F.20 or F-D.30") from None
    return total
