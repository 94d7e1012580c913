"""How well, and how soon, a reader of glosses reads sentences of signs: word error rate and latency, on the avatar.

    python benchmarks/continuous_reading.py NAME [--sentences 40] [--threshold P] [--window S] [--no-pace]

NAME is a reader such as gloss-classifier, a run's folder or a repository, or a pipeline such as live-gloss.

Signers that are in no twin perform sentences of three to five signs, of those that the reader knows, before the studio
cameras of WLASL's twin; nobody tells where a sign begins. Printed are the word error rate with its 95 % interval over
sentences, beside who says nothing and who says the most frequent gloss once a sentence; how long after the end of a
sign that was read right its gloss was said (below 0: before it ended); what is seen in empty rooms and of signers who
stand still, which should be nothing; and windows a second, and peak memory, of a file of 60 seconds that runs in time.
"""

import argparse
import multiprocessing
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, cycle, islice
from pathlib import Path
from typing import Any

import numpy as np

import zoo
from datamodules.avatar import Performance, Signer, perform
from datamodules.avatar.phonology.lexicon import lexicon
from datamodules.avatar.renderer.backdrop import KINDS, ground
from datamodules.avatar.renderer.footage import recorded
from datamodules.avatar.renderer.frames import film
from datamodules.avatar.renderer.photography import Shot
from datamodules.media.drawing_primitives import Image
from datamodules.media.resampling import paced
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


def opened(name: str) -> GlossReader[Any]:
    """The reader of a name, or that of a pipeline."""
    model = zoo.load(name)
    return getattr(model, "reader", model)


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


def filmed(performance: Performance, signer: Signer, number: int) -> list[Image]:
    """The frames of a performance before a signer's studio camera."""
    camera, _ = studio(number)
    joints = performance.joints
    shown = film(joints, signer.look, camera, UNSEEN + number, face=performance.face)
    shot = Shot.studio(np.random.default_rng([UNSEEN, number]))
    return list(recorded(shown, joints, camera, shot, np.random.default_rng([UNSEEN, number, 1])))


def rooms(count: int) -> Iterator[tuple[list[Image], float]]:
    """Empty rooms before cameras that are anything from good to poor."""
    for number in range(count):
        rng = np.random.default_rng([UNSEEN, number, 2])
        camera, fps = studio(number)
        side = max(camera.width, camera.height)
        scene = ground(KINDS[number % (len(KINDS) - 1)], side, rng)[: camera.height, : camera.width]
        shot = Shot.draw(rng)
        yield [shot.take(scene, rng) for _ in range(round(QUIET * fps))], fps


def standing(count: int) -> Iterator[tuple[list[Image], float]]:
    """Signers whose hands are at rest."""
    for number in range(count):
        signer, (_, fps) = person(number), studio(number)
        still = perform(["HELLO"], signer, fps, seed=number).joints[:1].repeat(round(QUIET * fps), axis=0)
        yield filmed(Performance(still, fps, [], np.empty(0)), signer, number), fps


def person(number: int) -> Signer:
    """A right-handed signer, as those of twins are, who is in none of them."""
    return replace(Signer.random(UNSEEN + number), handedness="right")


def answered(seen: Sequence[Sighting], performance: Performance, right: Sequence[tuple[int, int]]) -> list[float]:
    """Seconds from the end of each sign that was read right to its answer."""
    said = [sighting for sighting in changes(seen) if sighting.gloss]
    ends = {
        place: (np.flatnonzero(performance.truth["gloss"] == place)[-1] + 1) / performance.fps for _, place in right
    }
    return [said[heard].seconds + said[heard].latency.processing - ends[place] for heard, place in right]


def watched(name: str, path: str, settings: dict[str, float], answers: Any) -> None:
    """In a process of its own: windows, seconds of work on them, seconds in all and peak memory of a file in time."""
    reader = opened(name)
    reader.predict(np.zeros((8, 64, 64, 3), np.uint8))  # opens what it has to
    frames, fps = read_video(path)
    began = time.perf_counter()
    seen = list(reader.sightings(paced(frames, fps), fps, **settings))
    whole = time.perf_counter() - began
    work = [sighting.latency.processing for sighting in seen if sighting.attention]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    answers.put((len(seen), work, whole, peak))


def in_time(name: str, film: Sequence[tuple[list[Image], float]], settings: dict[str, float]) -> None:
    """Print what reading a file of 60 seconds at its pace takes."""
    fps = film[0][1]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "minute.mp4"
        frames = cycle(chain.from_iterable(frames for frames, rate in film if rate == fps))
        write_video(path, islice(frames, round(SECONDS * fps)), fps)
        context = multiprocessing.get_context("spawn")
        answers = context.Queue()
        process = context.Process(target=watched, args=(name, str(path), settings, answers))
        process.start()
        windows, work, whole, peak = answers.get()
        process.join()
    print(
        f"{SECONDS} s in time: {windows} windows, {len(work)} of them judged; {windows / whole:.1f} windows/s needed, "
        f"{1 / np.mean(work) if work else 0:.0f}/s possible; last answer {whole - SECONDS:.2f} s late; "
        f"peak memory {peak:.0f} MB, libraries included"
    )


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name")
    parser.add_argument("--sentences", type=int, default=40)
    parser.add_argument("--threshold", type=float)
    parser.add_argument("--window", type=float)
    parser.add_argument("--no-pace", action="store_true", help="leave out the file that runs in time")
    options = parser.parse_args(arguments)
    settings = {key: value for key in ("threshold", "window") if (value := getattr(options, key)) is not None}
    reader = opened(options.name)
    names = {gloss: gloss.upper().replace(" ", "-") for gloss in reader.glosses}
    known = sorted(set(names.values()) & set(lexicon().signs))
    print(f"{options.name}: {len(reader.glosses)} glosses, of which the avatar signs {len(known)}; settings {settings}")
    score, latencies, films = WordErrorRate(), [], []
    signed = sentences(known, options.sentences)
    counts = np.zeros(3, int)
    for number, glosses in enumerate(signed):
        signer, (_, fps) = person(number), studio(number)
        performance = perform(glosses, signer, fps, seed=UNSEEN + number)
        frames = filmed(performance, signer, number)
        seen = list(reader.sightings(frames, fps, **settings))
        read = [names[segment.gloss] for segment in segments(seen)]
        score.update([read], [glosses])
        found = edits(read, glosses)
        counts += found[:3]
        latencies += answered(seen, performance, found.pairs)
        if sum(len(frames) / fps for frames, fps in films) < 2 * SECONDS:
            films.append((frames, fps))
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
    if latencies:
        median, late = np.quantile(latencies, [0.5, 0.95])
        print(
            f"seconds from the end of a sign to its gloss: median {median:.2f}, 95 % {late:.2f}, n = {len(latencies)}"
        )
    for what, quiet in (("empty rooms", rooms(12)), ("signers at rest", standing(12))):
        states = Counter(
            sighting.gloss or sighting.state
            for frames, fps in quiet
            for sighting in reader.sightings(frames, fps, **settings)
        )
        wrong = sum(count for state, count in states.items() if state not in ("no sign", "unsure"))
        print(f"12 {what}, {QUIET:g} s each: {dict(states)}; {wrong} of {states.total()} windows show a gloss")
    if not options.no_pace:
        in_time(options.name, films, settings)


if __name__ == "__main__":
    main(sys.argv[1:])
