"""Sweeps: a table whose rows are variations of one model, trained, tested and compared by one command."""
