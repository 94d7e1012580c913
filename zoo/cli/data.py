"""`python -m zoo data`: its commands and their options. Heavy imports happen in the command that runs."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Final

from datamodules.catalogue import CATALOGUE
from zoo.cli.parsing.arguments import OK, PROBLEMS

EVERY_FRAME = "all"
PERSONS = ("largest", "left", "right", "nearest")
"""Those of `datamodules.poses.people`, which loads numpy."""

COMMANDS: Final = {
    "twin": """\
  python -m zoo data twin wlasl twins/wlasl --size 120""",
    "check": """\
  python -m zoo data check wlasl ~/data/WLASL
      a table here; check.json and a page in wlasl-check/
  python -m zoo data check how2sign ~/data/How2Sign --report report""",
    "landmarks": """\
  python -m zoo data landmarks ~/data/WLASL landmarks --skeletons
  python -m zoo data landmarks videos landmarks --frames all --person nearest
  python -m zoo data landmarks videos landmarks --ray auto""",
    "embed": """\
  python -m zoo data embed ~/data/WLASL ~/data/WLASL/embeddings
  python -m zoo data embed videos out --model vjepa-starter
      by the zoo's small encoder, on a processor""",
}
"""Examples of each command."""
EXAMPLES: Final = "\n".join(COMMANDS.values())


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The commands, each with its own."""
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, action: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        layout = argparse.RawDescriptionHelpFormatter
        epilog = f"examples:\n{COMMANDS[name]}"
        found = commands.add_parser(
            name, help=text, description=text, epilog=epilog, formatter_class=layout, allow_abbrev=False
        )
        found.set_defaults(action=action)
        return found

    twin = command("twin", _twin, "write the avatar's twin of a data set, in the data set's own files")
    _dataset(twin)
    twin.add_argument("--size", type=_whole, help="how many training items; each data set has its default")
    twin.add_argument("--seed", type=int, default=0)

    check = command("check", _check, "what is missing, unreadable, leaking or unbalanced: table, JSON, page")
    _dataset(check)
    check.add_argument("--report", type=Path, metavar="DIR", help="where the report goes (default: DATASET-check)")
    check.add_argument("--index", metavar="FILE", help="of wlasl, in DIR, as data.init_args.index (default: is found)")

    landmarks = command("landmarks", _landmarks, "find body and hands in videos with MediaPipe, into .pose files")
    _videos(landmarks)
    landmarks.add_argument("--frames", type=_frames, default=30, metavar="N", help="a video, evenly spread; or all")
    landmarks.add_argument("--skeletons", action="store_true", help="draw each frame's skeleton, 512x512, as PNG too")
    person = "whom to follow where several people are in view"
    landmarks.add_argument("--person", choices=PERSONS, default=PERSONS[0], help=person)
    landmarks.add_argument("--models", type=Path, metavar="DIR", help="where MediaPipe's .task bundles lie")
    landmarks.add_argument("--jobs", type=_whole, metavar="N", help="processes (default: one a core)")
    landmarks.add_argument("--ray", metavar="ADDRESS", help="run on this Ray cluster instead of this machine's cores")

    embed = command("embed", _embed, "run V-JEPA 2 over videos and two variants of each, into .npy files and index.csv")
    _videos(embed)
    embed.add_argument(
        "--model", default="facebook/vjepa2-vitg-fpc64-256", help="a VJEPA2Model: a Hub id, a folder, or one of the zoo"
    )
    embed.add_argument("--batch-size", type=_whole, default=4, metavar="N", help="windows of frames a batch")


def run(options: argparse.Namespace) -> int:
    """One of the commands."""
    code: int = options.action(options)
    return code


def _dataset(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dataset", metavar="DATASET", choices=tuple(CATALOGUE), help=", ".join(CATALOGUE))
    parser.add_argument("root", metavar="DIR", type=Path)


def _videos(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("videos", metavar="VIDEOS", type=Path, help="a folder of videos, or that of a data set")
    parser.add_argument("out", metavar="OUT", type=Path)


def _whole(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a whole number of at least 1")
    return int(text)


def _frames(text: str) -> int | None:
    return None if text == EVERY_FRAME else _whole(text)


def _twin(options: argparse.Namespace) -> int:
    from datamodules.twins import Twin, ensure_twin

    ensure_twin(options.dataset, options.root, Twin(options.size or CATALOGUE[options.dataset].size, options.seed))
    print(options.root)
    return OK


def _check(options: argparse.Namespace) -> int:
    from zoo.prepare.checking import check

    if options.index and options.dataset != "wlasl":
        raise ValueError(f"--index: {options.dataset} has no index to choose; only wlasl does")
    settings = {"index": options.index} if options.index else {}
    report = options.report or Path(f"{options.dataset}-check")
    return PROBLEMS if check(options.dataset, options.root, report, **settings) else OK


def _landmarks(options: argparse.Namespace) -> int:
    from zoo.prepare.landmarks import extract_landmarks

    unread = extract_landmarks(
        options.videos,
        options.out,
        frames=options.frames,
        skeletons=options.skeletons,
        models=options.models,
        jobs=options.jobs,
        ray=options.ray,
        person=options.person,
    )
    return PROBLEMS if unread else OK


def _embed(options: argparse.Namespace) -> int:
    from lightning_utilities.core.rank_zero import rank_zero_only

    from datamodules.clips import list_clips, skipped
    from datamodules.features.embeddings import embed
    from datamodules.files import user_path
    from zoo.artefacts.base_model import BaseModel
    from zoo.loaders.foreign import encoder_folder
    from zoo.prepare.landmarks import listed
    from zoo.prepare.videos import not_mended
    from zoo.spec.registry import list_models
    from zoo.training.log_filters import quiet

    quiet()
    model, folder = options.model, user_path(options.model)
    if model in list_models():
        folder = BaseModel.used(model).folder
    if folder.is_dir():
        model = str(encoder_folder(folder))
    clips = list_clips(options.videos)
    failed = embed(clips, options.out, model=model, batch_size=options.batch_size)

    @rank_zero_only
    def report() -> None:  # each further device has a process that comes by here
        for clip in clips:
            if doubt := not_mended(clip.path):
                print(f"{clip.name}: {doubt}")
        if others := skipped(options.videos, clips, options.out):
            print(listed(others))
        for file in sorted(failed):
            print(f"{file}: {failed[file]}")
        print(f"{options.out}: {len(failed)} files could not be read, see report.json" if failed else options.out)

    report()
    return PROBLEMS if failed else OK
