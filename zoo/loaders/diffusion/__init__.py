"""Loaders of diffusers and peft folders."""

import logging

logging.getLogger("transformers.utils.import_utils").addFilter(  # nothing here uses what it says is missing
    lambda record: "requires torchvision" not in str(record.msg)
)
