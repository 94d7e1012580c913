"""Loaders of diffusers and peft folders."""
