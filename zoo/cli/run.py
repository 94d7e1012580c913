"""`python -m zoo run`."""

import argparse
from pathlib import Path

from zoo.artefacts.resolve import load
from zoo.cli.arguments import OK
from zoo.cli.target import Target
from zoo.pipelines.components import RULE_BASED
from zoo.spec.pipeline_spec import pipeline_file
from zoo.spec.registry import list_experiments, list_models


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
    parser.usage = (
        f"{parser.prog} NAME INPUT -o OUT [-o OUT ...] [--starter] [--stages.ROLE COMPONENT ...] [--threshold P]"
    )


def run(options: argparse.Namespace) -> int:
    """Call a model's or a pipeline's verb and write what the suffix of each output asks for."""
    if pipeline_file(options.spec):
        from zoo.pipelines.compose import load as load_pipeline
        from zoo.pipelines.live_gloss import LiveGloss

        pipeline = load_pipeline(options.spec, "starter" if options.starter else None, {}, options.overrides)
        settings = {} if options.threshold is None else {"threshold": options.threshold}
        if settings and not isinstance(pipeline, LiveGloss):
            raise ValueError(f"--threshold: {options.spec} sees no glosses; a pipeline such as live-gloss takes it")
        print(*pipeline.run(options.input, options.output, **settings), sep="\n")
        return OK
    if options.threshold is not None:
        raise ValueError(f"--threshold: {options.spec} is no pipeline; one that watches, such as live-gloss, takes it")
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
