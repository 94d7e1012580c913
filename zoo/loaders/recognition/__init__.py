"""Loaders of models that recognise signs."""
