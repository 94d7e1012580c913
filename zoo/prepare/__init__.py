"""Data made ready: twins written, folders checked, landmarks and embeddings extracted at scale."""
