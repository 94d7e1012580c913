"""How photographs of the manual alphabet show each symbol.

The views follow the ASL Alphabet photographs (and the landmarks found in them), not the signer's own table of
orientations: a right hand seen by the addressee, unmirrored, so that the thumb of a palm turned to the viewer
points to the right. G, H, J point to the viewer's left and up, P and Q to the left with the palm down, C, D
and O show their profile, M and N hang over the thumb. T is the usual one, thumb between index and middle. Four
letters have a second form that is as common (`SECOND_FORMS`). J is the raised little finger before its hook, Z the
index finger under way. The digits 1 to 5 show the back of the hand. Two gestures of the photographs are no letters:
"space" is a hand on its back, fingers and thumb bent up like a cup, "del" hangs from the wrist with drooping fingers;
both point to the left.
"""

from dataclasses import dataclass, field

Triple = tuple[float, float, float]
SYMBOLS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
GESTURES = {"del": "bent-B", "space": "curved-B"}
"""The gestures that are no letters, and the handshapes they start from."""


@dataclass(frozen=True)
class View:
    """Where the palm faces, where the fingers and the elbow lie (x right, y up, z to the viewer), and how the hand
    differs from the symbol's handshape: flexions and spreads in degrees by finger (0 index .. 3 little), the thumb's
    target and the side to which it arches, in the hand frame."""

    palm: Triple = (0.12, 0.0, 1.0)
    fingers: Triple = (0.0, 1.0, 0.0)
    elbow: Triple = (0.0, -1.0, -0.25)
    flexion: dict[int, Triple] = field(default_factory=dict)
    spread: dict[int, float] = field(default_factory=dict)
    thumb: tuple[Triple, Triple] | None = None


_ASIDE = (0.75, -0.66, -0.2)
_FLAT = (0.85, -0.5, -0.15)
_PROFILE = View(palm=(0.90, 0.0, 0.40), fingers=(-0.05, 1.0, -0.1))
_HALF_PROFILE = View(palm=(0.45, 0.0, 0.89))
_BACK = View(palm=(-0.1, 0.0, -1.0))

VIEWS: dict[str, View] = {
    **dict.fromkeys(SYMBOLS, View()),
    "C": View(
        palm=(0.86, -0.29, 0.42),
        fingers=(0.42, 0.87, -0.26),
        flexion=dict.fromkeys(range(4), (20.0, 34.0, 22.0)),
    ),
    "D": View(palm=(0.98, 0.13, 0.11), fingers=(-0.12, 0.98, -0.13)),
    "E": View(palm=(0.30, 0.0, 0.95)),
    "F": _HALF_PROFILE,
    "G": View(palm=(0.20, 0.41, 0.89), fingers=(-0.87, 0.5, 0.0), elbow=_ASIDE, flexion={0: (12.0, 5.0, 5.0)}),
    "H": View(
        palm=(0.10, 0.30, 0.95),
        fingers=(-0.86, 0.5, -0.1),
        elbow=_ASIDE,
        flexion=dict.fromkeys((0, 1), (14.0, 5.0, 5.0)),
    ),
    "J": View(palm=(0.11, 0.2, 0.97), fingers=(-0.66, 0.75, -0.1), elbow=(0.35, -0.92, -0.2)),
    "K": View(palm=(-0.1, 0.1, 0.98), flexion={1: (24.0, 6.0, 5.0)}, spread={0: 8.0, 1: -8.0}),
    "M": View(
        palm=(0.12, -0.5, 0.85),
        fingers=(0.0, 0.87, 0.5),
        elbow=(0.0, -1.0, -0.5),
        flexion=dict.fromkeys((0, 1, 2), (84.0, 62.0, 14.0)),
        spread={0: 6.0, 2: -4.0, 3: -6.0},
    ),
    "N": View(
        palm=(0.0, -0.77, 0.64),
        fingers=(0.0, 0.64, 0.77),
        elbow=(0.0, -1.0, -0.6),
        flexion={**dict.fromkeys((0, 1), (83.0, 37.0, 15.0)), **dict.fromkeys((2, 3), (90.0, 112.0, 70.0))},
    ),
    "O": _PROFILE,
    "P": View(palm=(-0.25, -0.93, 0.15), fingers=(-0.95, 0.2, 0.2), elbow=_FLAT),
    "Q": View(palm=(-0.15, -0.96, 0.15), fingers=(-0.93, 0.2, 0.3), elbow=_FLAT),
    "R": View(palm=(-0.25, 0.0, 1.0), spread={0: -10.0, 1: 14.0}),
    "S": View(
        palm=(0.30, 0.14, 0.95),
        fingers=(0.0, 0.99, -0.14),
    ),
    "X": View(palm=(0.30, 0.10, 0.95)),
    "Y": View(palm=(0.15, 0.0, 0.99), fingers=(-0.25, 0.97, 0.0)),
    "Z": View(fingers=(0.5, 0.86, 0.0), elbow=(-0.2, -0.95, -0.2)),
    "0": _PROFILE,
    "9": _HALF_PROFILE,
    **dict.fromkeys("12345", _BACK),
    "del": View(
        palm=(-0.05, -0.97, 0.15),
        fingers=(-0.98, 0.1, 0.1),
        elbow=(0.5, -0.86, -0.15),
        flexion=dict.fromkeys(range(4), (74.0, 12.0, 8.0)),
    ),
    "space": View(
        palm=(0.15, 0.92, 0.30),
        fingers=(-0.95, 0.25, 0.05),
        elbow=(0.55, -0.83, -0.1),
        flexion=dict.fromkeys(range(4), (24.0, 56.0, 22.0)),
        thumb=((0.42, 0.40, 1.08), (0.6, -0.8, -0.2)),
    ),
}

SECOND_FORMS: dict[str, View] = {
    "D": View(palm=(0.52, 0.0, 0.85)),
    "M": View(palm=(0.10, -0.45, 0.89), fingers=(0.0, 0.89, 0.45)),
    "N": View(palm=(0.10, -0.64, 0.77), fingers=(0.0, 0.77, 0.64)),
    "T": View(flexion={0: (22.0, 72.0, 30.0)}, thumb=((0.98, 0.86, 0.22), (0.6, -1.0, 0.2))),
}
"""The other form of letters that are seen in two: D from the front, M and N as fists that face the viewer, and the T of
the photographs, index half raised and thumb held off."""
FORMS = 2


def view_of(symbol: str, form: int = 0) -> View:
    """How a symbol is shown in one of the two forms; most symbols have but one."""
    return SECOND_FORMS.get(symbol, VIEWS[symbol]) if form else VIEWS[symbol]
