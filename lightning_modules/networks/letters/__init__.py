"""Networks that generate and read letters."""
