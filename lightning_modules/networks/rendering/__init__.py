"""Networks that render pictures of poses."""
