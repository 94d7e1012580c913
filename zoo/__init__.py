"""How models are run, published and composed."""
