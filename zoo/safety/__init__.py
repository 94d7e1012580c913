"""What is refused of names and folders before anything in them is opened."""
