"""Scores, each under a key that names its variant."""
