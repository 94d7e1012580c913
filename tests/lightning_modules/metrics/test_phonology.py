"""Phonological accuracies: the avatar is right in all it does, and what is done wrong shows in its own parameter."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from scipy.interpolate import interp1d
from scipy.spatial.transform import Rotation

from datamodules.avatar.kinematics.hand import hand_joints
from datamodules.avatar.perform import Performance, perform
from datamodules.avatar.phonology.grammar import sentences
from datamodules.avatar.phonology.lexicon import lexicon
from datamodules.avatar.signer import Signer
from datamodules.how2sign.sentences import How2Sign
from datamodules.phoenix14t import Phoenix14T
from datamodules.poses.skeletons import RIGHT_HAND, RIGHT_WRIST
from datamodules.samples import SPLITS
from datamodules.twins import Twin
from datamodules.twins.poses import truths
from lightning_modules.evaluation.pose_evaluation import truths_of
from lightning_modules.evaluation.results import Comparison
from lightning_modules.metrics.phonology import PARAMETERS, PhonologicalAccuracy, judge, phonology
from lightning_modules.metrics.phonology.phonemes import handshapes, items, orientations
from lightning_modules.metrics.phonology.signing import PALM, Motion, align, observe

RATES = (25.0, 12.5)
FLIP = np.array([1.0, -1.0, 1.0])
UNIT = 3.0  # shoulder widths

Accuracies = dict[str, float]


@pytest.fixture(scope="module", params=RATES)
def performances(request: pytest.FixtureRequest) -> list[Performance]:
    """Twenty sentences by right-handed people of different build, tempo and manner."""
    people = [replace(Signer.random(seed), handedness="right") for seed in range(20)]
    signed = zip(sentences("test", 20), people, strict=True)
    return [perform(sentence.glosses, person, request.param, seed=7) for sentence, person in signed]


def accuracies(motions: list[Motion], performances: list[Performance]) -> Accuracies:
    found = {}
    counts = [phonology(motion, performance) for motion, performance in zip(motions, performances, strict=True)]
    for parameter in PARAMETERS:
        score = PhonologicalAccuracy(parameter)
        score.update(counts)
        found[parameter] = float(score.compute())
    return found


def all_below(found: Accuracies, below: float) -> None:
    assert max(found.values()) < below, found


def only_lost(parameter: str, found: Accuracies, below: float, others: float) -> None:
    """One parameter is lost, the others stand."""
    assert found[parameter] < below, found
    assert min(value for name, value in found.items() if name != parameter) > others, found


def with_hand(performance: Performance, make) -> Motion:  # type: ignore[no-untyped-def]
    """The motion with a dominant hand whose palm frame and shape are what `make` makes of them; its wrist stays."""
    motion = performance.joints.astype(float)
    frame, shape = make(observe(motion).dominant)
    motion[:, RIGHT_HAND] = motion[:, [8]] + PALM / UNIT * (shape @ np.swapaxes(frame, 1, 2)) * FLIP
    return motion


def held(performance: Performance, moment: int) -> Motion:
    """Every sign and letter as one pose, the first or the last of it, and the straight way from one to the next."""
    motion = performance.joints.astype(float)
    fixed = performance.truth["phase"] == "rest"
    fixed[[0, -1]] = True
    for item in items(performance):
        motion[item.frames], fixed[item.frames] = motion[item.frames[moment]], True
    known = np.flatnonzero(fixed)
    filled: Motion = interp1d(known, motion[known], axis=0)(np.arange(len(motion)))
    return filled


@pytest.mark.parametrize("fps", RATES)
def test_every_sign_letter_and_digit_of_the_avatar_is_right_in_all(fps: float) -> None:
    glosses = [*lexicon().signs, "#ABCDEFGHIJKLMNOPQRSTUVWXYZ", "#0123456789"]
    for signer in (Signer(), Signer(handedness="left")):
        judged = []
        for first in range(0, len(glosses), 4):
            performance = perform(glosses[first : first + 4], signer, fps)
            judged += judge(performance.joints, performance)
        assert {judgement.item for judgement in judged} == {*lexicon().signs, *lexicon().letters}
        assert [judgement for judgement in judged if not judgement.right] == []


@pytest.mark.parametrize("fps", RATES)
def test_every_signer_is_right_in_all(fps: float) -> None:
    for seed, sentence in enumerate(sentences("dev", 12)):
        performance = perform(sentence.glosses, Signer.random(seed), fps, seed)
        for right, count in phonology(performance.joints, performance).values():
            assert right == count


def test_what_is_counted() -> None:
    signed = perform(["HELLO", "#JAN", "MY"])
    assert {parameter: count for parameter, (_, count) in phonology(signed.joints, signed).items()} == {
        "handshape": 5,  # two signs and three letters
        "location": 2,
        "movement": 3,  # the signs and J
        "orientation": 5,
    }
    assert [item.name for item in items(perform(["#ANNA"]))] == ["A", "N", "N", "A"]
    silent = perform([])
    assert set(phonology(silent.joints, silent).values()) == {(0, 0)}


def test_another_signer_at_another_tempo_is_right(performances: list[Performance]) -> None:
    people = [replace(Signer.random(100 + seed), handedness="right") for seed in range(len(performances))]
    others = [perform(p.glosses, person, p.fps, 99).joints for p, person in zip(performances, people, strict=True)]
    assert min(accuracies(others, performances).values()) > 0.94
    larger = [1.3 * performance.joints + 0.5 for performance in performances]
    assert min(accuracies(larger, performances).values()) == 1.0
    slower = [np.repeat(performance.joints, 2, axis=0) for performance in performances]
    assert min(accuracies(slower, performances).values()) > 0.99


def test_what_does_not_sign_the_sentence_scores_low(performances: list[Performance]) -> None:
    rng = np.random.default_rng(0)
    motions = [performance.joints for performance in performances]
    mean = np.concatenate(motions).mean(0, keepdims=True)
    all_below(accuracies([np.repeat(motion[:1], len(motion), 0) for motion in motions], performances), 0.05)
    all_below(accuracies([rng.normal(0, 0.2, motion.shape) for motion in motions], performances), 0.05)
    all_below(accuracies([*motions[1:], motions[0]], performances), 0.3)
    all_below(accuracies([rng.permutation(motion) for motion in motions], performances), 0.4)
    still = accuracies([np.repeat(mean, len(motion), 0) for motion in motions], performances)
    assert still["movement"] == 0.0
    all_below(still, 0.45)  # it rests where many signs are made


@pytest.mark.parametrize("name", ["ILY", "W", "S"])
def test_another_handshape_costs_the_handshape(performances: list[Performance], name: str) -> None:
    shape = hand_joints(lexicon().handshapes[name])
    found = accuracies(
        [with_hand(p, lambda hand: (hand.frame, np.repeat(shape[None], len(hand.frame), 0))) for p in performances],
        performances,
    )
    only_lost("handshape", found, 0.15, 0.9)  # of the others, movements that are the fingers' own are lost
    assert min(found["location"], found["orientation"]) > 0.99


@pytest.mark.parametrize(("axis", "degrees"), [("y", 90), ("y", 180), ("x", 60), ("z", -90)])
def test_a_turned_palm_costs_the_orientation(performances: list[Performance], axis: str, degrees: float) -> None:
    turn = Rotation.from_euler(axis, degrees, degrees=True).as_matrix()
    turned = [with_hand(p, lambda hand: (hand.frame @ turn, hand.shape)) for p in performances]
    only_lost("orientation", accuracies(turned, performances), 0.05, 0.9)


@pytest.mark.parametrize("way", [(0, 0.4, 0), (0.4, 0, 0), (-0.4, 0, 0), (0, 0, 0.4)])
def test_another_place_costs_the_location(performances: list[Performance], way: tuple[float, float, float]) -> None:
    arm = [RIGHT_WRIST, *range(RIGHT_HAND.start, RIGHT_HAND.stop)]
    moved = [performance.joints.astype(float) for performance in performances]
    for motion in moved:
        motion[:, arm] += np.array(way) * FLIP / UNIT
    only_lost("location", accuracies(moved, performances), 0.1, 0.93)


@pytest.mark.parametrize("moment", [0, -1])
def test_holding_still_costs_the_movement(performances: list[Performance], moment: int) -> None:
    """And of signs that go from one place, handshape or orientation to another, the other."""
    found = accuracies([held(performance, moment) for performance in performances], performances)
    only_lost("movement", found, 0.05, 0.75)


def test_the_blurrier_the_worse(performances: list[Performance]) -> None:
    rng = np.random.default_rng(0)
    noise = [rng.normal(0, 1, performance.joints.shape) for performance in performances]
    last = dict.fromkeys(PARAMETERS, 1.0)
    for size in (0.003, 0.02, 0.05, 0.15):
        blurred = [p.joints + size * by for p, by in zip(performances, noise, strict=True)]
        found = accuracies(blurred, performances)
        assert all(found[parameter] <= last[parameter] for parameter in PARAMETERS), (size, found, last)
        last = found
    all_below(last, 0.1)


def test_what_went_wrong_is_told() -> None:
    mother, father = perform(["MOTHER"]), perform(["FATHER"])
    wrong = [judgement for judgement in judge(father.joints, mother) if not judgement.right]
    assert [(j.item, j.parameter, j.intended, j.found) for j in wrong] == [("MOTHER", "location", "chin", "forehead")]
    please, mine = perform(["PLEASE"]), perform(["MY"])
    moved = [judgement[1:4] for judgement in judge(mine.joints, please) if not judgement.right]
    assert moved == [("movement", "circle as in PLEASE", "press as in LOVE")]  # toward the chest, as MY
    spelled, other = perform(["#LA"]), perform(["#YA"])
    assert [j[:4] for j in judge(other.joints, spelled) if not j.right] == [("L", "handshape", "L", "Y")]


def test_the_definition_in_plain_loops() -> None:
    """Handshape and orientation of a noisy sentence, palms fitted by scipy, frame by frame."""
    performance = perform(["MOTHER", "#LEA", "LEARN", "WHY", "FAMILY"], seed=3)
    motion = performance.joints + np.random.default_rng(2).normal(0, 0.015, performance.joints.shape)
    path = list(zip(*align(observe(motion), observe(performance.joints)), strict=True))
    shapes = {name: hand_joints(shape) for name, shape in lexicon().handshapes.items()}
    signs = [*lexicon().signs.values(), *(letter.sign for letter in lexicon().letters.values())]
    turns = {(o.palm, o.fingers): o.matrix for sign in signs for o in sign.dominant.orientation}
    palm, beyond = [0, 1, 5, 9, 13, 17], [2, 3, 4, 6, 7, 8, 10, 11, 12, 14, 15, 16, 18, 19, 20]
    stiff = shapes["A"][palm]

    def hand(joints: Motion) -> tuple[Motion, Motion]:
        seen = (joints[8:29] - joints[8]) * FLIP
        offset, centred = seen[palm] - seen[palm].mean(0), stiff - stiff.mean(0)
        turn = Rotation.align_vectors(offset, centred)[0].as_matrix()
        scale = np.sum(offset * (centred @ turn.T)) / np.sum(centred**2)
        return seen @ turn / scale, turn

    def apart(a: Motion, b: Motion) -> float:
        return float(np.sqrt(np.mean([np.sum((a[j] - b[j]) ** 2) for j in beyond])))

    def between(a: Motion, b: Motion) -> float:
        return float(np.degrees(Rotation.from_matrix(a @ b.T).magnitude()))

    def nearer(of, model, named, table, distance, tolerance, reach) -> bool:  # type: ignore[no-untyped-def]
        own = min(distance(of, model), distance(of, table[named]))
        rivals = [e for e in table.values() if min(distance(e, model), distance(e, table[named])) > tolerance]
        return own < reach and own < min(distance(of, rival) for rival in rivals)

    expected = []
    for item in items(performance):
        votes: dict[tuple[str, object], list[bool]] = {}
        for h, r in path:
            if r in item.frames:
                (shape, turn), (model, turned), row = hand(motion[h]), hand(performance.joints[r]), performance.truth[r]
                name, facing = str(row["dominant"]), (str(row["palm"]), str(row["fingers"]))
                right = nearer(shape, model, name, shapes, apart, 0.1, np.inf)
                votes.setdefault(("handshape", name), []).append(right)
                right = nearer(turn, turned, facing, turns, between, 30, 45)
                votes.setdefault(("orientation", facing), []).append(right)
        for parameter in ("handshape", "orientation"):
            shares = [np.mean(vote) for (of, _), vote in votes.items() if of == parameter]
            expected.append((item.name, parameter, min(shares) > 0.5))
    found = [(j.item, j.parameter, j.right) for j in judge(motion, performance)]
    assert sorted(expected) == sorted(j for j in found if j[1] in ("handshape", "orientation"))
    assert 0.3 < np.mean([right for *_, right in expected]) < 0.97  # or it would prove little


def test_what_is_passed_over_is_shown_in_nothing() -> None:
    performance = perform(["ME", "MOTHER", "YOU"])
    (mother,) = (item for item in items(performance) if item.name == "MOTHER")
    hurried = np.delete(performance.joints, mother.frames[1:], axis=0)
    wrong = [j for j in judge(hurried, performance) if not j.right]
    assert {(j.item, j.found) for j in wrong} == {("MOTHER", "passed over")}
    assert len(wrong) == len(PARAMETERS)


def test_the_tables_hold_what_the_definition_says() -> None:
    assert (len(handshapes()[0]), len(orientations()[0]), len(lexicon().places)) == (51, 53, 32)


def test_a_motion_that_cannot_be_judged_is_refused() -> None:
    performance = perform(["HELLO"])
    with pytest.raises(ValueError, match=r"expected a motion of shape \(T, 50, 3\) with T >= 1, found \(0, 50, 3\)"):
        phonology(performance.joints[:0], performance)
    absent = performance.joints.copy()
    absent[3, 4] = np.nan
    with pytest.raises(ValueError, match="absent"):
        phonology(absent, performance)
    collapsed = np.zeros((5, 50, 3))
    assert all(right == 0 for right, _ in phonology(collapsed, performance).values())


def test_it_is_a_score_with_an_interval_and_baselines(performances: list[Performance]) -> None:
    comparison = Comparison(partial(PhonologicalAccuracy, "handshape"), ["value", "frozen_pose"])
    frozen = [np.repeat(p.joints[:1], len(p.joints), 0) for p in performances]
    answers = {"value": [p.joints for p in performances], "frozen_pose": frozen}
    comparison.update({name: list(map(phonology, motions, performances)) for name, motions in answers.items()})
    row = comparison.row("free")
    assert (row["value"], row["interval"], row["frozen_pose"], row["n"]) == (1.0, [1.0, 1.0], 0.0, 20)


@pytest.mark.parametrize("module", [How2Sign, Phoenix14T])
@pytest.mark.parametrize("stride", [1, 2])
def test_the_truth_of_a_twin_is_what_stands_in_its_files(tmp_path: Path, module, stride: int) -> None:  # type: ignore[no-untyped-def]
    data = module(str(tmp_path / "twin"), stride=stride, twin=Twin(5, seed=3, signers=2))
    data.prepare_data()
    for split in SPLITS:
        found = truths_of(data, split)
        assert found is not None
        examples = data.read(split, stride)
        assert list(found) == examples.names
        for example in examples:
            performance = found[example.name]
            assert (performance.fps, len(performance.truth)) == (25 / stride, len(example.joints))
            assert np.abs(performance.joints - example.joints).max() < 1e-5
            assert all(right == count for right, count in phonology(example.joints, performance).values())


def test_other_data_has_no_truth(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = Phoenix14T(str(tmp_path / "twin"), twin=Twin(2, signers=1))
    data.prepare_data()
    mark = data.root / "twin.json"
    text = mark.read_text()
    mark.write_text(text.replace('"seed": 0', '"seed": 1'))
    assert truths_of(data, "test") is None
    assert "is not as this avatar performs it" in capsys.readouterr().err
    mark.unlink()
    assert truths_of(data, "test") is None
    with pytest.raises(ValueError, match="not one of the 2 test sentences of phoenix14t's"):
        truths("phoenix14t", Twin(2, signers=1), "test", ["test/avatar-17"])
    with pytest.raises(ValueError, match="wlasl: its twin holds no sentences"):
        truths("wlasl", Twin(2), "test", [])
