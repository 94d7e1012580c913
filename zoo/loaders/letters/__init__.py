"""Loaders of models that generate and read letters."""
