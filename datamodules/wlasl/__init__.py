"""WLASL: clips of single signs, their skeletons and embeddings."""
