"""Contact sheets of the avatar, to be looked at: letters and digits close up, signs, faces, and a sentence.

    python benchmarks/avatar_sheets.py FOLDER

Writes hands.png, signs.png, faces.png and sentence.png. The signs are those in which a wrong palm or place shows first,
the faces those that grammar asks for and that signs and spelling bring along.
"""

import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from datamodules.avatar import Performance, perform
from datamodules.avatar.phonology.grammar import Sentence
from datamodules.avatar.renderer.frames import Camera, film, render
from datamodules.avatar.renderer.letters import letter_frame
from datamodules.avatar.renderer.views import SYMBOLS
from datamodules.avatar.signer import Look
from datamodules.media.drawing_primitives import Image
from datamodules.media.skeleton_drawing import contact_sheet

SIGNS = ["HELLO", "THANK-YOU", "MOTHER", "FATHER", "EAT", "DRINK", "WATER", "WHO", "FRIEND", "NAME", "LOVE", "TOMORROW"]
MOMENTS = 4
FACES = {
    "yes/no": (Sentence("Are you at school?", ("YOU", "SCHOOL")), "YOU"),
    "WH": (Sentence("How do you work?", ("YOU", "WORK", "HOW")), "YOU"),
    "negation": (Sentence("I do not understand.", ("ME", "NOT", "UNDERSTAND")), "NOT"),
    "statement": (Sentence("You are at school.", ("YOU", "SCHOOL")), "YOU"),
    "HAPPY": (Sentence("I am happy.", ("ME", "HAPPY")), "HAPPY"),
    "spelling": (Sentence("Ada.", ("#ADA",)), "#ADA"),
}
SENTENCE = Sentence("My father does not sign, who are you?", ("MY", "FATHER", "NOT", "SIGN", "YOU", "WHO"), (4,))


def hands() -> Image:
    """One close-up a symbol, each by another signer."""
    frames = [letter_frame(symbol, np.random.default_rng(n)) for n, symbol in enumerate(SYMBOLS)]
    return contact_sheet(frames, 9, list(SYMBOLS))


def signs() -> Image:
    """Two signs a row, each from the start of its stroke to the end of its hold."""
    frames, labels = [], []
    for gloss in SIGNS:
        performance = perform([gloss], fps=50)
        during = np.flatnonzero(np.isin(performance.truth["phase"], ["stroke", "hold"]))
        chosen = during[np.linspace(0, len(during) - 1, MOMENTS).round().astype(int)]
        frames += list(_rendered(performance, chosen))
        labels += [f"{gloss} {frame / performance.fps:.2f} s" for frame in chosen]
    return contact_sheet(frames, 2 * MOMENTS, labels)


def faces() -> Image:
    """Each expression seen near, a row a signer."""
    camera = Camera(256, 256, 220.0, (128.0, 215.0))
    frames, labels = [], []
    for look, seed in ((Look(), 0), (Look.random(5), 3)):
        for name, (sentence, gloss) in FACES.items():
            performance = perform(sentence, fps=50)
            during = np.flatnonzero(performance.truth["gloss"] == sentence.glosses.index(gloss))
            one = during[[len(during) // 2]]
            face = None if performance.face is None else performance.face[one]
            frames += list(film(performance.joints[one], look, camera, seed, face=face))
            labels.append(name)
    return contact_sheet(frames, len(FACES), labels)


def sentence() -> Image:
    """A sentence as a strip: the beginning, the middle and the end of every sign."""
    performance = perform(SENTENCE, fps=50)
    chosen: list[int] = []
    for index in range(len(SENTENCE.glosses)):
        during = np.flatnonzero(performance.truth["gloss"] == index)
        chosen += during[np.linspace(len(during) // 3, len(during) - 1, 3).round().astype(int)].tolist()
    labels = [SENTENCE.glosses[performance.truth["gloss"][k]] for k in chosen]
    return contact_sheet(list(_rendered(performance, np.array(chosen))), 9, labels)


def _rendered(performance: Performance, chosen: NDArray[np.integer]) -> Image:
    face = None if performance.face is None else performance.face[chosen]
    return render(performance.joints[chosen], Look(), face=face)


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for sheet in (hands, signs, faces, sentence):
        name = f"{sheet.__name__}.png"
        cv2.imwrite(str(folder / name), cv2.cvtColor(sheet(), cv2.COLOR_RGB2BGR))
        print(folder / name)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: python benchmarks/avatar_sheets.py FOLDER")
    main(Path(sys.argv[1]))
