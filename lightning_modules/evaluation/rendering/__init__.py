"""What tests of renderers say."""
