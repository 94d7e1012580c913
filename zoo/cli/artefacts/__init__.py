"""Verbs for what a training leaves: imported, exported, described, brought up to date, published."""
