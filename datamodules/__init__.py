"""What is a sign, and how is it stored: poses, skeletons, formats, video, the avatar, the data sets."""
