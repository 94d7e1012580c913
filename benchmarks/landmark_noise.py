"""What errors MediaPipe makes on the avatar's clips: what `datamodules/twins/landmarks.py` knows of them, and a check.

    python benchmarks/landmark_noise.py FOLDER [clips, default 685] [--write]

Renders so many training clips of WLASL's twin of 40 signers into FOLDER, has MediaPipe find their landmarks at the rate
at which readers look ($ZOO_MODELS may name the folder of its models), and holds these against the true joints: an hour
and a half on a core. What FOLDER has already is not made again. Clips of the last signers are kept aside: of these it
prints what share of a hand's errors its looks tell, and how well they tell whether it is found. Then it learns from all
(--write: into `landmark_errors.npz`), prints the constants, and a statistic a line: of the real detections, and of
those that the model makes of the same clips.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pose_format import Pose
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier, MLPRegressor

from datamodules.avatar.renderer.frames import Camera
from datamodules.features.bundles import HAND, POSE, find_bundle
from datamodules.features.landmarks import Landmarker, holistic_pose
from datamodules.features.signing_points import LEAST, RATE
from datamodules.media.resampling import resample
from datamodules.media.video import read_video
from datamodules.poses.formats import read_pose, write_pose
from datamodules.twins import Twin
from datamodules.twins import landmarks as model
from datamodules.twins.signers import cast
from datamodules.twins.wlasl import at_rate, cut, performed, studio, write_clip

Floats = npt.NDArray[np.floating]
TWIN = Twin(2400, seed=0, signers=40)
ASIDE = 8
"""Signers, the last ones, of whose clips nothing is learnt at first."""
SETTINGS: dict[str, Any] = {
    "alpha": 0.01,
    "learning_rate_init": 2e-3,
    "batch_size": 256,
    "early_stopping": True,
    "random_state": 0,
}
SCALE = 0.1
"""Shoulder widths: the order of an error."""
LEAST_FOUND = 6
"""Frames in which a hand is found, from which on what is left of its errors is of use."""
KEPT = 500
"""How many hands what is left is kept of."""
NEAR = 0.35
"""Shoulder widths within which a hand that is found is the one that is there."""
AWAY = 1.2
"""Shoulder widths, summed over the seven joints of the body, above which it is not the body."""


@dataclass
class Seen:
    """A clip at RATE: true joints (T, 50, 2), landmarks (T, 108, 2), both in pixels, their confidence (T, 108)."""

    signer: int
    joints: Floats
    camera: Camera
    true: Floats
    found: Floats
    confidence: Floats

    def __post_init__(self) -> None:
        body = self.found[:, model.BODY_IN] - self.true[:, model.BODY_OF]
        other = self.found[:, model.BODY_IN][:, model.OTHER_SIDE] - self.true[:, model.BODY_OF]
        unit = self.camera.unit
        self.body: Floats = body / unit
        off, turned = (np.linalg.norm(error, axis=-1).sum(1) / unit for error in (body, other))
        self.there = self.confidence[:, model.BODY_IN[0]] > 0
        self.turned = self.there & (turned < off - 0.2)
        self.away = self.there & (np.minimum(off, turned) > AWAY)
        self.sound = self.there & ~self.turned & ~self.away

    def scale(self) -> Floats:
        """How large the body is found in each frame, of what it is, from the nose on."""
        true, found = self.true[:, model.BODY_OF], self.found[:, model.BODY_IN]
        true, found = true - true[:, :1], found - found[:, :1]
        return np.asarray((true * found).sum((1, 2)) / np.square(true).sum((1, 2)))

    def looks(self, side: int) -> Floats:
        """See `model.looks`."""
        return model.looks(self.joints, self.true, self.camera, RATE, side)

    def hand(self, side: int) -> tuple[Floats, npt.NDArray[np.bool_]]:
        """Errors (T, 21, 2) in shoulder widths of what is found of a hand, on either side, and whether it is found."""
        errors = []
        for seen in (side, 1 - side):
            error = (self.found[:, model.HANDS_IN[seen]] - self.true[:, model.HANDS_OF[side]]) / self.camera.unit
            error[self.confidence[:, model.HANDS_IN[seen][0]] == 0] = np.inf
            errors.append(error)
        far = [np.linalg.norm(error, axis=-1).mean(1) for error in errors]
        error = np.where((far[0] <= far[1])[:, None, None], *errors)
        return error, np.minimum(*far) < NEAR

    def swapped(self) -> npt.NDArray[np.bool_]:
        """Where the body is sound and a hand is at the place of the other."""
        own: list[Floats] = []
        cross: list[Floats] = []
        for side in (0, 1):
            found, there = self.found[:, model.HANDS_IN[side]], self.confidence[:, model.HANDS_IN[side][0]] > 0
            for of, into in ((side, own), (1 - side, cross)):
                far = np.linalg.norm(found - self.true[:, model.HANDS_OF[of]], axis=-1).mean(1) / self.camera.unit
                into.append(np.where(there, far, np.nan))
        swapped: npt.NDArray[np.bool_] = np.any(
            [(a > 0.2) & (b < 0.15) for a, b in zip(own, cross, strict=True)], axis=0
        )
        return swapped


def looked_at(film: Path, landmarker: Landmarker) -> Pose:
    """What MediaPipe finds in a video at the rate at which readers look."""
    frames = list(resample(*read_video(film), RATE))
    height, width = frames[0].shape[:2]
    return holistic_pose(np.stack([landmarker(frame) for frame in frames]), RATE, width, height)


def detections(folder: Path, clips: int) -> Iterator[Seen]:
    """Real ones; clips are rendered and looked at where that was not done before."""
    glosses, known = cut(TWIN)
    people, rng = cast(TWIN), np.random.default_rng(1)
    train = [clip for clip in known if clip.split == "train"]
    folder.mkdir(parents=True, exist_ok=True)
    with Landmarker(find_bundle(POSE), find_bundle(HAND)) as landmarker:
        for clip in [train[k] for k in rng.permutation(len(train))[:clips]]:
            signer, path, film = people[clip.signer], folder / f"{clip.name}.pose", folder / f"{clip.name}.mp4"
            if not path.is_file():
                write_clip(folder, clip, glosses[clip.gloss], signer, TWIN.seed)
                write_pose(path, looked_at(film, landmarker))
            whole, (camera, fps) = performed(clip, glosses[clip.gloss], signer, TWIN.seed), studio(clip.signer)
            body = read_pose(path).body
            joints = at_rate(whole.joints, fps)
            frames_of_both = min(len(joints), len(body.data))
            joints = joints[:frames_of_both]
            found = np.asarray(body.data.data[:frames_of_both, 0, :, :2], np.float64)
            true = camera.project(joints).astype(np.float64)
            trust = np.asarray(body.confidence[:frames_of_both, 0], np.float64)
            yield Seen(clip.signer, joints, camera, true, found, trust)


def modelled(real: Sequence[Seen], seeds: int) -> Iterator[Seen]:
    """What the model makes of the same clips."""
    for seed in range(seeds):
        for number, clip in enumerate(real):
            pose = model.detected(clip.joints, clip.camera, RATE, np.random.default_rng([seed, number]))
            found = np.asarray(pose.body.data.data[:, 0], np.float64)
            trust = np.asarray(pose.body.confidence[:, 0])
            yield Seen(clip.signer, clip.joints, clip.camera, clip.true, found, trust)


def learnt(clips: Sequence[Seen]) -> tuple[Any, Any]:
    """Networks of the errors of a hand of given looks, and of whether it is found."""
    looks, errors, found = rows(clips)
    middle, spread = looks.mean(0), looks.std(0)
    looks = (looks - middle) / spread
    of_errors = MLPRegressor(hidden_layer_sizes=(96, 96), **SETTINGS).fit(looks[found], errors[found] / SCALE)
    of_found = MLPClassifier(hidden_layer_sizes=(64, 64), **SETTINGS).fit(looks, found)
    for network in (of_errors, of_found):  # that they take looks as they are, and give shoulder widths
        network.intercepts_[0] -= middle / spread @ network.coefs_[0]
        network.coefs_[0] /= spread[:, None]
    of_errors.coefs_[-1] *= SCALE
    of_errors.intercepts_[-1] *= SCALE
    return of_errors, of_found


def rows(clips: Sequence[Seen]) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
    """A row for each hand in each frame: its looks, its errors as of a right hand, (N, 42), and whether it is found."""
    looks, errors, found = [], [], []
    for clip in clips:
        for side in (0, 1):
            error, there = clip.hand(side)
            looks.append(clip.looks(side))
            errors.append((np.where(there[:, None, None], error, 0) * (1 if side else -1, 1)).reshape(len(error), -1))
            found.append(there)
    return np.concatenate(looks), np.concatenate(errors), np.concatenate(found)


def told(clips: Sequence[Seen]) -> str:
    """How much the looks of hands tell, of signers of whom nothing was learnt."""
    last = sorted({clip.signer for clip in clips})[-ASIDE:]
    of_errors, of_found = learnt([clip for clip in clips if clip.signer not in last])
    looks, errors, found = rows([clip for clip in clips if clip.signer in last])
    rest = np.square(errors[found] - of_errors.predict(looks[found])).sum()
    share = 1 - rest / np.square(errors[found] - errors[found].mean(0)).sum()
    chance = of_found.predict_proba(looks)[:, 1]
    lost, blind = (log_loss(found, guess) for guess in (chance, np.full(len(found), found.mean())))
    return (
        f"of {len(last)} other signers: {share:.2f} of a hand's errors, in squares; log loss of whether it is found "
        f"{lost:.3f}, of always the same chance {blind:.3f}"
    )


def left(clips: Sequence[Seen], of_errors: Any) -> list[Floats]:
    """Of hands that are found often enough what is left of their errors (T, 21, 2), as of a right hand, their looks
    known; where they are not found, what lies between."""
    rests = []
    for clip in clips:
        for side in (0, 1):
            errors, there = clip.hand(side)
            if there.sum() < LEAST_FOUND:
                continue
            usual = of_errors.predict(clip.looks(side)).reshape(-1, 21, 2)
            rest = (np.where(there[:, None, None], errors, 0) * (1 if side else -1, 1) - usual).reshape(len(usual), -1)
            moments = np.arange(len(rest))
            filled = [np.interp(moments, moments[there], column[there]) for column in rest.T]
            rests.append(np.stack(filled, axis=1).reshape(-1, 21, 2))
    return rests


def write(clips: Sequence[Seen]) -> None:
    """Write the networks, and what they leave of some hands, where the model reads them."""
    of_errors, of_found = learnt(clips)
    layers = {}
    for name, network in (("errors", of_errors), ("found", of_found)):
        for layer, (weight, bias) in enumerate(zip(network.coefs_, network.intercepts_, strict=True)):
            layers[f"{name}.weight{layer}"] = weight.astype(np.float32)
            layers[f"{name}.bias{layer}"] = bias.astype(np.float32)
    rests = left(clips, of_errors)
    kept = [rests[k] for k in np.random.default_rng(0).permutation(len(rests))[:KEPT]]
    rest = (np.concatenate(kept) / model.STEP).round().clip(-127, 127).astype(np.int8)
    path = Path(model.__file__).with_name("landmark_errors.npz")
    np.savez_compressed(path, **layers, rest=rest, frames=np.array([len(one) for one in kept], np.int16))


def wander(parts: Sequence[tuple[Floats, npt.NDArray[np.bool_]]]) -> model.Wander:
    """Of errors (T, ...) of clips in the frames in which they count; what lies beyond three deviations, as the median
    of the absolute errors tells these, is a failure of another kind, and counts as three."""
    means, squares, products, count, pairs = [], 0.0, 0.0, 0, 0
    for errors, counts in parts:
        if counts.sum() < 8:
            continue
        mean = np.median(errors[counts], axis=0)
        most = 3 * 1.4826 * np.median(np.abs(errors[counts] - mean), axis=0)
        rest = np.where(counts.reshape(-1, *[1] * (errors.ndim - 1)), (errors - mean).clip(-most, most), 0)
        both = counts[1:] & counts[:-1]
        means.append(mean)
        squares, count = squares + np.square(rest).sum(), count + counts.sum() * mean.size
        products, pairs = products + (rest[1:] * rest[:-1])[both].sum(), pairs + both.sum() * mean.size
    within = squares / count
    return model.Wander(*np.round([np.std(means, axis=0).mean(), within**0.5, products / pairs / within], 3).tolist())


def spells(parts: Sequence[npt.NDArray[np.bool_]]) -> model.Spells:
    """Of what is so in some frames of some clips."""
    hit = [part for part in parts if part.any()]
    if not hit:
        return model.Spells(0, 0.5, 1)
    runs = sum(int(np.diff(part.astype(int), prepend=0).clip(0).sum()) for part in hit)
    numbers = (len(hit) / len(parts), np.mean([part.mean() for part in hit]), sum(part.sum() for part in hit) / runs)
    return model.Spells(*np.round(numbers, 3).tolist())


def body(clips: Sequence[Seen]) -> Iterator[str]:
    """A line for each joint of the constant BODY."""
    for joint, name in enumerate(model.JOINTS):
        errors = [(clip.body[:, joint], clip.sound) for clip in clips]
        bias = np.mean([error[counts].mean(0) for error, counts in errors if counts.any()], axis=0).round(3).tolist()
        logits = []
        for clip in clips:
            trust = clip.confidence[:, model.BODY_IN[joint]].clip(1e-3, 1 - 1e-3)
            logits.append((np.log(trust / (1 - trust)), clip.sound))
        mean = round(float(np.mean([logit[counts].mean() for logit, counts in logits if counts.any()])), 2)
        yield f'    "{name}": ({bias}, {wander(errors)}, {mean}, {wander(logits)}),'


def found(clips: Sequence[Seen]) -> dict[str, object]:
    """Logistic regression of whether a hand is found on what its looks give and on the frame before, with an intercept
    for each hand of each clip that is drawn to their mean as far as these differ (a few steps of Newton's, then the
    variance anew)."""
    rows, was, group = [], [], []
    for number, clip in enumerate(clips):
        for side in (0, 1):
            seen = clip.hand(side)[1].astype(float)
            likely = model.answer("found", clip.looks(side))
            rows.append(np.column_stack([np.ones(len(seen) - 1), likely[1:], seen[:-1]]))
            was.append(seen[1:])
            group.append(np.full(len(seen) - 1, 2 * number + side))
    facts, seen, groups = np.concatenate(rows), np.concatenate(was), np.concatenate(group)
    weights, own, variance = np.zeros(facts.shape[1]), np.zeros(groups.max() + 1), 1.0
    for _ in range(40):
        for _ in range(5):
            chance = 1 / (1 + np.exp(-facts @ weights - own[groups]))
            doubt, off = chance * (1 - chance), seen - chance
            of_own = np.bincount(groups, doubt) + 1 / variance
            both = np.array([np.bincount(groups, doubt * fact) for fact in facts.T])
            of_facts = (facts * doubt[:, None]).T @ facts + 1e-3 * np.eye(len(weights)) - both / of_own @ both.T
            slope, own_slope = facts.T @ off - 1e-3 * weights, np.bincount(groups, off) - own / variance
            step = np.linalg.solve(of_facts, slope - both / of_own @ own_slope)
            weights, own = weights + step, own + (own_slope - both.T @ step) / of_own
        spread = 1 / of_own + np.einsum("ig,ij,jg->g", both, np.linalg.inv(of_facts), both) / np.square(of_own)
        variance = float(np.mean(np.square(own) + spread))
    often, by, before = weights.round(2).tolist()
    return {"FOUND_OFTEN": often, "FOUND_BY": by, "FOUND_BEFORE": before, "FOUND_BETWEEN": round(variance**0.5, 2)}


def statistics(clips: Sequence[Seen]) -> dict[str, float]:
    """What real and modelled detections are compared by."""
    seen, facts = [], []
    errors, turns, lost, regained, per_clip = [], [], [], [], []
    for clip in clips:
        for side in (0, 1):
            error, there = clip.hand(side)
            fact = model.circumstances(clip.true, clip.camera, RATE, side)
            seen.append(there)
            facts.append(fact)
            errors.append(np.linalg.norm(error[there], axis=-1))
            tips = error[there][:, 4::4] - error[there][:, :1]
            turns.append(np.linalg.norm(tips, axis=-1).ravel())
            lost.append(~there[1:][there[:-1]])
            regained.append(there[1:][~there[:-1]])
            if (inside := fact[:, 1] == 0).sum() > 10:
                per_clip.append(there[inside].mean())
    there, fact, error = np.concatenate(seen), np.concatenate(facts), np.concatenate(errors)
    inside, speed = fact[:, 1] == 0, fact[:, 0]
    sound = np.concatenate([clip.sound for clip in clips])
    off = np.concatenate([np.linalg.norm(clip.body, axis=-1) for clip in clips])[sound]
    trust = np.concatenate([clip.confidence[:, model.BODY_IN] for clip in clips])[sound]
    result = {
        "hands found": there.mean(),
        "  in the picture, below 1 width a second": there[inside & (speed < 1)].mean(),
        "  in the picture, 1 to 4": there[inside & (speed >= 1) & (speed < 4)].mean(),
        "  in the picture, faster": there[inside & (speed >= 4)].mean(),
        "  partly outside": there[(fact[:, 1] > 0) & (fact[:, 1] < 1)].mean(),
        "  share of clips with less than half": (np.array(per_clip) < 0.5).mean(),
        "  lost again in the next frame": np.concatenate(lost).mean(),
        "  found again in the next frame": np.concatenate(regained).mean(),
        "hand joints, median error": np.median(error),
        "  95 % below": np.quantile(error, 0.95),
        "  fingertips from the wrist, median error": np.median(np.concatenate(turns)),
        "hands swapped": np.concatenate([clip.swapped() for clip in clips])[sound].mean(),
        "no body": 1 - np.concatenate([clip.there for clip in clips]).mean(),
        "body turned round": np.concatenate([clip.turned for clip in clips]).mean(),
        "body elsewhere": np.concatenate([clip.away for clip in clips]).mean(),
    }
    for joint, name in enumerate(model.JOINTS):
        result[f"{name.lower()}, median error"] = np.median(off[:, joint])
        result[f"  {name.lower()}, 95 % below"] = np.quantile(off[:, joint], 0.95)
        result[f"  {name.lower()} below confidence {LEAST}"] = (trust[:, joint] < LEAST).mean()
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("clips", type=int, nargs="?", default=685)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    real = list(detections(options.folder, options.clips))
    print(f"# {len(real)} clips, {sum(len(clip.true) for clip in real)} frames; {told(real)}")
    if options.write:
        write(real)
    print("BODY: Final = {", *body(real), "}", sep="\n")
    for name, value in found(real).items():
        print(f"{name}: Final = {value}")
    print(f"NOBODY: Final = {spells([~clip.there for clip in real])}")
    print(f"TURNED: Final = {spells([clip.turned for clip in real])}")
    print(f"SHRUNK: Final = {spells([clip.away for clip in real])}")
    scales = np.concatenate([clip.scale()[clip.away] for clip in real])
    print(f"SHRUNK_TO: Final = {np.quantile(scales, [0.1, 0.9]).round(2).tolist()}")
    swaps = np.concatenate([clip.swapped()[clip.sound] for clip in real])
    print(f"SWAPPED: Final = {swaps.mean():.4f}")
    measured, of_model = statistics(real), statistics(list(modelled(real, 4)))
    print(f"\n{'':46}measured  modelled")
    for name, value in measured.items():
        print(f"{name:46}{value:8.3f}  {of_model[name]:8.3f}")


if __name__ == "__main__":
    main()
