"""A visitor's live session: frames come as unevenly as a browser sends them, and answers are of the newest window."""

import threading
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from colour_reader import BLACK, COLOURS, WHITE, ColourReader, film

from datamodules.media.video import write_video
from zoo.app.live import LEFT, REMEMBERED, Session, Sessions, watch

RED, GREEN, BLUE = COLOURS.values()
SCENE = ((BLACK, 1.5), (RED, 1.5), (WHITE, 1.5), (GREEN, 1.5), (BLACK, 1.5))
FRAME = film((RED, 1.0))[0]


def told(session: Session, scene: np.ndarray, fps: float = 25.0, threshold: float = 0.4, start: float = 0.0) -> list:
    """The answers to a scene, of which a frame in three gets lost."""
    rng = np.random.default_rng(0)
    came = [(start + number / fps, frame) for number, frame in enumerate(scene) if rng.random() < 0.67]
    found = [session.push(frame, threshold, seconds) for seconds, frame in came]
    return [answer for answer in found if answer]


def changes(answers) -> list[str]:
    said = [answer.sighting.gloss or answer.sighting.state for answer in answers]
    return [now for before, now in zip([None, *said], said, strict=False) if now != before]


def test_each_state_is_told_as_it_comes() -> None:
    answers = told(Session(ColourReader()), film(*SCENE))
    assert changes(answers) == ["no sign", "RED", "unsure", "GREEN", "no sign"]
    for answer in answers:
        assert answer.sighting.probability == (answer.guesses[0].probability if answer.guesses else 0)
        assert (answer.sighting.state == "no sign") == (not answer.guesses)


def test_an_answer_says_how_long_it_took() -> None:
    class Slow(ColourReader):
        def judge(self, observations):
            time.sleep(0.05)
            return super().judge(observations)

    (*_, last) = told(Session(Slow()), film((RED, 1.5)))
    assert last.sighting.latency.processing >= 0.05
    assert last.sighting.latency.video < 0.3


def test_the_threshold_may_change_while_a_sign_is_seen() -> None:
    session = Session(ColourReader())
    shown = film((RED, 2.0))
    assert changes(told(session, shown, start=0.0, threshold=0.4)) == ["RED"]
    (likely,) = {round(answer.sighting.probability, 2) for answer in told(session, shown, start=2.0)[-3:]}
    assert likely < 1
    assert changes(told(session, shown, start=4.0, threshold=1.0)) == ["unsure"]
    assert changes(told(session, shown, start=6.0, threshold=0.4)) == ["RED"]


def test_one_answer_is_made_where_several_windows_went_by() -> None:
    """As after an answer that took long: the newest counts, and a long pause as a second of one picture, which shows no
    sign."""
    judged = []

    class Counted(ColourReader):
        def judge(self, observations):
            judged.append(len(list(observations := list(observations))))
            return super().judge(observations)

    session = Session(Counted())
    for came in (0.0, 0.45, 0.9, 1.35, 1.8):
        session.push(FRAME, came=came)
    assert len(judged) == 2
    answer = session.push(FRAME, came=100.0)
    assert answer.sighting.state == "no sign"
    assert answer.sighting.seconds == pytest.approx(2.8, abs=1 / 16)


def test_frames_that_arrive_at_once_or_out_of_order_are_no_error() -> None:
    session = Session(ColourReader())
    for came in (5.0, 5.0, 5.4, 4.0, 5.8, 6.2):
        session.push(FRAME, came=came)
    assert session.windows[-1].gloss == "RED"


def test_an_hour_takes_no_more_memory_than_a_quarter_of_it() -> None:
    """Within what Python keeps of tuples for later; answers alone, if they were kept, would be four megabytes."""
    session = Session(ColourReader())

    def held(start: float, seconds: float) -> int:
        for number in range(round(seconds * 2)):
            colour = (RED, WHITE, BLACK)[number // 6 % 3]
            session.push(np.full((16, 16, 3), colour, np.uint8), came=start + number / 2)
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        quarter = held(0.0, 900.0)
        assert held(900.0, 2700.0) < quarter + 300_000
    finally:
        tracemalloc.stop()
    assert REMEMBERED - 1 < session.windows[-1].seconds - session.windows[0].seconds < REMEMBERED


def test_visitors_share_a_reader_and_nothing_else() -> None:
    reader, barrier = ColourReader(), threading.Barrier(3)

    def visitor(colour: str) -> set[str]:
        session = Session(reader)
        barrier.wait()
        return {answer.sighting.gloss for answer in told(session, film((COLOURS[colour], 4.0)))}

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(visitor, COLOURS)) == [{"RED"}, {"GREEN"}, {"BLUE"}]


def test_a_session_ends_when_its_visitor_leaves_or_chooses_another_reader() -> None:
    sessions, reader = Sessions(), ColourReader()
    first = sessions.of("anna", reader, now=0.0)
    assert sessions.of("ben", reader, now=LEFT - 1) is not first
    assert sessions.of("anna", reader, now=LEFT - 1) is first
    assert sessions.of("anna", ColourReader(), now=LEFT) is not first
    assert len(sessions) == 2
    sessions.of("clara", reader, now=3 * LEFT)
    assert len(sessions) == 1


def test_a_session_may_be_asked_from_several_threads() -> None:
    session = Session(ColourReader())
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: session.push(FRAME, came=number / 20), range(200)))
    ends = [window.seconds for window in session.windows]
    assert ends == sorted(ends)


def test_a_file_is_answered_while_it_is_read(tmp_path) -> None:
    write_video(tmp_path / "scene.mp4", np.repeat(np.repeat(film(*SCENE), 4, 1), 4, 2), 25)
    answers = []
    for answer, drawing in watch(ColourReader(), tmp_path / "scene.mp4"):
        answers.append(answer)
        assert len(drawing.windows) == len(answers)
    assert changes(answers) == ["no sign", "RED", "unsure", "GREEN", "no sign"]
    drawing.write(tmp_path / "heat.png")
    assert (tmp_path / "heat.png").stat().st_size > 5000
