"""Specs: what may stand in them, what they resolve to, and which the package ships."""
