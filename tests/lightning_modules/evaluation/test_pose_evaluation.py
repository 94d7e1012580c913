"""What a test of text to pose reports, and what it refuses to report as decoded freely."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from datamodules.avatar import Performance, perform
from datamodules.avatar.phonology.grammar import sentences
from datamodules.text_pose.pairs import Sentences, TextPose, TextPoseBatch
from lightning_modules.evaluation.pose_evaluation import PoseEvaluation
from lightning_modules.evaluation.results import Results
from lightning_modules.metrics.phonology import PARAMETERS
from lightning_modules.metrics.pose import POSE_SCORES
from lightning_modules.metrics.text import TEXT_SCORES
from lightning_modules.networks.text_to_pose.decoding import decode
from lightning_modules.networks.text_to_pose.progressive_transformer import (
    ProgressiveTransformer,
    ProgressiveTransformerConfig,
)

FPS = 12.5
ACCURACIES = [f"{parameter}_acc" for parameter in PARAMETERS]
DISTANCES = ("dtw_pt", "dtw_mje", "ndtw_mje", "dtw_p")


SPOKEN = sentences("test", 24, seed=5)


@pytest.fixture(scope="module")
def truths() -> dict[str, Performance]:
    """Sentences of the avatar as it performs them."""
    return {f"s{n}": perform(sentence.glosses, fps=FPS, seed=n) for n, sentence in enumerate(SPOKEN)}


@pytest.fixture(scope="module")
def pairs(truths: dict[str, Performance]) -> list[TextPose]:
    """The same, each with its text."""
    return [TextPose(name, s.text, truths[name].joints) for name, s in zip(truths, SPOKEN, strict=True)]


@pytest.fixture(scope="module")
def batch(pairs: list[TextPose]) -> TextPoseBatch:
    """The last half of them; token ids are places in the alphabet of the texts."""
    held = pairs[12:]
    pad = torch.nn.utils.rnn.pad_sequence
    return TextPoseBatch(
        tokens=pad([torch.tensor([2, *(4 + ord(c) % 32 for c in pair.text), 3]) for pair in held], batch_first=True),
        joints=pad([torch.from_numpy(pair.joints) for pair in held], batch_first=True),
        lengths=torch.tensor([len(pair.joints) for pair in held]),
        texts=[pair.text for pair in held],
        names=[pair.name for pair in held],
    )


@pytest.fixture(scope="module")
def network() -> ProgressiveTransformer:
    torch.manual_seed(0)
    config = ProgressiveTransformerConfig(40, width=16, heads=2, layers=1, feedforward=16, token_durations=False)
    return ProgressiveTransformer(config).eval()


class Reader:
    """A judge that knows the avatar's motions by heart, and of any other says nothing."""

    name = "reader (run 0)"
    model = "reader"

    def __init__(self, pairs: Sequence[TextPose]) -> None:
        self.texts = {pair.joints.tobytes(): pair.text for pair in pairs}

    def read(self, motions, fps):
        assert fps == FPS
        return [self.texts.get(np.ascontiguousarray(motion).tobytes(), "") for motion in motions]

    def features(self, motions, fps):
        return np.stack([np.concatenate([motion.mean((0, 1)), motion.std((0, 1))]) for motion in motions])


def evaluated(pairs, batch, decoder, judge=None, truths=None) -> PoseEvaluation:
    evaluation = PoseEvaluation(pairs[:12], FPS, judge, truths)
    evaluation.update(batch, decoder)
    return evaluation


@pytest.fixture(scope="module")
def evaluation(pairs, batch, network, truths) -> PoseEvaluation:
    def decoder(asked: Sentences, frames: Tensor | None = None) -> list[Tensor]:
        return decode(network, asked.tokens, frames=frames)

    return evaluated(pairs, batch, decoder, Reader(pairs), truths)


@pytest.fixture(scope="module")
def results(evaluation: PoseEvaluation) -> Results:
    return evaluation.results()


class TestRows:
    def test_every_key_stands_under_both_protocols_beside_the_truth_and_four_baselines(self, results):
        keys = {*POSE_SCORES, *TEXT_SCORES, *ACCURACIES, "fgd_reader"}
        assert set(results) == {*keys, *(f"{key}@oracle-length" for key in keys), "length_within_25"}
        for key in keys:
            for name, protocol in ((key, "free"), (f"{key}@oracle-length", "oracle-length")):
                row = results[name]
                assert row["protocol"] == protocol
                assert {
                    "value",
                    "ground_truth",
                    "mean_pose",
                    "frozen_pose",
                    "other_reference",
                    "nearest_train",
                    "n",
                } < set(row)

    def test_the_truth_is_perfect(self, results):
        for key in DISTANCES:
            assert results[key]["ground_truth"] == 0
        for key in ("total_distance", "pck_20", *ACCURACIES):
            assert results[key]["ground_truth"] == 1
        assert results["bleu_4"]["ground_truth"] == pytest.approx(100)
        assert results["fgd_reader"]["ground_truth"] == pytest.approx(0, abs=1e-6)

    def test_what_was_read_back_says_by_whom(self, results):
        for key in ("bleu_4", "rouge_l@oracle-length"):
            assert results[key]["judge"] == "reader (run 0)"
            assert "BLEU 13a" in results[key]["variant"]
        assert results["fgd_reader"]["judge"] == "reader (run 0)"
        assert not {"judge", "variant"} & set(results["dtw_p"])

    def test_every_mean_has_an_interval_around_it(self, results):
        for key in DISTANCES:
            low, high = results[key]["interval"]
            assert low < results[key]["value"] < high

    def test_guesses_of_the_reference_s_length_are_no_guesses_of_length(self, results):
        assert set(results["length_within_25"]) >= {"other_reference", "nearest_train"}
        assert not {"mean_pose", "frozen_pose"} & set(results["length_within_25"])

    def test_plots_show_errors_and_samples(self, evaluation):
        pictures = evaluation.plots()
        assert set(pictures) == {"length", "samples"}
        for picture in pictures.values():
            assert picture.dtype == np.uint8
            assert picture.shape[2] == 3

    def test_without_a_judge_nothing_is_said_of_text_and_without_the_truth_nothing_of_phonology(
        self, pairs, batch, network
    ):
        without = evaluated(pairs, batch, lambda asked, frames=None: decode(network, asked.tokens, frames=frames))
        assert not {*TEXT_SCORES, *ACCURACIES} & set(without.results())


class TestCheats:
    """Decoders that are told what nobody tells them in use: each scores as if it knew how long signing takes."""

    def test_one_that_asks_for_the_length_is_refused_at_once(self, pairs, batch, network):
        def cheat(asked, frames=None):
            return decode(network, asked.tokens, frames=asked.lengths)

        with pytest.raises(ValueError, match="protocol free: the decoder asked for `lengths` of the batch") as refused:
            evaluated(pairs, batch, cheat)
        assert "reports under oracle-length" in str(refused.value)

    def test_one_that_asks_for_the_true_frames_is_refused_at_once(self, pairs, batch, network):
        def cheat(asked, frames=None):
            return list(asked.joints)

        with pytest.raises(ValueError, match="the decoder asked for `joints`"):
            evaluated(pairs, batch, cheat)

    def test_one_that_got_the_length_elsewhere_is_refused_by_what_it_made(self, pairs, batch, network):
        def cheat(asked, frames=None):
            return decode(network, asked.tokens, frames=batch.lengths)

        with pytest.raises(ValueError, match="protocol free: 12 of 12 motions are as long as their references"):
            evaluated(pairs, batch, cheat).results()

    def test_one_that_drops_a_frame_of_what_it_was_told_is_refused_too(self, pairs, batch, network):
        def cheat(asked, frames=None):
            return [motion[1:] for motion in decode(network, asked.tokens, frames=batch.lengths)]

        with pytest.raises(ValueError, match="12 of 12 motions are -1 frames from their references' lengths"):
            evaluated(pairs, batch, cheat).results()

    def test_one_that_is_handed_the_true_counter_is_refused_by_where_it_stops(self, pairs, batch, network):
        """The published decoder: it overwrites its counter with the truth at every step, and stops where that ends."""

        def cheat(asked, frames=None):
            source = network.encode(asked.tokens)
            made = []
            for row, length in enumerate(batch.lengths.tolist()):
                counters = torch.arange(length + 1) / length
                stop = int((counters >= 1).nonzero()[0])
                poses = torch.zeros(len(asked.tokens), length, 150)
                places = network.places(torch.arange(length), source)
                told = counters[:-1].expand(len(asked.tokens), -1)
                features = network.decode(poses, told, places, source)[0][row, :stop, 0]
                made.append(network.features.invert(features))
            return made

        with torch.inference_mode(), pytest.raises(ValueError, match="told the length or the counter reports under"):
            evaluated(pairs, batch, cheat).results()

    def test_a_mistake_of_the_decoder_s_own_is_no_cheat(self, pairs, batch):
        with pytest.raises(AttributeError, match="tokenz"):
            evaluated(pairs, batch, lambda asked, frames=None: asked.tokens.tokenz)

    def test_a_motion_that_is_not_finite_is_named(self, pairs, batch):
        with pytest.raises(ValueError, match="sentence s12: the model's motion is not finite; did its training"):
            evaluated(pairs, batch, lambda asked, frames=None: [torch.full((4, 50, 3), torch.nan)] * 12)

    def test_what_decodes_freely_reports_freely(self, pairs, batch):
        """It has the words alone, and is right about many a length: of the same text's other signings."""

        def honest(asked, frames=None):
            lengths = [8 * len(text.split()) for text in asked.texts] if frames is None else frames.tolist()
            return [torch.zeros(length, 50, 3) for length in lengths]

        assert evaluated(pairs, batch, honest).results()["dtw_p"]["protocol"] == "free"
