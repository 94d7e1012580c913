"""Models that recognise signs, and the encoder that they stand on."""
