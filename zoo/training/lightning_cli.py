"""A resolved spec's module, data and trainer, type-checked and built by LightningCLI."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.cli import LightningCLI

from zoo.spec.classes import located
from zoo.training.resuming import AtomicCheckpointIO


class SpecCLI(LightningCLI):
    """LightningCLI's parsing and building, for a spec that was merged and resolved before.

    Handed over as a mapping because its own `${}` resolves before the command line does; `run=False`, because
    only the zoo knows where the run stands.
    """

    def __init__(self, config: dict[str, Any], trainer: dict[str, Any]) -> None:
        self.extra = trainer
        parsed = {key: located(config[key], key) for key in ("model", "data", "trainer")}
        super().__init__(
            args={**parsed, "seed_everything": config["seed"]},
            run=False,
            save_config_callback=None,
            load_from_checkpoint_support=False,
            auto_configure_optimizers=False,
            parser_kwargs={"exit_on_error": False},
        )

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        own = dict(self.extra)
        for key in ("callbacks", "plugins"):
            own[key] = [*listed(self.config_init["trainer"].get(key)), *self.extra[key]]
        return super().instantiate_trainer(**kwargs, **own)


def assemble(config: dict[str, Any], folder: Path, callbacks: list[Callback]) -> SpecCLI:
    """Everything that a spec names, ready to run; `folder` is where Lightning would keep what it writes by itself."""
    extra: dict[str, Any] = {
        "enable_model_summary": False,
        "callbacks": callbacks,
        "plugins": [AtomicCheckpointIO()],
        "logger": False,
        "default_root_dir": str(folder),
    }
    if not sys.stderr.isatty():
        extra["enable_progress_bar"] = False
    with one_line(MisconfigurationException, ModuleNotFoundError):
        return SpecCLI(config, extra)


@contextmanager
def one_line(*errors: type[Exception]) -> Iterator[None]:
    """What Lightning finds misconfigured (a GPU that is not there, an unknown monitor) as a ValueError of one line."""
    try:
        yield
    except errors as error:
        message = " ".join(str(error).split()).rstrip(".!")
        raise ValueError(f"trainer: {message}; change `trainer` in the spec, or --trainer.KEY VALUE here") from None


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
