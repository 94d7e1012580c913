"""Networks between texts and poses."""
