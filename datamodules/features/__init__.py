"""What models make of pictures and videos before others are trained on it: landmarks, embeddings, tensors kept."""
