"""Loaders of models between texts and poses."""
