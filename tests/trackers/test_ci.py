"""The page of a CI job."""

from __future__ import annotations

import pytest

from gitmodel.trackers.ci import run_url

GITHUB = {
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "me/fraud",
    "GITHUB_RUN_ID": "77",
}


@pytest.mark.parametrize(
    ("variables", "url"),
    [
        (GITHUB, "https://github.com/me/fraud/actions/runs/77"),
        (
            {"CI_PIPELINE_URL": "https://gitlab.com/a/b/-/pipelines/5"},
            "https://gitlab.com/a/b/-/pipelines/5",
        ),
        ({"BUILD_URL": "http://me:token@ci:8080/job/a%20b/5/"}, "http://ci:8080/job/a%20b/5"),
        (GITHUB | {"GITHUB_RUN_ID": ""}, None),
        (GITHUB | {"GITHUB_REPOSITORY": "fraud"}, None),
        ({"BUILD_URL": "vstfs:///Build/Build/5"}, None),
        ({}, None),
    ],
)
def test_the_page_of_a_job(variables: dict[str, str], url: str | None) -> None:
    assert run_url(variables) == url
