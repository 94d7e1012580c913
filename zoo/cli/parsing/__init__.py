"""What verbs have in common: the command line as it was typed, and what its arguments mean."""
