"""Components that nothing was learnt for: they make pipelines whole while a model is missing, or compare with one."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from pose_format import Pose

from datamodules.avatar import perform
from datamodules.avatar.phonology.lexicon import lexicon
from datamodules.avatar.renderer.spelling import spell
from datamodules.avatar.sign_units import SPELLED
from datamodules.avatar.sign_units import spell as spelling
from datamodules.media.skeleton_drawing import draw_frames
from datamodules.media.video import Frame
from datamodules.poses.motions import slp_joints
from datamodules.poses.sequences import Joints
from zoo.loaders.inputs import given_text
from zoo.loaders.writing import FILMS, film, refuse_unwritable, write
from zoo.pipelines.components import RULE_BASED
from zoo.pipelines.video import Video
from zoo.spec.problems import closest


class Drawing:
    """Drawings of the skeleton that signs can be read from."""

    verb: ClassVar[str] = "render"
    accepts, gives = RULE_BASED["drawing"].accepts, RULE_BASED["drawing"].gives

    def render(self, pose: Pose) -> npt.NDArray[np.uint8]:
        """Frames (T, S, S, 3) uint8 RGB of a pose of any layout. Raises ValueError for what is none."""
        return np.stack(list(self.stream(pose)))

    def stream(self, pose: Pose) -> Iterator[Frame]:
        """The frames of `render` one by one."""
        return self._draw(slp_joints(pose))

    def run(self, text: str, outputs: Sequence[Path]) -> list[Path]:
        """Draw the .pose or .skels file or the folder of OpenPose JSON at the path `text`; see `film`."""
        return film(text, outputs, self._draw)

    def _draw(self, joints: Joints) -> Iterator[Frame]:
        return draw_frames(joints, self.gives.size or 512)


class AvatarSigner:
    """The avatar, who signs by rules: no model."""

    verb: ClassVar[str] = "perform"
    accepts, gives = RULE_BASED["avatar-signer"].accepts, RULE_BASED["avatar-signer"].gives

    def __init__(self) -> None:
        self._told: set[str] = set()

    def perform(self, glosses: Sequence[str]) -> Pose:
        """The pose of glosses signed in order, from rest to rest. What the avatar has no sign for it fingerspells, and
        says so on stderr unless "#" asks for it. Raises ValueError for what it cannot spell either."""
        if not isinstance(glosses, list | tuple) or not all(isinstance(gloss, str) for gloss in glosses):
            raise ValueError(f"found {type(glosses).__name__}, expected a list of glosses such as ['HELLO']")
        book = lexicon()
        for gloss in glosses:
            if not spelling(gloss, book):
                raise ValueError(f"gloss {gloss!r}: the avatar has no sign for it and no letter to spell it with")
            if gloss not in book.signs and gloss[0] != SPELLED and gloss not in self._told:
                self._told.add(gloss)
                print(f"zoo: the avatar has no sign {gloss}, so it spells it{_near(gloss)}", file=sys.stderr)
        return perform(glosses, fps=self.gives.fps or 25.0).pose

    def run(self, text: str, outputs: Sequence[Path]) -> list[Path]:
        """Perform the glosses of a text such as "YOUR NAME WHAT" and write each of `outputs`: .pose, .skels, .mp4 or
        .png (a sheet). The pipeline `gloss-video` takes texts with lines and punctuation too.

        Raises ValueError for a path that cannot be written, before it performs, and for a text without a gloss.
        """
        refuse_unwritable(outputs)
        glosses = given_text(text, "glosses").upper().split()
        if not glosses:
            raise ValueError(f"no gloss in {text[:40]!r}: expected such as 'YOUR NAME WHAT'")
        pose = self.perform(glosses)
        for output in outputs:
            write(pose, [" ".join(glosses)] * len(pose.body.data), output)
        return list(outputs)


class AvatarHand:
    """The avatar's hand, photographed from near: no model."""

    verb: ClassVar[str] = "spell"
    accepts, gives = RULE_BASED["avatar-hand"].accepts, RULE_BASED["avatar-hand"].gives

    def spell(self, letters: str) -> npt.NDArray[np.uint8]:
        """Frames (T, S, S, 3) uint8 RGB of a hand that spells A-Z and digits, blanks between words."""
        return np.stack(list(self.stream(letters)))

    def stream(self, letters: str) -> Iterator[Frame]:
        """The frames of `spell` one by one."""
        return spell(given_text(letters, "a text to spell"), self.gives.fps or 25.0, self.gives.size or 256)

    def run(self, text: str, outputs: Sequence[Path]) -> list[Path]:
        """Spell a text and write each of `outputs`: .mp4, or .png (a sheet). The pipeline `fingerspell` takes texts
        with other characters too.

        Raises ValueError for a path that cannot be written, before it spells.
        """
        refuse_unwritable(outputs, FILMS)
        video = Video.encoded(self.stream(given_text(text, "a text to spell").upper()), self.gives.fps or 25.0)
        return [video.save(output) for output in outputs]


def _near(gloss: str) -> str:
    sign = closest(gloss, lexicon().signs)
    return f" ({sign} is one)" if sign else ""
