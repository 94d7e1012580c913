"""An artefact on its way to the Hub or into the package."""
