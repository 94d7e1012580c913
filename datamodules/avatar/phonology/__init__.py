"""What signs are made of, the signs themselves and the sentences that are signed, in YAML and read from it."""
