"""The link of a ClearML task."""

from __future__ import annotations

import pytest

from gitmodel.trackers.clearml import from_environment
from gitmodel.trackers.run_metadata import RunMetadata


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("https://app.clear.ml", "https://app.clear.ml/projects/*/experiments/12ab/output/log"),
        ("http://u:p@host:8080/", "http://host:8080/projects/*/experiments/12ab/output/log"),
        ("", None),
    ],
)
def test_the_page_of_a_task(host: str, url: str | None) -> None:
    run = from_environment({"CLEARML_TASK_ID": "12ab", "CLEARML_WEB_HOST": host})

    assert run == RunMetadata(system="clearml", run_id="12ab", url=url)


def test_without_a_task_there_is_none() -> None:
    assert from_environment({"CLEARML_WEB_HOST": "https://app.clear.ml"}) is None
