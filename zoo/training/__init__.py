"""Training, validation and test of a spec."""
