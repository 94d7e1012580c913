"""Joints that move: a hand, the arms and the head, and how hands travel."""
