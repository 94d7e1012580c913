"""Loaders of models that render pictures of poses."""
