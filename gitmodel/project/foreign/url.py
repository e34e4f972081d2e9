"""Recognise the URL of a Git repository."""

from __future__ import annotations

from gitmodel.git.url import is_git_url


def is_repository_url(text: str) -> bool:
    """Whether a text is the URL of a Git repository, not a local folder."""
    return is_git_url(text)
