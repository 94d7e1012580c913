"""Face and head say what ASL says with them: questions, negation, and what lies in a sign or a spelled word."""

import numpy as np
import pytest
from red_signer import pose

from datamodules.avatar import Performance, Signer, perform
from datamodules.avatar.kinematics.face import FACE, neutral
from datamodules.avatar.phonology.grammar import Sentence, sentences
from datamodules.avatar.phonology.nonmanuals import Scope, scopes
from datamodules.avatar.renderer.frames import Camera, film, render
from datamodules.avatar.renderer.openpose import openpose_keypoints
from datamodules.avatar.signer import Look
from datamodules.poses import skeletons

ASKED = Sentence("Are you at school?", ("YOU", "SCHOOL"))
TOLD = Sentence("You are at school.", ("YOU", "SCHOOL"))
WH = Sentence("What is your name?", ("YOUR", "NAME", "WHAT"))
NEGATED = Sentence("I do not understand.", ("ME", "NOT", "UNDERSTAND"))


def during(performance: Performance, *glosses: str) -> np.ndarray:
    """The face while the hands sign the glosses."""
    truth, face = performance.truth, performance.face
    assert face is not None
    indices = [performance.glosses.index(gloss) for gloss in glosses]
    return face[np.isin(truth["gloss"], indices) & np.isin(truth["phase"], ["stroke", "hold"])]


def turns(yaw: np.ndarray) -> int:
    """How often the head changes sides, turned by at least 5 degrees."""
    sides = np.sign(yaw[np.abs(yaw) > np.radians(5)])
    return int((np.diff(sides) != 0).sum())


class TestGrammar:
    def test_brows_are_raised_over_a_yes_no_question_and_the_head_comes_forward(self) -> None:
        face = during(perform(ASKED), *ASKED.glosses)
        assert face["brows"].min() > 0.9
        assert face["head"][:, 1].min() > np.radians(5)

    def test_the_same_glosses_as_a_statement_leave_the_face_alone(self) -> None:
        for said in (TOLD, list(TOLD.glosses)):
            face = during(perform(said), *TOLD.glosses)
            assert np.abs(face["brows"]).max() == 0
            assert np.abs(face["head"]).max() < np.radians(2.5)

    def test_brows_are_lowered_over_a_wh_question_which_its_glosses_tell(self) -> None:
        for said in (WH, list(WH.glosses)):
            assert during(perform(said), *WH.glosses)["brows"].max() < -0.9

    def test_the_head_shakes_from_not_to_the_end_of_the_clause(self) -> None:
        performance = perform(NEGATED, fps=50)
        assert turns(during(performance, "NOT", "UNDERSTAND")["head"][:, 0]) >= 3
        assert turns(during(performance, "ME")["head"][:, 0]) == 0
        nose = performance.joints[:, skeletons.NOSE, 0]
        assert np.ptp(nose) > 0.02  # seen in the joints
        assert turns(during(perform(TOLD), *TOLD.glosses)["head"][:, 0]) == 0

    def test_a_mark_covers_its_own_clause(self) -> None:
        sentence = Sentence(
            "My name is Anna, what is your name?", ("MY", "NAME", "#ANNA", "YOUR", "NAME", "WHAT"), clauses=(3,)
        )
        assert list(scopes(sentence)) == [Scope("wh", 3, 6)]
        face = perform(sentence).face
        assert face is not None
        assert np.abs(during(perform(sentence), "MY")["brows"]).max() == 0

    def test_a_negation_in_a_question_stops_before_the_wh_word(self) -> None:
        sentence = Sentence("Why do you not help Ada?", ("YOU", "NOT", "HELP", "#ADA", "WHY"))
        assert list(scopes(sentence)) == [Scope("wh", 0, 5), Scope("not", 1, 4)]

    def test_questions_and_negations_of_the_grammar_are_marked_and_nothing_else_is(self) -> None:
        kinds: dict[str, int] = {}
        for sentence in sentences("train", 5000):
            assert sentence.clauses == tuple(sorted(set(sentence.clauses)))
            assert all(0 < first < len(sentence.glosses) for first in sentence.clauses)
            assert "/" not in sentence.glosses
            marks = [scope.mark for scope in scopes(sentence)]
            assert ("?" in sentence.text) == ("wh" in marks or "yes-no" in marks), sentence
            assert ("NOT" in sentence.glosses) == ("not" in marks), sentence
            for mark in marks:
                kinds[mark] = kinds.get(mark, 0) + 1
        assert min(kinds.values()) > 10

    def test_marks_set_in_before_the_hands_and_fade_after_them(self) -> None:
        performance = perform(ASKED, fps=100)
        assert performance.face is not None
        brows, phase = performance.face["brows"], performance.truth["phase"]
        assert brows[0] == brows[-1] == 0
        assert brows[np.flatnonzero(phase == "stroke")[0] - 5] > 0.3
        assert np.abs(np.diff(brows)).max() < 0.15


class TestFace:
    def test_a_face_belongs_to_every_performance_frame_by_frame(self) -> None:
        for glosses in (["HELLO"], []):
            performance = perform(glosses)
            assert performance.face is not None
            assert performance.face.dtype == FACE
            assert len(performance.face) == len(performance.joints)

    def test_values_stay_in_their_units_for_any_sentence(self) -> None:
        for seed in range(20):
            face = perform(["YOU", "NOT", "#AEIOU", "SAD", "NO", "YES", "WHY"], Signer.random(seed), seed=seed).face
            assert face is not None
            for name, low, high in (("brows", -1, 1), ("corners", -1, 1), ("mouth", 0, 1), ("lids", 0, 1.5)):
                assert low <= face[name].min() <= face[name].max() <= high
            assert np.abs(face["head"]).max() < np.radians(30)
            assert np.abs(face["gaze"]).max() < np.radians(30)

    def test_eyes_blink_once_the_sentence_is_over_and_rarely_within(self) -> None:
        face = perform(TOLD, fps=50).face
        assert face is not None
        closed = face["lids"] < 0.3
        assert closed[-30:].any()
        assert 0 < closed.mean() < 0.15

    def test_the_eyes_stay_on_the_addressee_while_the_head_shakes(self) -> None:
        face = during(perform(NEGATED, fps=50), "NOT", "UNDERSTAND")
        yaw, gaze = face["head"][:, 0], face["gaze"][:, 0]
        assert np.abs(yaw + gaze).max() < 0.4 * np.abs(yaw).max()

    def test_signs_and_spelled_vowels_move_the_mouth(self) -> None:
        assert during(perform(["HAPPY"]), "HAPPY")["corners"].min() > 0.5
        assert during(perform(["SAD"]), "SAD")["corners"].max() < -0.5
        spelled = perform(["#BAB"])
        face, letter = spelled.face, spelled.truth["letter"]
        assert face is not None
        held = spelled.truth["phase"] == "hold"
        assert face["mouth"][held & (letter == "A")].min() > face["mouth"][held & (letter == "B")].min() + 0.05

    def test_yes_nods_and_no_shakes(self) -> None:
        assert np.ptp(during(perform(["YES"]), "YES")["head"][:, 1]) > np.radians(5)
        assert turns(during(perform(["NO"], fps=50), "NO")["head"][:, 0]) >= 1

    def test_the_frame_rate_samples_the_face_and_does_not_change_it(self) -> None:
        slow, fast = perform(NEGATED, fps=25).face, perform(NEGATED, fps=100).face
        assert slow is not None
        assert fast is not None
        for name in ("brows", "mouth", "head"):
            assert np.abs(fast[name][::4][: len(slow)] - slow[name][: len(fast[::4])]).max() < 1e-5

    def test_a_left_handed_signer_turns_to_the_other_side(self) -> None:
        right, left = perform(NEGATED).face, perform(NEGATED, Signer(handedness="left")).face
        assert right is not None
        assert left is not None
        assert np.allclose(right["head"], left["head"] * [-1, 1])
        assert np.allclose(right["gaze"], left["gaze"] * [-1, 1])


class TestShown:
    def faces(self, **values: object) -> np.ndarray:
        face = neutral(2)
        for name, value in values.items():
            face[name][1] = value
        return face

    @pytest.mark.parametrize(
        "change",
        [{"brows": 1.0}, {"brows": -1.0}, {"lids": 0.0}, {"mouth": 0.8}, {"corners": 1.0}, {"gaze": (0.4, 0.0)}],
        ids=str,
    )
    def test_the_picture_changes_in_the_face_and_nowhere_else(self, change: dict[str, object]) -> None:
        joints = np.repeat(pose(), 2, axis=0)
        before, after = render(joints, Look(), 256, face=self.faces(**change)).astype(int)
        rows, columns = np.nonzero(np.abs(after - before).max(-1) > 8)
        assert len(rows) > 3
        middle = Camera.square(256).project(joints)[0, skeletons.NOSE]
        assert np.abs(np.array([columns.mean(), rows.mean()]) - middle).max() < 25
        assert max(np.ptp(rows), np.ptp(columns)) < 50

    def test_without_a_face_the_neutral_one_is_drawn(self) -> None:
        joints = pose()
        assert np.array_equal(render(joints, Look()), render(joints, Look(), face=neutral(1)))

    def test_a_face_of_another_length_is_refused(self) -> None:
        with pytest.raises(ValueError, match="face: found 2 frames, expected 1"):
            film(pose(), Look(), Camera.square(64), face=neutral(2))

    def test_openpose_has_the_brows_the_lids_and_the_lips(self) -> None:
        joints, camera = np.repeat(pose(), 2, axis=0), Camera.square(512)

        def moved(**values: object) -> np.ndarray:
            """How far each of the 70 points goes up, in pixels."""
            points = openpose_keypoints(joints, camera, face=self.faces(**values))[:, 25:95, 1]
            rise: np.ndarray = points[0] - points[1]
            return rise

        brows, right_eye, outer_lips, inner_lips, nose = (
            slice(17, 27),
            slice(36, 42),
            slice(48, 60),
            slice(60, 68),
            slice(27, 36),
        )
        assert moved(brows=1.0)[brows].min() > 3
        assert moved(brows=-1.0)[brows].max() <= 0
        assert np.abs(moved(brows=1.0)[nose]).max() == 0
        closed = openpose_keypoints(joints, camera, face=self.faces(lids=0.0))[:, 25:95, 1]
        assert np.ptp(closed[1, right_eye]) < 0.3 * np.ptp(closed[0, right_eye])
        assert moved(mouth=1.0)[inner_lips].min() < -5
        assert moved(corners=1.0)[outer_lips][[0, 6]].min() > 2
