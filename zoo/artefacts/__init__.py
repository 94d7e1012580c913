"""Artefacts: found by name, folder or repository, and opened."""
