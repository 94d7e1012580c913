"""Silence what a user cannot act on; each filter names the module and the message it means, and why it says nothing."""

import logging
import warnings

WARNINGS = (
    # (message, module), and below each the reason
    (r"LightningCLI's args parameter is intended to run from within Python", r"lightning\.pytorch\.cli"),
    # the zoo hands a resolved spec over from Python
    (r"JsonargparseDeprecationWarning|instantiate_classes", r"lightning\.pytorch\.cli"),
    # between two libraries
    (r"The '\w+' does not have many workers", r"lightning\.pytorch\.trainer\.connectors\.data_connector"),
    # starters read in their own process: their samples are small, and workers take longer to start than to read
    (r"Experiment logs directory .* exists and is not empty", r"lightning\.fabric\.loggers\.csv_logs"),
    # `loggers` reads the rows before and writes them again
    (r"Checkpoint directory .* exists and is not empty", r"lightning\.pytorch\.callbacks\.model_checkpoint"),
    # the run's own
    (
        r"The number of training batches .* is smaller than the logging interval",
        r"lightning\.pytorch\.loops\.fit_loop",
    ),
    # a small training logs its validations
    (r"Found \d+ module\(s\) in eval mode", r"lightning\.pytorch\.loops\.fit_loop"),
    # what a model stands on is not trained
    (r"`isinstance\(treespec, LeafSpec\)` is deprecated", r"lightning\.pytorch\.utilities\._pytree"),
    # between two libraries
    (r"Detected pickle protocol", r"torch\._weights_only_unpickler"),
    # of torch's own writing; nothing is unpickled but tensors
    (r"You're resuming from a checkpoint that ended before the epoch ended", r"lightning\.pytorch\.loops"),
    # `Resumption` goes on at the batch, which Lightning takes only a stateful loader to do
)


def quiet() -> None:
    """Set the filters, and drop Lightning's list of devices, tips and stop reasons, and what matplotlib builds."""
    for message, module in WARNINGS:
        warnings.filterwarnings("ignore", message=f"(?s).*(?:{message})", module=module)
    for name in ("lightning.pytorch.utilities.rank_zero", "lightning.fabric.utilities.rank_zero"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("lightning.fabric.utilities.seed").setLevel(logging.WARNING)
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # that it builds its cache, once a machine
