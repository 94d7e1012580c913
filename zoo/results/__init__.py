"""How scores are shown, for terminal, card and sweep."""
