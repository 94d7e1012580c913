"""The stage of one performance: units strung on a timeline of transitions, strokes and holds between two short rests.

Each hand's track is filled in segment by segment, then both arms follow by inverse kinematics, all frames at once.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datamodules.avatar.kinematics import arm
from datamodules.avatar.kinematics.body import body_joints
from datamodules.avatar.kinematics.hand import CONFIGURATION, Array, blend
from datamodules.avatar.kinematics.motion import Stroke, ease
from datamodules.avatar.kinematics.rotation import slerp
from datamodules.avatar.phonology.lexicon import lexicon
from datamodules.avatar.phonology.signs import Gesture
from datamodules.avatar.sign_units import Track, Unit, follow, unit_tracks
from datamodules.avatar.signer import Signer

REST_SECONDS = 0.15

TRUTH = np.dtype(
    [
        ("gloss", "i2"),
        ("phase", "U10"),
        ("dominant", "U14"),
        ("nondominant", "U14"),
        ("location", "U15"),
        ("palm", "U11"),
        ("fingers", "U11"),
        ("movement", "U10"),
        ("letter", "U1"),
    ]
)
"""One row a frame: index of the gloss (-1 on the way to and at rest), phase (rest, transition, stroke, hold), handshape
of the dominant and the non-dominant hand, and the dominant hand's place, palm, fingers, movement and spelled letter."""


@dataclass(eq=False)
class Segment:
    """A stretch of time from `start` to `end` seconds; for a unit, its index, else -1."""

    phase: str
    start: float
    end: float
    unit: int


class Stage:
    """The state of one performance while its tracks are filled in."""

    def __init__(self, sequence: list[Unit], signer: Signer, fps: float, rng: np.random.Generator) -> None:
        self.units, self.signer, self.fps, self.rng = sequence, signer, fps, rng
        book = lexicon()
        self.rest = book.gesture("relaxed", "rest", "L-L-B", "D-D-D-F")
        self.standby = book.gesture("relaxed", "standby", "B-D", "L-L-F")
        self.idle = [self._idle(k) for k in range(len(sequence))]
        ends = np.array([0.0, 1.0])
        self.ends = [unit_tracks(unit, ends, idle, signer) for unit, idle in zip(sequence, self.idle, strict=True)]
        still = Stroke(np.zeros(1), np.zeros((1, 3)), np.zeros(1))
        self.home = (
            follow(self.rest, still, np.zeros(3), signer),
            follow(self.rest, still, np.array([0.0, -0.02, 0.03]), signer),
        )
        self.segments = self._timeline()
        self.time = np.arange(int(np.floor(self.segments[-1].end * fps + 1e-6))) / fps

    def _idle(self, index: int) -> Gesture:
        """The weak hand stays up between two two-handed signs and hangs at the side elsewhere."""
        beside = [self.units[k] for k in (index - 1, index + 1) if 0 <= k < len(self.units)]
        return self.standby if len(beside) == 2 and all(unit.sign.other for unit in beside) else self.rest

    def _state(self, index: int, last: bool) -> tuple[Track, Track]:
        """Both hands at the start or the end of a unit; outside the sequence, at rest."""
        if not 0 <= index < len(self.units):
            return self.home
        moment = -1 if last else 0
        dominant, other = self.ends[index]
        return dominant.at(moment), other.at(moment)

    def _timeline(self) -> list[Segment]:
        segments = [Segment("rest", 0.0, REST_SECONDS, -1)]
        for index in range(len(self.units) + 1):
            before, after = self._state(index - 1, True), self._state(index, False)
            start = segments[-1].end
            segments.append(Segment("transition", start, start + self._travel(before, after, index), index))
            if index < len(self.units):
                unit, start = self.units[index], segments[-1].end
                segments.append(Segment("stroke", start, start + unit.stroke, index))
                segments.append(Segment("hold", start + unit.stroke, start + unit.stroke + unit.hold, index))
        start = segments[-1].end
        segments.append(Segment("rest", start, start + REST_SECONDS, -1))
        return segments

    def _travel(self, before: tuple[Track, Track], after: tuple[Track, Track], index: int) -> float:
        """Seconds of a transition: they grow with the way and the turn of the hand that has farther to go."""
        way = [float(np.linalg.norm(b.wrist - a.wrist, axis=-1).item()) for a, b in zip(before, after, strict=True)]
        turned = 2 * np.arccos(min(1.0, abs(float(np.sum(before[0].hand * after[0].hand)))))
        seconds = 0.09 + 0.21 * max(way[0], 0.7 * way[1]) + 0.05 * turned
        return float(np.clip(seconds, 0.13, 0.45)) / self.signer.speed

    @property
    def spans(self) -> Array:
        """Seconds (N, 2) at which each unit's stroke begins and its hold ends."""
        begins = [segment.start for segment in self.segments if segment.phase == "stroke"]
        ends = [segment.end for segment in self.segments if segment.phase == "hold"]
        return np.array([begins, ends]).T.reshape(-1, 2)

    def act(self, head: Array) -> tuple[NDArray[np.float32], NDArray[np.void]]:
        """Joints (T, 50, 3) in SLP units and the truth (T,): both hands' tracks first, then the body.

        `head` (T, 2): its yaw and pitch in radians.
        """
        time, count = self.time, len(self.time)
        wrist, hand = np.empty((2, count, 3)), np.empty((2, count, 4))
        configuration = np.empty((2, count, CONFIGURATION))
        truth = np.zeros(count, dtype=TRUTH)
        edges = np.searchsorted(time, [segment.end - 1e-9 for segment in self.segments])
        first = 0
        for number, segment in enumerate(self.segments):
            span = slice(first, int(edges[number]))
            first = span.stop
            if span.stop <= span.start:
                continue
            share = (time[span] - segment.start) / max(segment.end - segment.start, 1e-9)
            for side, track in enumerate(self._fill(segment, share, truth[span])):
                wrist[side, span], hand[side, span] = track.wrist, track.hand
                configuration[side, span] = track.configuration
        self._tremble(wrist, time)
        swivel = np.stack([self._swivels(side, time) for side in range(2)])
        return body_joints(wrist, hand, configuration, swivel, head, self.signer), truth

    def _fill(self, segment: Segment, share: Array, truth: NDArray[np.void]) -> tuple[Track, Track]:
        truth["phase"], truth["gloss"] = segment.phase, -1
        index, count = segment.unit, len(share)
        if segment.phase == "rest":
            self._label(truth, -1, np.zeros(count), np.zeros(count))
            return _repeat(self.home[0], count), _repeat(self.home[1], count)
        if segment.phase == "transition":
            half = max(int(np.searchsorted(share, 0.5)), 0)
            self._label(truth[:half], index - 1, np.ones(half), np.ones(half))
            self._label(truth[half:], index, np.zeros(count - half), np.zeros(count - half))
            inside = 0 <= index < len(self.units)
            truth["movement"] = ""
            truth["gloss"] = self.units[index].gloss if inside else -1
            truth["letter"] = self.units[index].letter if inside else ""
            pairs = zip(self._state(index - 1, True), self._state(index, False), strict=True)
            bounce = inside and self.units[index].double
            dominant, other = (self._transit(a, b, share, bounce) for a, b in pairs)
            return dominant, other
        if segment.phase == "hold":
            share = np.ones(count)
        unit = self.units[index]
        tracks = unit_tracks(unit, share, self.idle[index], self.signer)
        self._label(truth, index, tracks[0].path, tracks[0].shape)
        return tracks

    def _label(self, truth: NDArray[np.void], index: int, path: Array, shape: Array) -> None:
        """Write what the hands show into rows of the truth; a change counts from half-way on."""
        inside = 0 <= index < len(self.units)
        gesture = self.units[index].sign.dominant if inside else self.rest
        late, formed = (path > 0.5).astype(int), (shape > 0.5).astype(int)
        truth["dominant"] = np.array([part.name for part in gesture.handshape])[formed]
        truth["location"] = np.array([part.name for part in gesture.place])[late]
        truth["palm"] = np.array([part.palm for part in gesture.orientation])[late]
        truth["fingers"] = np.array([part.fingers for part in gesture.orientation])[late]
        if inside:
            unit = self.units[index]
            truth["gloss"], truth["movement"], truth["letter"] = (
                unit.gloss,
                unit.sign.movement.kind,
                unit.letter,
            )
            gesture = unit.sign.other or self.idle[index]
        truth["nondominant"] = np.array([part.name for part in gesture.handshape])[formed]

    def _transit(self, before: Track, after: Track, share: Array, bounce: bool) -> Track:
        """A minimum-jerk way that bows forward; the handshape is formed before the hand arrives."""
        way = after.wrist - before.wrist
        moved = ease(share)
        height = self.signer.style.curvature * float(np.linalg.norm(way, axis=-1).item()) + 0.04 * bounce
        bow = np.outer(np.sin(np.pi * moved), height * np.array([0.0, 0.3, 1.0]))
        shape = ease(share / 0.75)
        return Track(
            before.wrist + moved[:, None] * way + bow,
            slerp(before.hand[0], after.hand[0], ease(share / 0.92)),
            blend(before.configuration, after.configuration, shape),
            moved,
            shape,
        )

    def _tremble(self, wrist: Array, time: Array) -> None:
        """Add the hands' slow unrest: for each hand and axis a few slow sines of random phase."""
        speed = self.rng.uniform(0.4, 3.0, (2, 1, 3, 4))
        phase = self.rng.uniform(0, 2 * np.pi, (2, 1, 3, 4))
        waves = np.sin(2 * np.pi * speed * time[None, :, None, None] + phase).mean(axis=-1)
        wrist += 1.4 * self.signer.style.tremor * waves

    def _swivels(self, side: int, time: Array) -> Array:
        """The elbow's swivel per frame: chosen at the start and the end of every stroke, eased in between."""
        moments, wrists, hands = [0.0], [self.home[side].wrist[0]], [self.home[side].hand[0]]
        repeat = [0]
        for segment in self.segments:
            if segment.phase in ("stroke", "hold"):
                track = self.ends[segment.unit][side]
                begin = segment.phase == "stroke"
                moments.append(segment.start if begin else segment.end)
                repeat.append(len(wrists))
                wrists.append(track.wrist[0 if begin else -1])
                hands.append(track.hand[0 if begin else -1])
        moments.append(self.segments[-1].start)
        repeat.append(0)
        build = self.signer.build
        swivels = arm.natural_swivels(np.array(wrists), np.array(hands), build.upper_arm, build.forearm)
        values, knots = swivels[repeat], np.array(moments)
        index = np.clip(np.searchsorted(knots, time, side="right"), 1, len(knots) - 1)
        span = np.maximum(knots[index] - knots[index - 1], 1e-9)
        share = ease((time - knots[index - 1]) / span)
        eased: Array = values[index - 1] + share * (values[index] - values[index - 1])
        return eased


def _repeat(track: Track, count: int) -> Track:
    zeros = np.zeros(count)
    return Track(
        np.repeat(track.wrist, count, axis=0),
        np.repeat(track.hand, count, axis=0),
        np.repeat(track.configuration, count, axis=0),
        zeros,
        zeros,
    )
