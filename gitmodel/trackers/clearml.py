"""The link of a ClearML task, from the variables of the process that trains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitmodel.trackers.run_metadata import RunMetadata
from gitmodel.trackers.web_address import web_address

if TYPE_CHECKING:
    from collections.abc import Mapping


def from_environment(environ: Mapping[str, str]) -> RunMetadata | None:
    """Return id and page of the task that `CLEARML_TASK_ID` names; None if it names none.

    There is no page without `CLEARML_WEB_HOST`.
    """
    run_id = environ.get("CLEARML_TASK_ID", "").strip()
    if not run_id:
        return None
    host = environ.get("CLEARML_WEB_HOST", "").strip()
    # As the SDK links a task whose project it does not know.
    page = web_address(host, "projects", "*", "experiments", run_id, "output", "log")
    return RunMetadata(
        system="clearml", run_id=run_id, url=page.replace("%2A", "*", 1) if page else None
    )
