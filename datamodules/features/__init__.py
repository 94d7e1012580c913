"""What other people's models see in a video: landmarks and embeddings."""
