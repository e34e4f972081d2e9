"""Whether a text names somebody's repository by its URL."""

from __future__ import annotations

from gitmodel.git.url import is_git_url


def is_repository_url(text: str) -> bool:
    """Whether a text is the URL of a Git repository, and no folder of this machine."""
    return is_git_url(text)
