"""How well, and how soon, a reader of glosses reads sentences of signs: word error rate and latency, on the avatar.

    python benchmarks/continuous_reading.py NAME [--sentences 40] [--threshold P] [--window S] [--hop S] [--no-pace]

NAME is a reader such as gloss-classifier or gloss-landmarks, a run's folder or a repository, or a pipeline such as
live-gloss. gloss-landmarks sees the frames through MediaPipe, as it does those of a camera.

Signers that are in no twin perform sentences of three to five signs, of those that the reader knows, before the studio
cameras of WLASL's twin; nobody tells where a sign begins. Printed are the word error rate with its 95 % interval over
sentences, beside who says nothing and who says the most frequent gloss once a sentence; how long after the end of a
sign that was read right its gloss was said (below 0: before it ended); and what is seen in empty rooms and of signers
who stand still, which should be nothing. Then a file of 60 seconds runs in time, in a process of its own, as `watch`
reads it with `pace`: windows a second, answers by the clock on the wall, frames that were missed, memory after 15
seconds and at the end; and once more as fast as it can. A hop of .0625 asks for a window of every tick, 16 a second.
"""

import argparse
import multiprocessing
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import chain, cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import zoo
from datamodules.avatar import Signer, perform
from datamodules.avatar.phonology.lexicon import lexicon
from datamodules.avatar.renderer.backdrop import KINDS, ground
from datamodules.avatar.renderer.footage import recorded
from datamodules.avatar.renderer.frames import film
from datamodules.avatar.renderer.photography import Shot
from datamodules.media.drawing_primitives import Image
from datamodules.media.resampling import Timed, paced
from datamodules.media.video import read_video, write_video
from datamodules.twins.wlasl import studio
from lightning_modules.metrics.word_errors import WordErrorRate, edits
from zoo.loaders.recognition.gloss_reader import GlossReader
from zoo.loaders.recognition.sightings import Sighting, changes, segments

UNSEEN = 500_000
"""Signers from this number on are in no twin."""
LENGTHS = (3, 4, 5)
QUIET = 6.0
"""Seconds of each empty room and of each signer who stands still."""
SECONDS = 60
SETTLED = 15
"""Seconds after which nothing is opened any more, so that memory has no reason to grow."""
FIRST = 40
"""Windows that are read before anything is timed, so that all that a reader needs is open."""


@dataclass
class Film:
    """Frames of sentences, and their glosses with the seconds at which they end."""

    frames: list[Image]
    fps: float
    signs: list[tuple[str, float]]


@dataclass
class Answer:
    """A sighting, the seconds on the wall's clock at which it came, and the megabytes that the process had then."""

    seen: Sighting
    came: float
    memory: float


def opened(name: str) -> GlossReader[Any]:
    """The reader of a name, or that of a pipeline."""
    model = zoo.load(name)
    reader: GlossReader[Any] = getattr(model, "reader", model)
    return reader


def sentences(known: Sequence[str], count: int) -> list[list[str]]:
    """Glosses of the lexicon, none twice in a row, each about as often as any other."""
    rng = np.random.default_rng(0)
    drawn: list[list[str]] = []
    bag: list[str] = []
    for number in range(count):
        one: list[str] = []
        while len(one) < LENGTHS[number % len(LENGTHS)]:
            bag = bag or list(rng.permutation(known))
            one.append(bag.pop())
            if one[-2:-1] == one[-1:]:
                bag.insert(0, one.pop())
        drawn.append(one)
    return drawn


def filmed(joints: NDArray[np.float32], signer: Signer, number: int, face: NDArray[np.void] | None) -> list[Image]:
    """The frames of joints and a face before a signer's studio camera."""
    camera, _ = studio(number)
    shown = film(joints, signer.look, camera, UNSEEN + number, face=face)
    shot = Shot.studio(np.random.default_rng([UNSEEN, number]))
    return list(recorded(shown, joints, camera, shot, np.random.default_rng([UNSEEN, number, 1])))


def rooms(count: int) -> Iterator[tuple[list[Image], float]]:
    """Empty rooms before cameras that are anything from good to poor."""
    for number in range(count):
        rng = np.random.default_rng([UNSEEN, number, 2])
        camera, fps = studio(number)
        side = max(camera.width, camera.height)
        scene = ground(KINDS[number % (len(KINDS) - 1)], side, rng)[: camera.height, : camera.width].astype(np.float32)
        shot = Shot.draw(rng)
        yield [shot.take(scene, rng) for _ in range(round(QUIET * fps))], fps


def standing(count: int) -> Iterator[tuple[list[Image], float]]:
    """Signers whose hands are at rest."""
    for number in range(count):
        signer, (_, fps) = person(number), studio(number)
        still = perform(["HELLO"], signer, fps, seed=number).joints[:1].repeat(round(QUIET * fps), axis=0)
        yield filmed(still, signer, number, None), fps


def person(number: int) -> Signer:
    """A right-handed signer, as those of twins are, who is in none of them."""
    return replace(Signer.random(UNSEEN + number), handedness="right")


def performed(glosses: Sequence[str], number: int) -> Film:
    """A sentence by a signer who is in no twin."""
    signer, (_, fps) = person(number), studio(number)
    whole = perform(glosses, signer, fps, seed=UNSEEN + number)
    ends = [(np.flatnonzero(whole.truth["gloss"] == place)[-1] + 1) / fps for place in range(len(glosses))]
    return Film(filmed(whole.joints, signer, number, whole.face), fps, list(zip(glosses, ends, strict=True)))


def latencies(answers: Sequence[tuple[str, float]], signs: Sequence[tuple[str, float]]) -> list[float]:
    """Seconds from the end of each sign that was read right to its answer; answers are glosses and when they came."""
    found = edits([gloss for gloss, _ in answers], [gloss for gloss, _ in signs])
    return [answers[heard][1] - signs[place][1] for heard, place in found.pairs]


def spread(found: Sequence[float]) -> str:
    """Median and 95 % of latencies, in print."""
    if not found:
        return "nothing was read right"
    median, late = np.quantile(found, [0.5, 0.95])
    return f"median {median:.2f}, 95 % {late:.2f}, n = {len(found)}"


def minute(films: Sequence[Film]) -> Film:
    """Films of one camera and rate, one after the other, over and over."""
    first = films[0]
    alike = [one for one in films if (one.fps, one.frames[0].shape) == (first.fps, first.frames[0].shape)]
    whole = Film([], first.fps, [])
    for one in cycle(alike):
        start = len(whole.frames) / first.fps
        whole.signs += [(gloss, start + end) for gloss, end in one.signs if start + end <= SECONDS]
        whole.frames += one.frames
        if len(whole.frames) >= SECONDS * first.fps:
            del whole.frames[round(SECONDS * first.fps) :]
            return whole
    raise AssertionError("films have frames")


def watched(name: str, path: str, settings: dict[str, float]) -> tuple[list[Answer], int, float]:
    """In a process of its own: the answers to a file in time and how many of its frames came, and the seconds that it
    takes as fast as can be."""
    reader, page, came = opened(name), resource.getpagesize(), 0
    frames, fps = read_video(path)
    list(islice(reader.sightings(frames, fps, **settings), FIRST))

    def in_time() -> Iterator[Timed]:
        nonlocal came
        for pair in paced(*read_video(path)):
            came += 1
            yield pair

    def answers(frames: Iterable[Image] | Iterable[Timed], fps: float) -> Iterator[Answer]:
        began = time.perf_counter()
        for seen in reader.sightings(frames, fps, **settings):
            resident = int(Path("/proc/self/statm").read_text().split()[1]) * page / 2**20
            yield Answer(seen, time.perf_counter() - began, resident)

    *_, last = answers(*read_video(path))
    return list(answers(in_time(), read_video(path)[1])), came, last.came


def in_time(name: str, shown: Film, settings: dict[str, float], names: dict[str, str]) -> None:
    """Print what reading a file of 60 seconds at its pace takes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "minute.mp4"
        write_video(path, shown.frames, shown.fps)
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as own:
            answers, came, fast = own.submit(watched, name, str(path), settings).result()
    changed = {id(seen) for seen in changes(answer.seen for answer in answers)}
    said = [(names[one.seen.gloss], one.came) for one in answers if one.seen.gloss and id(one.seen) in changed]
    judged, whole = sum(bool(answer.seen.attention) for answer in answers), answers[-1].came
    missed = len(shown.frames) - came
    settled = next(answer.memory for answer in answers if answer.came >= SETTLED)
    print(
        f"{SECONDS} s in time: {len(answers)} windows, {judged} of them judged, {len(answers) / whole:.1f} a second; "
        f"{missed} of {len(shown.frames)} frames missed; the last answer {whole - SECONDS:.2f} s late\n"
        f"  as fast as can be, without a miss, {len(answers) / fast:.1f} windows a second\n"
        f"  seconds from the end of a sign to its gloss, by the wall's clock: {spread(latencies(said, shown.signs))}\n"
        f"  memory {settled:.0f} MB after {SETTLED} s, {answers[-1].memory:.0f} MB at the end, at most "
        f"{max(answer.memory for answer in answers):.0f} MB, libraries included"
    )


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name")
    parser.add_argument("--sentences", type=int, default=40)
    parser.add_argument("--threshold", type=float)
    parser.add_argument("--window", type=float)
    parser.add_argument("--hop", type=float)
    parser.add_argument("--no-pace", action="store_true", help="leave out the file that runs in time")
    options = parser.parse_args(arguments)
    given = {key: getattr(options, key) for key in ("threshold", "window", "hop")}
    settings = {key: value for key, value in given.items() if value is not None}
    reader = opened(options.name)
    names = {gloss: gloss.upper().replace(" ", "-") for gloss in reader.glosses}
    known = sorted(set(names.values()) & set(lexicon().signs))
    print(f"{options.name}: {len(reader.glosses)} glosses, of which the avatar signs {len(known)}; settings {settings}")
    score, counts = WordErrorRate(), np.zeros(3, int)
    late: list[float] = []
    films: list[Film] = []
    signed = sentences(known, options.sentences)
    for number, glosses in enumerate(signed):
        shown = performed(glosses, number)
        seen = list(reader.sightings(shown.frames, shown.fps, **settings))
        read = [names[segment.gloss] for segment in segments(seen)]
        score.update([read], [glosses])
        counts += edits(read, glosses)[:3]
        said = [(names[one.gloss], one.seconds + one.latency.processing) for one in changes(seen) if one.gloss]
        late += latencies(said, shown.signs)
        if sum(len(one.frames) / one.fps for one in films) < 2 * SECONDS:
            films.append(shown)
    total = sum(map(len, signed))
    low, high = score.interval()
    substitutions, deletions, insertions = counts.tolist()
    print(
        f"word error rate {float(score.compute()):.3f} [{low:.3f}, {high:.3f}], n = {len(signed)} sentences of {total} "
        f"signs: {substitutions} substituted, {deletions} deleted, {insertions} inserted"
    )
    most, _ = Counter(chain.from_iterable(signed)).most_common(1)[0]
    for who, say in (("nothing", []), (f"{most}, once a sentence", [most])):
        beside = WordErrorRate()
        beside.update([say] * len(signed), signed)
        print(f"  beside: {float(beside.compute()):.3f} for who says {who}")
    print(f"seconds from the end of a sign to its gloss: {spread(late)}")
    for what, quiet in (("empty rooms", rooms(12)), ("signers at rest", standing(12))):
        states = Counter(
            sighting.gloss or sighting.state
            for frames, fps in quiet
            for sighting in reader.sightings(frames, fps, **settings)
        )
        wrong = sum(count for state, count in states.items() if state not in ("no sign", "unsure"))
        print(f"12 {what}, {QUIET:g} s each: {dict(states)}; {wrong} of {states.total()} windows show a gloss")
    if not options.no_pace:
        in_time(options.name, minute(films), settings, names)


if __name__ == "__main__":
    main(sys.argv[1:])
