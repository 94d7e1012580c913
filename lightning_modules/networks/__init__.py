"""Plain torch networks; none imports Lightning."""
