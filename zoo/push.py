"""`python -m zoo push`."""


def push(target: str, repo: str | None, private: bool, pull_request: bool, dry_run: bool) -> None:
    """Publish an artefact."""
    raise NotImplementedError
