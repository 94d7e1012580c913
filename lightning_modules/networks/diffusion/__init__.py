"""Noise schedules and sampling."""
