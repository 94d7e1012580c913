"""Body and hands of a signer in RGB frames, by MediaPipe's Tasks API, as poses in the layout of MediaPipe Holistic.

Every frame is looked at by itself. So the same clip gives the same bytes in whatever process and order clips are worked
through, and a frame the same landmarks whether all frames are asked for or thirty. Only who of several people is
followed, the whole clip decides.

Hands are looked for in the whole frame. Where the body shows a wrist in view and no hand was found there, they are
looked for again in squares around that wrist. Which hand is the left one, the body's wrists decide: the Tasks API's own
word for it is wrong in one of twenty, and the reverse of what MediaPipe's earlier API said. No face is looked for.
"""

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
from pose_format import Pose

from datamodules.media.clip import Clip
from datamodules.media.clip_frames import evenly
from datamodules.media.video import Frame
from datamodules.poses.layouts import make_pose
from datamodules.poses.people import Person, follow
from datamodules.poses.skeletons import HOLISTIC_108

Points = npt.NDArray[np.float32]

BODY: Final = slice(0, 33)
LEFT_HAND: Final = slice(33, 54)
RIGHT_HAND: Final = slice(54, 75)
WORLD: Final = slice(75, 108)
HANDS: Final = (LEFT_HAND, RIGHT_HAND)

PEOPLE: Final = 4  # that are told apart in a frame
APART: Final = 0.3  # shoulder widths between the arms of two people
SHOULDERS: Final = (11, 12)
ELBOWS: Final = (13, 14)
WRISTS: Final = (15, 16)
SLP_BODY: Final = (0, None, 11, 13, 15, 12, 14, 16)  # of SLP-50; it has a neck
BODY_HANDS: Final = ((15, 17, 19), (16, 18, 20))  # wrist and knuckles of little and index finger, as the body has them
PALM: Final = (0, 5, 17)  # the same of a hand
SQUARES: Final = (2.0, 1.6)  # sides of the squares around a wrist, in shoulder widths
NEAR: Final = 0.35  # shoulder widths within which a hand is that wrist's
SAME: Final = 0.12  # shoulder widths within which two hands are one


class Landmarker:
    """MediaPipe's pose and hand landmarkers on the CPU, from their bundles; closes as a context manager.

    Raises:
        ValueError: MediaPipe is not installed, or cannot open a bundle.
    """

    def __init__(self, pose: Path, hand: Path) -> None:
        try:
            import mediapipe as mp
            from mediapipe.tasks.python import vision
        except ImportError as error:
            raise ValueError(f"landmarks need MediaPipe ({error}): pip install 'sign-zoo[landmarks]'") from error
        self._mp: Any = mp
        ignore_profiling()
        with started_quietly(), ExitStack() as opened:
            self._pose = open_model(vision.PoseLandmarker, vision.PoseLandmarkerOptions, pose, num_poses=PEOPLE)
            opened.callback(self._pose.close)  # one that Python's collector closes can wait for itself for ever
            self._hand = open_model(vision.HandLandmarker, vision.HandLandmarkerOptions, hand, num_hands=2)
            self._beside = opened.enter_context(ThreadPoolExecutor(1, "hands"))
            self(np.zeros((64, 64, 3), np.uint8))
            opened.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Give back what the models hold."""
        self._beside.shutdown()
        self._pose.close()
        self._hand.close()

    def bodies(self, frame: Frame) -> list[Points]:
        """BODY and WORLD (66, 4) of each person in a frame (H, W, 3), the likeliest first; see `__call__`."""
        height, width = frame.shape[:2]
        found = self._pose.detect(self._image(frame))
        bodies: list[Points] = []
        for body, world in zip(found.pose_landmarks, found.pose_world_landmarks, strict=True):
            points = [(p.x * width, p.y * height, p.z, p.visibility) for p in body]
            points += [(p.x, p.y, p.z, p.visibility) for p in world]
            new = np.array(points, np.float32)
            if all(_apart(new, known) for known in bodies):
                bodies.append(new)
        return bodies

    def __call__(self, frame: Frame, bodies: Sequence[Points] | None = None, row: int = 0) -> Points:
        """Landmarks (108, 4) of a person in a frame (H, W, 3): BODY, LEFT_HAND, RIGHT_HAND, WORLD; x, y, z, confidence.

        x and y are in pixels, z is MediaPipe's (image widths, smaller is nearer), WORLD in metres around the hips. The
        confidence of a body's joint is its visibility, that of a hand's 1; what is absent is all 0.

        bodies, row: what `bodies` found there, and which of them it is; by default the likeliest.
        """
        points = np.zeros((108, 4), np.float32)
        height, width = frame.shape[:2]
        looking = self._beside.submit(self._hands, self._image(frame), (0, 0), width, height)
        bodies = self.bodies(frame) if bodies is None else bodies
        hands, first = looking.result()
        if not bodies:
            for side, hand in zip((first, 1 - first), hands, strict=False):
                points[HANDS[side]] = hand
            return points
        points[BODY], points[WORLD] = bodies[row][:33], bodies[row][33:]
        others = [body[:33] for other, body in enumerate(bodies) if other != row]
        if others:
            hands = [hand for hand in hands if _is_of(hand, points[BODY], others)][:2]
        for side, hand in zip(_nearest_sides(points[BODY], hands), hands, strict=True):
            points[HANDS[side]] = hand
        for side in (0, 1):
            if not points[HANDS[side], 3].any():
                points[HANDS[side]] = self._around_wrist(frame, points[BODY], side, points[HANDS[1 - side]], others)
        return points

    def _image(self, frame: Frame) -> Any:
        whole = np.ascontiguousarray(frame)  # MediaPipe would take the padding of a decoder's rows for pixels
        return self._mp.Image(self._mp.ImageFormat.SRGB, whole)

    def _hands(self, image: Any, corner: tuple[int, int], width: int, height: int) -> tuple[list[Points], int]:
        """Hands (21, 4) in pixels of the frame that the image was cut from at `corner`, and the first one's side."""
        found = self._hand.detect(image)
        x, y = corner
        hands = [
            np.array([(x + p.x * width, y + p.y * height, p.z, 1.0) for p in hand], np.float32)
            for hand in found.hand_landmarks
        ]
        return hands, int(any(label[0].category_name == "Right" for label in found.handedness[:1]))

    def _around_wrist(self, frame: Frame, body: Points, side: int, other: Points, people: Sequence[Points]) -> Points:
        """The hand of one side, looked for around its wrist; zeros where there is none that is not the other hand, or
        one of other people's."""
        wrists, unit = np.concatenate([_wrists(body), *map(_wrists, people)]), _unit(body)
        (x, y), (height, width) = wrists[side], frame.shape[:2]
        if 0 <= x < width and 0 <= y < height:
            for square in SQUARES:
                half = int(square * unit / 2)
                if not 8 <= half <= max(width, height):
                    continue
                corner = int(x) - half, int(y) - half
                hands, _ = self._hands(self._image(cut_square(frame, corner, 2 * half)), corner, 2 * half, 2 * half)
                for hand in hands:
                    hand[:, 2] *= 2 * half / width
                    distances = np.linalg.norm(_palm(hand) - wrists, axis=1)
                    mine, others = distances[side], np.delete(distances, side).min()
                    taken = other[:, 3].any() and np.linalg.norm(_palm(hand) - _palm(other)) < SAME * unit
                    if mine < NEAR * unit and mine < others and not taken:
                        return hand
        return np.zeros((21, 4), np.float32)


def ignore_profiling() -> None:
    """Keep MediaPipe's profiling timers from ending the process.

    Its threads send themselves SIGPROF, for which it has a handler. Lightning's Trainer, when it is through, puts back
    what Python knows of each signal; of this one, that it ends the process. Python shall know that it is ignored.
    """
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGPROF) == signal.SIG_DFL:
        signal.signal(signal.SIGPROF, signal.SIG_IGN)


def open_model(landmarker: Any, options: Any, bundle: Path, **settings: int) -> Any:
    """One of MediaPipe's landmarkers. Raises ValueError for a file that is no bundle of it."""
    from mediapipe.tasks.python import BaseOptions

    try:
        return landmarker.create_from_options(options(BaseOptions(model_asset_path=str(bundle)), **settings))
    except (RuntimeError, ValueError, OSError) as error:
        raise ValueError(f"{bundle}: no bundle that MediaPipe can open ({error}); fetch it again") from error


@contextmanager
def started_quietly() -> Iterator[None]:
    """Without what MediaPipe and TensorFlow Lite say when they start: they write to file descriptor 2, past Python."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _palm(hand: Points) -> npt.NDArray[np.floating]:
    centre: npt.NDArray[np.floating] = hand[list(PALM), :2].mean(0)
    return centre


def _wrists(body: Points) -> npt.NDArray[np.floating]:
    """Where the body has its left and right hand, (2, 2) in pixels."""
    return np.array([body[list(joints), :2].mean(0) for joints in BODY_HANDS])


def _unit(body: Points) -> float:
    """A shoulder width in pixels, or the longer forearm, where a signer stands sideways."""
    pairs = (SHOULDERS, *zip(ELBOWS, WRISTS, strict=True))
    return max(float(np.linalg.norm(body[a, :2] - body[b, :2])) for a, b in pairs)


def _nearest_sides(body: Points, hands: list[Points]) -> tuple[int, ...]:
    """For each hand its side, 0 left and 1 right, such that hands lie as near as they can to the body's wrists."""
    wrists = _wrists(body)

    def distance(sides: tuple[int, ...]) -> float:
        return sum(float(np.linalg.norm(_palm(hand) - wrists[side])) for side, hand in zip(sides, hands, strict=True))

    return min(permutations((0, 1), len(hands)), key=distance)


def _apart(body: Points, other: Points) -> bool:
    """Whether two bodies are two people's, and not one's found twice."""
    centres = (one[[*SHOULDERS, *ELBOWS], :2].mean(0) for one in (body, other))
    return float(np.linalg.norm(np.subtract(*centres))) > APART * max(_unit(body), _unit(other))


def _is_of(hand: Points, body: Points, others: Sequence[Points]) -> bool:
    """Whether a hand is at a wrist of this body, and none of the others has one nearer."""
    mine, *theirs = (float(np.linalg.norm(_palm(hand) - _wrists(one), axis=1).min()) for one in (body, *others))
    return mine < min(NEAR * _unit(body), *theirs)


def cut_square(frame: Frame, corner: tuple[int, int], side: int) -> Frame:
    """A square of the frame with its upper left corner there; black where it reaches beyond."""
    square = np.zeros((side, side, 3), np.uint8)
    (x, y), (height, width) = corner, frame.shape[:2]
    left, top, right, bottom = max(x, 0), max(y, 0), min(x + side, width), min(y + side, height)
    square[top - y : bottom - y, left - x : right - x] = frame[top:bottom, left:right]
    return square


@dataclass(frozen=True)
class Found:
    """The landmarks of a clip, and how many people were in view at once, at most."""

    pose: Pose
    people: int


def find_landmarks(
    clip: Clip, landmarker: Landmarker, frames: int | None = None, person: Person = "largest"
) -> Pose | None:
    """The landmarks of a clip, of all its frames or of `frames` evenly spread ones; None if it has no frame.

    A frame that repeats the one before is looked at once. The pose's rate lets it last as long as the clip. Where
    several people are in view, one is followed (`people.follow`).

    Raises what reading the clip raises: ValueError, OSError, or av.FFmpegError in the midst of it.
    """
    found = followed_landmarks(clip, landmarker, frames, person)
    return found.pose if found else None


def followed_landmarks(clip: Clip, landmarker: Landmarker, frames: int | None, person: Person) -> Found | None:
    """What `find_landmarks` returns, with the number of people. A clip of several is gone through twice: only when all
    of it was seen is it known whose hands to look for."""
    total = sum(1 for _ in clip.frames()[0]) if frames is not None else 0
    wanted = None if frames is None else set(evenly(frames, total))
    pictures, fps = clip.frames()
    points: list[Points] = []
    everyone: list[list[Points]] = []
    last: Frame | None = None
    for frame in _of(pictures, wanted):
        frozen = last is not None and (frame is last or np.array_equal(frame, last))
        everyone.append(everyone[-1] if frozen else landmarker.bodies(frame))
        points.append(points[-1] if frozen else landmarker(frame, everyone[-1]))
        last = frame
    if last is None:
        return None
    people = max(map(len, everyone))
    if people > 1:
        rows = follow([np.reshape([_seen(body) for body in bodies], (-1, 8, 3)) for bodies in everyone], person).rows
        for number, (row, frame) in enumerate(zip(rows, _of(clip.frames()[0], wanted), strict=True)):
            if len(everyone[number]) > 1 and row is not None:
                points[number] = landmarker(frame, everyone[number], row)
            elif everyone[number] and row is None:
                points[number] = np.zeros_like(points[number])
    rate = fps if frames is None else fps * len(points) / total
    return Found(holistic_pose(np.array(points), rate, width=last.shape[1], height=last.shape[0]), people)


def _of(pictures: Iterator[Frame], numbers: set[int] | None) -> Iterator[Frame]:
    return (frame for number, frame in enumerate(pictures) if numbers is None or number in numbers)


def _seen(body: Points) -> npt.NDArray[np.float64]:
    """A body's joints as `follow` wants them, (8, 3): x, y, visibility."""
    neck = body[list(SHOULDERS)].mean(0)
    shown = np.stack([neck if joint is None else body[joint] for joint in SLP_BODY])
    return shown[:, [0, 1, 3]].astype(np.float64)


def holistic_pose(points: Points, fps: float, width: int, height: int) -> Pose:
    """Landmarks (T, 108, 4), as `Landmarker` gives them, as a pose in MediaPipe Holistic's layout without its face."""
    return make_pose(HOLISTIC_108, points[..., :3], points[..., 3], fps, (width, height), depth=width)
