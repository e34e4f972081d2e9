"""The page of a CI job, from the variables that GitHub Actions, GitLab and Jenkins set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.trackers.web_address import web_address

if TYPE_CHECKING:
    from collections.abc import Mapping


def run_url(environ: Mapping[str, str]) -> str | None:
    """Return the page of the job that runs this process, without user info; None outside of CI."""
    for name in ("CI_PIPELINE_URL", "BUILD_URL"):
        if address := web_address(environ.get(name, "")):
            return address
    repository = environ.get("GITHUB_REPOSITORY", "").split("/")
    run = environ.get("GITHUB_RUN_ID", "")
    if len(repository) != 2:
        return None
    return web_address(environ.get("GITHUB_SERVER_URL", ""), *repository, "actions", "runs", run)
