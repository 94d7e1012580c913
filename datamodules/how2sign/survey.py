"""All of How2Sign that is on disk: sentences with prepared poses, keypoints or clips, and what is wrong with them."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from datamodules.how2sign.clips import sentence_clips
from datamodules.how2sign.files import PUBLISHED, read_table, sentence_folders, table_path
from datamodules.media.drawing_primitives import Image
from datamodules.poses.formats import read_openpose
from datamodules.poses.lifting import lift
from datamodules.samples import SPLITS, Finding, Sample, Split, Survey
from datamodules.text_pose.survey import (
    draw,
    draw_lines,
    lacking,
    named_lines,
    repeated_texts,
    spoilt_texts,
    survey_skels,
)


def survey(root: Path) -> Survey:
    """Every sentence of which there is anything, with its clip and its folder of keypoints as its files.

    Sentences without poses or without a clip are counted, a warning a split: few have all of them.

    Raises:
        FileNotFoundError: no table of sentences is there.
        ValueError: a table that cannot be read.
    """
    found = lacking(root, [table_path(root, split) for split in SPLITS])
    videos = {split: dict[str, Path]() for split in SPLITS}
    for clip in sentence_clips(root):
        videos[clip.split][clip.name] = clip.video
    seen: dict[bytes, Sample] = {}
    pairs = [pair for split in SPLITS for pair in _survey_split(root, split, videos[split], found, seen)]
    found.findings += [*spoilt_texts(pairs), *repeated_texts(pairs)]
    return found


def _survey_split(
    root: Path, split: Split, videos: Mapping[str, Path], found: Survey, seen: dict[bytes, Sample]
) -> list[tuple[Sample, str]]:
    """Add a split's samples and findings to `found`; returns its samples with their texts."""
    table = table_path(root, split)
    sentences = read_table(table) if table.is_file() else {}
    skels, files = (root / f"{PUBLISHED[split]}.{kind}" for kind in ("skels", "files"))
    folders = {name: path for name, path in sentence_folders(root, split).items() if name in sentences}
    listed = named_lines(files) if files.is_file() else []
    samples, posed = {}, set(listed)
    for name in dict.fromkeys([*listed, *sentences]):
        own = tuple(place[name] for place in (videos, folders) if name in place)
        if own or name in posed:
            source = sentences[name].video if name in sentences else name
            samples[name] = Sample(name, split, source, files=own)
    found.samples += samples.values()

    if skels.is_file():
        survey_skels(found, skels, [samples[name] for name in listed], seen)
    if skels.is_file() != files.is_file():
        there, gone = (skels, files) if skels.is_file() else (files, skels)
        found.findings.append(Finding("missing", gone.name, f"no such file, but {there.name} is there"))
    if not samples and sentences:
        message = (
            f"there is nothing of the {len(sentences)} sentences that {table.name} names; expected {skels.name} and "
            f"{files.name}, or clips or folders of OpenPose keypoints in {PUBLISHED[split]}/ or where the official "
            "download has them"
        )
        found.findings.append(Finding("missing", split, message))
    for name, count in Counter(listed).items():
        if count > 1:
            found.findings.append(Finding("duplicate", name, f"{count} lines of {files.name} name it"))
        if name not in sentences:
            found.findings.append(Finding("unlisted", name, f"poses of {split} without a row in {table.name}"))
    for what, there_are in (("poses", listed or folders), ("clip", videos)):
        lone = sorted(sentences.keys() - set(there_are))
        if lone and there_are:
            message = f"{len(lone)} of {len(sentences)} sentences of {split} have no {what} and are left out"
            found.findings.append(Finding(f"no {what}", lone[0], message, "warning"))
    return [(sample, sentences[name].text) for name, sample in samples.items() if name in sentences]


def pictures(root: Path, samples: Collection[Sample]) -> Iterator[tuple[Sample, Image]]:
    """Samples with a drawing of some frames of their poses, or of what their keypoints are lifted to."""
    for split in SPLITS:
        chosen = [sample for sample in samples if sample.split == split]
        files = root / f"{PUBLISHED[split]}.files"
        if files.is_file():
            yield from draw_lines(files.with_suffix(".skels"), named_lines(files), chosen)
            continue
        for sample in chosen:
            for folder in filter(Path.is_dir, sample.files):
                with suppress(ValueError, OSError):  # the check names what cannot be read
                    yield sample, draw(lift(read_openpose(folder)))
