"""`python -m zoo run`."""

import argparse
from pathlib import Path
from typing import Any, Final

from zoo.artefacts.resolve import load
from zoo.cli.parsing.arguments import OK, set_usage
from zoo.cli.parsing.target import Target
from zoo.pipelines.components import RULE_BASED
from zoo.spec.pipeline_spec import pipeline_file
from zoo.spec.registry import list_experiments, list_models

EXAMPLES: Final = """\
  python -m zoo run asl-slp "What is your name?" -o name.mp4 -o name.pose
  python -m zoo run text-to-video "Hello." -o a.mp4 --stages.renderer pix2pix
  python -m zoo run drawing name.pose -o name.png
  python -m zoo run me/letter-judge@0123456 hand.png -o letters.json
  python -m zoo run runs/pix2pix/ID name.pose -o frames.mp4"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to call, with what, and where its answer goes."""
    parser.set_defaults(takes_overrides=True, base=None)
    parser.add_argument(
        "spec",
        metavar="NAME",
        help="a model, a pipeline, drawing, a run's folder, user/repo@revision, or a YAML file",
    )
    parser.add_argument("input", metavar="INPUT", help="a text, or the path of a file, as the verb takes it")
    out = "what is written depends on its suffix; may be given several times"
    parser.add_argument("-o", "--output", action="append", required=True, type=Path, metavar="OUT", help=out)
    starter = "the bundled starter weights, or a YAML file's starter run"
    parser.add_argument("--starter", action="store_true", help=starter)
    likely = "of live-gloss and its like: the probability from which a gloss is seen"
    parser.add_argument("--threshold", type=float, metavar="P", help=likely)
    pace = "of live-gloss and its like: let no frame of a file come before its time, as if it ran just now"
    parser.add_argument("--pace", action="store_true", help=pace)
    set_usage(
        parser,
        "NAME",
        "INPUT",
        "-o OUT",
        "[-o OUT ...]",
        "[--starter]",
        "[--stages.ROLE COMPONENT ...]",
        "[--threshold P]",
        "[--pace]",
    )


def run(options: argparse.Namespace) -> int:
    """Call a model's or a pipeline's verb and write what the suffix of each output asks for."""
    settings: dict[str, Any] = {} if options.threshold is None else {"threshold": options.threshold}
    if options.pace:
        settings["pace"] = True
    if pipeline_file(options.spec):
        from zoo.pipelines.compose import load as load_pipeline
        from zoo.pipelines.live_gloss import LiveGloss

        pipeline = load_pipeline(options.spec, "starter" if options.starter else None, {}, options.overrides)
        if settings and not isinstance(pipeline, LiveGloss):
            raise ValueError(f"--{next(iter(settings))}: {options.spec} watches nothing; live-gloss takes it, for one")
        print(*pipeline.run(options.input, options.output, **settings), sep="\n")
        return OK
    if settings:
        given = f"--{next(iter(settings))}"
        raise ValueError(f"{given}: {options.spec} is no pipeline; one that watches, such as live-gloss, takes it")
    if options.spec in RULE_BASED:
        if options.overrides or options.starter:
            found = options.overrides[0] if options.overrides else "--starter"
            raise ValueError(f"{found}: {options.spec} follows rules; it has no weights and nothing to set")
        print(*RULE_BASED[options.spec].open().run(options.input, options.output), sep="\n")
        return OK
    named = options.spec in list_models()
    path = Path(options.spec)
    if options.spec in list_experiments() or (not named and (path.is_file() or path.suffix in (".yaml", ".yml"))):
        _, run = Target.of(options).finished(types=False)
        loader = load(run.folder)
    elif options.overrides:
        raise ValueError(
            f"{options.overrides[0]}: overrides choose a run of a YAML file, and {options.spec} is trained already; in "
            f"Python, the verb of zoo.load({options.spec!r}) takes seeds and other settings"
        )
    elif options.starter and not named and path.is_dir():
        raise ValueError(f"--starter is for a model's name or a YAML file; leave it out for {options.spec}")
    else:
        loader = load(options.spec, "starter" if options.starter else None)
    print(*loader.run(options.input, options.output), sep="\n")
    return OK
