"""The link of an online run, as wandb makes it."""

from __future__ import annotations

import pytest

from gitmodel.trackers.run_metadata import RunMetadata
from gitmodel.trackers.wandb.online import online_link

RUN = {"WANDB_RUN_ID": "ab12", "WANDB_ENTITY": "team", "WANDB_PROJECT": "fraud"}


@pytest.mark.parametrize(
    ("variables", "url"),
    [
        ({}, "https://wandb.ai/team/fraud/runs/ab12"),
        ({"WANDB_BASE_URL": "https://api.wandb.ai"}, "https://wandb.ai/team/fraud/runs/ab12"),
        ({"WANDB_BASE_URL": "https://api.wb.corp"}, "https://app.wb.corp/team/fraud/runs/ab12"),
        ({"WANDB_BASE_URL": "http://me:pw@wb:8080/"}, "http://wb:8080/team/fraud/runs/ab12"),
        ({"WANDB_APP_URL": "https://wb"}, "https://wb/team/fraud/runs/ab12"),
        ({"WANDB_PROJECT": "a b/ü?"}, "https://wandb.ai/team/a%20b%2F%C3%BC%3F/runs/ab12"),
        ({"WANDB_ENTITY": ""}, None),
        ({"WANDB_PROJECT": " "}, None),
        ({"WANDB_BASE_URL": "file:///etc"}, None),
        ({"WANDB_MODE": "offline"}, None),
    ],
)
def test_the_page_of_a_run(variables: dict[str, str], url: str | None) -> None:
    assert online_link(RUN | variables) == RunMetadata(system="wandb", run_id="ab12", url=url)


@pytest.mark.parametrize("variables", [{}, {"WANDB_RUN_ID": " "}, RUN | {"WANDB_MODE": "disabled"}])
def test_without_a_run_there_is_none(variables: dict[str, str]) -> None:
    assert online_link(variables) is None
