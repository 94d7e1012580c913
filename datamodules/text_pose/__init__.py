"""Pairs of a sentence and its poses, as How2Sign and PHOENIX14T come prepared."""
