"""Joints: their layouts, motions, files and depth."""
