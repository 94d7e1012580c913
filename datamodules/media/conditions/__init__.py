"""Pictures that renderers are conditioned on."""
