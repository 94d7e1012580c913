"""Silence what a user cannot act on; each filter names the module and the message it means."""

import logging
import warnings

WARNINGS = (
    # (message, module)
    (r"LightningCLI's args parameter is intended to run from within Python", r"lightning\.pytorch\.cli"),
    (r"JsonargparseDeprecationWarning|instantiate_classes", r"lightning\.pytorch\.cli"),
    (r"The '\w+' does not have many workers", r"lightning\.pytorch\.trainer\.connectors\.data_connector"),
    (r"Experiment logs directory .* exists and is not empty", r"lightning\.fabric\.loggers\.csv_logs"),
    (r"Checkpoint directory .* exists and is not empty", r"lightning\.pytorch\.callbacks\.model_checkpoint"),
    (
        r"The number of training batches .* is smaller than the logging interval",
        r"lightning\.pytorch\.loops\.fit_loop",
    ),
    (
        r"Trying to infer the `batch_size` from an ambiguous collection",
        r"lightning\.pytorch\.utilities\.data",
    ),
    (r"`isinstance\(treespec, LeafSpec\)` is deprecated", r"lightning\.pytorch\.utilities\._pytree"),
    (r"Be aware that when using `ckpt_path`, callbacks", r"lightning\.pytorch\.trainer\.call"),
    (r"Detected pickle protocol", r"torch\._weights_only_unpickler"),
    (r"The dirpath has changed from", r"lightning\.pytorch\.callbacks\.model_checkpoint"),
    (r"You're resuming from a checkpoint that ended before the epoch ended", r"lightning\.pytorch\.loops"),
)


def quiet() -> None:
    """Set the filters, and drop Lightning's list of devices, tips and stop reasons, and what matplotlib builds."""
    for message, module in WARNINGS:
        warnings.filterwarnings("ignore", message=f"(?s).*(?:{message})", module=module)
    for name in ("lightning.pytorch.utilities.rank_zero", "lightning.fabric.utilities.rank_zero"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("lightning.fabric.utilities.seed").setLevel(logging.WARNING)
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # that it builds its cache, once a machine
