"""What errors MediaPipe makes on the avatar's clips: the constants of `datamodules/twins/landmarks.py`, and a check.

    python benchmarks/landmark_noise.py FOLDER [clips, default 60] [MODELS]

Renders so many training clips of WLASL's twin of 40 signers into FOLDER, has MediaPipe find their landmarks (MODELS as
--models of `python -m zoo data landmarks`), and holds these against the true joints. Prints the constants, then a
statistic a line: of the real detections, and of those that the model makes of the same clips. What FOLDER has already
is not made again.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from datamodules.avatar.renderer.frames import Camera
from datamodules.features.bundles import HAND, POSE, find_bundle
from datamodules.features.landmarks import Landmarker, find_landmarks
from datamodules.features.signing_points import LEAST
from datamodules.media.clip import Clip as Film
from datamodules.poses.formats import read_pose, write_pose
from datamodules.twins import Twin
from datamodules.twins import landmarks as model
from datamodules.twins.signers import cast
from datamodules.twins.wlasl import cut, performed, studio, write_clip

Floats = npt.NDArray[np.floating]
TWIN = Twin(2400, seed=0, signers=40)
NEAR = 0.35
"""Shoulder widths within which a hand that is found is the one that is there."""
AWAY = 1.2
"""Shoulder widths, summed over the seven joints of the body, above which it is not the body."""


@dataclass
class Seen:
    """A clip: true joints (T, 50, 2), landmarks (T, 108, 2), both in pixels, and their confidence (T, 108)."""

    joints: Floats
    camera: Camera
    fps: float
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


def detections(folder: Path, clips: int, models: Path | None) -> Iterator[Seen]:
    """Real ones; clips are rendered and looked at where that was not done before."""
    glosses, known = cut(TWIN)
    people, rng = cast(TWIN), np.random.default_rng(1)
    train = [clip for clip in known if clip.split == "train"]
    folder.mkdir(parents=True, exist_ok=True)
    with Landmarker(find_bundle(POSE, models), find_bundle(HAND, models)) as landmarker:
        for clip in [train[k] for k in rng.permutation(len(train))[:clips]]:
            signer, path = people[clip.signer], folder / f"{clip.name}.pose"
            if not path.is_file():
                write_clip(folder, clip, glosses[clip.gloss], signer, TWIN.seed)
                pose = find_landmarks(Film(clip.name, folder / f"{clip.name}.mp4"), landmarker)
                assert pose is not None
                write_pose(path, pose)
            whole, (camera, fps) = performed(clip, glosses[clip.gloss], signer, TWIN.seed), studio(clip.signer)
            body = read_pose(path).body
            frames = min(len(whole.joints), len(body.data))
            joints = whole.joints[:frames]
            found = np.asarray(body.data.data[:frames, 0, :, :2], np.float64)
            true = camera.project(joints).astype(np.float64)
            yield Seen(joints, camera, fps, true, found, np.asarray(body.confidence[:frames, 0], np.float64))


def modelled(real: Sequence[Seen], seeds: int) -> Iterator[Seen]:
    """What the model makes of the same clips."""
    for seed in range(seeds):
        for number, clip in enumerate(real):
            pose = model.detected(clip.joints, clip.camera, clip.fps, np.random.default_rng([seed, number]))
            found = np.asarray(pose.body.data.data[:, 0], np.float64)
            yield Seen(clip.joints, clip.camera, clip.fps, clip.true, found, np.asarray(pose.body.confidence[:, 0]))


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


def hands(clips: Sequence[Seen]) -> dict[str, model.Wander]:
    """HAND, WRIST and JOINT."""
    parts: dict[str, list[tuple[Floats, npt.NDArray[np.bool_]]]] = {"HAND": [], "WRIST": [], "JOINT": []}
    for clip in clips:
        for side in (0, 1):
            errors, seen = clip.hand(side)
            errors = np.where(seen[:, None, None], errors, 0)
            knuckles = errors[:, 1::4].mean(1)
            parts["HAND"].append((knuckles, seen))
            parts["WRIST"].append((errors[:, 0] - knuckles, seen))
            steps = [errors[:, chain][:, 1:] - errors[:, chain][:, :-1] for chain in model.CHAINS]
            parts["JOINT"].append((np.concatenate(steps, axis=1), seen))
    return {name: wander(part) for name, part in parts.items()}


def found(clips: Sequence[Seen]) -> dict[str, object]:
    """Logistic regression of whether a hand is found on the circumstances and on the frame before, with an intercept
    for each hand of each clip that is drawn to their mean as far as these differ (a few steps of Newton's, then the
    variance anew)."""
    rows, was, group = [], [], []
    for number, clip in enumerate(clips):
        for side in (0, 1):
            seen = clip.hand(side)[1].astype(float)
            facts = model.circumstances(clip.true, clip.camera, clip.fps, side)
            rows.append(np.column_stack([np.ones(len(seen) - 1), facts[1:], seen[:-1]]))
            was.append(seen[1:])
            group.append(np.full(len(seen) - 1, 2 * number + side))
    facts, seen, groups = np.concatenate(rows), np.concatenate(was), np.concatenate(group)
    own = np.eye(groups.max() + 1)[groups]
    x, sizes, variance = np.hstack([facts, own]), facts.shape[1], 1.0
    weights = np.zeros(x.shape[1])
    for _ in range(40):
        precision = np.diag([1e-3] * sizes + [1 / variance] * own.shape[1])
        for _ in range(5):
            chance = 1 / (1 + np.exp(-x @ weights))
            hessian = (x * (chance * (1 - chance))[:, None]).T @ x + precision
            weights += np.linalg.solve(hessian, x.T @ (seen - chance) - precision @ weights)
        spread = np.linalg.inv(hessian).diagonal()[sizes:]
        variance = float(np.mean(np.square(weights[sizes:]) + spread))
    often, *by, before = weights[:sizes].round(2).tolist()
    return {"FOUND_OFTEN": often, "FOUND_BY": by, "FOUND_BEFORE": before, "FOUND_BETWEEN": round(variance**0.5, 2)}


def statistics(clips: Sequence[Seen]) -> dict[str, float]:
    """What real and modelled detections are compared by."""
    seen, facts = [], []
    errors, turns, lost, regained, per_clip = [], [], [], [], []
    for clip in clips:
        for side in (0, 1):
            error, there = clip.hand(side)
            fact = model.circumstances(clip.true, clip.camera, clip.fps, side)
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


def main(folder: Path, clips: int, models: Path | None) -> None:
    real = list(detections(folder, clips, models))
    print(f"# {len(real)} clips, {sum(len(clip.true) for clip in real)} frames")
    print("BODY: Final = {", *body(real), "}", sep="\n")
    for name, value in (hands(real) | found(real)).items():
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
    if len(sys.argv) not in (2, 3, 4):
        raise SystemExit("usage: python benchmarks/landmark_noise.py FOLDER [clips] [MODELS]")
    number = int(sys.argv[2]) if len(sys.argv) > 2 else 60
    main(Path(sys.argv[1]), number, Path(sys.argv[3]) if len(sys.argv) > 3 else None)
