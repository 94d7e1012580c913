"""What is a sign, and how is it stored: poses, skeletons, formats, video, the avatar, the data sets."""

from pathlib import Path

from datamodules.files import settle_caches

settle_caches(Path(__file__).parent)  # before any library reads where its cache is
