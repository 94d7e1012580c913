"""What the keys of results.json mean, in a few words for a reader of tables, and which way is better. No torch."""

from dataclasses import dataclass
from typing import Final, Literal

Better = Literal["lower", "higher", "nearer to 1"]
LOWER: Final = "lower"
HIGHER: Final = "higher"
NEARER_TO_1: Final = "nearer to 1"


@dataclass(frozen=True)
class Meaning:
    """One score: its name in print, how it is measured, in a clause, and which way is better."""

    title: str
    text: str
    better: Better

    def beats(self, value: float, other: float) -> bool:
        """Whether `value` is better than `other`."""
        if self.better == NEARER_TO_1:
            return abs(value - 1) < abs(other - 1)
        return value < other if self.better == LOWER else value > other


MEANINGS: Final[dict[str, Meaning]] = {
    "dtw_pt": Meaning(
        "DTW", "absolute differences of all coordinates along the best alignment in time, summed, a frame", LOWER
    ),
    "dtw_mje": Meaning("DTW-MJE", "mean distance of a joint over the aligned frames; hardly moving scores well", LOWER),
    "ndtw_mje": Meaning(
        "nDTW-MJE", "distances of each joint along a warping path of its own; grows with length", LOWER
    ),
    "dtw_p": Meaning("DTWp", "the hands' joints only; of these distances the nearest to human judgement", LOWER),
    "pck_20": Meaning(
        "PCK@0.2",
        "share of joints within a fifth of a shoulder width of the true ones, in aligned frames",
        HIGHER,
    ),
    "total_distance": Meaning(
        "total distance",
        "path of the wrists, produced / true, over the whole set: below 1 is timid, 0 is frozen; the motions of other "
        "sentences are 1, being the same set",
        NEARER_TO_1,
    ),
    "fgd": Meaning(
        "FGD",
        "distance of the distributions of features of generated and true motions, whichever sentence each is of, so "
        "that the references in another order have 0",
        LOWER,
    ),
    "length_within_25": Meaning(
        "length within 25 %", "share of sentences whose length is within 25 % of the reference's", HIGHER
    ),
    "top1": Meaning("top-1", "share of samples whose class is ranked first", HIGHER),
    "top5": Meaning("top-5", "share of samples whose class is among the first five", HIGHER),
    "top1_per_class": Meaning(
        "top-1 per class", "as top-1, over classes: rare ones count as much as frequent ones", HIGHER
    ),
    "knn_top1": Meaning(
        "nearest-neighbour top-1",
        "share of clips whose gloss is named first by the training clips with the most similar features",
        HIGHER,
    ),
    "knn_top1_per_class": Meaning(
        "nearest-neighbour top-1 per class", "as nearest-neighbour top-1, over classes: rare ones count as much", HIGHER
    ),
    "probe_top1": Meaning(
        "linear-probe top-1", "share of clips whose gloss a linear classifier of frozen features ranks first", HIGHER
    ),
    "probe_top1_per_class": Meaning(
        "linear-probe top-1 per class", "as linear-probe top-1, over classes: rare ones count as much", HIGHER
    ),
    "feature_std": Meaning(
        "feature deviation",
        "mean deviation of each feature over clips, features scaled to unit variance: 0 is collapsed, 1 is spread in "
        "all directions",
        HIGHER,
    ),
    "effective_rank": Meaning("effective rank", "number of directions over which the features of clips vary", HIGHER),
    "ssim": Meaning("SSIM", "structural similarity to the true frame", HIGHER),
    "psnr": Meaning("PSNR", "peak signal-to-noise ratio to the true frame, in decibels", HIGHER),
    "l1": Meaning("L1", "mean absolute difference from the true frame's pixels", LOWER),
    "hand_ssim": Meaning("hand SSIM", "structural similarity to the true frame around the hands", HIGHER),
    "hand_pose": Meaning(
        "hand pose",
        "distance in pixels of the hands' keypoints, found again in the picture, from the true; a lost hand counts",
        LOWER,
    ),
    "hand_found": Meaning(
        "hands found", "share of the hands of true frames that are found again in the picture", HIGHER
    ),
    "condition_response": Meaning(
        "condition response",
        "how much the picture changes when only the pose is exchanged, produced / true: 0 ignores its condition",
        NEARER_TO_1,
    ),
    "flicker": Meaning(
        "flicker",
        "how much neighbouring frames change where the true ones stand still, in [0, 1]; a picture that never changes "
        "has none, so read it beside the condition response",
        LOWER,
    ),
    "evaluations": Meaning(
        "network evaluations", "how often UNet and ControlNet are computed for a frame, which is what it costs", LOWER
    ),
    "fid": Meaning("FID", "distance of the distributions of features of generated and true pictures", LOWER),
    "caption_match": Meaning(
        "caption match",
        "share of generated pictures that are nearer to the mean training picture of their own caption than to those "
        "of nine others, by the mean colours of areas; 0.1 is chance",
        HIGHER,
    ),
    "judged_acc": Meaning(
        "judged accuracy", "share of generated pictures that the judge reads as the class that was asked for", HIGHER
    ),
    "mediapipe_found": Meaning("hand found", "share of generated pictures in which MediaPipe finds a hand", HIGHER),
    "mediapipe_letters": Meaning(
        "read by MediaPipe",
        "share of generated pictures whose hand's landmarks are nearest to those of real hands that show the letter "
        "asked for, in photographs of one signer",
        HIGHER,
    ),
    "diversity": Meaning(
        "diversity",
        "difference of the pixels of two pictures of a class, generated / of training: 0 is one picture a class; "
        "backgrounds and noise count as hands do",
        NEARER_TO_1,
    ),
    "copied": Meaning(
        "copied",
        "share of generated pictures whose nearest training picture is at a third of the distance, or nearer, of the "
        "last among the nearest twentieth of its class",
        LOWER,
    ),
    "bleu_1": Meaning("BLEU-1", "words of the back-translated text that the reference has, out of 100", HIGHER),
    "bleu_2": Meaning("BLEU-2", "as BLEU-1, of pairs of words as well", HIGHER),
    "bleu_3": Meaning("BLEU-3", "as BLEU-1, of up to three words in a row", HIGHER),
    "bleu_4": Meaning("BLEU-4", "as BLEU-1, of up to four words in a row", HIGHER),
    "chrf": Meaning(
        "chrF", "characters in a row that the back-translated text and the reference share, out of 100", HIGHER
    ),
    "rouge_l": Meaning("ROUGE-L", "longest common subsequence of the back-translated text and the reference", HIGHER),
    "handshape_acc": Meaning(
        "handshape accuracy", "share of signs and spelled letters whose handshape is the intended one", HIGHER
    ),
    "location_acc": Meaning(
        "location accuracy", "share of signs whose place of articulation is the intended one", HIGHER
    ),
    "movement_acc": Meaning("movement accuracy", "share of signs whose movement is the intended one", HIGHER),
    "orientation_acc": Meaning(
        "orientation accuracy", "share of signs and spelled letters whose palm and fingers point as intended", HIGHER
    ),
}
"""By key without its variant; `fid` stands for `fid_<extractor>`, `fgd` for `fgd_<extractor>`."""

BASELINES: Final = {
    "mean_pose": "the mean training pose, held still",
    "frozen_pose": "the reference's first pose, held still",
    "other_reference": "the true motion of another sentence",
    "nearest_train": "the motion of the training sentence whose words are nearest",
    "most_frequent_text": "always the most frequent, or else the most central, training text",
    "nearest_train_pose": "the text of the training motion whose poses are nearest",
    "random_poses": "what the model reads in noise of training's mean and deviation",
    "majority_class": "always the most frequent class of training",
    "nearest_neighbour": "the class of the most similar training sample",
    "untrained_encoder": "the same of a video model whose weights are random",
    "raw_pixels": "the same of a few small grey frames of each clip",
    "copy_condition": "the drawing itself, unchanged",
    "mean_frame": "the mean training frame, whatever the pose",
    "pix2pix": "what a pix2pix renders of the same drawings that was trained on the same frames",
    "reconstruction": "what the autoencoder leaves of the true frame, the most that its latents can reach",
    "teacher": "the model that this one was distilled from, which takes more steps, shown the same",
    "mean_picture": "the mean training picture of the class",
    "train_picture": "a training picture of the class, as a model shows that has memorised its data",
    "mean_caption_picture": "the mean of a dozen training pictures of the caption",
    "train_caption_picture": "a training picture of the caption, as a model shows that has memorised its data",
    "other_caption": "the model's own picture of another caption",
    "mean_of_training": "the mean of the training pictures",
    "before": "what the autoencoder leaves whose decoder was trained on here",
    "jpeg": "the same pictures as JPEGs, of the lowest quality at which they are as like the true ones as the model's",
    "other_class": "a training picture of another class",
    "base": "what the model that this one adapts generates from the same prompts and seeds",
    "true_picture": "the true pictures of the split that is tested, where the references are training's",
}
"""What the guesses that understand nothing are."""

GROUND_TRUTH: Final = (
    "what the references themselves score, the most that can be reached; of what a judge reads, how well it reads them"
)
"""What stands beside the scores without being a guess."""

PROTOCOLS: Final = {
    "free": "the model begins, paces and ends its motion by itself",
    "oracle-length": "the model is told how many frames the reference has",
    "paper": "the model is shown conditions made of the true frame, as published, which leak its appearance",
    "pose-only": "the model is shown the pose alone, as a drawing or as the outline of a body rendered from it",
}
"""What protocols mean whose names do not say it."""

PLOTS: Final = {
    "length": "A dot a sentence: the length of its reference against its score",
    "confusion": "Confusion matrix: for every true class, what it is taken for",
    "readings": "Confusion matrix: for every class that was asked for, what the judge reads in its pictures",
    "drawn": "The first pictures generated of every class beside a true one; what the judge misreads is framed",
    "generated": "Pictures generated of some captions, each beside a true one",
    "samples": "The best, the median and the worst sample of the test set",
    "sequence": "Frames of one sentence as the model renders them, above the true ones",
    "intervals": "Scores of several models with their 95 % intervals",
}
"""What one sees on plots, by the names of their files up to the first `_`."""


def meaning(key: str) -> Meaning | None:
    """Of a key of results.json, its variant after `@` left out; None for a score that is not in the table."""
    name = key.partition("@")[0]
    return MEANINGS.get(name[:3] if name.startswith(("fid_", "fgd_")) else name)
