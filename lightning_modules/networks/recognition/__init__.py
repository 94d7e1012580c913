"""Networks that recognise signs."""
