"""How2Sign: sentences with poses, frames of its videos, clips."""
